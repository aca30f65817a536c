# The client's words; engine_kind.sh stands before this.
command -v "$1" >/dev/null 2>&1 || { echo "ssh-mcp: no program $1" >&2; exit 127; }
engine_kind "$@"
