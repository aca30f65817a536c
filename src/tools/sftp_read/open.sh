# shellcheck shell=sh disable=SC2034,SC2154
# Opens the verified file on descriptor 8 and proves that it is the approved one, $1, before a byte of it is read.
#
# short: leaf=L opened=F real_name=x size=s link_count=h
[ -f "./$leaf" ] || { if [ -d "./$leaf" ]; then echo "it is a folder" >&2; else echo "it is no regular file" >&2; fi; exit 95; }
[ ! -L "./$leaf" ] || exit 94
{ command exec 8<"./$leaf"; } 2>/dev/null || { echo "permission denied: the account may not read it" >&2; exit 96; }
opened=/proc/self/fd/8
if [ -e "$opened" ]; then real_name=$(readlink "$opened"; echo .); [ "${real_name%??}" = "$1" ] && [ -f "$opened" ] || exit 94; else opened=./$leaf; [ ! -L "$opened" ] || exit 94; fi
size=$(stat -L -c "%s %h" "$opened" 2>/dev/null) || size="$(wc -c <"$opened") "
link_count=${size##* }; size=${size% *}
[ -z "${hl:-}" ] || [ "$link_count" = 1 ] || { echo "it has ${link_count:-an unknown number of} names (hard links), and another one may lie outside the allowed folders" >&2; exit 95; }
