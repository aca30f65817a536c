# shellcheck shell=sh disable=SC2034,SC2154
# Makes the folders down to $1, each in one that was proven. $2: mode in octal; $3: bytes of the highest that may be made.
p=; P=$1; k=2
while [ "$p" != "$1" ]; do
r=${1#"$p"/}; c=${r%%/*}; d=${p:-/}; p=$p/$c
[ "${#p}" -ge "$3" ] || continue
cd -P -- "$d" 2>/dev/null || lost "$d"
R=${PWD%/}/$c
if [ -L "./$c" ]; then L=$c; real "$p"; fi
[ "$R" = "$p" ] || { printf "%s%s/./" "$R" "${1#"$p"}"; exit 90; }
[ ! -d "./$c" ] || continue
if [ -e "./$c" ]; then echo "there is something that is no folder: $p" >&2; exit 98; fi
mkdir -m "$2" "./$c" || exit 96
done
echo "mode $(stat -c %a "./$c")"
