# JSON where compose can; YAML from the first generation.
if r=$("$@" config --format json 2>/dev/null); then
printf 'json\n%s\n' "$r"
else
r=$("$@" config) || { r=$?; echo "ssh-mcp: status $r" >&2; exit 94; }
printf 'yaml\n%s\n' "$r"
fi
