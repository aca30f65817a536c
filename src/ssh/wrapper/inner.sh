# shellcheck shell=sh disable=SC2154 # clean.sh exports them
# The command's own shell: waits for one line of header, reads exactly as much as that says, and becomes the command.
l=$mcp_l a=$mcp_a f=$mcp_f;
unset mcp_i mcp_l mcp_a mcp_f;
mcp_a=$a mcp_f=$f; unset a f;
eval "$mcp_x"; mcp_p=$PATH;
echo "p $$" >&3;
# For what the caller wrote: the environment of the account, as its login made it. With SHLVL a bash that is started next
# does not read its start-up files once more.
account() { unset m n d s l;
[ -z "${BASH_VERSION-}" ] || set +o posix;
[ "$1" = plain ] || { unset -f stat mv ln cp readlink df; unset mcp_c mcp_e mcp_p mcp_x; eval "$mcp_f"; };
eval "$mcp_a";
unset mcp_a mcp_f IFS;
[ -z "${BASH_VERSION-}" ] || set -o posix;
case ${SHLVL-} in ""|0) SHLVL=1; export SHLVL;; esac; } 2>/dev/null;
IFS=" "; read -r m n d s || exit 125; unset IFS;
[ $n = 0 ] || { s=$(copy $n); case $s in *"#$m") s=${s%"#$m"};; *) exit 125;; esac; };
# The number of the session on standard error; 0 where there was no setsid to make one.
printf "%s>" "$m"; case $l in ?*) l=$$;; *) l=0;; esac; printf "%s>%s;" "$m" "$l" >&2;
case $d in
# The command reads the channel itself: nothing watches it.
@) echo "m $m" >&3; exec 3>&-; m=; eval "$s";;
-) exec </dev/null; echo "g $m" >&3; exec 3>&-; m=; eval "$s";;
*) { if copy $d; then echo "g $m" >&3; else echo "m $m" >&3; fi; } | { exec 3>&-; m=; eval "$s"; };;
esac
