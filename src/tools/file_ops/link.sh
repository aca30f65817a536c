# shellcheck shell=sh disable=SC2154
#
# short: leaf=L from=S
[ ! -L "$from" ] || exit 94
[ -f "$from" ] || { echo "only regular files have hard links" >&2; exit 95; }
# BusyBox has no -P, and never follows.
P=; if ln --help 2>&1 | grep -q -e "-P"; then P=-P; fi
# shellcheck disable=SC2086
ln $P -T "$from" "./$leaf"
