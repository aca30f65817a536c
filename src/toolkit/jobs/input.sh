# shellcheck shell=sh disable=SC2154 # store.sh sets j_*
# Writes a line into the standard input of a job. store.sh stands before this.
# $1 login or root, $2 id, $3 "line" or "-", $4 the line, $5 "end" where nothing follows it, or "-".
put() { case ${KSH_VERSION-} in '') printf '%s\n' "$1" ;; *) print -r -- "$1" ;; esac; }
store "$1" && job "$2" || { echo 'state none'; exit 0; }
# What it says from here on may be an answer to the line.
sized
echo "from-out $j_zo"
echo "from-err $j_ze"
said_of
j_i=taken
if plain status || [ -z "$j_go" ]; then j_i=over
elif [ ! -p in ] || [ -L in ] || [ ! -O in ] || [ -e in.end ]; then j_i=closed
else
    if [ "$3" = line ]; then
        # One write of at most 4096 bytes: all of it goes into the pipe, or nothing. Who does not read is not waited for.
        put "$4" | dd obs=4096 >./in 2>/dev/null &
        j_1=$!
        ( exec </dev/null >/dev/null 2>&1; sleep 2; kill $j_1 ) &
        j_2=$!
        wait $j_1 2>/dev/null || j_i=full
        kill $j_2 2>/dev/null
    fi
    if [ "$j_i$5" = takenend ]; then : >in.end; fi
fi
echo "input $j_i"
facts
