# shellcheck shell=sh disable=SC2034,SC2154
# Opens the verified file on descriptor 8 and proves that it is the approved one, $1, before a byte of it is read.
[ -f "./$L" ] || { if [ -d "./$L" ]; then echo "it is a folder" >&2; else echo "it is no regular file" >&2; fi; exit 95; }
[ ! -L "./$L" ] || exit 94
{ command exec 8<"./$L"; } 2>/dev/null || { echo "permission denied: the account may not read it" >&2; exit 96; }
F=/proc/self/fd/8
if [ -e "$F" ]; then x=$(readlink "$F"; echo .); [ "${x%??}" = "$1" ] && [ -f "$F" ] || exit 94; else F=./$L; [ ! -L "$F" ] || exit 94; fi
s=$(stat -L -c "%s %h" "$F" 2>/dev/null) || s="$(wc -c <"$F") "
h=${s##* }; s=${s% *}
[ -z "${hl:-}" ] || [ "$h" = 1 ] || { echo "it has ${h:-an unknown number of} names (hard links), and another one may lie outside the allowed folders" >&2; exit 95; }
