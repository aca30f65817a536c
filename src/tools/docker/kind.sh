# The client's words; engine_kind.sh stands before this. An engine that does not say what it is says why not.
command -v "$1" >/dev/null 2>&1 || { echo "ssh-mcp: no program $1" >&2; exit 127; }
kind=$(engine_kind "$@")
[ "$kind" != unknown ] || { "$@" version >/dev/null </dev/null; exit 1; }
echo "$kind"
