# Puts the project in the place of `::`. project_file: nothing where it is on standard input; the name and the
# folder of the project may be empty.
# shellcheck disable=SC2154 # The first two come from receive.sh, the others from the script before it.
#
# short: count=c project_file=y empty_env=j project_name=p project_folder=d
count=$#
while [ $count -gt 0 ]; do
    case $1 in
        ::) set -- "$@" -f "${project_file:--}" --env-file "$empty_env"; [ -z "$project_name" ] || set -- "$@" -p "$project_name"; [ -z "$project_folder" ] || set -- "$@" --project-directory "$project_folder" ;;
        *) set -- "$@" "$1" ;;
    esac
    shift
    count=$((count-1))
done
