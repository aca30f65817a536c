# shellcheck shell=sh disable=SC2154
# Follows pair.sh. $5: what was judged of this. A relative link leads elsewhere once it lies in another folder. Each that may lead
# out of what is moved or copied is answered, with status 85: its name, "/./", and where it leads from its new place, or
# "?" where that cannot be told. A newline inside a name is byte 1.
if find . -maxdepth 0 -lname x -printf x >/dev/null 2>&1; then
upward() { find . -type l -lname "*..*" ! -lname "/*" -printf "%p/./%l\0" 2>/dev/null | tr "\n\000" "\001\n"; }
else
# Each folder is entered and known to be the one that was looked at, before a name of it is told.
upward() { rise "$PWD" . | tr "\n\000" "\001\n"; }
rise() {
for e in ./.[!.]* ./..?* ./*; do
n=${e#./}
if [ -L "$e" ]; then t=$(readlink "$e") || continue
case $t in /*) ;; *..*) printf "%s/./%s\0" "$2/$n" "$t";; esac
elif [ -d "$e" ]; then ( cd -P -- "$e" 2>/dev/null && [ "$PWD" = "${1%/}/$n" ] && rise "$PWD" "$2/$n" ); fi
done; }
fi
# Those that rise above the top, or by a name in front of a "..", which may be a link itself.
leaving() { awk '{ i = index($0, "/./"); d = split(substr($0, 1, i - 1), p, "/") - 2; n = split(substr($0, i + 3), q, "/"); s = 0; o = ""
for (i = 1; i <= n; i++) { if (q[i] == "" || q[i] == ".") continue; if (q[i] != "..") { s = 1; d++; continue } if (s) o = "?"; if (--d < 0 && o == "") o = "=" }
if (o != "") print o $0 }'; }
places() {
while IFS= read -r l; do
N=${l%%/./*}; N=${N#?}
case $l in "?"*) R="?";; *) walk "$1/${N%/*}/${l#*/./}"; [ $b = r ] || R="?";; esac
printf "%s/./%s\n" "$N" "$R"
done; }
c=
if [ "${1%/*}" = "${2%/*}" ]; then :
elif [ -L "$S" ]; then t=$(readlink "$S") || exit 96
case $t in /*) ;; *) walk "${2%/*}/$t"; [ $b = r ] || R="?"; c="/./$R";; esac
elif [ -d "$S" ]; then
c=$( cd -P -- "$S" && [ "$PWD" = "$1" ] || exit 94; command -v awk >/dev/null 2>&1 || { echo "the host has no awk" >&2; exit 97; }; upward | leaving | places "$2" | head -c 65536 ) || exit
fi
[ "$c" = "$5" ] || { printf "%s" "$c"; exit 85; }
