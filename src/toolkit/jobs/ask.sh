# shellcheck shell=sh disable=SC2154 # store.sh sets j_*
# Asks the runner of a job of root's to stop it, by a file that it looks for. store.sh stands before this. $1 login, $2 id, $3
# seconds to wait for it.
store "$1" make
(umask 077; set -C; : >"./stop.$2") 2>/dev/null || plain "stop.$2" || no 'the request cannot be written'
up
j_i=$((j_up + $3))
while [ -e "./stop.$2" ] && [ "$j_up" -lt $j_i ]; do nap; up; done
# One that nobody takes is taken back.
if [ -e "./stop.$2" ]; then rm -f "./stop.$2"; echo 'state none'; else echo 'state taken'; fi
