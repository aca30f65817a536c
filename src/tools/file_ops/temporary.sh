# shellcheck shell=sh disable=SC2154
# The temporary $T goes whatever ends the script. A stop signals every process of the session, and may do it twice: the rm
# that the first signal starts must not be ended by the second.
tidy() { trap "" HUP INT TERM; rm -f "$T"; }
guard() { trap "" PIPE; trap tidy EXIT; trap "tidy; exit 143" HUP INT TERM; }
