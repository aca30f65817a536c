# The verified paths, of which the last three kinds are: the files that the compose file names, the variables beside it,
# and the compose file; `--`; how many of them an opening was made from; the digest of what it was made from (`-` for one
# that was made just now, nothing where there is none); the words of receive.sh; `1` for the first generation; the project
# folder, or nothing; a line that lists containers or runs; a state or a digest; a service; then the compose client's
# words, in which `::` stands for the project.
# shellcheck disable=SC2034,SC2154 # Some are for the scripts that follow; i and o are set by eval.
a=0
for q in "$@"; do [ "$q" != -- ] || break; a=$((a+1)); done
eval "i=\${$((a+2))} o=\${$((a+3))}"
h=
case $o in
    '' | -) ;;
    *)
    h=$(c=0; for q in "$@"; do
        [ "$q" != -- ] || break
        c=$((c+1))
        [ $c -gt $((a-i)) ] || continue
        if [ -f "$q" ]; then sha256sum <"$q"; else echo none; fi
    done 2>/dev/null | sha256sum 2>/dev/null)
    h=${h%% *}
    ;;
esac
e=
f=
while [ "$1" != -- ]; do e=$f f=$1; shift; done
n=$4 m=$5 j=$6 u=$7
shift 7
g=$1 d=$2 x=$3 s=$4 v=$5
shift 5
# A pipe would be waited for.
[ -f "./$L" ] || { echo "ssh-mcp: no file $f" >&2; exit 96; }
[ -r "./$L" ] || { echo "ssh-mcp: unreadable $f" >&2; exit 96; }
[ ! -f "$e" ] || [ -r "$e" ] || { echo "ssh-mcp: unreadable $e" >&2; exit 96; }
t=
# The words of policy/docker/compose/files.rs and those of commands around a start or stop (opening.rs), what can spell them
# in another way, and bytes beside plain text, by which readers of YAML differ.
[ -n "$o" ] || { t=$(cat "./$L"); z=$(printf 'include|extends|env_file|label_file|pre_st|post_st|[\\!%%]|[^ -~\t\r]'); }
if [ -n "$o" ] && { [ "$o" = - ] || [ "$o" = "$h" ]; }; then :
elif [ -z "$o" ] && [ ! -f "$e" ] && ! printf '%s\n' "$t" | LC_ALL=C grep -Eq "$z"; then n=0
else
    if [ -f "$e" ]; then echo there; cat "$e"; else echo none; fi
    printf '\n%s\n' "$m"
    cat "./$L"
    exit 97
fi
command -v "$1" >/dev/null 2>&1 || { echo "ssh-mcp: no program $1" >&2; exit 127; }
p=
