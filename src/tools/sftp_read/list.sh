# shellcheck shell=sh
# Every name, each closed by NUL, an empty one at the end; then a line of facts for each name that is there, in the same order. Patterns
# without a match stay as they are, and have no facts. $2: most names; of more, the first ones, and `cut N` on standard
# error.
M=$2
set -- ./.[!.]* ./..?* ./*
if [ "$#" -gt "$M" ]; then
echo "cut $#" >&2
l() { printf "%s\0" "$@" | tr "\n\000" "\001\n" | head -n "$M" | tr "\001\n" "\n\000"; }
else l() { printf "%s\0" "$@"; }; fi
# Where stat is spelled otherwise, spelled.sh knows how.
case ${mcp_c-} in "" | *stat=gnu*) ;; *) listed "$@"; exit 0;; esac
l "$@"; printf "\0"
l "$@" | QUOTING_STYLE=literal xargs -0 stat -c "%f %s %Y %N" 2>/dev/null
exit 0
