# shellcheck shell=sh disable=SC2154
# $2: "one", "tree" or "look"; $3: most entries. To look answers the paths of the tree, one more than that at most, a newline
# inside a name as NUL.
[ ! -L "./$L" ] || exit 94
[ -d "./$L" ] || { echo "it is no folder: use ssh_delete" >&2; exit 95; }
[ "$L" != . ] || { echo "the root folder is not deleted" >&2; exit 95; }
if [ "$2" = one ]; then exec rmdir "./$L"; fi
( cd -P "./$L" && [ "$PWD" = "$1" ] ) || exit 94
# BusyBox looks at a folder and then opens it by name, whatever stands there by then. Here each folder is entered, and
# known to be the one that was looked at, before anything in it is named or removed.
p=$(command -v find); case $p in /*) p=$(readlink -f "$p");; *) p=busybox;; esac
w() {
for e in ./.[!.]* ./..?* ./*; do
n=${e#./}
[ -e "$e" ] || [ -L "$e" ] || continue
[ "$k" != look ] || printf "%s\0" "$2/$n"
if [ -L "$e" ] || [ ! -d "$e" ]; then [ "$k" = look ] || rm -f "$e" || return 1
else
( cd -P -- "$e" && [ "$PWD" = "${1%/}/$n" ] && w "$PWD" "$2/$n" ) || return 1
[ "$k" = look ] || rmdir "$e" || return 1
fi
done; }
names() {
case $p in
*busybox*) k=look; { printf "%s\0" "./$L"; ( cd -P "./$L" && [ "$PWD" = "$1" ] && w "$1" "./$L" ); };;
*) find "./$L" -print0;;
esac | tr "\n\000" "\000\n" | head -n "$(($3 + 1))"; }
if [ "$2" = look ]; then names "$@"; exit 0; fi
[ "$(names "$@" | wc -l)" -le "$3" ] || { echo "it holds more than $3 entries" >&2; exit 98; }
case $p in
*busybox*)
k=tree
( cd -P "./$L" && [ "$PWD" = "$1" ] && w "$1" "./$L" ) || { echo "not all of it could be deleted, or it changed meanwhile" >&2; exit 96; }
exec rmdir "./$L";;
esac
exec rm -rf "./$L"
