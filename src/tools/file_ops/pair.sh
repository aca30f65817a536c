# shellcheck shell=sh disable=SC2034,SC2154
# $1: source, $2: destination, both verified; $3: "file" stops with 99 at a folder. This runs in the destination's folder. Enters the source's folder once
# more, proves it, and keeps it on descriptor 7, so that S names the source inside a folder that cannot be exchanged.
q=$L; d=${1%/*}; d=${d:-/}
exec 6<.
cd -P "$d" || exit 96
[ "$PWD" = "$d" ] || exit 94
exec 7<.
S=/proc/self/fd/7/${1##*/} y=/proc/self/fd/6
# Without /proc a folder cannot be held on to: it is named once more.
[ -e "$y/." ] || { S=${d%/}/${1##*/}; y=${2%/*}; y=${y:-/}; }
cd -P "$y" || exit 96
d=${2%/*}; [ "$PWD" = "${d:-/}" ] || exit 94
L=$q
if [ ! -e "$S" ] && [ ! -L "$S" ]; then echo "the source is gone" >&2; exit 98; fi
if [ -d "./$L" ] && [ ! -L "./$L" ] && [ ! -d "$S" ]; then echo "the destination is a folder: name the new file" >&2; exit 95; fi
if [ "$3" = file ] && [ -d "$S" ] && [ ! -L "$S" ]; then exit 99; fi
z=0; if [ -f "$S" ] && [ ! -L "$S" ]; then z=$(stat -c %s "$S"); fi
