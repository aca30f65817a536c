# shellcheck shell=sh disable=SC2154 # enter.sh reads them
# As root: $1 mark. enter.sh has read $state_folder, where this program keeps its state in the login account, $places, where programs are, $login_shell,
# that account's shell, and $data_kind, "data" or "-"; $root_text, the script, stands in front of this. Only a script that asks for the folder
# and the places gets them, as $1 and $2. When that shell is gone the call was stopped, and what runs here is ended: the login
# account may not signal it. All of it goes to the script's shell in the environment, which takes it out at once, so that no
# word of it stands in the process list.
#
# short: session=S root_text=t state_folder=h places=x run=r data_kind=k child=p login_shell=l watcher=w
printf '%s+' "$1" >&2
session=; if command -v setsid >/dev/null 2>&1; then session=setsid; fi
exec 7<&0
ssh_mcp_t=$root_text ssh_mcp_1=$state_folder ssh_mcp_2=$places
case $root_text in 'O=$1;'*) run='set -- "$ssh_mcp_1" "$ssh_mcp_2";';; *) run='' ssh_mcp_1='' ssh_mcp_2='';; esac
export ssh_mcp_t ssh_mcp_1 ssh_mcp_2
run=$run'eval "unset ssh_mcp_t ssh_mcp_1 ssh_mcp_2;$ssh_mcp_t"'
if [ "$data_kind" = - ]; then $session sh -c "$run" ssh-mcp </dev/null 7<&- & else $session sh -c "$run" ssh-mcp <&7 7<&- & fi
child=$!
( exec 7<&-; while kill -0 "$login_shell" && kill -0 $child; do sleep 0.2 || sleep 1; done
kill -0 $child || exit; case $(command -v kill) in kill) group=;; *) group=--;; esac
kill -TERM $group -$child || kill -TERM $child; sleep 1; kill -KILL $group -$child || kill -KILL $child ) >/dev/null 2>&1 & watcher=$!
exec 7<&-
wait $child; run=$?
if [ $run -gt 128 ] && ! kill -0 "$login_shell" 2>/dev/null; then wait $watcher; else kill $watcher 2>/dev/null; fi
exit $run
