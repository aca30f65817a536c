# shellcheck shell=sh disable=SC2154 # enter.sh reads them
# As root: $1 mark. enter.sh has read $h, where this program keeps its state in the login account, $x, where programs are, $l,
# that account's shell, and $k, "data" or "-"; $t, the script, stands in front of this. Only a script that asks for the folder
# and the places gets them, as $1 and $2. When that shell is gone the call was stopped, and what runs here is ended: the login
# account may not signal it. All of it goes to the script's shell in the environment, which takes it out at once, so that no
# word of it stands in the process list.
printf '%s+' "$1" >&2
S=; if command -v setsid >/dev/null 2>&1; then S=setsid; fi
exec 7<&0
ssh_mcp_t=$t ssh_mcp_1=$h ssh_mcp_2=$x
case $t in 'O=$1;'*) r='set -- "$ssh_mcp_1" "$ssh_mcp_2";';; *) r='' ssh_mcp_1='' ssh_mcp_2='';; esac
export ssh_mcp_t ssh_mcp_1 ssh_mcp_2
r=$r'eval "unset ssh_mcp_t ssh_mcp_1 ssh_mcp_2;$ssh_mcp_t"'
if [ "$k" = - ]; then $S sh -c "$r" ssh-mcp </dev/null 7<&- & else $S sh -c "$r" ssh-mcp <&7 7<&- & fi
p=$!
( exec 7<&-; while kill -0 "$l" && kill -0 $p; do sleep 0.2 || sleep 1; done
kill -0 $p || exit; case $(command -v kill) in kill) group=;; *) group=--;; esac
kill -TERM $group -$p || kill -TERM $p; sleep 1; kill -KILL $group -$p || kill -KILL $p ) >/dev/null 2>&1 & w=$!
exec 7<&-
wait $p; r=$?
if [ $r -gt 128 ] && ! kill -0 "$l" 2>/dev/null; then wait $w; else kill $w 2>/dev/null; fi
exit $r
