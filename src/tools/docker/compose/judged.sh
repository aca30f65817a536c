# The verified paths; `--`; the project folder, or nothing; the project's name, or nothing; then the compose client's
# words, in which `::` stands for the judged rendering on standard input.
while [ "$1" != -- ]; do shift; done
d=$2 p=$3
shift 3
COMPOSE_EXPERIMENTAL_GIT_REMOTE=false COMPOSE_EXPERIMENTAL_OCI_REMOTE=false
export COMPOSE_EXPERIMENTAL_GIT_REMOTE COMPOSE_EXPERIMENTAL_OCI_REMOTE
command -v "$1" >/dev/null 2>&1 || { echo "ssh-mcp: no program $1" >&2; exit 127; }
c=$#
while [ $c -gt 0 ]; do
case $1 in
::) set -- "$@" -f -; [ -z "$p" ] || set -- "$@" -p "$p"; [ -z "$d" ] || set -- "$@" --project-directory "$d" ;;
*) set -- "$@" "$1" ;;
esac
shift
c=$((c-1))
done
