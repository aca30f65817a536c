# shellcheck shell=sh disable=SC2086 # The fields of stat are words.
# The run itself: in a session of its own, with its input at its end and its output in files, so that nothing that happens to
# the channel, the client or the login ends it.
# $1 folder, $2 id, $3 manager, $4 what runs, for people, $5 seconds to wait for the manager's lock, $6 the text that changes packages;
# the rest are its words.
#
# short: folder=n run_id=i pkg_manager=m what=h patience=w change=t started=s fields=l holder_pid=p file=f command_line=c seconds=a ended=r
folder=$1 run_id=$2 pkg_manager=$3 what=$4 patience=$5 change=$6
shift 6
trap '' HUP
mask=$(umask)
umask 077
started=
{ read -r fields </proc/self/stat && fields=${fields##*")" }; } 2>/dev/null && started=$(set -f; set -- $fields; echo "${20}")
: >"$folder/stoppable"
began=$(date +%s)
echo "$run_id" >"$folder/id"
echo "$$ ${started:--} $began $what" >"$folder/who.new" && mv "$folder/who.new" "$folder/who"
[ ! -e "${folder%/*}/no.$run_id" ] || { echo 143 >"$folder/status"; exit; }
# True where the manager gave up because another process has its lock.
locked() {
    cat "$folder/err" "$folder/out" | grep -e 'is another process using it' -e 'Could not get lock' -e 'Unable to lock directory' \
        -e 'locked by another process' -e 'Existing lock' -e 'System management is locked' -e 'nable to lock database' \
        -e 'Waiting for process with pid' | grep -qv 'ermission denied'
}
# The process that has it, for how many seconds it runs, and its command line.
holder() {
    holder_pid=$(cat "$folder/err" "$folder/out" | sed -n -e 's/.*held by process \([0-9]*\).*/\1/p' -e 's/.* with pid \([0-9]*\).*/\1/p' \
        -e 's/.*running as pid \([0-9]*\).*/\1/p' | tail -n 1)
    [ -n "$holder_pid" ] || for file in /proc/[0-9]*/comm; do
        { read -r command_line <"$file"; } 2>/dev/null || continue
        case $command_line in "$pkg_manager" | packagekitd) holder_pid=${file#/proc/} holder_pid=${holder_pid%/comm} ;; esac
    done
    [ -n "$holder_pid" ] || return 0
    seconds=-
    { read -r fields <"/proc/$holder_pid/stat" && fields=${fields##*")" } && read -r up _ </proc/uptime; } 2>/dev/null &&
        seconds=$(set -f; set -- $fields; echo $((${up%%.*} - ${20} / 100)))
    command_line=$(tr '\000\n' '  ' <"/proc/$holder_pid/cmdline" 2>/dev/null | cut -c1-300)
    echo "$holder_pid $seconds $command_line"
}
SSH_MCP_RUN=$folder
export SSH_MCP_RUN
umask "$mask"
while :; do
    sh -c "$change" sh "$pkg_manager" "$@"
    ended=$?
    if [ $ended = 0 ] || [ -e "$folder/stopped" ] || ! locked; then break; fi
    # Of apt it is known that nothing was unpacked; the others take their lock before anything else.
    if [ -e "$folder/changing" ]; then
        [ "$pkg_manager" != apt ] || break
        mv "$folder/changing" "$folder/stoppable"
    fi
    if [ $(($(date +%started) - began)) -ge "$patience" ]; then
        (umask 077; holder >"$folder/holder")
        break
    fi
    sleep 1
    : >"$folder/out"
    : >"$folder/err"
done
umask 077
echo $ended >"$folder/status.new" && mv "$folder/status.new" "$folder/status"
