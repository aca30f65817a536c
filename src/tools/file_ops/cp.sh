# shellcheck shell=sh disable=SC2154
# Follows pair.sh. $4: mark of a temporary. The copy of a file is made under another name and takes its own when it is whole.
#
# short: from=S leaf=L temp_file=T made_by=p descriptors=F copy_here=g entry=e entry_name=n target=l from_size=z
# short: new_mode=t broke=r tar_options=x special=v
[ ! -L "$from" ] || exit 94
if [ -d "$from" ] && [ -e "./$leaf" ]; then echo "there is something at the destination" >&2; exit 98; fi
# Programs that copy trees look at a folder and then open it by name, and BusyBox does so with files: what takes the
# name's place in between would be copied. GNU tar opens both without following links, and so does GNU cp a file.
# Elsewhere each folder is entered and each file opened first, and copied when it is known to be what was looked at.
made_by=; if cp --version 2>&1 | grep -q GNU; then made_by=GNU; fi
descriptors=/proc/self/fd
# Without /proc what was opened has no name, and is named once more.
copy_here=$descriptors/5; [ -e $descriptors/0 ] || copy_here=
if [ -z "$copy_here" ]; then cpf() { [ ! -L "$1" ] && [ -f "$1" ] && cp -p "$1" "$3"; }
else cpf() { { [ "$(readlink $descriptors/8)" = "$2" ] && [ -f $descriptors/8 ] && cp -p $descriptors/8 "$3"; } 8<"$1"; }; fi
cpd() {
    for entry in ./.[!.]* ./..?* ./*; do
        entry_name=${entry#./}
        if [ -L "$entry" ]; then target=$(readlink "$entry") && ln -s -- "$target" "${copy_here:-$2}/$entry_name" || return 1
        elif [ -d "$entry" ]; then mkdir -m 700 "${copy_here:-$2}/$entry_name" && ( cd -P -- "$entry" && [ "$PWD" = "${1%/}/$entry_name" ] && exec 5<"${copy_here:-$2}/$entry_name" && [ "${copy_here:+$(readlink $descriptors/5)}" = "${copy_here:+${2%/}/$entry_name}" ] && cpd "$PWD" "${2%/}/$entry_name" ) || return 1
        elif [ -f "$entry" ]; then cpf "$entry" "${1%/}/$entry_name" "${copy_here:-$2}/$entry_name" || return 1
        elif [ -e "$entry" ]; then echo "note $entry_name is neither file, folder nor link, and was left out"; fi
    done
    chmod "$(stat -c %a .)" "${copy_here:-$2}"; touch -r . "${copy_here:-$2}" 2>/dev/null; chown "$(stat -c %u:%g .)" "${copy_here:-$2}" 2>/dev/null; return 0; }
echo "$from_size"
if [ -f "$from" ]; then
    temp_file=./.ssh-mcp-tmp.$4
    guard
    # Without -R, so that no folder that took the file's place is copied.
    if [ "$made_by" = GNU ]; then cp -dT --preserve=all "$from" "$temp_file" || exit 96; else cpf "$from" "$1" "$temp_file" || exit 96; fi
    [ ! -L "$temp_file" ] || exit 94
    if [ -u "$temp_file" ] || [ -g "$temp_file" ]; then chmod ug-s "$temp_file" || exit 96; echo "note Its set-id bits were left out"; fi
    sync "$temp_file" 2>/dev/null || sync
    new_mode=$(stat -c %a "$temp_file")
    mv -fT "$temp_file" "./$leaf" || exit 96
    sync . 2>/dev/null
    echo "mode $new_mode"
    exit 0
fi
[ -d "$from" ] || [ -L "$from" ] || { echo "it is neither a file nor a folder nor a link, but a FIFO, a socket or a device, and those are not copied" >&2; exit 95; }
# What was judged as a file is judged again as a folder first.
[ "$3" = tree ] || exit 99
mkdir -m 700 "./$leaf" || exit 96
exec 5<"./$leaf"
[ "${copy_here:+$(readlink $descriptors/5)}" = "${copy_here:+$2}" ] || exit 94
broke=
if tar --version 2>/dev/null | grep -q GNU; then
    tar_options="--acls --xattrs"
    special=$( cd -P -- "$from" && [ "$PWD" = "$1" ] && find . "(" -type p -o -type s -o -type c -o -type b ")" -print0 | tr "\n\000" "\001\n" | head -n 101 )
    [ -z "$special" ] || printf "%s\n" "$special" | head -n 100 | sed "s/^..//; s/^/note /; s/$/ is neither file, folder nor link, and was left out/"
    [ "$(printf "%s\n" "$special" | wc -l)" -le 100 ] || echo "note more FIFOs, sockets or devices were left out"
    exec 4>&1
    broke=$( { { ( cd -P -- "$from" && [ "$PWD" = "$1" ] && exec tar $tar_options -cf - . ) || echo 96 >&3; } | ( cd -P "${copy_here:-$2}" && tar $tar_options -xpf - && { [ -z "$special" ] || find . "(" -type p -o -type c -o -type b ")" -exec rm -f {} +; } ) || echo 96 >&3; } 3>&1 >&4 )
else ( cd -P -- "$from" && [ "$PWD" = "$1" ] && cpd "$1" "$2" ) || broke=96; fi
# A folder keeps its bit, which gives no file to run as another.
if [ -z "$broke" ]; then
    special=$( cd -P "${copy_here:-$2}" && find . -type f "(" -perm -4000 -o -perm -2000 ")" -exec chmod ug-s {} + -exec echo x {} + | head -c 1 ) || broke=96
[ -z "$special" ] || echo "note Set-id bits of files were left out"
fi
[ -z "$broke" ] || { ( cd -P "${copy_here:-$2}" && rm -rf ./* ./.[!.]* ./..?* ); rmdir "./$leaf"; echo "the folder changed while it was copied, or could not be read" >&2; exit 96; }
echo "mode $(stat -c %a "./$leaf")"
