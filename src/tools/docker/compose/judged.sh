# Follows sources.sh. The verified paths; `--`; the words of receive.sh; the project folder, or nothing; the project's name, or nothing; then
# the compose client's words, in which `::` stands for the judged rendering on standard input.
# shellcheck disable=SC2034 # They are for the scripts that follow.
while [ "$1" != -- ]; do shift; done
n=$2 m=$3 j=$4 u=$5 d=$6 p=$7 t=
shift 7
command -v "$1" >/dev/null 2>&1 || { echo "ssh-mcp: no program $1" >&2; exit 127; }
