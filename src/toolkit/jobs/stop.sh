# shellcheck shell=sh disable=SC2154 # store.sh and halt.sh set j_*
# Stops a job: TERM, KILL, look. store.sh and halt.sh stand before this. $1 login or root, $2 id, $3 "-", or
# "all" also where it follows a run of packages.
store "$1" && job "$2" || { echo 'state none'; exit 0; }
said_of
if plain status; then echo 'before 1'; facts; exit 0; fi
if [ "$j_k" != "$j_o" ]; then facts; exit 0; fi
if [ "$3" != all ] && plain asked; then
    # Texts of callers have their quotes masked.
    case $(head -c 8192 asked) in *'"kind":"packages"'*)
        echo 'guarded 1'
        head -c 8192 asked | head -n 1 | sed 's/^/asked /'
        facts
        exit 0
        ;;
    esac
fi
# One that has just been started is given a moment to begin.
j_i=0
while [ -n "$j_go" ] && [ -z "$j_x" ] && [ $j_i -lt 20 ]; do j_i=$((j_i + 1)); nap; said_of; done
if [ -n "$j_go" ]; then (set -C; echo stopped >why) 2>/dev/null; fi
j_i=$j_go
halt "$2"
# The runner writes the end.
[ -z "$j_i" ] || for j_1 in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    [ ! -e status ] || break
    nap
done
echo "verdict $j_h"
facts
