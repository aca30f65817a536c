# Puts the project in the place of `::`. y: the file, or nothing where it is on standard input; p: the project's name, or
# nothing; d: its folder, or nothing.
# shellcheck disable=SC2154 # j and y come from receive.sh, d and p from the script before it.
c=$#
while [ $c -gt 0 ]; do
    case $1 in
        ::) set -- "$@" -f "${y:--}" --env-file "$j"; [ -z "$p" ] || set -- "$@" -p "$p"; [ -z "$d" ] || set -- "$@" --project-directory "$d" ;;
        *) set -- "$@" "$1" ;;
    esac
    shift
    c=$((c-1))
done
