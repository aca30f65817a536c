# shellcheck shell=sh disable=SC2154
# Follows pair.sh. $4: mark of a temporary. Between file systems mv copies, which follows what takes a name's place meanwhile.
if { [ -d "$S" ] || ! mv --version 2>&1 | grep -q GNU; } && [ ! -L "$S" ] && [ "$(stat -c %d "$S")" != "$(stat -c %d .)" ]; then
echo "the destination is on another file system: copy it there with ssh_cp, then delete it" >&2; exit 98
fi
echo "$z"
if [ -L "$S" ] || [ -d "$S" ] || [ "$(stat -c %d "$S")" = "$(stat -c %d .)" ]; then exec mv -fT "$S" "./$L"; fi
# A file from another file system is copied under another name first, so that the destination is never half there.
T=./.ssh-mcp-tmp.$4
guard
cp -aT "$S" "$T" || exit 96
[ ! -L "$T" ] || exit 94
sync "$T" 2>/dev/null || sync
mv -fT "$T" "./$L" || exit 96
sync . 2>/dev/null
rm -f "$S" || { echo "the new name is there, and the old one could not be removed" >&2; exit 96; }
