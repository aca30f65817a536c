# shellcheck shell=sh disable=SC2154
# Follows pair.sh. $4: mark of a temporary. Between file systems mv copies, which follows what takes a name's place meanwhile:
# it is called only where it renames, and what else is moved is looked at once and copied as that or not at all.
#
# short: from=S leaf=L temp_file=T sort=k device=x device_here=y no_copy=n from_size=z target=l
sort="other"; if [ -L "$from" ]; then sort="link"; elif [ -d "$from" ]; then sort="folder"; elif [ -f "$from" ]; then sort="file"; fi
device=$(stat -c %d "$from" 2>/dev/null) || { echo "the source is gone" >&2; exit 98; }
case ${mcp_c-} in *mv=none*) mv; exit 97;; esac
device_here=$(stat -c %d .) || exit 96
# One file system that is mounted at two places has one number, and nothing is renamed from one to the other.
if [ "$device" = "$device_here" ] && [ "$(grep mnt_id /proc/self/fdinfo/7 2>/dev/null)" = "$(grep mnt_id /proc/self/fdinfo/6 2>/dev/null)" ]; then
    no_copy=; if mv --help 2>&1 | grep -q -e --no-copy; then no_copy=--no-copy; fi
    echo "$from_size"
    # shellcheck disable=SC2086
    mv -fT $no_copy "$from" "./$leaf" || exit
    [ -L "./$leaf" ] || echo "mode $(stat -c %a "./$leaf")"
    exit 0
fi
if [ "$sort" = file ] && ! cp --version 2>&1 | grep -q GNU; then sort="other"; fi
case $sort in folder | other) echo "the destination is on another file system: copy it there with ssh_cp, then delete it" >&2; exit 98;; esac
echo "$from_size"
# It comes under another name first, so that the destination is never half there.
temp_file=./.ssh-mcp-tmp.$4
guard
# Without -R, so that no folder that took the file's place is copied, and with -d, so that no link is followed.
if [ "$sort" = link ]; then target=$(readlink "$from") && ln -sT -- "$target" "$temp_file" || exit 96
else cp -dT --preserve=all "$from" "$temp_file" || exit 96; [ ! -L "$temp_file" ] || exit 94; fi
[ "$sort" = link ] || { echo "mode $(stat -c %a "$temp_file")"; sync "$temp_file" 2>/dev/null || sync; }
mv -fT "$temp_file" "./$leaf" || exit 96
sync . 2>/dev/null
rm -f "$from" || { echo "the new name is there, and the old one could not be removed" >&2; exit 96; }
