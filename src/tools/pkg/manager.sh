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
z() { zypper --non-interactive --quiet --no-refresh "$@"; }
