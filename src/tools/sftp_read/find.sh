# shellcheck shell=sh
# $2: depth; $3: kind; $4: name pattern; $5: most results; $6: text to look for, empty for none; $7: most lines of a file;
# $8: most bytes of a line; $9: largest file that is searched, in bytes; then "pFOLDER" not to enter and
# "xFILE" not to search, as patterns; "f" for facts: each path has "SIZE TIME MODE OWNER " in front, and "now TIME" is said on
# standard error. One path a line, a
# newline inside a name as NUL. With a text: "F PATH", then "N:LINE" of that file, and "M COUNT" of its lines where it
# has more than are shown; "S PATH" of a file that is too large, "R PATH" of one that is not
# searched because of its name, "E PATH" of one whose name holds a line end. Standard error: "deep N" for N folders that are too
# deep to be entered, and what dead.sh says.
R=${1%/}; d=$2; k=$3; n=$4; m=$5; t=$6; l=$7; b=$8; z=$9; shift 9; f=
i=$#
while [ "$i" -gt 0 ]; do
a=$1; shift; i=$((i - 1))
case $a in f) f=1;; p*) set -- "$@" -path "${a#p}" -prune -o;; *) set -- "$@" ! -path "${a#x}";; esac
done
# Every entry passes this; folders at the greatest depth are counted on the way.
D=.; c=$d; [ "$c" -le 500 ] || c=0
while [ "$c" -gt 0 ]; do D="$D/*"; c=$((c - 1)); done
# shellcheck disable=SC2016 # $# is that of the inner shell
set -- "$@" "(" ! -type d -o ! -path "$D" -o -exec sh -c 'echo "deep $#" >&2' sh "{}" + ")"
# BusyBox looks at a folder and then opens it by name, whatever stands there by then; here each folder is entered, and
# known to be the one that was looked at.
p=$(command -v find); case $p in /*) p=$(readlink -f "$p");; *) p=busybox;; esac
o() { [ -z "$f" ] || stat -c "%s %Y %a %U" "$1" | tr "\n" " "; printf "%s\0" "$2"; }
[ -z "$f" ] || echo "now $(date +%s)" >&2
w() {
for e in ./.[!.]* ./..?* ./*; do
q=${e#./}; y=
is_dead "${1%/}/$q" && continue
[ -e "$e" ] || [ -L "$e" ] || continue
if [ -L "$e" ]; then y=l; elif [ -d "$e" ]; then y=d; elif [ -f "$e" ]; then y=f; fi
# shellcheck disable=SC2194,SC2254
case $q in $n) [ "$y" != "$k" ] || o "./$q" "$2/$q";; esac
[ "$y" = d ] || continue
[ "$3" -gt 1 ] || { echo >&3; continue; }
( cd -P -- "$e" 2>/dev/null && [ "$PWD" = "${1%/}/$q" ] && w "$PWD" "$2/$q" "$(($3 - 1))" )
done; }
[ -z "$f" ] || find . -maxdepth 0 -printf x >/dev/null 2>&1 || p=busybox
dead "$PWD"
# find looks at a mount before it can be told to leave it out.
if [ -n "$K" ]; then
[ -z "$t" ] || exit 87
p=busybox
fi
case $p in
*busybox*) if [ -z "$t" ]; then
# shellcheck disable=SC2194,SC2254
{ { case . in $n) [ "$k" != d ] || o . .;; esac; [ "$d" = 0 ] || w "${R:-/}" . "$d"; } 3>&1 >&4 4>&- | { echo "deep $(wc -l)" >&2; }; } 4>&1 | tr "\n\000" "\000\n" | head -n "$m" | head -c 8000000
exit 0; fi;;
esac
if [ -n "$f" ]; then
find . -maxdepth "$d" "$@" -type "$k" -name "$n" -printf "%s %T@ %m %u %p\0" | tr "\n\000" "\000\n" | head -n "$m" | head -c 8000000
elif [ -z "$t" ]; then
find . -maxdepth "$d" "$@" -type "$k" -name "$n" -print0 | tr "\n\000" "\000\n" | head -n "$m" | head -c 8000000
else
# grep tells one name a line.
N='
'
find . -maxdepth "$d" "$@" -type f -name "$n" -path "*$N*" -print0 2>/dev/null | tr "\n\000" "\001\n" | head -n "$m" | sed 's/^/E /' | tr "\001" "\000"
find . -maxdepth "$d" "$@" -type f -name "$n" -o -type f -name "$n" -print0 2>/dev/null | tr "\n\000" "\001\n" | head -n "$m" | sed 's/^/R /' | tr "\001" "\000"
find . -maxdepth "$d" "$@" -type f -name "$n" -size "+${z}c" -print0 2>/dev/null | tr "\n\000" "\001\n" | head -n "$m" | sed 's/^/S /' | tr "\001" "\000"
find . -maxdepth "$d" "$@" -type f -name "$n" ! -path "*$N*" -size "-$((z + 1))c" -exec grep -lF -e "$t" {} + | head -n "$m" | while IFS= read -r f; do
if [ -L "$f" ] || [ ! -f "$f" ]; then continue; fi
{ x=/proc/self/fd/8; if [ ! -e $x ] || [ "$(readlink $x)" = "$R/${f#./}" ]; then [ -e $x ] || x=$f
echo "F $f"; y=$(grep -naF -m "$((l + 1))" -e "$t" <&8 | cut -c "1-$((b + 12))" | tr "\000" " ")
printf "%s\n" "$y"
[ "$(printf "%s\n" "$y" | wc -l)" -le "$l" ] || echo "M $(grep -caF -e "$t" <"$x")"; fi; } 8<"$f"
done | head -c 4000000
fi
exit 0
