# shellcheck shell=sh
# The jobs of an account. store.sh stands before this. $1 login or root, $2 most jobs; $3 1: with the last line of each.
store "$1" || exit 0
set -- "$1" "$2" "$3" [0-9]*
[ -d "./${4-}" ] || [ -L "./${4-}" ] || exit 0
echo "all $(($# - 3))"
while [ $(($# - 3)) -gt "$2" ]; do
    j_1=$1 j_2=$2 j_3=$3
    shift 4
    set -- "$j_1" "$j_2" "$j_3" "$@"
done
j_3=$3
shift 3
for j_i; do
    case $j_i in *[!0-9a-z-]*) continue ;; esac
    echo "job $j_i"
    (
        if ! ( job "$j_i" ) 2>/dev/null; then echo 'state odd'; exit; fi
        job "$j_i"
        facts
        if plain asked; then head -c 8192 asked | head -n 1 | sed 's/^/asked /'; fi
        [ "$j_3" = 1 ] || exit 0
        for j_1 in out err; do
            plain $j_1 && [ -s $j_1 ] || continue
            tail -c 600 $j_1 | tr -d '\000' | grep . | tail -n 1 | sed 's/^/last /'
            break
        done
    )
done
