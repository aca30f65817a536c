# shellcheck shell=sh disable=SC2154
# Follows pair.sh. $4: mark of a temporary. The copy of a file is made under another name and takes its own when it is whole.
[ ! -L "$S" ] || exit 94
if [ -d "$S" ] && [ -e "./$L" ]; then echo "there is something at the destination" >&2; exit 98; fi
# Programs that copy trees look at a folder and then open it by name, and BusyBox does so with files: what takes the
# name's place in between would be copied. GNU tar opens both without following links, and so does GNU cp a file.
# Elsewhere each folder is entered and each file opened first, and copied when it is known to be what was looked at.
p=; if cp --version 2>&1 | grep -q GNU; then p=GNU; fi
F=/proc/self/fd
# Without /proc what was opened has no name, and is named once more.
g=$F/5; [ -e $F/0 ] || g=
if [ -z "$g" ]; then cpf() { [ ! -L "$1" ] && [ -f "$1" ] && cp -p "$1" "$3"; }
else cpf() { { [ "$(readlink $F/8)" = "$2" ] && [ -f $F/8 ] && cp -p $F/8 "$3"; } 8<"$1"; }; fi
cpd() {
for e in ./.[!.]* ./..?* ./*; do
n=${e#./}
if [ -L "$e" ]; then l=$(readlink "$e") && ln -s -- "$l" "${g:-$2}/$n" || return 1
elif [ -d "$e" ]; then mkdir -m 700 "${g:-$2}/$n" && ( cd -P -- "$e" && [ "$PWD" = "${1%/}/$n" ] && exec 5<"${g:-$2}/$n" && [ "${g:+$(readlink $F/5)}" = "${g:+${2%/}/$n}" ] && cpd "$PWD" "${2%/}/$n" ) || return 1
elif [ -f "$e" ]; then cpf "$e" "${1%/}/$n" "${g:-$2}/$n" || return 1
elif [ -e "$e" ]; then echo "note $n is neither file, folder nor link, and was left out"; fi
done
chmod "$(stat -c %a .)" "${g:-$2}"; touch -r . "${g:-$2}" 2>/dev/null; chown "$(stat -c %u:%g .)" "${g:-$2}" 2>/dev/null; return 0; }
echo "$z"
if [ -f "$S" ]; then
T=./.ssh-mcp-tmp.$4
guard
# Without -R, so that no folder that took the file's place is copied.
if [ "$p" = GNU ]; then cp -dT --preserve=all "$S" "$T" || exit 96; else cpf "$S" "$1" "$T" || exit 96; fi
[ ! -L "$T" ] || exit 94
if [ -u "$T" ] || [ -g "$T" ]; then chmod ug-s "$T" || exit 96; echo "note Its set-id bits were left out"; fi
sync "$T" 2>/dev/null || sync
t=$(stat -c %a "$T")
mv -fT "$T" "./$L" || exit 96
sync . 2>/dev/null
echo "mode $t"
exit 0
fi
[ -d "$S" ] || [ -L "$S" ] || { echo "it is neither a file nor a folder nor a link, but a FIFO, a socket or a device, and those are not copied" >&2; exit 95; }
# What was judged as a file is judged again as a folder first.
[ "$3" = tree ] || exit 99
mkdir -m 700 "./$L" || exit 96
exec 5<"./$L"
[ "${g:+$(readlink $F/5)}" = "${g:+$2}" ] || exit 94
r=
if tar --version 2>/dev/null | grep -q GNU; then
x="--acls --xattrs"
v=$( cd -P -- "$S" && [ "$PWD" = "$1" ] && find . "(" -type p -o -type s -o -type c -o -type b ")" -print0 | tr "\n\000" "\001\n" | head -n 101 )
[ -z "$v" ] || printf "%s\n" "$v" | head -n 100 | sed "s/^..//; s/^/note /; s/$/ is neither file, folder nor link, and was left out/"
[ "$(printf "%s\n" "$v" | wc -l)" -le 100 ] || echo "note more FIFOs, sockets or devices were left out"
exec 4>&1
r=$( { { ( cd -P -- "$S" && [ "$PWD" = "$1" ] && exec tar $x -cf - . ) || echo 96 >&3; } | ( cd -P "${g:-$2}" && tar $x -xpf - && { [ -z "$v" ] || find . "(" -type p -o -type c -o -type b ")" -exec rm -f {} +; } ) || echo 96 >&3; } 3>&1 >&4 )
else ( cd -P -- "$S" && [ "$PWD" = "$1" ] && cpd "$1" "$2" ) || r=96; fi
# A folder keeps its bit, which gives no file to run as another.
if [ -z "$r" ]; then
v=$( cd -P "${g:-$2}" && find . -type f "(" -perm -4000 -o -perm -2000 ")" -exec chmod ug-s {} + -exec echo x {} + | head -c 1 ) || r=96
[ -z "$v" ] || echo "note Set-id bits of files were left out"
fi
[ -z "$r" ] || { ( cd -P "${g:-$2}" && rm -rf ./* ./.[!.]* ./..?* ); rmdir "./$L"; echo "the folder changed while it was copied, or could not be read" >&2; exit 96; }
echo "mode $(stat -c %a "./$L")"
