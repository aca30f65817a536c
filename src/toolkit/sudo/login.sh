# shellcheck shell=sh disable=SC2154 # the wrapper sets mcp_*
# As the login account: enters root and never lets the password meet what runs there.
# $1 mark, $2 what root reads first (copy.sh and enter.sh), $3 text for root (root.sh and its script), $4 its length in bytes, $5
# "data" or "-". Standard input: one line with the password, which may be empty, then the data.
#
# short: mark=m enter=e root_text=t root_length=n data_kind=k state_folder=h password=a places=x on_command_line=b
# short: path_kept=p way=s missing=f said=r
mark=$1; enter=$2; root_text=$3; root_length=$4; data_kind=$5; state_folder=${XDG_STATE_HOME:-${HOME:-}/.local/state}/ssh-mcp; IFS= read -r password || exit 96
# For scripts of ours: where programs are, and how they are spelled.
places="mcp_p='$mcp_p' mcp_c='$mcp_c';$mcp_x"
# All that stands on root's command line. What runs there follows on its input, behind the mark: in front of it there may be what
# was for sudo.
on_command_line='[ -z "$2" ]||exec <"$2";while IFS= read -r places&&[ "$places" != "$1" ];do :;done;IFS= read -r places;eval "$places"'
# Builtins only: what is said may be a password, or long. Shells of the ksh family have no printf of their own.
put() { case ${KSH_VERSION-} in '') printf '%s' "$1";; *) print -rn -- "$1";; esac; }
say() { put "$1"; echo; }
feed() { say "$mark"; say "$enter"; say "$state_folder"; say "$places"; say "$$ $data_kind $root_length"; put "$root_text"; [ "$data_kind" = - ] || cat; } 2>/dev/null
# The way to root is looked for where only root puts programs.
path_kept=$PATH; PATH=$mcp_p
way=$(command -v sudo) || way=$(command -v doas) || { missing=none; ! command -v run0 >/dev/null 2>&1 || missing=run0; printf 'not installed: %s' $missing >&2; exit 97; }
PATH=$path_kept
case $way in */doas) feed | "$way" -n sh -c "$on_command_line" ssh-mcp "$mark"; exit;; esac
# Where sudo asks for nothing the password is not used at all.
if [ -z "$password" ] || "$way" -n -- sh -c : 2>/dev/null; then feed | "$way" -n -- sh -c "$on_command_line" ssh-mcp "$mark"; exit; fi
# One attempt: sudo gets one line and then the end of its input. With -k it asks whatever tickets there are, makes none,
# and leaves those of other sessions alone.
said=$(say "$password" | "$way" -k -S -p '' -v 2>&1) || { printf '%s' "$said" >&2; exit 97; }
# Where sudo is sudo-rs, wrapper/sudo_rs.sh knows the way.
! command -v sudo_rs >/dev/null 2>&1 || sudo_rs
# The password is known to be right, and what root reads drops every line up to the mark, whether sudo has read the first one or
# not.
{ say "$password"; password=; feed; } | "$way" -k -S -p '' -- sh -c "$on_command_line" ssh-mcp "$mark"
