# Starts the engine's client, all words given. A missing client is told apart from a missing program in a container.
command -v "$1" >/dev/null 2>&1 || { echo "ssh-mcp: no program $1" >&2; exit 127; }
exec "$@"
