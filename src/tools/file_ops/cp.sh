# shellcheck shell=sh disable=SC2154
[ ! -L "$S" ] || exit 94
if [ -d "$S" ] && [ -e "./$L" ]; then echo "there is something at the destination" >&2; exit 98; fi
echo "$z"
exec cp -aT --remove-destination "$S" "./$L"
