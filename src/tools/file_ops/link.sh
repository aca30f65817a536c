# shellcheck shell=sh disable=SC2154
[ ! -L "$S" ] || exit 94
[ -f "$S" ] || { echo "only regular files have hard links" >&2; exit 95; }
exec ln -PT "$S" "./$L"
