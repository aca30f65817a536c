# shellcheck shell=sh disable=SC2154 # The way in (enter.sh) sets leaf.
# Follows sources.sh. CONTAINER:PATH; then the engine's client. Runs in the folder of the verified host path.
#
# short: container_path=c leaf=L
while [ "$1" != -- ]; do shift; done
container_path=$2; shift 2
command -v "$1" >/dev/null 2>&1 || { echo "ssh-mcp: no program $1" >&2; exit 127; }
look
exec "$@" cp -- "./$leaf" "$container_path"
