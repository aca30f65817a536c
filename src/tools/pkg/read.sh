# shellcheck shell=sh disable=SC2154 # manager.sh stands in front of it and sets pkg_manager
# Asks the package manager $pkg_manager for $1; the rest are operands. Statuses that mean "nothing found" become 0.
#
# short: question=v pkg_manager=m ended=r nothing_found=n
question=$1
shift
echo "lists $(lists)"
# The list, then the names on hold: a list does not mark them.
list() {
    apt list "$@"
    ended=$?
    printf '\0'
    apt-mark showhold 2>/dev/null
    exit $ended
}
none() {
    "$@"
    ended=$?
    [ "$ended" = "$nothing_found" ] && ended=0
    exit "$ended"
}
case $question:$pkg_manager in
    installed:apt) [ $# = 0 ] || set -- -- "$1"; list --installed "$@" ;;
    upgradable:apt) [ $# = 0 ] || set -- -- "$1"; list --upgradable "$@" ;;
    all:apt) [ $# = 0 ] || set -- -- "$1"; list "$@" ;;
    installed:dnf | installed:yum | installed:zypper)
        exec rpm -qa --qf '%{NAME}.%{ARCH} %{VERSION}-%{RELEASE} installed\n'
        ;;
    upgradable:dnf | upgradable:yum) nothing_found=100; none "$pkg_manager" -q check-update ;;
    all:dnf | all:yum) exec "$pkg_manager" -q list ;;
    upgradable:zypper)
        z list-updates
        ended=$?
        printf '\0'
        z locks 2>/dev/null
        [ $ended = 104 ] || exit $ended
        exit 0
        ;;
    all:zypper) nothing_found=104; none z search -s ;;
    installed:apk) exec apk list --installed ;;
    upgradable:apk) exec apk list --upgradable ;;
    all:apk) exec apk list ;;
    installed:pacman) exec pacman -Q ;;
    upgradable:pacman) nothing_found=1; none pacman -Qu ;;
    all:pacman) exec pacman -Sl ;;
    search:apt) exec apt-cache search -- "$1" ;;
    search:dnf | search:yum) exec "$pkg_manager" -q search -- "$1" ;;
    search:zypper) nothing_found=104; none z search -- "$1" ;;
    search:apk) exec apk search -v -- "$1" ;;
    search:pacman) nothing_found=1; none pacman -Ss -- "$1" ;;
    show:apt)
        apt-cache show --no-all-versions -- "$1"
        printf '\0'
        exec apt-cache policy -- "$1"
        ;;
    show:dnf | show:yum)
        "$pkg_manager" -q info -- "$1"
        printf '\0'
        if rpm -q -- "$1" >/dev/null 2>&1; then exec rpm -q --requires -- "$1"; fi
        "$pkg_manager" -q repoquery --requires -- "$1" 2>/dev/null
        exit 0
        ;;
    show:zypper) nothing_found=104; none z info --requires -- "$1" ;;
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
    *) cannot "$question" ;;
esac
