# shellcheck shell=sh disable=SC2154
#
# short: leaf=L from=S physical=P
[ ! -L "$from" ] || exit 94
[ -f "$from" ] || { echo "only regular files have hard links" >&2; exit 95; }
# BusyBox has no -P, and never follows.
physical=; if ln --help 2>&1 | grep -q -e "-P"; then physical=-P; fi
# shellcheck disable=SC2086
ln $physical -T "$from" "./$leaf"
