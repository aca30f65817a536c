# shellcheck shell=sh
# The folder of an account's jobs. It is an input like any other: it is entered without following links, and what does not look
# like ours is refused. Sets no variable without j_ in front, because a job is started in the account's own environment.
no() { printf '%s' "$1" >&2; exit 97; }
nap() { sleep 0.1 2>/dev/null || sleep 1; }
# Seconds since the host started, which no clock that is set changes; else the time.
up() {
    { read -r j_up j_l </proc/uptime && j_up=${j_up%%.*}; } 2>/dev/null || j_up=$(date +%s)
}
# Enters the store of $1 ("root" or "login"). Status 1 where there is none, unless $2 is "make".
store() {
    case $1 in root) j_s=~root/.local/state ;; *) j_s=${XDG_STATE_HOME:-${HOME:-}/.local/state} ;; esac
    case $j_s in /?*) ;; *) no 'the account has no home folder, and jobs are kept there' ;; esac
    j_s=$j_s/ssh-mcp
    if [ "${2-}" = make ] && [ ! -e "$j_s/jobs" ] && [ ! -L "$j_s/jobs" ]; then
        j_l=$(umask 077; mkdir -p "$j_s/jobs" 2>&1) || no "the folder for jobs cannot be made: $j_l"
    fi
    [ -e "$j_s/jobs" ] || [ -L "$j_s/jobs" ] || return 1
    { [ ! -L "$j_s" ] && [ ! -L "$j_s/jobs" ] && cd -P -- "$j_s/jobs" 2>/dev/null && [ -O . ] && [ -O .. ]; } ||
        no "$j_s/jobs is not a folder of this account alone (a link, or made by somebody else), so it is not used; take it away"
    case $(ls -ldn . ..) in
        drwx------*"
"d????-??-?*) ;;
        *) no "others may enter or change $j_s/jobs, so it is not used; chmod 700 it and the folder above" ;;
    esac
}
# Enters the folder of job $1. Status 1 where there is none.
job() {
    case $1 in '' | *[!0-9a-z-]*) return 1 ;; esac
    [ -e "./$1" ] || [ -L "./$1" ] || return 1
    { [ ! -L "./$1" ] && cd -P "./$1" 2>/dev/null && [ -O . ]; } ||
        no "the folder of job $1 is not one that this account made, so it is not used"
}
# True for a file of this account's own.
plain() { [ -f "$1" ] && [ ! -L "$1" ] && [ -O "$1" ]; }
digits() { case $1 in '' | *[!0-9]* | ????????????????*) return 1 ;; esac; }
# Sets j_b to when process $1 started, in the words of its system, and j_c to its state.
began() {
    j_b='' j_c=''
    digits "$1" || return 1
    if { read -r j_l <"/proc/$1/stat"; } 2>/dev/null; then
        set -f
        # shellcheck disable=SC2086 # The fields of stat.
        set -- ${j_l##*")" }
        set +f
        j_c=$1 j_b=${20}
    elif [ ! -r /proc/self/stat ]; then
        j_b=$(ps -o lstart= -p "$1" 2>/dev/null | tr -s ' \n' '__')
    fi
    [ -n "$j_b" ]
}
boot() {
    j_o=''
    { read -r j_o </proc/sys/kernel/random/boot_id; } 2>/dev/null
    j_o=${j_o:--}
}
# Sets j_zo and j_ze to the sizes of both streams, and j_lo and j_le to where what was let go of ends.
sized() {
    j_zo=0 j_ze=0 j_lo=0 j_le=0
    if plain lost; then read -r j_lo j_le j_l <lost; fi
    digits "$j_lo" || j_lo=0
    digits "$j_le" || j_le=0
    # shellcheck disable=SC2046 # Two lines of nine words.
    set -- $(ls -ldn err out 2>/dev/null)
    case $#$1${9-}${10-}${18-} in 18-*err-*out) j_ze=$5 j_zo=${14} ;; esac
    [ "$j_zo" -ge "$j_lo" ] || j_zo=$j_lo
    [ "$j_ze" -ge "$j_le" ] || j_ze=$j_le
}
# Reads what the folder says of its processes: j_p j_t j_k j_n are the runner's pid, start, boot id and time; j_w j_x the work's.
said_of() {
    j_p='' j_t='' j_k='' j_n='' j_w='' j_x='' j_go=''
    if plain who; then read -r j_p j_t j_k j_n j_l <./who; fi
    if plain work && read -r j_w j_l <work; then
        set -f
        # shellcheck disable=SC2086 # The fields of stat.
        set -- $j_l
        set +f
        j_x=${20-}
    fi
    digits "$j_n" || j_n=0
    boot
    [ "$j_k" = "$j_o" ] || return 1
    # The runner is there: pid, start and boot agree.
    if began "$j_p" && [ "$j_b" = "$j_t" ] && [ "$j_c" != Z ]; then j_go=1; fi
}
# Prints what is known of the job whose folder this is.
facts() {
    said_of
    j_st=running
    if ! plain status && [ -z "$j_go" ]; then
        # It may have ended between the two looks.
        plain status || j_st=lost
    fi
    if plain status; then
        j_st=ended
        read -r j_l <status || j_l=
        echo "close $j_l"
    fi
    echo "state $j_st"
    echo "pid $j_p"
    echo "started $j_n"
    for j_1 in why halted; do
        if plain $j_1; then read -r j_l <$j_1 && echo "$j_1 $j_l"; fi
    done
    if [ $j_st = lost ]; then
        if [ -n "$j_k" ] && [ "$j_k" != "$j_o" ]; then
            while read -r j_1 j_2; do [ "$j_1" != btime ] || echo "restarted $j_2"; done 2>/dev/null </proc/stat
            echo 'reason restarted'
        elif began "$j_w" && [ "$j_b" = "$j_x" ] && [ "$j_c" != Z ]; then
            echo "work $j_w"
            echo 'reason runner'
        elif [ -z "$j_p" ]; then echo 'reason folder'
        else echo 'reason runner'; fi
    fi
    sized
    echo "out $j_zo $j_lo"
    echo "err $j_ze $j_le"
}
# Prints $3 bytes of stream $1 from $2 on; its size is $4.
part() {
    plain "$1" && [ "$3" -gt 0 ] || return 0
    if [ "$j_st$2.$3" = "ended0.$4" ]; then cat "$1"; else tail -c "+$(($2 + 1))" "$1" 2>/dev/null | head -c "$3"; fi
}
# Facts, then both streams: $1 and $2 are where to begin ("-": as far back as $3 bytes reach), $3 is the most bytes of each.
tell() {
    facts
    place "$1" "$j_zo" "$j_lo" "$3"
    echo "from-out $j_f"
    j_fo=$j_f j_no=$j_n
    place "$2" "$j_ze" "$j_le" "$3"
    echo "from-err $j_f"
    echo
    part out "$j_fo" "$j_no" "$j_zo"
    part err "$j_f" "$j_n" "$j_ze" >&2
}
# Sets j_f to where reading begins and j_n to how much is read: $1 wanted, $2 size, $3 lost up to there, $4 most bytes.
place() {
    j_f=$1
    case $j_f in -) j_f=$(($2 - $4)) ;; esac
    [ "$j_f" -ge "$3" ] || j_f=$3
    [ "$j_f" -ge 0 ] || j_f=0
    [ "$j_f" -le "$2" ] || j_f=$2
    j_n=$(($2 - j_f))
    [ $j_n -le "$4" ] || j_n=$4
}
