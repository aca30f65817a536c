# shellcheck shell=sh disable=SC2154
# The temporary $temp_file goes whatever ends the script. A stop signals every process of the session, and may do it twice: the rm
# that the first signal starts must not be ended by the second.
#
# short: temp_file=T
tidy() { trap "" HUP INT TERM; rm -f "$temp_file"; }
guard() { trap "" PIPE; trap tidy EXIT; trap "tidy; exit 143" HUP INT TERM; }
