# shellcheck shell=sh
# `dead FOLDER` sets K to the mounts at or below it that do not answer, each between line ends, and names them on standard error:
# those of kinds whose server may be gone are asked all at once, for 1.5 s. within.sh stands before this.
dead() {
    K=
    [ ! -r /proc/mounts ] || K=$(
        while read -r _ f k _; do
            case $k in nfs* | cifs | smb* | fuse* | 9p | ceph | afs | lustre | gfs* | ocfs* | glusterfs | ncpfs | orangefs) ;; *) continue ;; esac
            # Blanks stand as \040 there.
            f=$(printf '%b' "$f")
            case $f/ in "${1%/}"/*) ;; *) continue ;; esac
            ( within 15 stat "$f" >/dev/null 2>&1 || [ $? != 124 ] || printf '%s\n' "$f" ) &
        done </proc/mounts
        wait
    )
    if [ -n "$K" ]; then
        printf 'dead %s\n' "$K" | sed '2,$s/^/dead /' >&2
        K="
$K
"
    fi
}
# True for a path among them.
is_dead() {
    case $K in *"
$1
"*) return 0 ;; esac
    return 1
}
