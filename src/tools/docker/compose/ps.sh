# Compose v2 lists in JSON. Where it gives none, the ids that compose knows are listed by the engine's client.
# shellcheck disable=SC2154 # They come from open.sh; command_line is quoted word by word.
#
# short: listed=r generation=g state_filter=s service=v ids=i command_line=x one=k
# Commands are shortened without --no-trunc, which early versions do not have.
listed=
[ "$generation" = 1 ] || listed=$(feed | "$@" ps -a --no-trunc --format json ${state_filter:+--filter "status=$state_filter"} ${service:+"$service"} 2>/dev/null) || listed=$(feed | "$@" ps -a --format json ${state_filter:+--filter "status=$state_filter"} ${service:+"$service"} 2>/dev/null) || listed=$(feed | "$@" ps --format json ${state_filter:+--filter "status=$state_filter"} ${service:+"$service"} 2>/dev/null) || listed=
[ -z "$listed" ] || { printf 'rows\n%s\n' "$listed"; exit 0; }
ids=$(feed | "$@" ps -q ${service:+"$service"}) || { listed=$?; echo "ssh-mcp: status $listed" >&2; exit 98; }
echo containers
[ -n "$ids" ] || exit 0
eval "set -- $command_line"
for one in $ids; do set -- "$@" --filter "id=$one"; done
"$@" ${state_filter:+--filter "status=$state_filter"}
