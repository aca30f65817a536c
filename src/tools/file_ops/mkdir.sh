# shellcheck shell=sh disable=SC2154
# $2: mode in octal; $3: "yes" where a folder that is there is fine.
[ ! -L "./$L" ] || exit 94
if [ "$3" = yes ] && [ -d "./$L" ]; then exit 0; fi
if [ -e "./$L" ]; then echo "there is something of that name" >&2; exit 98; fi
mkdir -m "$2" "./$L" && echo "mode $(stat -c %a "./$L")"
