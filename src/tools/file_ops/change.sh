# shellcheck shell=sh disable=SC2034,SC2154
# Replaces the one place where a text stands in the opened file, and answers the file as it was: what follows this in the
# script is write.sh, then done.sh. $2: most bytes of a file; $3: most bytes that are searched here; $4 and $5: bytes of
# the old and of the new text; $6: mark of the temporary; $7: sha256 that the file must have, empty for any; $8: lines
# before it, empty where it may begin anywhere; $9: as ${10} of write.sh. Standard input: a line with the old text as od writes it, then the new text. `asis SIZE` says that nothing was done.
#
# short: needle=N opened=F size=s old_size=Z old_length=O place=n old_digest=H
IFS= read -r needle || exit 96
[ "$size" -le "$2" ] || { echo "asis $size"; exit 0; }
old_size=$size old_length=$4 place=
old_digest=$(sum <"$opened")
if [ -n "$old_digest" ] && [ "${7:-$old_digest}" = "$old_digest" ] && [ "$size" -le "$3" ] && [ $((size - old_length + $5)) -le "$2" ]; then
    # Each byte is a blank and two digits, so that a match begins at a byte.
    place=$({ printf "%s\n" "$needle"; od -An -v -tx1 <"$opened" | tr -d "\n"; echo; } | awk '{ if (NR == 1) { n = $0; next }
i = index($0, n); if (i && !index(substr($0, i + length(n)), n)) print (i - 1) / 3 }')
fi
if [ -n "$place" ] && [ -n "$8" ]; then
    [ "$(head -c "$place" <"$opened" | tr -dc "\n" | wc -c)" -eq "$8" ] || place=
    case $(head -c "${place:-0}" <"$opened" | tail -c 1 | od -An -tx1) in '' | *0a*) ;; *) place= ;; esac
fi
case $place in '' | *[!0-9]*) echo "asis $size"; cat <&8; exit 0 ;; esac
put() { [ "$place" = 0 ] || head -c "$place" <"$opened"; cat; tail -c "+$((place + old_length + 1))" <"$opened"; }
set -- "$1" keep "$((old_size - old_length + $5))" "" "$6" "$old_digest" "" "" "" "$9"
