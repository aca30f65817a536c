# shellcheck shell=sh disable=SC2154 # manager.sh stands in front of it and sets m
# Asks the package manager $m for $1; the rest are operands. Statuses that mean "nothing found" become 0.
v=$1
shift
echo "lists $(lists)"
# The list, then the names on hold: a list does not mark them.
list() {
    apt list "$@"
    r=$?
    printf '\0'
    apt-mark showhold 2>/dev/null
    exit $r
}
none() {
    "$@"
    r=$?
    [ "$r" = "$n" ] && r=0
    exit "$r"
}
case $v:$m in
    installed:apt) [ $# = 0 ] || set -- -- "$1"; list --installed "$@" ;;
    upgradable:apt) [ $# = 0 ] || set -- -- "$1"; list --upgradable "$@" ;;
    all:apt) [ $# = 0 ] || set -- -- "$1"; list "$@" ;;
    installed:dnf | installed:yum | installed:zypper)
        exec rpm -qa --qf '%{NAME}.%{ARCH} %{VERSION}-%{RELEASE} installed\n'
        ;;
    upgradable:dnf | upgradable:yum) n=100; none "$m" -q check-update ;;
    all:dnf | all:yum) exec "$m" -q list ;;
    upgradable:zypper)
        z list-updates
        r=$?
        printf '\0'
        z locks 2>/dev/null
        [ $r = 104 ] || exit $r
        exit 0
        ;;
    all:zypper) n=104; none z search -s ;;
    installed:apk) exec apk list --installed ;;
    upgradable:apk) exec apk list --upgradable ;;
    all:apk) exec apk list ;;
    installed:pacman) exec pacman -Q ;;
    upgradable:pacman) n=1; none pacman -Qu ;;
    all:pacman) exec pacman -Sl ;;
    search:apt) exec apt-cache search -- "$1" ;;
    search:dnf | search:yum) exec "$m" -q search -- "$1" ;;
    search:zypper) n=104; none z search -- "$1" ;;
    search:apk) exec apk search -v -- "$1" ;;
    search:pacman) n=1; none pacman -Ss -- "$1" ;;
    show:apt)
        apt-cache show --no-all-versions -- "$1"
        printf '\0'
        exec apt-cache policy -- "$1"
        ;;
    show:dnf | show:yum)
        "$m" -q info -- "$1"
        printf '\0'
        if rpm -q -- "$1" >/dev/null 2>&1; then exec rpm -q --requires -- "$1"; fi
        "$m" -q repoquery --requires -- "$1" 2>/dev/null
        exit 0
        ;;
    show:zypper) n=104; none z info --requires -- "$1" ;;
    show:apk)
        apk policy -- "$1"
        printf '\0'
        apk info --description --depends -- "$1" 2>/dev/null
        exit 0
        ;;
    show:pacman)
        pacman -Si -- "$1"
        printf '\0'
        pacman -Q -- "$1" 2>/dev/null
        exit 0
        ;;
    holds:apt) exec apt-mark showhold ;;
    holds:zypper) exec zypper --non-interactive --quiet locks ;;
    holds:*) cannot 'list packages on hold' ;;
    *) cannot "$v" ;;
esac
