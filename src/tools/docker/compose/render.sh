# JSON where compose can; YAML from the first generation, which takes --format for a call for help and succeeds.
# shellcheck disable=SC2154 # g comes from open.sh.
r=
[ "$g" = 1 ] || r=$("$@" config --format json 2>/dev/null) || r=
case $r in
'{'*) printf 'json\n%s\n' "$r" ;;
*)
r=$("$@" config) || { r=$?; echo "ssh-mcp: status $r" >&2; exit 98; }
printf 'yaml\n%s\n' "$r"
;;
esac
