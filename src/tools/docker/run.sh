# Follows sources.sh. The engine's client with all its words. Statuses 84 to 98 are taken; a container's own is told apart.
#
# short: ended=r
while [ "$1" != -- ]; do shift; done
shift
command -v "$1" >/dev/null 2>&1 || { echo "ssh-mcp: no program $1" >&2; exit 127; }
look
cd / || exit 127
"$@"
ended=$?
case $ended in
    8[4-9]|9[0-8]) echo "ssh-mcp: status $ended" >&2; exit 98 ;;
esac
exit $ended
