# Follows sources.sh. The links that were judged; CONTAINER:PATH; the name that what comes has inside of a
# folder, or nothing where only a folder's content is meant; then the engine's client.
# Runs in the folder of the verified host path. What comes is kept in one file until it is known what is in it, and laid
# down out of that file, in a private folder at first: nobody can exchange it, and links that are there lead nowhere.
# Status 85 with a list of what is no plain file or folder.
while [ "$1" != -- ]; do shift; done
j=$2 c=$3 b=$4
shift 4
command -v "$1" >/dev/null 2>&1 || { echo "ssh-mcp: no program $1" >&2; exit 127; }
command -v tar >/dev/null 2>&1 || { echo "ssh-mcp: no program tar" >&2; exit 127; }
look
amiss() { echo "$1" >&2; exit 1; }
if [ -d "./$L" ]; then
p=${PWD%/}/$L; [ "$L" != . ] || p=$PWD
cd -P -- "./$L" && [ "$PWD" = "$p" ] || exit 94
L=
fi
# A private folder in this one. Whoever may write here could put another in its place, so it is entered by its name once,
# looked at, and reached as the open folder it is from then on; the folder around it cannot change as long as it is private.
t=$(mktemp -d ./.ssh-mcp-cp.XXXXXX) || amiss "no folder can be made in $PWD"
g=
trap '[ -z "$g" ] || rm -rf "$g/tar" "$g/list" "$g/said" "$g/x"; rmdir "$t" 2>/dev/null' EXIT
trap 'exit 143' HUP INT TERM
exec 7<"$t" || exit 1
# Not `$$`, which in a part of a pipeline is another shell.
f=/proc/$(exec sh -c 'echo "$PPID"')/fd/7
if [ -d "$f/" ]; then
i=$(stat -c '%u %a' "$f/" 2>/dev/null) || amiss "the owner of a folder in $PWD cannot be told: stat is needed"
case $i in
"$(id -u) 700" | "$(id -u) 2700") ;;
*) amiss "somebody exchanged a folder in $PWD while it was filled: nothing was laid down" ;;
esac
[ -z "$(ls -A "$f/")" ] || amiss "somebody exchanged a folder in $PWD while it was filled: nothing was laid down"
else
# No such names here: then nobody else may be able to rename what lies in this folder.
f=${PWD%/}/${t#./}
o=$(stat -c '%u %a' . 2>/dev/null) || amiss "the owner of $PWD cannot be told: stat is needed"
[ "${o%% *}" = 0 ] || [ "${o%% *}" = "$(id -u)" ] || amiss "$PWD belongs to another account: copy into a folder of this one or of root"
case ${o#* } in
[1357]???) ;;
*[2367]? | *[2367]) amiss "other accounts may write in $PWD: copy into a folder that only its owner writes, or one with the sticky bit" ;;
esac
fi
g=$f
"$@" cp -- "$c" - >"$f/tar" </dev/null || failed $?
LC_ALL=C tar -tvf "$f/tar" >"$f/list" 2>/dev/null || amiss "what the engine gave cannot be read"
IFS= read -r l <"$f/list" || amiss "nothing came"
# Where the top of it will lie.
case $l in
d*) if [ -n "$L" ]; then n=$L; else n=$b; fi ;;
*) n=${L:-$b}; [ -n "$n" ] || amiss "a file has no content to copy" ;;
esac
s=$(LC_ALL=C grep -v '^[-d]' "$f/list" | head -c 65536)
if [ -n "$s" ]; then
s=$(printf '%s\n%s\n%s\n' "${PWD%/}/$n" "$l" "$s")
[ "$s" = "$j" ] || { printf '%s\n' "$s"; exit 85; }
fi
mkdir "$f/x" || exit 1
( cd -- "$f/x" && tar -xopf ../tar ) 2>"$f/said" || { cat "$f/said" >&2; exit 1; }
# The list was read by lines, and some tars print names as they are: what has a line break in its name or target was not
# judged. Nor was what cannot be looked at.
v='
'
find "$f/x/" -name "*$v*" >"$f/said" 2>/dev/null || amiss "a folder in it cannot be read by its owner: nothing was laid down"
[ ! -s "$f/said" ] || amiss "a name in it has a line break: nothing was laid down"
find "$f/x/" -type l -exec sh -c 'for e; do echo; done; for e; do readlink "$e" >&2; done' sh {} + >"$f/list" 2>"$f/said" &&
[ "$(wc -l <"$f/list")" = "$(wc -l <"$f/said")" ] || amiss "the target of a link in it has a line break: nothing was laid down"
find "$f/x/" ! -type l \( -perm -4000 -o -perm -2000 \) -exec chmod ug-s {} \;
h=$(LC_ALL=C tar -tf "$f/tar" 2>/dev/null | sed -n 1p)
case $h in
/|./|.) r=$f/x ;;
*) for r in "$f/x"/* "$f/x"/.[!.]* "$f/x"/..?*; do [ ! -e "$r" ] && [ ! -L "$r" ] || break; done ;;
esac
# Moves what is in the folder $1 to this one, whose name is $2. Folders that are there are filled; no link is followed.
fill() {
for e in "$1"/* "$1"/.[!.]* "$1"/..?*; do
[ -e "$e" ] || [ -L "$e" ] || continue
put "$e" "${e##*/}" "$2" || return 1
done
}
put() {
if [ -d "$1" ] && [ ! -L "$1" ] && { [ -e "./$2" ] || [ -L "./$2" ]; }; then
if [ -L "./$2" ] || [ ! -d "./$2" ]; then echo "${3%/}/$2 is in the way: it is no folder" >&2; return 1; fi
( cd -P -- "./$2" && [ "$PWD" = "${3%/}/$2" ] && fill "$1" "$PWD" )
return
fi
if [ ! -L "./$2" ] && [ -d "./$2" ]; then echo "${3%/}/$2 is in the way: it is a folder" >&2; return 1; fi
mv -fT -- "$1" "./$2"
}
if [ -z "$n" ]; then fill "$r" "$PWD"; else put "$r" "$n" "$PWD"; fi || exit 1
