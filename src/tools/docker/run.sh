# The verified host paths, `--`, then the engine's client with all its words.
# A socket is never shown to a container. Statuses 90 to 98 are taken; a container's own is told apart.
while [ "$1" != -- ]; do
[ ! -S "$1" ] || { echo "ssh-mcp: socket $1" >&2; exit 95; }
shift
done
shift
command -v "$1" >/dev/null 2>&1 || { echo "ssh-mcp: no program $1" >&2; exit 127; }
cd / || exit 127
"$@"
r=$?
case $r in
9[0-8]) echo "ssh-mcp: status $r" >&2; exit 98 ;;
esac
exit $r
