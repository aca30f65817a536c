# shellcheck shell=sh
# Every name, each closed by NUL, an empty one at the end; then a line of facts for each name that is there. $2: most names that
# are told at once; where there are more, only $4 of them behind the first $3, and `many COUNT` on standard error.
M=$2 O=$3 Q=$4
dead "$PWD"
# A pattern without a match stays as it is.
g() { [ "$1" != "$2" ] || [ -e "$1" ] || [ -L "$1" ]; }
set -- ./*; g "$1" "./*" || shift
set -- ./..?* "$@"; g "$1" "./..?*" || shift
set -- ./.[!.]* "$@"; g "$1" "./.[!.]*" || shift
if [ -n "$K" ]; then
i=$#
while [ "$i" -gt 0 ]; do
a=$1; shift; i=$((i - 1))
is_dead "${PWD%/}/${a#./}" || set -- "$@" "$a"
done
fi
if [ "$#" -gt "$M" ]; then
echo "many $#" >&2
if [ "$O" -lt "$#" ]; then shift "$O"; else set --; fi
i=0
for a; do
[ "$i" != 0 ] || set --
[ "$i" -lt "$Q" ] || break
set -- "$@" "$a"; i=$((i + 1))
done
fi
l() { [ "$#" = 0 ] || printf "%s\0" "$@"; }
# Where stat is spelled otherwise, spelled.sh knows how.
case ${mcp_c-} in "" | *stat=gnu*) ;; *) listed "$@"; exit 0;; esac
l "$@"; printf "\0"
[ "$#" = 0 ] || l "$@" | QUOTING_STYLE=literal xargs -0 stat -c "%f %s %Y %N" 2>/dev/null
exit 0
