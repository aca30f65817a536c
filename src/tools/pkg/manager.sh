# Finds the package manager and names it on the first line of standard output.
m=
for p in apt-get dnf yum zypper apk pacman; do
    command -v "$p" >/dev/null 2>&1 || continue
    # apt-get is also there for other formats than Debian's.
    if [ "$p" = apt-get ] && [ ! -e /var/lib/dpkg/status ]; then continue; fi
    m=$p
    break
done
[ -n "$m" ] || { echo 'ssh-mcp: no package manager' >&2; exit 127; }
[ "$m" = apt-get ] && m=apt
echo "$m"
cannot() { echo "ssh-mcp: $m cannot $1" >&2; exit 127; }
# Prints how many seconds ago the lists of packages were fetched, `none` where there are none, `-` where that is not known.
# The files keep the time of their server; apt moves each through the folder `partial`.
lists() {
    case $m in
        apt) set -- /var/lib/apt/lists/*Release /var/lib/apt/lists/*Packages /var/lib/apt/lists/*Packages.* ;;
        zypper) set -- /var/cache/zypp/raw/*/repodata/repomd.xml ;;
        pacman) set -- /var/lib/pacman/sync/*.db ;;
        *) echo -; return ;;
    esac
    t=none
    for f in "$@"; do [ ! -e "$f" ] || { t=-; break; }; done
    if [ "$m:$t" = apt:- ]; then
        s=$(stat -c %Y /var/lib/apt/lists/partial /var/lib/apt/lists 2>/dev/null | sort -n | tail -n 1)
        [ -z "$s" ] || t=$(($(date +%s) - s))
    fi
    echo "$t"
}
z() { zypper --non-interactive --quiet --no-refresh "$@"; }
