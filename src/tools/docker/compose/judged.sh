# Follows sources.sh. The verified paths; `--`; the words of receive.sh; the project folder, or nothing; the project's name, or nothing; then
# the compose client's words, in which `::` stands for the judged rendering on standard input.
# shellcheck disable=SC2034 # They are for the scripts that follow.
#
# short: lines_length=n mark=m empty_env=j folder_mark=u project_folder=d project_name=p text=t
while [ "$1" != -- ]; do shift; done
lines_length=$2 mark=$3 empty_env=$4 folder_mark=$5 project_folder=$6 project_name=$7 text=
shift 7
command -v "$1" >/dev/null 2>&1 || { echo "ssh-mcp: no program $1" >&2; exit 127; }
