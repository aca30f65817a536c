# shellcheck shell=sh disable=SC2154
# Between file systems mv copies, which follows what takes a name's place meanwhile.
if { [ -d "$S" ] || ! mv --version 2>&1 | grep -q GNU; } && [ ! -L "$S" ] && [ "$(stat -c %d "$S")" != "$(stat -c %d .)" ]; then
echo "the destination is on another file system: copy it there with ssh_cp, then delete it" >&2; exit 98
fi
echo "$z"
exec mv -fT "$S" "./$L"
