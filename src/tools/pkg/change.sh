# shellcheck shell=sh
# Changes packages with the package manager $1.
# $2 verb, $3 "simulate" or "-", $4 "update" or "-", $5 "version" where one is named or "-"; the rest are packages.
m=$1 v=$2 s=$3 u=$4 e=$5
shift 5
cannot() { echo "ssh-mcp: $m cannot $1" >&2; exit 127; }
# The folder of this run. Who takes `stoppable` away decides whether the run can still be stopped: this side before anything
# is unpacked, or the side that stops.
n=${SSH_MCP_RUN:-}
unset SSH_MCP_RUN
claim() { [ -z "$n" ] || [ -e "$n/changing" ] || mv "$n/stoppable" "$n/changing" || exit 130; }
DEBIAN_FRONTEND=noninteractive
DEBCONF_NONINTERACTIVE_SEEN=true
APT_LISTCHANGES_FRONTEND=none
NEEDRESTART_MODE=l
UCF_FORCE_CONFFOLD=1
export DEBIAN_FRONTEND DEBCONF_NONINTERACTIVE_SEEN APT_LISTCHANGES_FRONTEND NEEDRESTART_MODE UCF_FORCE_CONFFOLD
# What a manager has no spelling for.
case $m:$* in
    dnf:*=* | yum:*=* | pacman:*=*) cannot 'take NAME=VERSION; write the version as this manager does' ;;
    apt:*) ;;
    *:*:*) cannot 'take NAME:ARCH; write the architecture as this manager does' ;;
esac
simulated() { [ "$s" = simulate ]; }
aptget() {
    # The locks are waited for outside, since apt does it for two of the four only.
    [ -z "$n" ] || set -- -o "DPkg::Pre-Invoke::=[ -e '$n/changing' ] || mv '$n/stoppable' '$n/changing'" "$@"
    apt-get -y -o DPkg::Lock::Timeout=0 -o Dpkg::Use-Pty=0 -o APT::Color=0 \
        -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "$@"
}
dnfrun() {
    if simulated; then "$m" --assumeno "$@"; else claim; "$m" -y --setopt=exit_on_lock=True "$@"; fi
}
zyprun() {
    if simulated; then c=$1; shift; set -- "$c" --dry-run "$@"; else claim; fi
    zypper --non-interactive --quiet "$@"
}
apkrun() {
    if simulated; then c=$1; shift; set -- "$c" --simulate "$@"; else claim; fi
    apk --no-progress "$@"
}
pacrun() {
    if simulated; then c=$1; shift; set -- "$c" --print --print-format '%n %v' "$@"; else claim; fi
    pacman --noconfirm "$@"
}
if [ "$u" = update ] && ! simulated; then
    case $m in
        apt) aptget -q update >&2 ;;
        dnf | yum) "$m" -q makecache >&2 ;;
        zypper) zypper --non-interactive --quiet refresh >&2 ;;
        apk) apk update >&2 ;;
        pacman) pacman --noconfirm -Sy >&2 ;;
    esac || exit
fi
case $m in
    apt)
        # Where apt knows no package of a name it reads the name as a regular expression, or its end as a verb.
        for p in "$@"; do
            b=${p%%=*}
            b=${b%%:*}
            case $b in *[.+]*) apt-cache pkgnames -- "$b" | grep -qxF -e "$b" || { echo "E: Unable to locate package $b" >&2; exit 100; } ;; esac
        done
        if simulated; then o=-s; else o=-q; fi
        case $v in
            install) if [ "$e" = version ]; then d=--allow-downgrades; else d=-y; fi; aptget "$o" "$d" install -- "$@" ;;
            remove) aptget "$o" remove -- "$@" ;;
            purge) aptget "$o" purge -- "$@" ;;
            upgrade) aptget "$o" upgrade ;;
            autoremove) aptget "$o" autoremove ;;
            hold) if simulated; then apt-mark -s hold -- "$@"; else claim; apt-mark hold -- "$@"; fi ;;
            unhold) if simulated; then apt-mark -s unhold -- "$@"; else claim; apt-mark unhold -- "$@"; fi ;;
        esac
        ;;
    dnf | yum)
        case $v in
            install) dnfrun install -- "$@" ;;
            remove) dnfrun remove -- "$@" ;;
            upgrade) dnfrun upgrade ;;
            autoremove) dnfrun autoremove ;;
            *) cannot "$v packages" ;;
        esac
        ;;
    zypper)
        case $v in
            install) zyprun install -- "$@" ;;
            remove) zyprun remove -- "$@" ;;
            upgrade) zyprun update ;;
            hold | unhold)
                simulated && cannot 'simulate a hold'
                if [ "$v" = hold ]; then zyprun addlock -- "$@"; else zyprun removelock -- "$@"; fi
                ;;
            *) cannot "$v packages" ;;
        esac
        ;;
    apk)
        case $v in
            install) apkrun add -- "$@" ;;
            remove) apkrun del -- "$@" ;;
            purge) apkrun del --purge -- "$@" ;;
            upgrade) apkrun upgrade ;;
            *) cannot "$v packages" ;;
        esac
        ;;
    pacman)
        case $v in
            install) pacrun -S --needed -- "$@" ;;
            remove) pacrun -R -- "$@" ;;
            purge) pacrun -Rn -- "$@" ;;
            upgrade) pacrun -Su ;;
            *) cannot "$v packages" ;;
        esac
        ;;
esac
