# shellcheck shell=sh disable=SC2154
# Enters the verified folder and proves that it is the approved one, $1.
#
# short: leaf=L
[ -d "./$leaf" ] || { echo "it is no folder" >&2; exit 95; }
cd -P -- "./$leaf" || exit 96
[ "$PWD" = "$1" ] || exit 94
[ -r . ] || { echo "the account may not read this folder" >&2; exit 96; }
