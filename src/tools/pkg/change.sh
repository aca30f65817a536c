# shellcheck shell=sh
# Changes packages with the package manager $1.
# $2 verb, $3 "simulate" or "-", $4 "update" or "-", $5 "version" where one is named or "-"; the rest are packages.
#
# short: pkg_manager=m verb=v mode=s with_update=u versioned=e run_folder=n subcommand=c wanted=p bare_name=b how=o or_older=d
pkg_manager=$1 verb=$2 mode=$3 with_update=$4 versioned=$5
shift 5
cannot() { echo "ssh-mcp: $pkg_manager cannot $1" >&2; exit 127; }
# The folder of this run. Who takes `stoppable` away decides whether the run can still be stopped: this side before anything
# is unpacked, or the side that stops.
run_folder=${SSH_MCP_RUN:-}
unset SSH_MCP_RUN
claim() { [ -z "$run_folder" ] || [ -e "$run_folder/changing" ] || mv "$run_folder/stoppable" "$run_folder/changing" || exit 130; }
DEBIAN_FRONTEND=noninteractive
DEBCONF_NONINTERACTIVE_SEEN=true
APT_LISTCHANGES_FRONTEND=none
NEEDRESTART_MODE=l
UCF_FORCE_CONFFOLD=1
export DEBIAN_FRONTEND DEBCONF_NONINTERACTIVE_SEEN APT_LISTCHANGES_FRONTEND NEEDRESTART_MODE UCF_FORCE_CONFFOLD
# What a manager has no spelling for.
case $pkg_manager:$* in
    dnf:*=* | yum:*=* | pacman:*=*) cannot 'take NAME=VERSION; write the version as this manager does' ;;
    apt:*) ;;
    *:*:*) cannot 'take NAME:ARCH; write the architecture as this manager does' ;;
esac
simulated() { [ "$mode" = simulate ]; }
aptget() {
    # The locks are waited for outside, since apt does it for two of the four only.
    [ -z "$run_folder" ] || set -- -o "DPkg::Pre-Invoke::=[ -e '$run_folder/changing' ] || mv '$run_folder/stoppable' '$run_folder/changing'" "$@"
    apt-get -y -o DPkg::Lock::Timeout=0 -o Dpkg::Use-Pty=0 -o APT::Color=0 \
        -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "$@"
}
dnfrun() {
    if simulated; then "$pkg_manager" --assumeno "$@"; else claim; "$pkg_manager" -y --setopt=exit_on_lock=True "$@"; fi
}
zyprun() {
    if simulated; then subcommand=$1; shift; set -- "$subcommand" --dry-run "$@"; else claim; fi
    zypper --non-interactive --quiet "$@"
}
apkrun() {
    if simulated; then subcommand=$1; shift; set -- "$subcommand" --simulate "$@"; else claim; fi
    apk --no-progress "$@"
}
pacrun() {
    if simulated; then subcommand=$1; shift; set -- "$subcommand" --print --print-format '%n %v' "$@"; else claim; fi
    pacman --noconfirm "$@"
}
if [ "$with_update" = update ] && ! simulated; then
    case $pkg_manager in
        apt) aptget -q update >&2 ;;
        dnf | yum) "$pkg_manager" -q makecache >&2 ;;
        zypper) zypper --non-interactive --quiet refresh >&2 ;;
        apk) apk update >&2 ;;
        pacman) pacman --noconfirm -Sy >&2 ;;
    esac || exit
fi
case $pkg_manager in
    apt)
        # Where apt knows no package of a name it reads the name as a regular expression, or its end as a verb.
        for wanted in "$@"; do
            bare_name=${wanted%%=*}
            bare_name=${bare_name%%:*}
            case $bare_name in *[.+]*) apt-cache pkgnames -- "$bare_name" | grep -qxF -e "$bare_name" || { echo "E: Unable to locate package $bare_name" >&2; exit 100; } ;; esac
        done
        if simulated; then how=-s; else how=-q; fi
        case $verb in
            install) if [ "$versioned" = version ]; then or_older=--allow-downgrades; else or_older=-y; fi; aptget "$how" "$or_older" install -- "$@" ;;
            remove) aptget "$how" remove -- "$@" ;;
            purge) aptget "$how" purge -- "$@" ;;
            upgrade) aptget "$how" upgrade ;;
            autoremove) aptget "$how" autoremove ;;
            hold) if simulated; then apt-mark -s hold -- "$@"; else claim; apt-mark hold -- "$@"; fi ;;
            unhold) if simulated; then apt-mark -s unhold -- "$@"; else claim; apt-mark unhold -- "$@"; fi ;;
        esac
        ;;
    dnf | yum)
        case $verb in
            install) dnfrun install -- "$@" ;;
            remove) dnfrun remove -- "$@" ;;
            upgrade) dnfrun upgrade ;;
            autoremove) dnfrun autoremove ;;
            *) cannot "$verb packages" ;;
        esac
        ;;
    zypper)
        case $verb in
            install) zyprun install -- "$@" ;;
            remove) zyprun remove -- "$@" ;;
            upgrade) zyprun update ;;
            hold | unhold)
                simulated && cannot 'simulate a hold'
                if [ "$verb" = hold ]; then zyprun addlock -- "$@"; else zyprun removelock -- "$@"; fi
                ;;
            *) cannot "$verb packages" ;;
        esac
        ;;
    apk)
        case $verb in
            install) apkrun add -- "$@" ;;
            remove) apkrun del -- "$@" ;;
            purge) apkrun del --purge -- "$@" ;;
            upgrade) apkrun upgrade ;;
            *) cannot "$verb packages" ;;
        esac
        ;;
    pacman)
        case $verb in
            install) pacrun -S --needed -- "$@" ;;
            remove) pacrun -R -- "$@" ;;
            purge) pacrun -Rn -- "$@" ;;
            upgrade) pacrun -Su ;;
            *) cannot "$verb packages" ;;
        esac
        ;;
esac
