# shellcheck shell=sh disable=SC2154 # listing.sh sets most_bytes.
# Runs a program and prints the first lines of what it says, up to $most_bytes bytes, and "ssh-mcp: left N" behind them where there are N
# more, those below a blank line not counted. Its status stays.
#
# short: most_bytes=M status=r
command -v awk >/dev/null 2>&1 || exec "$@"
exec 4>&1
status=$( { { "$@" 3>&- 4>&-; echo $? >&3; } | awk -v m="$most_bytes" 'NF == 0 { e = 1 } { n += length($0) + 1 } n <= m || NR == 1 { print; next } !e { l++ }
END { if (l) print "ssh-mcp: left " l }' >&4; } 3>&1 )
exit "$status"
