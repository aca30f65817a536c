# The verified paths, the compose file last; `--`; `open` when the files it names were judged; `1` for the first
# generation; the project folder,
# or nothing; a line that lists containers; a state; a service; then the compose client's words, in which `::`
# stands for the file.
while [ "$1" != -- ]; do f=$1; shift; done
# shellcheck disable=SC2034 # g, x, s and v are for the scripts that follow.
o=$2 g=$3 d=$4 x=$5 s=$6 v=$7
shift 7
COMPOSE_EXPERIMENTAL_GIT_REMOTE=false COMPOSE_EXPERIMENTAL_OCI_REMOTE=false
export COMPOSE_EXPERIMENTAL_GIT_REMOTE COMPOSE_EXPERIMENTAL_OCI_REMOTE
[ -r "./$L" ] || { echo "ssh-mcp: unreadable $f" >&2; exit 96; }
# The words of policy/docker/compose/files.rs, a backslash, and the marks of UTF-16, in which none would be found.
n=$(printf 'include|extends|env_file|label_file|[\\]|\377\376|\376\377')
[ "$o" = open ] || ! grep -Eq "$n" "./$L" || { cat "./$L"; exit 97; }
command -v "$1" >/dev/null 2>&1 || { echo "ssh-mcp: no program $1" >&2; exit 127; }
c=$#
while [ $c -gt 0 ]; do
case $1 in
::) set -- "$@" -f "$f"; [ -z "$d" ] || set -- "$@" --project-directory "$d" ;;
*) set -- "$@" "$1" ;;
esac
shift
c=$((c-1))
done
