# $1: a container, nothing for all; the rest are the words of podman's client. Lines `ID {"of": NAME, "log": PATH}` for those
# whose log lies elsewhere than among podman's own files.
one=$1
shift
containers=$one
[ -n "$one" ] || containers=$("$@" ps -aq --no-trunc </dev/null)
# shellcheck disable=SC2086 # names and ids hold no blanks.
[ -z "$containers" ] || "$@" inspect --type container -f '{{$id := .ID}}{{$name := .Name}}{{with .HostConfig.LogConfig.Path}}{{$id}} {"of":{{json $name}},"log":{{json .}}}
{{end}}' -- $containers </dev/null 2>/dev/null | LC_ALL=C sed -E '/^$/d
/^([0-9a-f]+) .*"log":"[^"]*-[a-z]+\/\1\/userdata\/ctr[.]log"/d'
exit 0
