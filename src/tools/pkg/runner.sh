# shellcheck shell=sh disable=SC2086 # The fields of stat are words.
# The run itself: in a session of its own, with its input at its end and its output in files, so that nothing that happens to
# the channel, the client or the login ends it.
# $1 folder, $2 id, $3 manager, $4 what runs, for people, $5 seconds to wait for the manager's lock, $6 the text that changes packages;
# the rest are its words.
n=$1 i=$2 m=$3 h=$4 w=$5 t=$6
shift 6
trap '' HUP
mask=$(umask)
umask 077
s=
{ read -r l </proc/self/stat && l=${l##*")" }; } 2>/dev/null && s=$(set -f; set -- $l; echo "${20}")
: >"$n/stoppable"
began=$(date +%s)
echo "$i" >"$n/id"
echo "$$ ${s:--} $began $h" >"$n/who.new" && mv "$n/who.new" "$n/who"
[ ! -e "${n%/*}/no.$i" ] || { echo 143 >"$n/status"; exit; }
# True where the manager gave up because another process has its lock.
locked() {
    cat "$n/err" "$n/out" | grep -e 'is another process using it' -e 'Could not get lock' -e 'Unable to lock directory' \
        -e 'locked by another process' -e 'Existing lock' -e 'System management is locked' -e 'nable to lock database' \
        -e 'Waiting for process with pid' | grep -qv 'ermission denied'
}
# The process that has it, for how many seconds it runs, and its command line.
holder() {
    p=$(cat "$n/err" "$n/out" | sed -n -e 's/.*held by process \([0-9]*\).*/\1/p' -e 's/.* with pid \([0-9]*\).*/\1/p' \
        -e 's/.*running as pid \([0-9]*\).*/\1/p' | tail -n 1)
    [ -n "$p" ] || for f in /proc/[0-9]*/comm; do
        { read -r c <"$f"; } 2>/dev/null || continue
        case $c in "$m" | packagekitd) p=${f#/proc/} p=${p%/comm} ;; esac
    done
    [ -n "$p" ] || return 0
    a=-
    { read -r l <"/proc/$p/stat" && l=${l##*")" } && read -r up _ </proc/uptime; } 2>/dev/null &&
        a=$(set -f; set -- $l; echo $((${up%%.*} - ${20} / 100)))
    c=$(tr '\000\n' '  ' <"/proc/$p/cmdline" 2>/dev/null | cut -c1-300)
    echo "$p $a $c"
}
SSH_MCP_RUN=$n
export SSH_MCP_RUN
umask "$mask"
while :; do
    sh -c "$t" sh "$m" "$@"
    r=$?
    if [ $r = 0 ] || [ -e "$n/stopped" ] || ! locked; then break; fi
    # Of apt it is known that nothing was unpacked; the others take their lock before anything else.
    if [ -e "$n/changing" ]; then
        [ "$m" != apt ] || break
        mv "$n/changing" "$n/stoppable"
    fi
    if [ $(($(date +%s) - began)) -ge "$w" ]; then
        (umask 077; holder >"$n/holder")
        break
    fi
    sleep 1
    : >"$n/out"
    : >"$n/err"
done
umask 077
echo $r >"$n/status.new" && mv "$n/status.new" "$n/status"
