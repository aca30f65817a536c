# Compose v2 lists in JSON. Where it gives none, the ids that compose knows are listed by the engine's client.
# shellcheck disable=SC2154 # g, x, s and v come from open.sh; x is quoted word by word.
r=
[ "$g" = 1 ] || r=$(feed | "$@" ps -a --format json ${s:+--filter "status=$s"} ${v:+"$v"} 2>/dev/null) || r=$(feed | "$@" ps --format json ${s:+--filter "status=$s"} ${v:+"$v"} 2>/dev/null) || r=
[ -z "$r" ] || { printf 'rows\n%s\n' "$r"; exit 0; }
i=$(feed | "$@" ps -q ${v:+"$v"}) || { r=$?; echo "ssh-mcp: status $r" >&2; exit 98; }
echo containers
[ -n "$i" ] || exit 0
eval "set -- $x"
for k in $i; do set -- "$@" --filter "id=$k"; done
"$@" ${s:+--filter "status=$s"}
