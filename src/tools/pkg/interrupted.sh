# shellcheck shell=sh disable=SC2154 # manager.sh stands in front of it and sets pkg_manager
# Says whether an earlier run of the package manager $pkg_manager was cut: `broken` what is unfinished, `fix` the command for it.
# $1 is the status of the last run: what takes long is looked for only where it failed.
#
# short: pkg_manager=m file=f program=c
interrupted() {
    broken='' fix=''
    case $pkg_manager in
        apt)
            # Status-Abbrev: wanted, state, error. Unpacked, half configured, half installed, triggers; R wants a new unpack.
            broken=$(dpkg-query -W -f '${db:Status-Abbrev}${binary:Package}\n' 2>/dev/null |
                sed -n -e 's/^\(.[UFHWt].\)/\1/p' -e t -e 's/^\(..R\)/\1/p' | head -n 40)
            again=$(printf '%s\n' "$broken" | sed -n -e 's/^.H.//p' -e t -e 's/^..R//p' | tr '\n' ' ')
            broken=$(printf '%s' "$broken" | tr '\n' ',')
            # What another one is just changing is not unfinished.
            if alive dpkg || alive apt-get || alive apt || alive aptitude; then broken=''; return 0; fi
            for file in /var/lib/dpkg/updates/[0-9]*; do [ ! -e "$file" ] || broken=${broken:-the journal of dpkg is not merged}; done
            [ -z "$broken" ] || fix='dpkg --configure -a'
            [ -z "$again" ] || fix="$fix; apt-get install --reinstall ${again% }"
            ;;
        dnf | yum | zypper)
            for file in /var/lib/yum/transaction-all.*; do
                [ ! -e "$file" ] || { broken='a transaction of yum is not finished' fix='yum-complete-transaction'; }
            done
            [ "$1" != 0 ] && [ -z "$fix" ] || return 0
            twice=$(rpm -qa --qf '%{NAME}.%{ARCH}\n' 2>/dev/null | sort | uniq -d |
                grep -v -e '^gpg-pubkey' -e '^kernel' | head -n 40 | tr '\n' ' ')
            if [ -n "$twice" ]; then
                broken="installed in two versions: ${twice% }"
                case $pkg_manager in
                    dnf) fix='dnf remove --duplicates' ;;
                    yum) fix='package-cleanup --cleandupes' ;;
                    zypper) fix='rpm -e NAME-OLDVERSION of each, then zypper verify' ;;
                esac
            elif [ "$pkg_manager" = dnf ] && dnf -C -q history info last 2>/dev/null | grep -q '^Return-Code *: .*Aborted'; then
                broken='the last transaction was aborted' fix='dnf history redo last'
            fi
            ;;
        pacman)
            if [ -e /var/lib/pacman/db.lck ] && ! alive pacman; then
                broken='db.lck is left, and no pacman runs' fix='rm /var/lib/pacman/db.lck; pacman -Dk'
            fi
            ;;
        apk)
            for file in /lib/apk/db/*.new; do
                if [ -e "$file" ] && ! alive apk; then broken="$file is left, and no apk runs" fix='apk fix'; fi
            done
            ;;
    esac
}
# True where a program of this name runs.
alive() {
    for file in /proc/[0-9]*/comm; do
        { read -r program <"$file"; } 2>/dev/null && [ "$program" = "$1" ] && return 0
    done
    return 1
}
