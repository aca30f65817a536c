# shellcheck shell=sh disable=SC2154 # store.sh sets j_*
# What a job says. store.sh stands before this.
# $1 login or root, $2 id, $3 and $4 where to begin in its output and its error ("-": as far back as $5 reaches), $5 most bytes of each,
# $6 seconds to wait for more than is there.
store "$1" && job "$2" || { echo 'state none'; echo; exit 0; }
if [ "$6" -gt 0 ]; then
    up
    j_from=$j_up
    while said_of && [ -n "$j_go" ]; do
        sized
        [ "$j_zo.$j_ze" = "$3.$4" ] || break
        up
        [ $((j_up - j_from)) -lt "$6" ] || break
        nap
    done
fi
if plain asked; then head -c 8192 asked | head -n 1 | sed 's/^/asked /'; fi
tell "$3" "$4" "$5"
