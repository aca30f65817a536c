# Follows sources.sh. CONTAINER:PATH; then the engine's client. Runs in the folder of the verified host path.
while [ "$1" != -- ]; do shift; done
c=$2; shift 2
command -v "$1" >/dev/null 2>&1 || { echo "ssh-mcp: no program $1" >&2; exit 127; }
look
exec "$@" cp -- "./$L" "$c"
