# Shows the files of a unit. First come the places that `systemctl cat` names above each, links followed: comments of a
# file can add to them and take nothing away.
if command -v systemctl >/dev/null 2>&1 && [ -d /run/systemd/system ]; then
    SYSTEMD_COLORS=0 systemctl --no-pager cat -- "$5" 2>/dev/null | sed -n 's|^# */|/|p' | while IFS= read -r file; do
        [ -f "$file" ] || continue
        printf '%s\n' "$file"
        readlink -f "$file" || echo /
    done
    echo 'ssh-mcp: files'
fi
