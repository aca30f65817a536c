# shellcheck shell=sh disable=SC2034,SC2154
# Makes the folders down to $1, each in one that was proven. $2: mode in octal; $3: bytes of the highest that may be made.
#
# short: made=p path=P left=k rest=r part=c in_folder=d canonical=R leaf=L
made=; path=$1; left=2
while [ "$made" != "$1" ]; do
    rest=${1#"$made"/}; part=${rest%%/*}; in_folder=${made:-/}; made=$made/$part
    [ "${#made}" -ge "$3" ] || continue
    cd -P -- "$in_folder" 2>/dev/null || lost "$in_folder"
    canonical=${PWD%/}/$part
    if [ -L "./$part" ]; then leaf=$part; real "$made"; fi
    [ "$canonical" = "$made" ] || { printf "%s%s/./" "$canonical" "${1#"$made"}"; exit 90; }
    [ ! -d "./$part" ] || continue
    if [ -e "./$part" ]; then echo "there is something that is no folder: $made" >&2; exit 98; fi
    mkdir -m "$2" "./$part" || exit 96
done
echo "mode $(stat -c %a "./$part")"
