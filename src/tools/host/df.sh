# shellcheck shell=sh
# `disks OPTION`: the rows of df. One that a dead mount keeps is given up after 1.5 s; then every mount is asked by itself, all at
# once, and those that do not answer in 2 s are named: `dead MOUNT`. within.sh stands before this.
disks() {
    within 15 df "$1"
    r=$?
    [ $r = 124 ] || return $r
    o=$1
    echo 'dead'
    while read -r _ f k _; do
        case $k in
            proc | sysfs | cgroup | cgroup2 | devpts | mqueue | securityfs | debugfs | tracefs | pstore | bpf | configfs | \
                fusectl | hugetlbfs | autofs | binfmt_misc | rpc_pipefs | nsfs) continue ;;
        esac
        # Blanks stand as \040 there.
        f=$(printf '%b' "$f")
        ( within 20 df "$o" "$f" 2>/dev/null || [ $? != 124 ] || printf 'dead %s\n' "$f" ) &
    done </proc/mounts
    wait
}
