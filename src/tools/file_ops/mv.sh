# shellcheck shell=sh disable=SC2154
echo "$z"
exec mv -fT "$S" "./$L"
