# shellcheck shell=sh
# Every name, each closed by NUL, an empty one at the end; then a line of facts for each name that is there. $2: most names that
# are told at once; where there are more, only $4 of them behind the first $3, and `many COUNT` on standard error.
#
# short: most=M first=O count=Q dead_mounts=K left=i entry=a
most=$2 first=$3 count=$4
dead "$PWD"
# A pattern without a match stays as it is.
g() { [ "$1" != "$2" ] || [ -e "$1" ] || [ -L "$1" ]; }
set -- ./*; g "$1" "./*" || shift
set -- ./..?* "$@"; g "$1" "./..?*" || shift
set -- ./.[!.]* "$@"; g "$1" "./.[!.]*" || shift
if [ -n "$dead_mounts" ]; then
    left=$#
    while [ "$left" -gt 0 ]; do
        entry=$1; shift; left=$((left - 1))
        is_dead "${PWD%/}/${entry#./}" || set -- "$@" "$entry"
    done
fi
if [ "$#" -gt "$most" ]; then
    echo "many $#" >&2
    if [ "$first" -lt "$#" ]; then shift "$first"; else set --; fi
    left=0
    for entry; do
        [ "$left" != 0 ] || set --
        [ "$left" -lt "$count" ] || break
        set -- "$@" "$entry"; left=$((left + 1))
    done
fi
l() { [ "$#" = 0 ] || printf "%s\0" "$@"; }
# Where stat is spelled otherwise, spelled.sh knows how.
case ${mcp_c-} in "" | *stat=gnu*) ;; *) listed "$@"; exit 0;; esac
l "$@"; printf "\0"
[ "$#" = 0 ] || l "$@" | QUOTING_STYLE=literal xargs -0 stat -c "%f %s %Y %N" 2>/dev/null
exit 0
