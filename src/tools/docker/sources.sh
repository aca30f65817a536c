# The verified paths; `--`; what the engine said of the mounts when they were judged; its client's words, quoted;
# `start` or `copy`; containers; others that may be missing; volumes; ends of the names of volumes; the folder and the name of a compose project.
# These are taken out, so that the paths, `--` and what follows are left. A socket is never shown to a container.
c=$# y=
while [ $c -gt 0 ]; do
case $y in
'')
[ ! -S "$1" ] || { echo "ssh-mcp: socket $1" >&2; exit 95; }
[ "$1" != -- ] || y=0
set -- "$@" "$1"
;;
1) E=$1 ;;
2) X=$1 ;;
3) O=$1 ;;
4) K=$1 ;;
5) A=$1 ;;
6) N=$1 ;;
7) G=$1 ;;
8) W=$1 ;;
9) J=$1 ;;
*) set -- "$@" "$1" ;;
esac
shift
c=$((c-1))
[ -z "$y" ] || y=$((y+1))
done
eval "eng() { $X \"\$@\" </dev/null; }"
failed() { echo "ssh-mcp: status $1" >&2; exit 98; }
# Asks the engine what the containers and volumes show of the host. What was not judged is answered in place of a run.
# Volumes that are only the engine's own are no news for a start.
look() {
set -f
T='{{$c := .Name}}{{range .Mounts}}{{if ne .Type "tmpfs"}}m {{if eq .Type "volume"}}{{.Name}}{{end}} {"of":{{json $c}},"mount":{{json .}}}
{{end}}{{end}}h {"of":{{json $c}},"host":{{json .HostConfig}}}
'
V='v {"Name":{{json .Name}},"Driver":{{json .Driver}},"Mountpoint":{{json .Mountpoint}},"Options":{{json .Options}}}'
case $O in
copy) T="$T"'{{with .HostConfig.PidMode}}{{if ne . "private"}}p {"of":{{json $c}},"pid":{{json .}}}
{{end}}{{end}}' ;;
*) V='{{if and (eq .Driver "local") (not .Options)}}own{{else}}'"$V"'{{end}}' ;;
esac
# podman starts with a container what it was told to require. An engine may wait for long before it starts one again, also
# without its client.
case $X in
*podman*) T="$T"'{{range .Dependencies}}d {{.}}
{{end}}' ;;
*) T="$T"'{{with .Config.StopTimeout}}t {{.}}
{{end}}' ;;
esac
# A container without an image works in a folder of the host (podman --rootfs).
R='{{if not .Image}}r {"of":{{json $c}}}
{{end}}'
if [ -n "$W$J" ]; then
k=$(eng ps -aq --no-trunc --filter "label=com.docker.compose.project.working_dir=$W") || failed $?
K=$(eng ps -aq --no-trunc --filter "label=com.docker.compose.project=$J") || failed $?
K=$(printf '%s\n%s\n' "$k" "$K" | sort -u)
fi
if [ -n "$A" ]; then
a=$(eng ps -a --format '{{.Names}}') || failed $?
for e in $(printf '%s' "$a" | tr ',' ' '); do
case " $A " in *" $e "*) K="$K $e" ;; esac
done
fi
m=
# shellcheck disable=SC2086 # names and ids hold no blanks.
[ -z "$K" ] || m=$(eng inspect --type container -f "$T$R" -- $K) || failed $?
# What shares a namespace with another container has its rights, and by processes also its files; what it requires is
# started with it.
q=$m
while :; do
k=$(printf '%s\n' "$q" | sed -n 's/^d //p')
for g in Network Pid Ipc UTS Userns Cgroupns; do
k="$k $(printf '%s\n' "$q" | LC_ALL=C sed -n "/^h /s/.*\"${g}Mode\":\"container:\([^\"]*\)\".*/\1/p")"
done
q=
for e in $k; do
case " $K " in *" $e "*) continue ;; esac
K="$K $e"
a=$(eng inspect --type container -f "$T" -- "$e" 2>/dev/null) || continue
q="$q
$a"
done
[ -n "$q" ] || break
m="$m$q"
done
# Of the containers' rights on the host, only those that policy/docker/privileges.rs may refuse are news. With cgroups of
# the first version engines give each container the host's namespace of them.
[ -f /sys/fs/cgroup/cgroup.controllers ] && g=host || g=given
m=$(printf '%s\n' "$m" | LC_ALL=C sed -E '/^d /d
/^t ([0-9]|10)$/d
/^h /{
s/"(Cgroup|Cgroupns)Mode":"host"/"\1Mode":"'$g'"/
s/"Runtime":"(runc|crun|oci|io[.]containerd[.]runc[.]v2)"/"Runtime":""/
/"Privileged":true|"(CapAdd|Devices|DeviceRequests|DeviceCgroupRules|SecurityOpt|GroupAdd)":\[[^]]|"(Network|Pid|Ipc|UTS|Userns|Cgroupns|Cgroup)Mode":"(host|ns:[^"]*)"|"Runtime":"[^"]|"(Masked|Readonly)Paths":\[\]|"OomScoreAdj":-|"Name":"(RLIMIT_)?(rtprio|RTPRIO)"/!d
}')
N="$N $(printf '%s\n' "$m" | sed -n 's/^m \([^ ]\{1,\}\) .*/\1/p' | sort -u)"
if [ -n "$G" ]; then
a=$(eng volume ls -q) || failed $?
for q in $a; do for g in $G; do
case $q in "$g"|*_"$g") N="$N $q" ;; esac
done; done
fi
v=
for q in $N; do
if a=$(eng volume inspect -f "$V" -- "$q" 2>&1); then
case $a in
*own) m=$(printf '%s\n' "$m" | grep -v "^m $q ") ;;
*) v="$v
$(printf '%s\n' "$a" | sed -n '/^v /p')" ;;
esac
else
r=$?
case $a in *'o such volume'*) ;; *) printf '%s\n' "$a" >&2; failed $r ;; esac
fi
done
set +f
m=$(printf '%s\n%s\n' "$m" "$v" | sed '/^$/d' | LC_ALL=C sort -u)
[ -z "$m" ] || [ "$m" = "$E" ] || { printf '%s\n' "$m"; exit 84; }
}
