# shellcheck shell=sh disable=SC2154
# Puts content at the verified name, $1. $2: mode in octal, or "keep" with the mode of a new file ("keep+" keeps set-id
# bits of the old one too); $3: bytes; $4: sha256,
# "-" where it follows the content with a line end, "none" for none, empty for any; $5: mark of the temporary; $6: sha256
# that the old file must have, "new" where there must be none, empty for any; $7: stamp of a backup, empty for none; $8 and
# $9: owner and group, empty to keep; ${10}: "i" to write into the old file itself, "l" to go on although attributes of it are
# lost. Answers `note TEXT`, `mode OCTAL`, `backup END` and `in_place`. `put` gives the content; sum.sh, kept.sh and temporary.sh stand
# before this.
#
# short: leaf=L temp_file=T opened=V new_mode=m byte_count=b wanted_digest=h expected=e stamp=k new_owner=u
# short: new_group=g owner_asked=ou group_asked=og how=w mode_asked=om facts=f found_digest=s age_min=a stale=t
# short: total_bytes=l backup_name=B tries=i said=r
temp_file=./.ssh-mcp-tmp.$5; new_mode=$2; byte_count=$3; wanted_digest=$4; expected=$6; stamp=$7; new_owner=$8; new_group=$9; owner_asked=$8; group_asked=$9; how=${10}; old=; inside=; mode_asked=$2
die() { echo "$2" >&2; exit "$1"; }
case ${mcp_c-} in *mv=none*) mv; exit 97;; esac
[ ! -L "./$leaf" ] || exit 94
if [ -e "./$leaf" ]; then
    [ -f "./$leaf" ] || die 95 "it is no regular file"
    [ "$expected" != new ] || die 98 "there is a file of that name"
    facts=$(stat -c "%a %u %g %h" "./$leaf") || die 96 "the old file cannot be looked at"
    old=1
    case $how in *i*) inside=1; temp_file=${TMPDIR:-/tmp}/.ssh-mcp-tmp.$5;; esac
    if [ -n "$expected" ]; then found_digest=$(sum <"./$leaf"); [ -n "$found_digest" ] || die 97 "this host makes no sha256 digests"; [ "$found_digest" = "$expected" ] || die 98 "the file is not as it was when it was read"; fi
    # shellcheck disable=SC2086
    set -- $facts
    case $new_mode in keep+*) new_mode=$1;; keep*) new_mode=$1; case $new_mode in [2-7]???) new_mode=${new_mode#?}; echo "note set-id bits of the old file were taken off";; esac;; esac
    new_owner=${new_owner:-$2}; new_group=${new_group:-$3}
    [ -n "$inside" ] || [ "$4" = 1 ] || echo "note old file has $4 names (hard links), and the others keep the old content; \`in_place\` true writes into all of them"
    flagged "./$leaf"
    case $flags in *[ia]*) die 95 "it is immutable or append-only (chattr +i, +a), so nobody may replace or write it; root takes that off with chattr -i or -a";; esac
else
    [ -z "$expected" ] || [ "$expected" = new ] || die 98 "the file is gone"
    new_mode=${new_mode#keep}; new_mode=${new_mode#+}
    stamp=
fi
# Temporaries of dead writers go: old ones whose lock is free, and where nothing can lock, those older than any transfer.
if command -v flock >/dev/null 2>&1; then age_min=10; else age_min=1440; flock() { :; }; fi
find . -maxdepth 1 -type f -name ".ssh-mcp-tmp.*" -mmin "+$age_min" 2>/dev/null | while IFS= read -r stale; do
    case $stale in ./.ssh-mcp-tmp.*) ( exec 8<"$stale" && flock -n 8 && rm -f "$stale" ) 2>/dev/null;; esac; done
guard
umask 077; set -C
{ command exec 9>"$temp_file"; } 2>/dev/null || { [ -z "$inside" ] || die 96 "no temporary could be made in ${TMPDIR:-/tmp}"
    [ -w . ] || { said="permission denied: the account may not make files in this folder, or its file system is read-only"
        [ -z "$old" ] || [ ! -w "./$leaf" ] || said="$said; it may write the file itself, which \`in_place\` true does"
        die 96 "$said"; }
    die 96 "no new file could be made in this folder: its file system may be full"; }
