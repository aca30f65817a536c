# shellcheck shell=sh disable=SC2154
# $2: mode in octal; $3: "yes" where a folder that is there is fine.
#
# short: leaf=L
[ ! -L "./$leaf" ] || exit 94
if [ "$3" = yes ] && [ -d "./$leaf" ]; then exit 0; fi
if [ -e "./$leaf" ]; then echo "there is something of that name" >&2; exit 98; fi
mkdir -m "$2" "./$leaf" && echo "mode $(stat -c %a "./$leaf")"
