# shellcheck shell=sh disable=SC2154
# Follows pair.sh. $5: what was judged of this. A relative link leads elsewhere once it lies in another folder. Each that may lead
# out of what is moved or copied is answered, with status 85: its name, "/./", and where it leads from its new place, or
# "?" where that cannot be told. A newline inside a name is byte 1.
#
# short: from=S entry=e entry_name=n target=t line=l shown=N canonical=R kind=b carried=c
if find . -maxdepth 0 -lname x -printf x >/dev/null 2>&1; then
    upward() { find . -type l -lname "*..*" ! -lname "/*" -printf "%p/./%l\0" 2>/dev/null | tr "\n\000" "\001\n"; }
else
    # Each folder is entered and known to be the one that was looked at, before a name of it is told.
    upward() { rise "$PWD" . | tr "\n\000" "\001\n"; }
    rise() {
        for entry in ./.[!.]* ./..?* ./*; do
            entry_name=${entry#./}
            if [ -L "$entry" ]; then target=$(readlink "$entry") || continue
                case $target in /*) ;; *..*) printf "%s/./%s\0" "$2/$entry_name" "$target";; esac
            elif [ -d "$entry" ]; then ( cd -P -- "$entry" 2>/dev/null && [ "$PWD" = "${1%/}/$entry_name" ] && rise "$PWD" "$2/$entry_name" ); fi
    done; }
fi
# Those that rise above the top, or by a name in front of a "..", which may be a link itself.
leaving() { awk '{ i = index($0, "/./"); d = split(substr($0, 1, i - 1), p, "/") - 2; n = split(substr($0, i + 3), q, "/"); s = 0; o = ""
for (i = 1; i <= n; i++) { if (q[i] == "" || q[i] == ".") continue; if (q[i] != "..") { s = 1; d++; continue } if (s) o = "?"; if (--d < 0 && o == "") o = "=" }
if (o != "") print o $0 }'; }
places() {
    while IFS= read -r line; do
        shown=${line%%/./*}; shown=${shown#?}
        case $line in "?"*) canonical="?";; *) walk "$1/${shown%/*}/${line#*/./}"; [ $kind = r ] || canonical="?";; esac
        printf "%s/./%s\n" "$shown" "$canonical"
done; }
carried=
if [ "${1%/*}" = "${2%/*}" ]; then :
elif [ -L "$from" ]; then target=$(readlink "$from") || exit 96
    case $target in /*) ;; *) walk "${2%/*}/$target"; [ $kind = r ] || canonical="?"; carried="/./$canonical";; esac
elif [ -d "$from" ]; then
    carried=$( cd -P -- "$from" && [ "$PWD" = "$1" ] || exit 94; command -v awk >/dev/null 2>&1 || { echo "the host has no awk" >&2; exit 97; }; upward | leaving | places "$2" | head -c 65536 ) || exit
fi
[ "$carried" = "$5" ] || { printf "%s" "$carried"; exit 85; }
