# Runs systemctl or journalctl, all words given. What the host lacks is told apart from what the program says.
command -v "$1" >/dev/null 2>&1 || { echo "ssh-mcp: no program $1" >&2; exit 127; }
# sd_booted(3); the journal can be read without.
if [ "$1" = systemctl ] && [ ! -d /run/systemd/system ]; then
    echo "ssh-mcp: not systemd but $(cat /proc/1/comm 2>/dev/null)" >&2
    exit 127
fi
SYSTEMD_COLORS=0
SYSTEMD_URLIFY=0
export SYSTEMD_COLORS SYSTEMD_URLIFY
exec "$@"
