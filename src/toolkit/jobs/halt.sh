# shellcheck shell=sh disable=SC2154 # store.sh sets j_w and j_x
# Ends the work of the job whose folder this is. store.sh stands before this.
# Sets j_m to the processes of job $1. A session is the job's while its first process is the one that is on record; without that
# one only what carries the job's mark in its environment is its own. A number alone is not enough: it may be another's by now.
members() {
    j_m='' j_lead=''
    if began "$j_w" && [ "$j_b" = "$j_x" ]; then j_lead=$j_w; fi
    if [ -n "$j_lead" ]; then
        for j_1 in /proc/[0-9]*/stat; do
            { read -r j_l <"$j_1"; } 2>/dev/null || continue
            set -f
            # shellcheck disable=SC2086 # The fields of stat.
            set -- "$1" ${j_l##*")" }
            set +f
            case $2 in Z | X | x) continue ;; esac
            if [ "$5" = "$j_lead" ]; then j_1=${j_1#/proc/} && j_m="$j_m ${j_1%/stat}"; fi
        done
    fi
    for j_1 in $(grep -l "SSH_MCP_JOB=$1" /proc/[0-9]*/environ 2>/dev/null); do
        j_1=${j_1#/proc/} j_1=${j_1%/environ}
        case " $j_m $$ " in *" $j_1 "*) continue ;; esac
        began "$j_1" && [ "$j_c" != Z ] && j_m="$j_m $j_1"
    done
    [ -n "$j_m" ]
}
# True while one of $j_m lives.
lives() {
    for j_1 in $j_m; do began "$j_1" && [ "$j_c" != Z ] && return 0; done
    return 1
}
# TERM, 3 s, KILL, and a look. Sets j_h to stopped, still_running or unknown. $1 id.
halt() {
    j_round=0 j_sig=TERM
    while members "$1"; do
        j_round=$((j_round + 1))
        [ $j_round -le 5 ] || { j_h=still_running; return; }
        for j_1 in $j_m; do
            kill -$j_sig "$j_1"
            [ $j_sig != TERM ] || kill -CONT "$j_1"
        done 2>/dev/null
        j_tenth=0
        while [ $j_tenth -lt 30 ] && lives; do
            j_tenth=$((j_tenth + 1))
            sleep 0.1 2>/dev/null || { sleep 1; j_tenth=$((j_tenth + 9)); }
        done
        j_sig=KILL
    done
    # Where /proc hides the processes of others, or there is none, that nothing is seen says nothing.
    j_h=unknown
    if { read -r j_l </proc/1/stat; } 2>/dev/null; then j_h=stopped; fi
}
