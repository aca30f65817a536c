# The verified paths; `--`; what the engine said of the mounts when they were judged; its client's words, quoted;
# `start` or `copy`; containers; others that may be missing; volumes; ends of the names of volumes; the folder and the name of a compose project.
# These are taken out, so that the paths, `--` and what follows are left. A socket is never shown to a container.
#
# short: left=c place=y judged_mounts=E client=X for_verb=O containers=K may_be_missing=A volume_names=N volume_ends=G
# short: project_folder=W project_name=J container_form=T volume_form=V rootfs_form=R said=a news=m asked=q others=k
# short: option=g entry=e volume_news=v ended=r
# engine_kind.sh stands before this.
left=$# place=
while [ $left -gt 0 ]; do
    case $place in
        '')
        [ ! -S "$1" ] || { echo "ssh-mcp: socket $1" >&2; exit 95; }
        [ "$1" != -- ] || place=0
        set -- "$@" "$1"
        ;;
        1) judged_mounts=$1 ;;
        2) client=$1 ;;
        3) for_verb=$1 ;;
        4) containers=$1 ;;
        5) may_be_missing=$1 ;;
        6) volume_names=$1 ;;
        7) volume_ends=$1 ;;
        8) project_folder=$1 ;;
        9) project_name=$1 ;;
        *) set -- "$@" "$1" ;;
    esac
    shift
    left=$((left-1))
    [ -z "$place" ] || place=$((place+1))
done
eval "eng() { $client \"\$@\" </dev/null; }"
engine=
failed() { echo "ssh-mcp: status $1" >&2; exit 98; }
# Asks the engine what the containers and volumes show of the host. What was not judged is answered in place of a run.
# Volumes that are only the engine's own are no news for a start.
look() {
    set -f
    container_form='{{$left := .Name}}{{range .Mounts}}{{if ne .Type "tmpfs"}}m {{if eq .Type "volume"}}{{.Name}}{{end}} {"of":{{json $left}},"mount":{{json .}}}
{{end}}{{end}}h {"of":{{json $left}},"host":{{json .HostConfig}}}
'
volume_form='v {"Name":{{json .Name}},"Driver":{{json .Driver}},"Mountpoint":{{json .Mountpoint}},"Options":{{json .Options}}}'
case $for_verb in
    copy) container_form="$container_form"'{{with .HostConfig.PidMode}}{{if ne . "private"}}p {"of":{{json $left}},"pid":{{json .}}}
{{end}}{{end}}' ;;
*) volume_form='{{if and (eq .Driver "local") (not .Options)}}own{{else}}'"$volume_form"'{{end}}' ;;
esac
# A container without an image works in a folder of the host (podman --rootfs).
rootfs_form='{{if not .Image}}r {"of":{{json $left}}}
{{end}}'
if [ -n "$project_folder$project_name" ]; then
    others=$(eng ps -aq --no-trunc --filter "label=com.docker.compose.project.working_dir=$project_folder") || failed $?
    containers=$(eng ps -aq --no-trunc --filter "label=com.docker.compose.project=$project_name") || failed $?
    containers=$(printf '%s\n%s\n' "$others" "$containers" | sort -u)
fi
if [ -n "$may_be_missing" ]; then
    said=$(eng ps -a --format '{{.Names}}') || failed $?
    for entry in $(printf '%s' "$said" | tr ',' ' '); do
        case " $may_be_missing " in *" $entry "*) containers="$containers $entry" ;; esac
    done
