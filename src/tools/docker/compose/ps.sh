# Compose v2 lists in JSON. Where that fails, the ids that compose knows are listed by the engine's client.
if r=$("$@" ps --format json ${s:+--filter "status=$s"} ${v:+"$v"} 2>/dev/null); then
printf 'rows\n%s\n' "$r"
exit 0
fi
i=$("$@" ps -q ${v:+"$v"}) || { r=$?; echo "ssh-mcp: status $r" >&2; exit 94; }
echo containers
[ -n "$i" ] || exit 0
# shellcheck disable=SC2154 # x, s and v come from open.sh; x is quoted word by word.
eval "set -- $x"
for k in $i; do set -- "$@" --filter "id=$k"; done
exec "$@" ${s:+--filter "status=$s"}
