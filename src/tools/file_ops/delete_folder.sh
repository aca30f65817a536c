# shellcheck shell=sh disable=SC2154
# $2: "one", "tree" or "look"; $3: most entries. To look answers the paths of the tree, one more than that at most, a newline
# inside a name as NUL.
#
# short: leaf=L program=p entry=e entry_name=n verb=k
[ ! -L "./$leaf" ] || exit 94
[ -d "./$leaf" ] || { echo "it is no folder: use ssh_delete" >&2; exit 95; }
[ "$leaf" != . ] || { echo "the root folder is not deleted" >&2; exit 95; }
if [ "$2" = one ]; then exec rmdir "./$leaf"; fi
( cd -P "./$leaf" && [ "$PWD" = "$1" ] ) || exit 94
# BusyBox looks at a folder and then opens it by name, whatever stands there by then. Here each folder is entered, and
# known to be the one that was looked at, before anything in it is named or removed.
program=$(command -v find); case $program in /*) program=$(readlink -f "$program");; *) program=busybox;; esac
w() {
    for entry in ./.[!.]* ./..?* ./*; do
        entry_name=${entry#./}
        [ -e "$entry" ] || [ -L "$entry" ] || continue
        [ "$verb" != look ] || printf "%s\0" "$2/$entry_name"
        if [ -L "$entry" ] || [ ! -d "$entry" ]; then [ "$verb" = look ] || rm -f "$entry" || return 1
        else
            ( cd -P -- "$entry" && [ "$PWD" = "${1%/}/$entry_name" ] && w "$PWD" "$2/$entry_name" ) || return 1
            [ "$verb" = look ] || rmdir "$entry" || return 1
        fi
done; }
names() {
    case $program in
        *busybox*) verb=look; { printf "%s\0" "./$leaf"; ( cd -P "./$leaf" && [ "$PWD" = "$1" ] && w "$1" "./$leaf" ); };;
        *) find "./$leaf" -print0;;
    esac | tr "\n\000" "\000\n" | head -n "$(($3 + 1))"; }
if [ "$2" = look ]; then names "$@"; exit 0; fi
[ "$(names "$@" | wc -l)" -le "$3" ] || { echo "it holds more than $3 entries" >&2; exit 98; }
case $program in
    *busybox*)
    verb=tree
    ( cd -P "./$leaf" && [ "$PWD" = "$1" ] && w "$1" "./$leaf" ) || { echo "not all of it could be deleted, or it changed meanwhile" >&2; exit 96; }
    exec rmdir "./$leaf";;
esac
exec rm -rf "./$leaf"
