# $1: the verified host path; $2: direction; $3: CONTAINER:PATH; then the engine's client.
# Runs in the verified folder, on the name in it.
d=$2; c=$3; shift 3
command -v "$1" >/dev/null 2>&1 || { echo "ssh-mcp: no program $1" >&2; exit 127; }
case $d in
from) exec "$@" cp -- "$c" "./$L" ;;
to) exec "$@" cp -- "./$L" "$c" ;;
esac
