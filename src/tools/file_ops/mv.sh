# shellcheck shell=sh disable=SC2154
# Follows pair.sh. $4: mark of a temporary. Between file systems mv copies, which follows what takes a name's place meanwhile:
# it is called only where it renames, and what else is moved is looked at once and copied as that or not at all.
k="other"; if [ -L "$S" ]; then k="link"; elif [ -d "$S" ]; then k="folder"; elif [ -f "$S" ]; then k="file"; fi
x=$(stat -c %d "$S" 2>/dev/null) || { echo "the source is gone" >&2; exit 98; }
case ${mcp_c-} in *mv=none*) mv; exit 97;; esac
y=$(stat -c %d .) || exit 96
# One file system that is mounted at two places has one number, and nothing is renamed from one to the other.
if [ "$x" = "$y" ] && [ "$(grep mnt_id /proc/self/fdinfo/7 2>/dev/null)" = "$(grep mnt_id /proc/self/fdinfo/6 2>/dev/null)" ]; then
n=; if mv --help 2>&1 | grep -q -e --no-copy; then n=--no-copy; fi
echo "$z"
# shellcheck disable=SC2086
mv -fT $n "$S" "./$L" || exit
[ -L "./$L" ] || echo "mode $(stat -c %a "./$L")"
exit 0
fi
if [ "$k" = file ] && ! cp --version 2>&1 | grep -q GNU; then k="other"; fi
case $k in folder | other) echo "the destination is on another file system: copy it there with ssh_cp, then delete it" >&2; exit 98;; esac
echo "$z"
# It comes under another name first, so that the destination is never half there.
T=./.ssh-mcp-tmp.$4
guard
# Without -R, so that no folder that took the file's place is copied, and with -d, so that no link is followed.
if [ "$k" = link ]; then l=$(readlink "$S") && ln -sT -- "$l" "$T" || exit 96
else cp -dT --preserve=all "$S" "$T" || exit 96; [ ! -L "$T" ] || exit 94; fi
[ "$k" = link ] || { echo "mode $(stat -c %a "$T")"; sync "$T" 2>/dev/null || sync; }
mv -fT "$T" "./$L" || exit 96
sync . 2>/dev/null
rm -f "$S" || { echo "the new name is there, and the old one could not be removed" >&2; exit 96; }
