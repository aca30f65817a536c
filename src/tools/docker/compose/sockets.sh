# The verified paths, before `--`: none may be a socket.
for q in "$@"; do
[ "$q" != -- ] || break
[ ! -S "$q" ] || { echo "ssh-mcp: socket $q" >&2; exit 95; }
done
