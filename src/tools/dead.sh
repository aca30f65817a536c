# shellcheck shell=sh
# `dead FOLDER` sets dead_mounts to the mounts at or below it that do not answer, each between line ends, and names them on standard error:
# those of kinds whose server may be gone are asked all at once, for 1.5 s. within.sh stands before this.
#
# short: dead_mounts=K mount=f fs_type=k
dead() {
    dead_mounts=
    [ ! -r /proc/mounts ] || dead_mounts=$(
        while read -r _ mount fs_type _; do
            case $fs_type in nfs* | cifs | smb* | fuse* | 9p | ceph | afs | lustre | gfs* | ocfs* | glusterfs | ncpfs | orangefs) ;; *) continue ;; esac
            # Blanks stand as \040 there.
            mount=$(printf '%b' "$mount")
            case $mount/ in "${1%/}"/*) ;; *) continue ;; esac
            ( within 15 stat "$mount" >/dev/null 2>&1 || [ $? != 124 ] || printf '%s\n' "$mount" ) &
        done </proc/mounts
        wait
    )
    if [ -n "$dead_mounts" ]; then
        printf 'dead %s\n' "$dead_mounts" | sed '2,$s/^/dead /' >&2
        dead_mounts="
$dead_mounts
"
    fi
}
# True for a path among them.
is_dead() {
    case $dead_mounts in *"
$1
"*) return 0 ;; esac
    return 1
}
