# Starts the engine's client. $1: what `--env-file /dev/fd/3` reads, the rest are its words. Values of variables go that way, so that
# no argument list holds them, and the client itself, which reads variables of its own, does not have them.
#
# short: variables=e
variables=$1; shift
command -v "$1" >/dev/null 2>&1 || { echo "ssh-mcp: no program $1" >&2; exit 127; }
[ -n "$variables" ] || exec "$@"
# Shells of the ksh family have no printf of their own.
exec 4<&0
case ${KSH_VERSION-} in '') printf '%s\n' "$variables";; *) print -r -- "$variables";; esac 4<&- | { exec 3<&0 <&4 4<&-; exec "$@"; }
