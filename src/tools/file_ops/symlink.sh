# shellcheck shell=sh disable=SC2154
# $2: the text of the link.
exec ln -sT -- "$2" "./$L"
