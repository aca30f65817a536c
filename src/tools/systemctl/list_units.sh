# shellcheck shell=sh
# Lists units, then how many systemd has loaded in all, behind a NUL: $1 is the state that they have to be in, $2 a pattern,
# both may be empty; the rest are the words of the listing.
s=$1 p=$2
shift 2
( listing "$@" )
r=$?
[ "$r" = 127 ] || {
    printf '\0'
    systemctl --no-pager --plain --full --no-legend list-units --all ${s:+"--state=$s"} ${p:+-- "$p"} 2>/dev/null | wc -l
}
exit "$r"
