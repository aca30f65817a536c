# shellcheck shell=sh disable=SC2154 # the wrapper sets mcp_*
# As the login account: enters root and never lets the password meet what runs there.
# $1 mark, $2 what root reads first (copy.sh and enter.sh), $3 text for root (root.sh and its script), $4 its length in bytes, $5
# "data" or "-". Standard input: one line with the password, which may be empty, then the data.
m=$1; e=$2; t=$3; n=$4; k=$5; h=${XDG_STATE_HOME:-${HOME:-}/.local/state}/ssh-mcp; IFS= read -r a || exit 96
# For scripts of ours: where programs are, and how they are spelled.
x="mcp_p='$mcp_p' mcp_c='$mcp_c';$mcp_x"
# All that stands on root's command line. What runs there follows on its input, behind the mark: in front of it there may be what
# was for sudo.
b='[ -z "$2" ]||exec <"$2";while IFS= read -r x&&[ "$x" != "$1" ];do :;done;IFS= read -r x;eval "$x"'
# Builtins only: what is said may be a password, or long. Shells of the ksh family have no printf of their own.
put() { case ${KSH_VERSION-} in '') printf '%s' "$1";; *) print -rn -- "$1";; esac; }
say() { put "$1"; echo; }
feed() { say "$m"; say "$e"; say "$h"; say "$x"; say "$$ $k $n"; put "$t"; [ "$k" = - ] || cat; } 2>/dev/null
# The way to root is looked for where only root puts programs.
p=$PATH; PATH=$mcp_p
s=$(command -v sudo) || s=$(command -v doas) || { f=none; ! command -v run0 >/dev/null 2>&1 || f=run0; printf 'not installed: %s' $f >&2; exit 97; }
PATH=$p
case $s in */doas) feed | "$s" -n sh -c "$b" ssh-mcp "$m"; exit;; esac
# Where sudo asks for nothing the password is not used at all.
if [ -z "$a" ] || "$s" -n -- sh -c : 2>/dev/null; then feed | "$s" -n -- sh -c "$b" ssh-mcp "$m"; exit; fi
# One attempt: sudo gets one line and then the end of its input. With -k it asks whatever tickets there are, makes none,
# and leaves those of other sessions alone.
r=$(say "$a" | "$s" -k -S -p '' -v 2>&1) || { printf '%s' "$r" >&2; exit 97; }
# Where sudo is sudo-rs, wrapper/sudo_rs.sh knows the way.
! command -v sudo_rs >/dev/null 2>&1 || sudo_rs
# The password is known to be right, and what root reads drops every line up to the mark, whether sudo has read the first one or
# not.
{ say "$a"; a=; feed; } | "$s" -k -S -p '' -- sh -c "$b" ssh-mcp "$m"