fi
# Which engine it is matters for containers only.
[ -z "$containers" ] || [ -n "$engine" ] || engine=$(engine_kind eng)
# podman starts with a container what it was told to require. An engine may wait for long before it starts one again, also
# without its client.
case $engine in
    podman) container_form="$container_form"'{{range .Dependencies}}d {{.}}
{{end}}c {"of":{{json $left}},"made":{{json .Config.CreateCommand}},"ran":{{json .State.StartedAt}}}
{{$id := .ID}}{{with .HostConfig.LogConfig.Path}}l {{$id}} {"of":{{json $left}},"log":{{json .}}}
{{end}}' ;;
*) container_form="$container_form"'{{with .Config.StopTimeout}}t {{.}}
{{end}}' ;;
esac
news=
# shellcheck disable=SC2086 # names and ids hold no blanks.
[ -z "$containers" ] || news=$(eng inspect --type container -f "$container_form$rootfs_form" -- $containers) || failed $?
# What shares a namespace with another container has its rights, and by processes also its files; what it requires is
# started with it.
asked=$news
while :; do
    others=$(printf '%s\n' "$asked" | sed -n 's/^d //p')
    for option in Network Pid Ipc UTS Userns Cgroupns; do
        others="$others $(printf '%s\n' "$asked" | LC_ALL=C sed -n "/^h /s/.*\"${option}Mode\":\"container:\([^\"]*\)\".*/\1/p")"
    done
    asked=
    for entry in $others; do
        case " $containers " in *" $entry "*) continue ;; esac
        containers="$containers $entry"
        said=$(eng inspect --type container -f "$container_form" -- "$entry" 2>/dev/null) || continue
        asked="$asked
$said"
    done
    [ -n "$asked" ] || break
    news="$news$asked"
done
# What docker's client does not tell of a container of podman is not looked for.
case $engine in service | unknown) [ -z "$containers" ] || news="$news
b" ;; esac
# Of the containers' rights on the host, only those that policy/docker/privileges.rs may refuse are news. With cgroups of
# the first version engines give each container the host's namespace of them.
[ -f /sys/fs/cgroup/cgroup.controllers ] && option=host || option=given
news=$(printf '%s\n' "$news" | LC_ALL=C sed -E '/^d /d
/^t ([0-9]|10)$/d
/^l ([0-9a-f]+) .*"log":"[^"]*-[a-z]+\/\1\/userdata\/ctr[.]log"/d
/^c /{
/"(--init-path|--[a-z-]*pidfile|--device-cgroup-rule|--cgroup-conf|--unmask|--group-add|--log-opt|--ipc|--security-opt|--hooks-dir|--chrootdirs|--annotation)["=]|:([^"]*,)?O[,"]|overlay|"made":null|"system","service"/!d
}
/^h /{
s/"(Cgroup|Cgroupns)Mode":"host"/"\1Mode":"'$option'"/
s/"Runtime":"(runc|crun|oci|io[.]containerd[.]runc[.]v2)"/"Runtime":""/
/"Privileged":true|"(CapAdd|Devices|DeviceRequests|DeviceCgroupRules|SecurityOpt|GroupAdd)":\[[^]]|"(Network|Pid|Ipc|UTS|Userns|Cgroupns|Cgroup)Mode":"(host|ns:[^"]*)"|"Runtime":"[^"]|"(Masked|Readonly)Paths":\[\]|"OomScoreAdj":-|"Name":"(RLIMIT_)?(rtprio|RTPRIO)"/!d
}')
volume_names="$volume_names $(printf '%s\n' "$news" | sed -n 's/^m \([^ ]\{1,\}\) .*/\1/p' | sort -u)"
if [ -n "$volume_ends" ]; then
    said=$(eng volume ls -q) || failed $?
    for asked in $said; do for option in $volume_ends; do
            case $asked in "$option"|*_"$option") volume_names="$volume_names $asked" ;; esac
    done; done
fi
volume_news=
for asked in $volume_names; do
    if said=$(eng volume inspect -f "$volume_form" -- "$asked" 2>&1); then
        case $said in
            *own) news=$(printf '%s\n' "$news" | grep -v "^m $asked ") ;;
            *) volume_news="$volume_news
$(printf '%s\n' "$said" | sed -n '/^v /p')" ;;
        esac
    else
        ended=$?
        case $said in *'o such volume'*) ;; *) printf '%s\n' "$said" >&2; failed $ended ;; esac
    fi
done
set +f
news=$(printf '%s\n%s\n' "$news" "$volume_news" | sed '/^$/d' | LC_ALL=C sort -u)
[ -z "$news" ] || [ "$news" = "$judged_mounts" ] || { printf '%s\n' "$news"; exit 84; }
}
