# shellcheck shell=sh disable=SC2154 # clean.sh exports them
# The command's own shell: waits for one line of header, reads exactly as much as that says, and becomes the command.
#
# short: leader=l account_exports=a account_functions=f mark=m script_bytes=n data_bytes=d script=s input=t
leader=$mcp_l account_exports=$mcp_a account_functions=$mcp_f;
unset mcp_i mcp_l mcp_a mcp_f;
mcp_a=$account_exports mcp_f=$account_functions; unset account_exports account_functions;
eval "$mcp_x"; mcp_p=$PATH;
echo "p $$" >&3;
# For what the caller wrote: the environment of the account, as its login made it. With SHLVL a bash that is started next
# does not read its start-up files once more.
account() { unset mark script_bytes data_bytes script leader;
[ -z "${BASH_VERSION-}" ] || set +o posix;
[ "$1" = plain ] || { unset -f stat mv ln cp readlink df; unset mcp_c mcp_e mcp_p mcp_w mcp_x; eval "$mcp_f"; };
eval "$mcp_a";
unset mcp_a mcp_f IFS;
[ -z "${BASH_VERSION-}" ] || set -o posix;
case ${SHLVL-} in ""|0) SHLVL=1; export SHLVL;; esac; } 2>/dev/null;
IFS=" "; read -r mark script_bytes data_bytes script || exit 125; unset IFS;
[ $script_bytes = 0 ] || { script=$(copy $script_bytes); case $script in *"#$mark") script=${script%"#$mark"};; *) exit 125;; esac; };
# The number of the session on standard error; 0 where there was no setsid to make one.
printf "%s>" "$mark"; case $leader in ?*) leader=$$;; *) leader=0;; esac; printf "%s>%s;" "$mark" "$leader" >&2;
case $data_bytes in
# The command reads the channel itself: nothing watches it.
@) echo "m $mark" >&3; exec 3>&-; mark=; eval "$script";;
-) exec </dev/null; echo "g $mark" >&3; exec 3>&-; mark=; eval "$script";;
# A text that ends in the mark is read whole first, so that the channel is watched also while the command reads none of it.
t*) input=$(copy ${data_bytes#t}); case $input in *"#$mark") input=${input%"#$mark"};; *) exit 125;; esac;
echo "g $mark" >&3; case ${KSH_VERSION-} in "") case ${POSH_VERSION-} in "") printf %s "$input";; *) echo -n "$input";; esac;; *) print -rn -- "$input";; esac 2>/dev/null | { exec 3>&-; mark=; unset input; eval "$script"; };;
*) { if copy $data_bytes; then echo "g $mark" >&3; else echo "m $mark" >&3; fi; } | { exec 3>&-; mark=; eval "$script"; };;
esac
