# As root: $1 mark, $2 mark again where input holds lines to drop, $3 script, $4 "data" or "-", $5 the login account's
# shell, $6 where this program keeps its state in that account: only a script that asks for it gets that. When that shell is
# gone the call was stopped, and what runs here is ended: the login account may not signal it.
[ -z "$2" ] || while IFS= read -r x && [ "$x" != "$2" ]; do :; done
printf '%s+' "$1" >&2
S=; if command -v setsid >/dev/null 2>&1; then S=setsid; fi
exec 7<&0
case $3 in 'O=$1;'*) ;; *) set -- "$1" "$2" "$3" "$4" "$5";; esac
if [ "$4" = - ]; then $S sh -c "$3" sh ${6:+"$6"} </dev/null 7<&- & else $S sh -c "$3" sh ${6:+"$6"} <&7 7<&- & fi
p=$!
( exec 7<&-; while kill -0 "$5" && kill -0 $p; do sleep 0.2 || sleep 1; done
kill -0 $p || exit; case $(command -v kill) in kill) group=;; *) group=--;; esac
kill -TERM $group -$p || kill -TERM $p; sleep 1; kill -KILL $group -$p || kill -KILL $p ) >/dev/null 2>&1 & w=$!
exec 7<&-
wait $p; r=$?
if [ $r -gt 128 ] && ! kill -0 "$5" 2>/dev/null; then wait $w; else kill $w 2>/dev/null; fi
exit $r
