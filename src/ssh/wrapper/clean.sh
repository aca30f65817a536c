# shellcheck shell=dash disable=SC3045,SC2154,SC2093 # what only bash knows runs only in bash; start.sh sets idle_limit
# Still in the account's environment: keeps it as text for the commands that shall see it, and starts again in a known one.
# Only special builtins and reserved words are used, which no function of the account's can replace.
# What bash lets nobody set would end the shell that is given it.
#
# short: idle_limit=k name=v ignore=x
case ${BASH_VERSION-} in ?*) export -n SHELLOPTS BASHOPTS UID EUID PPID;; esac;
mcp_a=$(export -p) mcp_f=;
case $idle_limit in ""|*[!0-9]*) ;; *) mcp_a="$mcp_a;TMOUT=$idle_limit;export TMOUT";; esac;
case ${BASH_VERSION-} in ?*) mcp_f=$(export -pf);; esac;
read -r mcp_o;
read -r mcp_i;
read -r mcp_x;
# What our own scripts may know of the account: where its home, its sockets and its ways to the network are.
set --;
for name in HOME USER LOGNAME SHELL MAIL TZ TMPDIR SSH_CONNECTION SSH_CLIENT SSH_AUTH_SOCK KRB5CCNAME XDG_RUNTIME_DIR XDG_CONFIG_HOME XDG_DATA_HOME XDG_STATE_HOME DBUS_SESSION_BUS_ADDRESS DOCKER_HOST DOCKER_CONTEXT DOCKER_CONFIG DOCKER_TLS_VERIFY DOCKER_CERT_PATH DOCKER_API_VERSION CONTAINER_HOST http_proxy https_proxy no_proxy all_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY ALL_PROXY;
do eval "case \${$name+x} in x) set -- \"\$@\" \"$name=\$$name\";; esac"; done;
# One variable of an environment holds 128 KiB, and posh prints what no shell reads: there the environment stays as it is.
ignore=-i;
case ${#mcp_a} in ??????*) ignore=; mcp_a=; mcp_f=;; esac;
case ${#mcp_f} in ??????*) mcp_f=;; esac;
case ${POSH_VERSION-} in ?*) ignore=; mcp_a=;; esac;
# The fixed search path alone finds the few programs that look for the rest.
mcp_e=$PATH; PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin;
exec env $ignore "$@" PATH="$PATH" LC_ALL=C mcp_a="$mcp_a" mcp_f="$mcp_f" mcp_e="$mcp_e" mcp_x="$mcp_x"
mcp_i="$mcp_i" mcp_o="$mcp_o" sh -c "eval \"\$mcp_o\"" ssh-mcp
