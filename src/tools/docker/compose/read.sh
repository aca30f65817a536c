# The verified paths; `--`; a mark. Prints each: `there` or `none`, the content, a line with the mark.
#
# short: mark=m path=q
for mark in "$@"; do :; done
for path in "$@"; do
    [ "$path" != -- ] || exit 0
    if [ -f "$path" ]; then
        [ -r "$path" ] || { echo "ssh-mcp: unreadable $path" >&2; exit 96; }
        echo there
        cat "$path"
    else
        echo none
    fi
    printf '\n%s\n' "$mark"
done
