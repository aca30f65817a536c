# shellcheck shell=sh disable=SC2034 # part.sh follows
# As client.sh, for a list: $1 bytes of it at most, then the words.
#
# short: most_bytes=M
most_bytes=$1; shift
command -v "$1" >/dev/null 2>&1 || { echo "ssh-mcp: no program $1" >&2; exit 127; }
