# The verified paths, of which the last three kinds are: the files that the compose file names, the variables beside it,
# and the compose file; `--`; how many of them an opening was made from; the digest of what it was made from (`-` for one
# that was made just now, nothing where there is none); the words of receive.sh; `1` for the first generation; the project
# folder, or nothing; a line that lists containers or runs; a state or a digest; a service; then the compose client's
# words, in which `::` stands for the project.
# shellcheck disable=SC2034,SC2154 # Some are for the scripts that follow; i (how many were judged) and opening are set by eval.
#
# short: path_count=a path=q digest=h count=c opening=o variables_file=e compose_file=f lines_length=n mark=m empty_env=j folder_mark=u generation=g project_folder=d command_line=x state_or_digest=s service=v text=t telling=z project_name=p leaf=L
path_count=0
for path in "$@"; do [ "$path" != -- ] || break; path_count=$((path_count+1)); done
eval "i=\${$((path_count+2))} opening=\${$((path_count+3))}"
digest=
case $opening in
    '' | -) ;;
    *)
    digest=$(count=0; for path in "$@"; do
        [ "$path" != -- ] || break
        count=$((count+1))
        [ $count -gt $((path_count-i)) ] || continue
        if [ -f "$path" ]; then sha256sum <"$path"; else echo none; fi
    done 2>/dev/null | sha256sum 2>/dev/null)
    digest=${digest%% *}
    ;;
esac
variables_file=
compose_file=
while [ "$1" != -- ]; do variables_file=$compose_file compose_file=$1; shift; done
lines_length=$4 mark=$5 empty_env=$6 folder_mark=$7
shift 7
generation=$1 project_folder=$2 command_line=$3 state_or_digest=$4 service=$5
shift 5
# A pipe would be waited for.
[ -f "./$leaf" ] || { echo "ssh-mcp: no file $compose_file" >&2; exit 96; }
[ -r "./$leaf" ] || { echo "ssh-mcp: unreadable $compose_file" >&2; exit 96; }
[ ! -f "$variables_file" ] || [ -r "$variables_file" ] || { echo "ssh-mcp: unreadable $variables_file" >&2; exit 96; }
text=
# The words of policy/docker/compose/files.rs and those of commands around a start or stop (opening.rs), what can spell them
# in another way, and bytes beside plain text, by which readers of YAML differ.
[ -n "$opening" ] || { text=$(cat "./$leaf"); telling=$(printf 'include|extends|env_file|label_file|pre_st|post_st|[\\!%%]|[^ -~\t\r]'); }
if [ -n "$opening" ] && { [ "$opening" = - ] || [ "$opening" = "$digest" ]; }; then :
elif [ -z "$opening" ] && [ ! -f "$variables_file" ] && ! printf '%s\n' "$text" | LC_ALL=C grep -Eq "$telling"; then lines_length=0
else
    if [ -f "$variables_file" ]; then echo there; cat "$variables_file"; else echo none; fi
    printf '\n%s\n' "$mark"
    cat "./$leaf"
    exit 97
fi
command -v "$1" >/dev/null 2>&1 || { echo "ssh-mcp: no program $1" >&2; exit 127; }
project_name=
