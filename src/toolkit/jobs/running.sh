# shellcheck shell=sh disable=SC2154 # store.sh sets j_*
# Prints how many jobs of the account are running, where there are any. store.sh stands before this. $1 login.
(
    store "$1" || exit 0
    j_run=0
    for j_i in [0-9]*; do
        [ -d "./$j_i" ] && [ ! -L "./$j_i" ] && [ ! -e "./$j_i/status" ] || continue
        ( job "$j_i" && said_of && [ -n "$j_go" ] ) && j_run=$((j_run + 1))
    done
    [ $j_run = 0 ] || echo "$j_run"
) 2>/dev/null
exit 0
