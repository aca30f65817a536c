# shellcheck shell=sh disable=SC2154
# $1: a folder that is looked into, which is the current one, or nothing; $2: most levels; $3: 1 for deleted files that are still
# open; then patterns of `find -path` for what is not entered. Sections: `df` and its `status`, `inodes`, `folders` with lines
# `BYTES ENTRIES PATH`, `folders N` and `entries N` for all of them, `stopped WHY`, `closed` where something was not entered by a
# pattern, `unnamed N` for names with a line end that are not counted, or `unsupported`; and `held` with two lines for each file:
# `F LINKS BLOCKS SIZE DEVICE INODE MODE PID PATH` and `P PROGRAM`; `unnamed N` counts those whose name has a line end; `hidden N` counts the processes that are closed to this account.
#
# short: dead_mounts=K
looked_into=$1; levels=$2; wants_held=$3; shift 3
s() { printf '\000%s\000' "$1"; }
s df; disks -PTh; status=$?
s status; echo "$status"
# r is 124 where df did not answer and the mounts were asked one by one.
s inodes; [ "$r" = 124 ] || within 15 df -Pi 2>/dev/null
# Entries are `BLOCKS DEVICE INODE LINKS KIND NAME`, the kind in letters of find or in hex of stat; behind `D FOLDER` they are that
# folder's. A file of several names is counted once.
# shellcheck disable=SC2016 # they are awk's
sums='
$0 == "T" { stopped = "time"; next }
$0 == "C" { closed = 1; next }
$0 == "N" { unnamed++; next }
/^D / { prefix = substr($0, 3) "/"; next }
NF > 5 {
  name = $0; sub(/^[^ ]+ [^ ]+ [^ ]+ [^ ]+ [^ ]+ /, "", name)
  if (prefix != "") name = prefix substr(name, 3)
  if (seen == most) { stopped = "entries"; exit }
  seen++
  folder = ($5 == "d" || (length($5) == 4 && substr($5, 1, 1) == "4"))
  if (!folder && $4 > 1) { if (($2 " " $3) in once) next; once[$2 " " $3] = 1 }
  n = split(name, part, "/"); last = folder ? n : n - 1; if (last > levels + 1) last = levels + 1
  at = part[1]; bytes[at] += $1 * 512; count[at]++
  for (k = 2; k <= last; k++) { at = at "/" part[k]; bytes[at] += $1 * 512; count[at]++ }
}
END {
  print "entries " seen + 0; if (stopped != "") print "stopped " stopped
  if (closed) print "closed"; if (unnamed) print "unnamed " unnamed
  for (at in bytes) folders++; print "folders " folders + 0
  for (at in bytes) printf "%.0f %d %s\n", bytes[at], count[at], at | "sort -rn | head -n 1000"
}'
line_end='
'
# shut NAME FOLDER ITS_NAME PATTERN ...
shut() {
    below=$1; shift 3
    # shellcheck disable=SC2254
    for pattern_of; do case $below in $pattern_of) return 0 ;; esac; done
    return 1
}
# walk FOLDER NAME PATTERN ...: the same without a find that opens what it looked at.
walk() {
    [ "$(date +%s)" -lt "$ends_at" ] || { echo T; return; }
    printf 'D %s\n' "$2"
    {
        for entry in ./.[!.]* ./..?* ./*; do
            case $entry in *"$line_end"*) echo N >&3; continue ;; esac
            is_dead "${1%/}/${entry#./}" && continue
            [ -e "$entry" ] || [ -L "$entry" ] || continue
            shut "$2/${entry#./}" "$@" && { echo C >&3; continue; }
            printf '%s\0' "$entry"
        done | xargs -0 stat -c '%b %d %i %h %f %n' 2>/dev/null
    } 3>&1
    for entry in ./.[!.]* ./..?* ./*; do
        case $entry in *"$line_end"*) continue ;; esac
        # Another file system is not entered, and a mount that does not answer is not even looked at.
        case $mounts in *"$line_end${1%/}/${entry#./}$line_end"*) continue ;; esac
        if [ ! -d "$entry" ] || [ -L "$entry" ]; then continue; fi
        shut "$2/${entry#./}" "$@" && continue
        (
            cd -P -- "$entry" 2>/dev/null || { echo "$entry: Permission denied" >&2; exit; }
            [ -r . ] || echo "$entry: Permission denied" >&2
            [ "$PWD" = "${1%/}/${entry#./}" ] || exit
            below=$2/${entry#./}; shift 2
            walk "$PWD" "$below" "$@"
        )
    done
}
folders() {
    if ! command -v awk >/dev/null 2>&1 || ! command stat -c %b . >/dev/null 2>&1; then echo unsupported; return; fi
    dead "$PWD"
    program=$(command -v find); case $program in /*) program=$(readlink -f "$program") ;; *) program=busybox ;; esac
    find . -maxdepth 0 -printf x >/dev/null 2>&1 || program=busybox
    [ -z "$dead_mounts" ] || program=busybox
    case $program in
        *busybox*)
            ends_at=$(($(date +%s) + 20))
            mounts=$line_end$(while read -r _ entry _; do printf '%b\n' "$entry"; done 2>/dev/null </proc/mounts)$line_end
            stat -c '%b %d %i %h %f .' .; walk "$PWD" . "$@" ;;
        *)
            for entry; do shift; set -- "$@" -path "$entry" -prune -printf 'C\0' -o; done
            { within 200 find . -xdev "$@" -printf '%b %D %i %n %y %p\0'; [ $? != 124 ] || printf 'T\0'; } | tr '\n\000' '\001\n' ;;
    esac | LC_ALL=C awk -v levels="$levels" -v most=1000000 "$sums"
}
held() {
    if [ ! -d /proc/self/fd ] || ! command stat -c %b . >/dev/null 2>&1; then echo unsupported; return; fi
    hidden=0
    for process in /proc/[0-9]*; do
        if [ ! -r "$process/fd" ] && [ -d "$process" ]; then hidden=$((hidden + 1)); fi
    done
    echo "hidden $hidden"
    # shellcheck disable=SC2012,SC2016 # find of BusyBox knows no -lname
    ls -l /proc/[0-9]*/fd/ 2>/dev/null | awk '
        /^\/proc\/[0-9]+\/fd\/:$/ { split($0, part, "/"); pid = part[3]; next }
        / \(deleted\)$/ { at = index($0, " -> "); if (!at) { unnamed++; next }
          n = split(substr($0, 1, at - 1), word, " "); path = substr($0, at + 4, length($0) - at - 13)
          if (path ~ /^\// && path !~ /^\/(memfd:|SYSV|dev\/zero)/) print pid, word[n], path }
        END { if (unnamed) print "unnamed", unnamed, "-" }' | head -n 2000 |
        while read -r process number held_path; do
            case $process in unnamed) echo "unnamed $number"; continue ;; esac
            facts=$(command stat -L -c '%h %b %s %d %i %f' "/proc/$process/fd/$number" 2>/dev/null) || continue
            program=; read -r program 2>/dev/null <"/proc/$process/comm"
            printf 'F %s %s %s\nP %s\n' "$facts" "$process" "$held_path" "$program"
        done
}
if [ -n "$looked_into" ]; then s folders; folders "$@"; fi
if [ -n "$wants_held" ]; then s held; held; fi
exit 0
