"$@"
r=$?
case $r in
9[0-7]) echo "ssh-mcp: status $r" >&2; exit 94 ;;
esac
exit $r
