# n: the length of lines of ours that come first on standard input; m: the mark that ends them; j: `folder` where compose
# needs a private folder; u: what stands for that folder in texts. Compose is given no file of variables: what the project
# needs of it is in those lines.
# shellcheck disable=SC2154 # All of them, and t, come from the script before.
w=
y=
[ "$j" != folder ] || {
    w=$(umask 077; mktemp -d "${TMPDIR:-/tmp}/ssh-mcp.XXXXXXXX") || exit 127
    trap 'rm -rf "$w"' 0
    trap 'exit 143' 1 2 15
    w=$(cd -P -- "$w" && pwd -P) && : >"$w/none" || exit 127
}
j=${w:+$w/none}
j=${j:-/dev/null}
put() { mkdir -p "$w${1%/*}" && printf '%s\n' "$2" | sed "s|$u|$w|g" >"$w$1"; }
feed() { if [ -n "$u" ]; then printf '%s\n' "$t" | sed "s|$u|$w|g"; else printf '%s\n' "$t"; fi; }
COMPOSE_EXPERIMENTAL_GIT_REMOTE=false COMPOSE_EXPERIMENTAL_OCI_REMOTE=false COMPOSE_DISABLE_ENV_FILE=true
export COMPOSE_EXPERIMENTAL_GIT_REMOTE COMPOSE_EXPERIMENTAL_OCI_REMOTE COMPOSE_DISABLE_ENV_FILE
[ "$n" = 0 ] || {
    z=$(dd bs="$n" count=1 iflag=fullblock 2>/dev/null || dd bs=1 count="$n" 2>/dev/null)
    case $z in
        *"#$m") eval "$z" ;;
        *) echo "ssh-mcp: status 125" >&2; exit 98 ;;
    esac
}
