# As root: $1 mark, $2 mark again where input holds lines to drop, $3 script, $4 "data" or "-", $5 the login account's
# shell, $6 where this program keeps its state in that account, and $7 where programs are: only a script that asks for them
# gets them. $8 is a pipe with the data, where standard input does not hold it. When that shell is
# gone the call was stopped, and what runs here is ended: the login account may not signal it.
[ -z "${8-}" ] || exec <"$8"
[ -z "$2" ] || while IFS= read -r x && [ "$x" != "$2" ]; do :; done
printf '%s+' "$1" >&2
S=; if command -v setsid >/dev/null 2>&1; then S=setsid; fi
exec 7<&0
t=$3 k=$4 l=$5
case $t in 'O=$1;'*) set -- "$6" "$7";; *) set --;; esac
if [ "$k" = - ]; then $S sh -c "$t" sh "$@" </dev/null 7<&- & else $S sh -c "$t" sh "$@" <&7 7<&- & fi
p=$!
( exec 7<&-; while kill -0 "$l" && kill -0 $p; do sleep 0.2 || sleep 1; done
kill -0 $p || exit; case $(command -v kill) in kill) group=;; *) group=--;; esac
kill -TERM $group -$p || kill -TERM $p; sleep 1; kill -KILL $group -$p || kill -KILL $p ) >/dev/null 2>&1 & w=$!
exec 7<&-
wait $p; r=$?
if [ $r -gt 128 ] && ! kill -0 "$l" 2>/dev/null; then wait $w; else kill $w 2>/dev/null; fi
exit $r
