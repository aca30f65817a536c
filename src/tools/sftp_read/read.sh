# shellcheck shell=sh disable=SC2154
# $2: whole, bytes, lines, grep or count; $3: most bytes; $4: first byte, from 0, or first line, from 1; $5: only the last
# lines, or nothing; $6: most lines or matches, or nothing; $7: options of grep; $8: pattern, or nothing.
# The first line of the answer is the file's size; of grep the second one is the number of lines in front of what was
# searched, and of count that of the lines that were counted.
#
# short: opened=F size=s most=m before=n
echo "$size"
most=$(($3 + 1))
p() { if [ -n "$5" ]; then tail -n "$5"; elif [ "$4" -gt 1 ]; then tail -n "+$4"; else cat; fi; }
case $2 in
    whole)
    if [ "$size" -gt "$3" ]; then exit 0; fi
    if [ "$size" -gt 1048576 ]; then dd bs=1048576 count="$((size / 1048576 + 1))" iflag=fullblock <&8 2>/dev/null || cat <&8; else head -c "$most" <&8; fi;;
    bytes) if [ "$4" = 0 ]; then head -c "$most" <&8; else tail -c "+$(($4 + 1))" <&8 | head -c "$most"; fi;;
    lines)
    if [ -n "$6" ]; then p "$@" <&8 | head -n "$6" | head -c "$most"; else p "$@" <&8 | head -c "$most"; fi;;
    grep)
    if [ -n "$5" ]; then before=$(grep -ac "" <"$opened"); before=$((before - $5)); [ "$before" -gt 0 ] || before=0; else before=$(($4 - 1)); fi
    echo "$before"
    # shellcheck disable=SC2086
    p "$@" <&8 | grep -na $7 ${6:+-m "$6"} -e "$8" | head -c "$most";;
    count)
    # shellcheck disable=SC2086
    p "$@" <&8 | grep -ca $7 -e "$8";;
esac
exit 0
