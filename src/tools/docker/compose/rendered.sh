# JSON where compose can; YAML from the first generation, which takes --format for a call for help and succeeds.
# shellcheck disable=SC2154 # generation comes from open.sh, the others from receive.sh.
#
# short: rendering=r generation=g kind=k folder_mark=u work_folder=w
rendering=
[ "$generation" = 1 ] || rendering=$(feed | "$@" config --format json 2>/dev/null) || rendering=
case $rendering in
    '{'*) kind=json ;;
    *)
    rendering=$(feed | "$@" config) || { rendering=$?; echo "ssh-mcp: status $rendering" >&2; exit 98; }
    kind=yaml
    ;;
esac
[ -z "$folder_mark" ] || rendering=$(printf '%s\n' "$rendering" | sed "s|$work_folder|$folder_mark|g")
