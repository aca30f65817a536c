# JSON where compose can; YAML from the first generation, which takes --format for a call for help and succeeds.
# shellcheck disable=SC2154 # g comes from open.sh.
r=
[ "$g" = 1 ] || r=$("$@" config --format json 2>/dev/null </dev/null) || r=
case $r in
'{'*) k=json ;;
*)
r=$("$@" config </dev/null) || { r=$?; echo "ssh-mcp: status $r" >&2; exit 98; }
k=yaml
;;
esac
