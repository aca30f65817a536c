# shellcheck shell=sh disable=SC2154
# $2: first byte, from 0; $3: most bytes; $4: last lines only; $5: "whole" sends nothing of a file over $3.
# The first line of the answer is the file's size.
echo "$s"
if [ "$5" = whole ] && [ "$s" -gt "$3" ]; then exit 0; fi
if [ -n "$4" ]; then tail -n "$4" <&8 | head -c "$(($3 + 1))"
elif [ "$5" = whole ] && [ "$s" -gt 1048576 ]; then dd bs=1048576 count="$((s / 1048576 + 1))" <&8 2>/dev/null
elif [ "$2" = 0 ]; then head -c "$(($3 + 1))" <&8
else tail -c "+$(($2 + 1))" <&8 | head -c "$(($3 + 1))"; fi
