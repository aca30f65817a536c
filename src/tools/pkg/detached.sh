# shellcheck shell=sh disable=SC2154 # manager.sh stands in front of it and sets m
# Starts a change of packages that outlives its channel, follows it, or stops it while that is safe.
# $1 start, follow or stop; $2 id of the run, $3 seconds that this call has, $4 seconds to wait for others, $5 what runs, for people,
# $6 text of the runner, $7 text that changes packages; the rest are its words.
# Prints `key value` lines, an empty line, and what the manager said.
a=$1 i=$2 limit=$3 w=$4 h=$5 rt=$6 t=$7
shift 7
mask=$(umask)
umask 077
# Root's runs are found by later calls. Nobody else can write here; others get a folder that only they can name.
d=/tmp/ssh-mcp-packages-$i
if [ "$(id -u)" = 0 ]; then
    for r in /run /var/run; do
        if [ -d "$r" ] && [ -w "$r" ]; then d=$r/ssh-mcp-packages; break; fi
    done
fi
n=$d/now
began=$(date +%s)
nap() { sleep 0.1 2>/dev/null || sleep 1; }
# True while the run of folder $1 goes on: pid, started, since and what.
live() {
    [ ! -e "$1/status" ] || return 1
    { read -r pid started since what <"$1/who"; } 2>/dev/null || return 1
    [ "$started" != - ] || { kill -0 "$pid" 2>/dev/null; return; }
    { read -r l <"/proc/$pid/stat"; } 2>/dev/null || return 1
    l=${l##*")" }
    set -f
    # shellcheck disable=SC2086 # The fields of stat.
    set -- $l
    set +f
    [ "$1" != Z ] && [ "${20}" = "$started" ]
}
# What is known of the run of folder $1.
facts() {
    { read -r pid started since what <"$1/who"; } 2>/dev/null || return 0
    echo "pid $pid"
    echo "for $(($(date +%s) - since))"
    echo "what $what"
    if [ -e "$1/changing" ]; then echo 'phase changing'; else echo 'phase before'; fi
    { read -r r <"$1/status"; } 2>/dev/null && echo "status $r"
}
# Tells of an earlier run whose end nobody was told.
earlier() {
    [ -e "$1/who" ] && [ ! -e "$1/told" ] || return 0
    facts "$1" | sed 's/^/earlier-/'
    tail -n 5 "$1/out" "$1/err" 2>/dev/null | grep -v -e '^==> ' -e '^$' | tail -n 5 | sed 's/^/earlier-said /'
    : >"$1/told"
}
state() {
    interrupted "$1"
    [ -z "$fix" ] || { echo "broken $broken"; echo "fix $fix"; }
}
# Ends this call with all that the run of folder $1 left.
ended() {
    { read -r r <"$1/status"; } 2>/dev/null || r=-1
    if [ "$r" = -1 ]; then echo 'state cut'; elif [ -e "$1/stopped" ]; then echo 'state stopped'; else echo 'state ended'; fi
    facts "$1"
    [ ! -s "$1/holder" ] || echo "holder $(cat "$1/holder")"
    state "$r"
    : >"$1/told"
    echo
    cat "$1/out"
    cat "$1/err" >&2
    case $d in /tmp/*) rm -rf "$d" ;; esac
    [ "$r" = -1 ] && exit 1
    exit "$r"
}
goes_on() {
    echo "state $1"
    facts "$n"
    echo
    tail -n 20 "$n/out" 2>/dev/null
    tail -n 20 "$n/err" 2>/dev/null >&2
    exit 0
}
# The folder of the run of this id, if there is one.
ours() {
    for n in "$d/now" "$d/last"; do
        { read -r r <"$n/id"; } 2>/dev/null && [ "$r" = "$i" ] && return 0
    done
    return 1
}
follow() {
    k=0
    while live "$n"; do
        [ $(($(date +%s) - began)) -lt "$limit" ] || goes_on running
        k=$((k + 1))
        if [ $k -gt 20 ]; then sleep 0.5 2>/dev/null || sleep 1; else nap; fi
    done
    ended "$n"
}
case $a in
    simulate)
        echo 'state simulated'
        if live "$n"; then
            facts "$n" | sed 's/^/earlier-/'
            echo 'earlier-phase running'
            tail -n 5 "$n/out" 2>/dev/null | sed 's/^/earlier-said /'
        else
            earlier "$n"
            earlier "$d/last"
            state 0
        fi
        echo "lists $(lists)"
        echo
        umask "$mask"
        exec sh -c "$t" sh "$m" "$@"
        ;;
    follow)
        ours || { echo 'state none'; echo; exit 0; }
        follow
        ;;
    stop)
        mkdir -p "$d" && : >"$d/no.$i"
        case $(command -v kill) in kill) group= ;; *) group=-- ;; esac
        k=0
        while ours && [ "$n" = "$d/now" ] && live "$n"; do
            if mv "$n/stoppable" "$n/stopped" 2>/dev/null; then
                kill -TERM $group "-$pid" 2>/dev/null || kill -TERM "$pid" 2>/dev/null
            elif [ ! -e "$n/stopped" ]; then
                rm -f "$d/no.$i"
                goes_on running
            fi
            k=$((k + 1))
            [ $k != 25 ] || kill -KILL $group "-$pid" 2>/dev/null
            [ $k -lt 40 ] || goes_on running
            nap
        done
        rm -f "$d/no.$i"
        ours || { case $d in /tmp/*) rm -rf "$d" ;; esac; echo 'state none'; echo; exit 0; }
        if [ -e "$n/stopped" ]; then echo 143 >"$n/status"; fi
        ended "$n"
        ;;
esac
mkdir -p "$d" 2>/dev/null
if [ ! -d "$d" ] || [ -L "$d" ]; then echo "ssh-mcp: $m cannot keep its output in $d" >&2; exit 127; fi
k=0
until mkdir "$n" 2>/dev/null; do
    [ -d "$n" ] || { echo "ssh-mcp: $m cannot keep its output in $n" >&2; exit 127; }
    k=$((k + 1))
    # One that has just been made has no name yet.
    if live "$n" || { [ ! -e "$n/who" ] && [ $k -lt 4 ]; }; then
        [ $(($(date +%s) - began)) -lt "$w" ] || goes_on busy
        sleep 1
        continue
    fi
    mv "$n" "$d/old.$i" 2>/dev/null && { rm -rf "$d/last"; mv "$d/old.$i" "$d/last"; }
done
earlier "$d/last"
S=
if command -v setsid >/dev/null 2>&1; then S=setsid
elif command -v perl >/dev/null 2>&1; then S='perl -MPOSIX -e setsid;exec@ARGV'
else set -m; fi
# A scope of its own, where the system would end what is left of a login (KillUserProcesses).
X=
if [ "$(id -u)" = 0 ] && [ -d /run/systemd/system ] && command -v systemd-run >/dev/null 2>&1; then
    X="systemd-run --quiet --scope --slice=system.slice --unit=ssh-mcp-packages-$i"
fi
# $1 words in front of the runner.
begin() {
    : >"$n/out"
    : >"$n/err"
    # shellcheck disable=SC2086 # Words.
    ( umask "$mask"; x=$1; shift; exec $S $x sh -c "$rt" sh "$n" "$i" "$m" "$h" "$w" "$t" "$@" ) </dev/null >>"$n/out" 2>>"$n/err" &
    q=$!
    k=0
    until [ -e "$n/who" ] || [ $k -gt 600 ] || ! kill -0 $q 2>/dev/null; do k=$((k + 1)); nap; done
}
begin "$X" "$@"
[ -e "$n/who" ] || [ -z "$X" ] || kill -0 $q 2>/dev/null || begin '' "$@"
set +m
follow
