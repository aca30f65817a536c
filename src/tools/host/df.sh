# shellcheck shell=sh
# `disks OPTION`: the rows of df. One that a dead mount keeps is given up after 1.5 s; then every mount is asked by itself, all at
# once, and those that do not answer in 2 s are named: `dead MOUNT`. within.sh stands before this.
#
# short: status=r option=o mount=f fs_type=k
disks() {
    within 15 df "$1"
    status=$?
    [ $status = 124 ] || return $status
    option=$1
    echo 'dead'
    while read -r _ mount fs_type _; do
        case $fs_type in
            proc | sysfs | cgroup | cgroup2 | devpts | mqueue | securityfs | debugfs | tracefs | pstore | bpf | configfs | \
                fusectl | hugetlbfs | autofs | binfmt_misc | rpc_pipefs | nsfs) continue ;;
        esac
        # Blanks stand as \040 there.
        mount=$(printf '%b' "$mount")
        ( within 20 df "$option" "$mount" 2>/dev/null || [ $? != 124 ] || printf 'dead %s\n' "$mount" ) &
    done </proc/mounts
    wait
}
