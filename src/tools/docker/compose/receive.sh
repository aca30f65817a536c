# lines_length: how long the lines of ours are that come first on standard input; mark: what ends them; empty_env: `folder` where compose
# needs a private folder; folder_mark: what stands for that folder in texts. Compose is given no file of variables: what the project
# needs of it is in those lines.
# shellcheck disable=SC2154 # All of them, and text, come from the script before.
#
# short: work_folder=w project_file=y empty_env=j folder_mark=u lines_length=n lines=z mark=m text=t
work_folder=
project_file=
[ "$empty_env" != folder ] || {
    work_folder=$(umask 077; mktemp -d "${TMPDIR:-/tmp}/ssh-mcp.XXXXXXXX") || exit 127
    trap 'rm -rf "$work_folder"' 0
    trap 'exit 143' 1 2 15
    work_folder=$(cd -P -- "$work_folder" && pwd -P) && : >"$work_folder/none" || exit 127
}
empty_env=${work_folder:+$work_folder/none}
empty_env=${empty_env:-/dev/null}
put() { mkdir -p "$work_folder${1%/*}" && printf '%s\n' "$2" | sed "s|$folder_mark|$work_folder|g" >"$work_folder$1"; }
feed() { if [ -n "$folder_mark" ]; then printf '%s\n' "$text" | sed "s|$folder_mark|$work_folder|g"; else printf '%s\n' "$text"; fi; }
COMPOSE_EXPERIMENTAL_GIT_REMOTE=false COMPOSE_EXPERIMENTAL_OCI_REMOTE=false COMPOSE_DISABLE_ENV_FILE=true
export COMPOSE_EXPERIMENTAL_GIT_REMOTE COMPOSE_EXPERIMENTAL_OCI_REMOTE COMPOSE_DISABLE_ENV_FILE
[ "$lines_length" = 0 ] || {
    lines=$(dd bs="$lines_length" count=1 iflag=fullblock 2>/dev/null || dd bs=1 count="$lines_length" 2>/dev/null)
    case $lines in
        *"#$mark") eval "$lines" ;;
        *) echo "ssh-mcp: status 125" >&2; exit 98 ;;
    esac
}
