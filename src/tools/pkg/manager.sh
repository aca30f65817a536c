# Finds the package manager and names it on the first line of standard output.
#
# short: pkg_manager=m program=p age=t file=f fetched_at=s
pkg_manager=
for program in apt-get dnf yum zypper apk pacman; do
    command -v "$program" >/dev/null 2>&1 || continue
    # apt-get is also there for other formats than Debian's.
    if [ "$program" = apt-get ] && [ ! -e /var/lib/dpkg/status ]; then continue; fi
    pkg_manager=$program
    break
done
[ -n "$pkg_manager" ] || { echo 'ssh-mcp: no package manager' >&2; exit 127; }
[ "$pkg_manager" = apt-get ] && pkg_manager=apt
echo "$pkg_manager"
cannot() { echo "ssh-mcp: $pkg_manager cannot $1" >&2; exit 127; }
# Prints how many seconds ago the lists of packages were fetched, `none` where there are none, `-` where that is not known.
# The files keep the time of their server; apt moves each through the folder `partial`.
lists() {
    case $pkg_manager in
        apt) set -- /var/lib/apt/lists/*Release /var/lib/apt/lists/*Packages /var/lib/apt/lists/*Packages.* ;;
        zypper) set -- /var/cache/zypp/raw/*/repodata/repomd.xml ;;
        pacman) set -- /var/lib/pacman/sync/*.db ;;
        *) echo -; return ;;
    esac
    age=none
    for file in "$@"; do [ ! -e "$file" ] || { age=-; break; }; done
    if [ "$pkg_manager:$age" = apt:- ]; then
        fetched_at=$(stat -c %Y /var/lib/apt/lists/partial /var/lib/apt/lists 2>/dev/null | sort -n | tail -n 1)
        [ -z "$fetched_at" ] || age=$(($(date +%fetched_at) - fetched_at))
    fi
    echo "$age"
}
z() { zypper --non-interactive --quiet --no-refresh "$@"; }