set +C
flock -n 9 2>/dev/null
put >&9 || die 96 "the content could not be written"
opened=/proc/self/fd/9
if [ -e "$opened" ]; then [ -n "$inside" ] || [ "$(readlink "$opened")" = "${PWD%/}/${temp_file#./}" ] || exit 94; else opened=$temp_file; [ ! -L "$temp_file" ] || exit 94; fi
total_bytes=$byte_count; [ "$wanted_digest" != - ] || total_bytes=$((byte_count + 65))
[ "$(wc -c <"$opened")" -eq "$total_bytes" ] || die 96 "the content did not arrive whole"
if [ "$wanted_digest" = - ]; then
    wanted_digest=$(tail -c 65 <"$opened")
    dd if=/dev/null of="$opened" bs=1 seek="$byte_count" count=0 2>/dev/null
    [ "$(wc -c <"$opened")" -eq "$byte_count" ] || die 96 "the end of the content could not be set"
fi
if [ "$wanted_digest" != none ]; then
    found_digest=$(sum <"$opened")
    [ -n "$found_digest" ] || [ -z "$wanted_digest" ] || echo "note host has no sha256sum and no shasum, so only the length was compared"
    [ -z "$found_digest" ] || [ "${wanted_digest:-$found_digest}" = "$found_digest" ] || die 96 "the content arrived damaged"
fi
if [ -z "$inside" ] && [ -n "$new_owner$new_group" ]; then
    chown "$new_owner:$new_group" "$opened" 2>/dev/null || {
        [ -z "$owner_asked$group_asked" ] || die 96 "the owner could not be set"
        [ "$(stat -L -c "%u:%g" "$opened")" = "$new_owner:$new_group" ] || chgrp "$new_group" "$opened" 2>/dev/null
        if [ "$(stat -L -c "%u:%g" "$opened")" != "$new_owner:$new_group" ]; then
            echo "note owner or group of the old file could not be kept"; new_mode=$(printf "%o" "$((0$new_mode & 0777))"); fi; }
fi
if [ -z "$inside" ]; then
    # Attributes before the mode: a list of rights alone never lets more in than the old one did.
    [ -z "$old" ] || keep
    chmod "$new_mode" "$opened" || die 96 "the mode could not be set"
    echo "mode $(stat -L -c %a "$opened")"
fi
sync "$opened" 2>/dev/null || sync
if [ -n "$stamp" ]; then
    backup_name=$leaf.bak-$stamp; tries=0
    until [ -z "$inside" ] && ln -T "./$leaf" "./$backup_name" 2>/dev/null; do
        if [ -e "./$backup_name" ] || [ -L "./$backup_name" ]; then tries=$((tries + 1)); backup_name=$leaf.bak-$stamp-$tries; [ "$tries" -lt 100 ] || die 96 "no name for the backup"; continue; fi
        ( exec 8<"./$leaf" || exit 94
        if [ -e /proc/self/fd/8 ]; then [ "$(readlink /proc/self/fd/8)" = "${PWD%/}/$leaf" ] || exit 94; [ -f /proc/self/fd/8 ] || exit 94; cp -pnT /proc/self/fd/8 "./$backup_name"
        else [ ! -L "./$leaf" ] || exit 94; cp -pnT "./$leaf" "./$backup_name"; fi )
        case $? in 0) break;; 94) exit 94;; *) die 96 "the backup could not be made";; esac
    done
    if [ -L "./$backup_name" ]; then rm -f "./$backup_name"; exit 94; fi
    echo "backup ${backup_name#"$leaf"}"
fi
if [ -n "$inside" ]; then within
elif [ "$expected" = new ]; then ln -T "$temp_file" "./$leaf" 2>/dev/null || die 98 "there is a file of that name"
else
    if [ -n "$old" ]; then mounted; fi
    said=$(mv -fT "$temp_file" "./$leaf" 2>&1) || case $said in
        *busy*) die 96 "its name is a mount point (a bind mount onto the file), so nothing can be renamed onto it; \`in_place\` true writes into the file itself";;
        *"not permitted"*) die 96 "nothing may take its name (its folder is sticky and the file another account's, or one of the two is append-only): $said";;
        *) die 96 "the new file could not take its name: $said";;
    esac
fi
sync . 2>/dev/null || :
