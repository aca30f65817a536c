# shellcheck shell=sh disable=SC2154
# As the login account: enters root and never lets the password meet what runs there.
# $1 mark, $2 text of root.sh, $3 script for root, $4 "data" or "-". Standard input: one line with the password, which
# may be empty, then the data.
m=$1; h=${XDG_STATE_HOME:-${HOME:-}/.local/state}/ssh-mcp; IFS= read -r a || exit 96
# For scripts of ours: where programs are, and how they are spelled.
x="mcp_p='$mcp_p' mcp_c='$mcp_c';$mcp_x"
# The way to root is looked for where only root puts programs.
p=$PATH; PATH=$mcp_p
s=$(command -v sudo) || s=$(command -v doas) || { f=none; ! command -v run0 >/dev/null 2>&1 || f=run0; printf 'not installed: %s' $f >&2; exit 97; }
PATH=$p
case $s in */doas) exec "$s" -n sh -c "$2" sh "$m" "" "$3" "$4" $$ "$h" "$x";; esac
# Where sudo asks for nothing the password is not used at all.
if [ -z "$a" ] || "$s" -n -- sh -c : 2>/dev/null; then "$s" -n -- sh -c "$2" sh "$m" "" "$3" "$4" $$ "$h" "$x"; exit; fi
# One attempt: sudo gets one line and then the end of its input. With -k it asks whatever tickets there are, makes none,
# and leaves those of other sessions alone.
e=$(printf '%s\n' "$a" | "$s" -k -S -p '' -v 2>&1) || { printf '%s' "$e" >&2; exit 97; }
# Where sudo is sudo-rs, wrapper/sudo_rs.sh knows the way.
! command -v sudo_rs >/dev/null 2>&1 || sudo_rs "$@"
# The password is known to be right, and root.sh drops every line up to the mark, whether sudo has read the first one or
# not.
{ printf '%s\n%s\n' "$a" "$m"; a=; cat; } | "$s" -k -S -p '' -- sh -c "$2" sh "$m" "$m" "$3" "$4" $$ "$h" "$x"
