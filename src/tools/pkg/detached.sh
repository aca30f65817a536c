# shellcheck shell=sh disable=SC2154 # manager.sh stands in front of it and sets pkg_manager
# Starts a change of packages that outlives its channel, follows it, or stops it while that is safe.
# $1 start, follow, watch or stop; $2 id of the run, $3 seconds that this call has, $4 seconds to wait for others, $5 what runs, for people,
# $6 text of the runner, $7 text that changes packages; the rest are its words.
# Prints `key value` lines, an empty line, and what the manager said.
#
# short: action=a run_id=i patience=w what_runs=h change=t runs_folder=d found=r now_folder=n fields=l tries=k new_session=S own_scope=X scope_words=x runner_pid=q
action=$1 run_id=$2 limit=$3 patience=$4 what_runs=$5 rt=$6 change=$7
shift 7
mask=$(umask)
umask 077
# Root's runs are found by later calls. Nobody else can write here; others get a folder that only they can name.
runs_folder=/tmp/ssh-mcp-packages-$run_id
if [ "$(id -u)" = 0 ]; then
    for found in /run /var/run; do
        if [ -d "$found" ] && [ -w "$found" ]; then runs_folder=$found/ssh-mcp-packages; break; fi
    done
fi
now_folder=$runs_folder/now
began=$(date +%s)
nap() { sleep 0.1 2>/dev/null || sleep 1; }
# True while the run of folder $1 goes on: pid, started, since and what.
live() {
    [ ! -e "$1/status" ] || return 1
    { read -r pid started since what <"$1/who"; } 2>/dev/null || return 1
    [ "$started" != - ] || { kill -0 "$pid" 2>/dev/null; return; }
    { read -r fields <"/proc/$pid/stat"; } 2>/dev/null || return 1
    fields=${fields##*")" }
    set -f
    # shellcheck disable=SC2086 # The fields of stat.
    set -- $fields
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
    { read -r found <"$1/status"; } 2>/dev/null && echo "status $found"
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
    { read -r found <"$1/status"; } 2>/dev/null || found=-1
    if [ "$found" = -1 ]; then echo 'state cut'; elif [ -e "$1/stopped" ]; then echo 'state stopped'; else echo 'state ended'; fi
    facts "$1"
    [ ! -s "$1/holder" ] || echo "holder $(cat "$1/holder")"
    state "$found"
    : >"$1/told"
    echo
    cat "$1/out"
    cat "$1/err" >&2
    case $runs_folder in /tmp/*) rm -rf "$runs_folder" ;; esac
    [ "$found" = -1 ] && exit 1
    exit "$found"
}
goes_on() {
    echo "state $1"
    facts "$now_folder"
    echo
    tail -n 20 "$now_folder/out" 2>/dev/null
    tail -n 20 "$now_folder/err" 2>/dev/null >&2
    exit 0
}
# The folder of the run of this id, if there is one.
ours() {
    for now_folder in "$runs_folder/now" "$runs_folder/last"; do
        { read -r found <"$now_folder/id"; } 2>/dev/null && [ "$found" = "$run_id" ] && return 0
    done
    return 1
}
follow() {
    tries=0
    while live "$now_folder"; do
        [ $(($(date +%s) - began)) -lt "$limit" ] || goes_on running
        tries=$((tries + 1))
        if [ $tries -gt 20 ]; then sleep 0.5 2>/dev/null || sleep 1; else nap; fi
    done
    ended "$now_folder"
}
# Ends the run whose facts were read last; with KILL where TERM did not.
end() {
    case $(command -v kill) in kill) group= ;; *) group=-- ;; esac
    # shellcheck disable=SC2086 # Nothing, or one word.
    kill -${1:-TERM} $group "-$pid" 2>/dev/null || kill -${1:-TERM} "$pid" 2>/dev/null
}
case $action in
    simulate)
        echo 'state simulated'
        if live "$now_folder"; then
            facts "$now_folder" | sed 's/^/earlier-/'
            echo 'earlier-phase running'
            tail -n 5 "$now_folder/out" 2>/dev/null | sed 's/^/earlier-said /'
        else
            earlier "$now_folder"
            earlier "$runs_folder/last"
            state 0
        fi
        echo "lists $(lists)"
        echo
        umask "$mask"
        exec sh -c "$change" sh "$m" "$@"
        ;;
    follow)
        ours || { echo 'state none'; echo; exit 0; }
        follow
        ;;
    watch)
        # As a job: what the run says as it says it, and its end. $3 is the limit of the run: it is stopped then where that is safe.
        ours || { echo 'ssh-mcp: there is no run of this call' >&2; exit 1; }
        exec 5<"$now_folder/out" 6<"$now_folder/err"
        limited=$limit
        while :; do
            over=
            ours && live "$now_folder" || over=1
            cat <&5
            cat <&6 >&2
            [ -z "$over" ] || break
            if [ "$limited" != 0 ] && [ $(($(date +%s) - began)) -ge "$limited" ]; then
                limited=0
                if mv "$now_folder/stoppable" "$now_folder/stopped" 2>/dev/null; then end
                else echo "ssh-mcp: the limit of $limit s was reached while packages were being changed; the run goes on to its end" >&2; fi
            fi
            sleep 0.5 2>/dev/null || sleep 1
        done
        ended_with=-1
        if ours; then
            { read -r ended_with <"$now_folder/status"; } 2>/dev/null || ended_with=-1
            : >"$now_folder/told"
        fi
        interrupted "$ended_with"
        [ -z "$fix" ] || echo "ssh-mcp: packages are unfinished on this host ($broken); as root: $fix" >&2
        [ ! -e "$now_folder/stopped" ] || { echo 'ssh-mcp: the run was stopped before anything was unpacked; nothing was changed' >&2; ended_with=143; }
        case $runs_folder in /tmp/*) rm -rf "$runs_folder" ;; esac
        [ "$ended_with" != -1 ] || { echo 'ssh-mcp: the run was cut on the host' >&2; exit 1; }
        exit "$ended_with"
        ;;
    stop)
        mkdir -p "$runs_folder" && : >"$runs_folder/no.$run_id"
        tries=0
        while ours && [ "$now_folder" = "$runs_folder/now" ] && live "$now_folder"; do
            if mv "$now_folder/stoppable" "$now_folder/stopped" 2>/dev/null; then
                end
            elif [ ! -e "$now_folder/stopped" ]; then
                rm -f "$runs_folder/no.$run_id"
                goes_on running
            fi
            tries=$((tries + 1))
            [ $tries != 25 ] || end KILL
            [ $tries -lt 40 ] || goes_on running
            nap
        done
        rm -f "$runs_folder/no.$run_id"
        ours || { case $runs_folder in /tmp/*) rm -rf "$runs_folder" ;; esac; echo 'state none'; echo; exit 0; }
        if [ -e "$now_folder/stopped" ]; then echo 143 >"$now_folder/status"; fi
        ended "$now_folder"
        ;;
esac
mkdir -p "$runs_folder" 2>/dev/null
if [ ! -d "$runs_folder" ] || [ -L "$runs_folder" ]; then echo "ssh-mcp: $m cannot keep its output in $runs_folder" >&2; exit 127; fi
tries=0
until mkdir "$now_folder" 2>/dev/null; do
    [ -d "$now_folder" ] || { echo "ssh-mcp: $m cannot keep its output in $now_folder" >&2; exit 127; }
    tries=$((tries + 1))
    # One that has just been made has no name yet.
    if live "$now_folder" || { [ ! -e "$now_folder/who" ] && [ $tries -lt 4 ]; }; then
        [ $(($(date +%s) - began)) -lt "$patience" ] || goes_on busy
        sleep 1
        continue
    fi
    mv "$now_folder" "$runs_folder/old.$run_id" 2>/dev/null && { rm -rf "$runs_folder/last"; mv "$runs_folder/old.$run_id" "$runs_folder/last"; }
done
earlier "$runs_folder/last"
new_session=
if command -v setsid >/dev/null 2>&1; then new_session=setsid
elif command -v perl >/dev/null 2>&1; then new_session='perl -MPOSIX -e setsid;exec@ARGV'
else set -m; fi
# A scope of its own, where the system would end what is left of a login (KillUserProcesses).
own_scope=
if [ "$(id -u)" = 0 ] && [ -d /run/systemd/system ] && command -v systemd-run >/dev/null 2>&1; then
    own_scope="systemd-run --quiet --scope --slice=system.slice --unit=ssh-mcp-packages-$run_id"
fi
# $1 words in front of the runner.
begin() {
    : >"$now_folder/out"
    : >"$now_folder/err"
    # shellcheck disable=SC2086 # Words.
    ( umask "$mask"; scope_words=$1; shift; exec $new_session $scope_words sh -c "$rt" sh "$now_folder" "$run_id" "$m" "$what_runs" "$patience" "$change" "$@" ) </dev/null >>"$now_folder/out" 2>>"$now_folder/err" &
    runner_pid=$!
    tries=0
    until [ -e "$now_folder/who" ] || [ $tries -gt 600 ] || ! kill -0 $runner_pid 2>/dev/null; do tries=$((tries + 1)); nap; done
}
begin "$own_scope" "$@"
[ -e "$now_folder/who" ] || [ -z "$own_scope" ] || kill -0 $runner_pid 2>/dev/null || begin '' "$@"
set +m
follow
