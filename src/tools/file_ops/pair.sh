# shellcheck shell=sh disable=SC2034,SC2154
# $1: source, $2: destination, both verified; $3: "file" stops with 99 at a folder. This runs in the destination's folder. Enters the source's folder once
# more, proves it, and keeps it on descriptor 7, so that S names the source inside a folder that cannot be exchanged.
#
# short: leaf=L from=S leaf_kept=q in_folder=d here=y from_size=z
leaf_kept=$leaf; in_folder=${1%/*}; in_folder=${in_folder:-/}
exec 6<.
cd -P "$in_folder" || exit 96
[ "$PWD" = "$in_folder" ] || exit 94
exec 7<.
from=/proc/self/fd/7/${1##*/} here=/proc/self/fd/6
# Without /proc a folder cannot be held on to: it is named once more.
[ -e "$here/." ] || { from=${in_folder%/}/${1##*/}; here=${2%/*}; here=${here:-/}; }
cd -P "$here" || exit 96
in_folder=${2%/*}; [ "$PWD" = "${in_folder:-/}" ] || exit 94
leaf=$leaf_kept
if [ ! -e "$from" ] && [ ! -L "$from" ]; then echo "the source is gone" >&2; exit 98; fi
if [ -d "./$leaf" ] && [ ! -L "./$leaf" ] && [ ! -d "$from" ]; then echo "the destination is a folder: name the new file" >&2; exit 95; fi
if [ "$3" = file ] && [ -d "$from" ] && [ ! -L "$from" ]; then exit 99; fi
from_size=0; if [ -f "$from" ] && [ ! -L "$from" ]; then from_size=$(stat -c %s "$from"); fi
