# shellcheck shell=sh
# $2: depth; $3: kind; $4: name pattern; $5: most results; $6: text to look for, empty for none; $7: most lines of a file;
# $8: most bytes of a line; $9: largest file that is searched, in bytes; then "pFOLDER" not to enter and
# "xFILE" not to search, as patterns; "f" for facts: each path has "SIZE TIME MODE OWNER " in front, and "now TIME" is said on
# standard error. One path a line, a
# newline inside a name as NUL. With a text: "F PATH", then "N:LINE" of that file, and "M COUNT" of its lines where it
# has more than are shown; "S PATH" of a file that is too large, "R PATH" of one that is not
# searched because of its name, "E PATH" of one whose name holds a line end. Standard error: "deep N" for N folders that are too
# deep to be entered, and what dead.sh says.
#
# short: top=R max_depth=d sort=k pattern=n most=m wanted_text=t lines_most=l line_bytes=b size_most=z found=f left=i
# short: word=a deepest=D level=c program=p entry=e entry_name=q entry_sort=y dead_mounts=K line_end=N opened=x
# short: search=h
top=${1%/}; max_depth=$2; sort=$3; pattern=$4; most=$5; wanted_text=$6; lines_most=$7; line_bytes=$8; size_most=$9; shift 9; found=
left=$#
while [ "$left" -gt 0 ]; do
    word=$1; shift; left=$((left - 1))
    case $word in f) found=1;; p*) set -- "$@" -path "${word#p}" -prune -o;; *) set -- "$@" ! -path "${word#x}";; esac
done
# Every entry passes this; folders at the greatest depth are counted on the way.
deepest=.; level=$max_depth; [ "$level" -le 500 ] || level=0
while [ "$level" -gt 0 ]; do deepest="$deepest/*"; level=$((level - 1)); done
# shellcheck disable=SC2016 # $# is that of the inner shell
set -- "$@" "(" ! -type d -o ! -path "$deepest" -o -exec sh -c 'echo "deep $#" >&2' sh "{}" + ")"
# BusyBox looks at a folder and then opens it by name, whatever stands there by then; here each folder is entered, and
# known to be the one that was looked at.
program=$(command -v find); case $program in /*) program=$(readlink -f "$program");; *) program=busybox;; esac
o() { [ -z "$found" ] || stat -c "%s %Y %a %U" "$1" | tr "\n" " "; printf "%s\0" "$2"; }
[ -z "$found" ] || echo "now $(date +%s)" >&2
w() {
    for entry in ./.[!.]* ./..?* ./*; do
        entry_name=${entry#./}; entry_sort=
        is_dead "${1%/}/$entry_name" && continue
        [ -e "$entry" ] || [ -L "$entry" ] || continue
        if [ -L "$entry" ]; then entry_sort=l; elif [ -d "$entry" ]; then entry_sort=d; elif [ -f "$entry" ]; then entry_sort=f; fi
        # shellcheck disable=SC2194,SC2254
        case $entry_name in $pattern) [ "$entry_sort" != "$sort" ] || o "./$entry_name" "$2/$entry_name";; esac
        [ "$entry_sort" = d ] || continue
        [ "$3" -gt 1 ] || { echo >&3; continue; }
        ( cd -P -- "$entry" 2>/dev/null && [ "$PWD" = "${1%/}/$entry_name" ] && w "$PWD" "$2/$entry_name" "$(($3 - 1))" )
done; }
[ -z "$found" ] || find . -maxdepth 0 -printf x >/dev/null 2>&1 || program=busybox
dead "$PWD"
# find looks at a mount before it can be told to leave it out.
if [ -n "$dead_mounts" ]; then
    [ -z "$wanted_text" ] || exit 87
    program=busybox
fi
case $program in
    *busybox*) if [ -z "$wanted_text" ]; then
        # shellcheck disable=SC2194,SC2254
        { { case . in $pattern) [ "$sort" != d ] || o . .;; esac; [ "$max_depth" = 0 ] || w "${top:-/}" . "$max_depth"; } 3>&1 >&4 4>&- | { echo "deep $(wc -l)" >&2; }; } 4>&1 | tr "\n\000" "\000\n" | head -n "$most" | head -c 8000000
        exit 0; fi;;
esac
if [ -n "$found" ]; then
    find . -maxdepth "$max_depth" "$@" -type "$sort" -name "$pattern" -printf "%s %T@ %m %u %p\0" | tr "\n\000" "\000\n" | head -n "$most" | head -c 8000000
elif [ -z "$wanted_text" ]; then
    find . -maxdepth "$max_depth" "$@" -type "$sort" -name "$pattern" -print0 | tr "\n\000" "\000\n" | head -n "$most" | head -c 8000000
else
    # grep tells one name a line.
    line_end='
'
    find . -maxdepth "$max_depth" "$@" -type f -name "$pattern" -path "*$line_end*" -print0 2>/dev/null | tr "\n\000" "\001\n" | head -n "$most" | sed 's/^/E /' | tr "\001" "\000"
    find . -maxdepth "$max_depth" "$@" -type f -name "$pattern" -o -type f -name "$pattern" -print0 2>/dev/null | tr "\n\000" "\001\n" | head -n "$most" | sed 's/^/R /' | tr "\001" "\000"
    find . -maxdepth "$max_depth" "$@" -type f -name "$pattern" -size "+${size_most}c" -print0 2>/dev/null | tr "\n\000" "\001\n" | head -n "$most" | sed 's/^/S /' | tr "\001" "\000"
    # A name may lead elsewhere once it was looked at, and whether grep finds the text there must not be told: each file is
    # opened once, searched as what was opened, and told only if that is the file of this name. Without /proc it is named once
    # more.
    # shellcheck disable=SC2016 # they are the inner shell's
    search='root=$1 its_text=$2 at_most=$3 its_bytes=$4 folder=/proc/$$/fd; shift 4
shows() {
    told=$(grep -naF -m "$((at_most + 1))" -e "$its_text" <"$2" | cut -c "1-$((its_bytes + 12))" | tr "\000" " ")
    [ -n "$told" ] || return
    printf "F %s\n%s\n" "$1" "$told"
    [ "$(printf "%s\n" "$told" | wc -l)" -le "$at_most" ] || echo "M $(grep -caF -e "$its_text" <"$2")"
}
if [ ! -e $folder/0 ]; then
    for file; do if [ -f "$file" ] && [ ! -L "$file" ]; then shows "$file" "$file"; fi; done
    exit 0
fi
while [ $# -gt 0 ]; do
    all_held=
    for number in 3 4 5 6 7 8 9; do
        [ $# -gt 0 ] || break
        if [ -f "$1" ] && [ ! -L "$1" ] && eval "command exec $number<\"\$1\"" 2>/dev/null; then
            all_held="$all_held $folder/$number"
            eval "kept$number=\$1"
        fi
        shift
    done
    [ -n "$all_held" ] || continue
    for held in $(grep -lF -e "$its_text" $all_held </dev/null 2>/dev/null); do
        eval "file=\$kept${held##*/}"
        [ "$(readlink "$held")" != "$root/${file#./}" ] || shows "$file" "$held"
    done
done'
    find . -maxdepth "$max_depth" "$@" -type f -name "$pattern" ! -path "*$line_end*" -size "-$((size_most + 1))c" -exec sh -c "$search" sh "$top" "$wanted_text" "$lines_most" "$line_bytes" {} + |
        if command -v awk >/dev/null 2>&1; then LC_ALL=C awk -v upto="$most" '/^F / && ++seen > upto { exit } 1'; else cat; fi | head -c 4000000
fi
exit 0
