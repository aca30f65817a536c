# shellcheck shell=sh disable=SC2034,SC2154
# Replaces the one place where a text stands in the opened file, and answers the file as it was: what follows this in the
# script is write.sh, then done.sh. $2: most bytes of a file; $3: most bytes that are searched here; $4 and $5: bytes of
# the old and of the new text; $6: mark of the temporary; $7: sha256 that the file must have, empty for any; $8: lines
# before it, empty where it may begin anywhere; $9: as ${10} of write.sh. Standard input: a line with the old text as od writes it, then the new text. `asis SIZE` says that nothing was done.
IFS= read -r N || exit 96
[ "$s" -le "$2" ] || { echo "asis $s"; exit 0; }
Z=$s O=$4 n=
H=$(sum <"$F")
if [ -n "$H" ] && [ "${7:-$H}" = "$H" ] && [ "$s" -le "$3" ] && [ $((s - O + $5)) -le "$2" ]; then
# Each byte is a blank and two digits, so that a match begins at a byte.
n=$({ printf "%s\n" "$N"; od -An -v -tx1 <"$F" | tr -d "\n"; echo; } | awk '{ if (NR == 1) { n = $0; next }
i = index($0, n); if (i && !index(substr($0, i + length(n)), n)) print (i - 1) / 3 }')
fi
if [ -n "$n" ] && [ -n "$8" ]; then
[ "$(head -c "$n" <"$F" | tr -dc "\n" | wc -c)" -eq "$8" ] || n=
case $(head -c "${n:-0}" <"$F" | tail -c 1 | od -An -tx1) in '' | *0a*) ;; *) n= ;; esac
fi
case $n in '' | *[!0-9]*) echo "asis $s"; cat <&8; exit 0 ;; esac
put() { [ "$n" = 0 ] || head -c "$n" <"$F"; cat; tail -c "+$((n + O + 1))" <"$F"; }
set -- "$1" keep "$((Z - O + $5))" "" "$6" "$H" "" "" "" "$9"
