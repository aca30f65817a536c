# The verified paths; `--`; a mark. Prints each: `there` or `none`, the content, a line with the mark.
for m in "$@"; do :; done
for q in "$@"; do
    [ "$q" != -- ] || exit 0
    if [ -f "$q" ]; then
        [ -r "$q" ] || { echo "ssh-mcp: unreadable $q" >&2; exit 96; }
        echo there
        cat "$q"
    else
        echo none
    fi
    printf '\n%s\n' "$m"
done
