# shellcheck shell=sh
# Lists units, then how many systemd has loaded in all, behind a NUL: $1 is the state that they have to be in, $2 a pattern,
# both may be empty, $3 says whether timers are listed with their times, behind another NUL; the rest are the words of the listing. Of very many units the first ones are told, and how many rows
# there are in a line of our own.
#
# short: wanted_state=s pattern=p with_timers=t ended=r
wanted_state=$1 pattern=$2 with_timers=$3
shift 3
if command -v awk >/dev/null 2>&1; then
    exec 4>&1
    ended=$( { { ( listing "$@" ) 3>&- 4>&-; echo $? >&3; } | awk 'NF == 0 { e = 1 } !e { n++ } e || n <= 2001 { print }
END { if (n > 2001) print "\nssh-mcp: rows " n - 1 }' >&4; } 3>&1 )
else
    ( listing "$@" )
    ended=$?
fi
[ "$ended" = 127 ] || {
    printf '\0'
    systemctl --no-pager --plain --full --no-legend list-units --all ${wanted_state:+"--state=$wanted_state"} ${pattern:+-- "$pattern"} 2>/dev/null | wc -l
    [ -z "$with_timers" ] || { printf '\0'; systemctl --no-pager --full list-timers --all ${pattern:+-- "$pattern"} 2>/dev/null; }
}
exit "$ended"
