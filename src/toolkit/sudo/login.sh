# As the login account: enters root and never lets the password meet what runs there.
# $1 mark, $2 text of root.sh, $3 script for root, $4 "data" or "-". Standard input: one line with the password, which
# may be empty, then the data.
m=$1; h=${XDG_STATE_HOME:-${HOME:-}/.local/state}/ssh-mcp; IFS= read -r a || exit 96
command -v sudo >/dev/null 2>&1 || { printf 'sudo is not installed' >&2; exit 97; }
# Where sudo asks for nothing the password is not used at all.
if [ -z "$a" ] || sudo -n -- sh -c : 2>/dev/null; then sudo -n -- sh -c "$2" sh "$m" "" "$3" "$4" $$ "$h"; exit; fi
# One attempt: sudo gets one line and then the end of its input. With -k it asks whatever tickets there are, makes none,
# and leaves those of other sessions alone.
e=$(printf '%s\n' "$a" | sudo -k -S -p '' -v 2>&1) || { printf '%s' "$e" >&2; exit 97; }
# The password is known to be right, and root.sh drops every line up to the mark, whether sudo has read the first one or
# not.
{ printf '%s\n%s\n' "$a" "$m"; a=; cat; } | sudo -k -S -p '' -- sh -c "$2" sh "$m" "$m" "$3" "$4" $$ "$h"
