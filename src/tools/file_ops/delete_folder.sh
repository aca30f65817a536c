# shellcheck shell=sh disable=SC2154
# $2: "one", "tree" or "look"; $3: most entries. Answers every path of the tree, a newline inside a name as byte 1.
[ ! -L "./$L" ] || exit 94
[ -d "./$L" ] || { echo "it is no folder: use ssh_delete" >&2; exit 95; }
[ "$L" != . ] || { echo "the root folder is not deleted" >&2; exit 95; }
if [ "$2" = one ]; then exec rmdir "./$L"; fi
( cd -P "./$L" && [ "$PWD" = "$1" ] ) || exit 94
l=$(find "./$L" -print0 | tr "\n\000" "\001\n" | head -n "$(($3 + 1))")
c=$(printf "%s\n" "$l" | wc -l)
[ "$c" -le "$3" ] || { echo "it holds more than $3 entries" >&2; exit 98; }
if [ "$2" = look ]; then printf "%s\n" "$l"; exit 0; fi
exec rm -rf "./$L"
