# Follows sources.sh. The links that were judged; CONTAINER:PATH; the name that what comes has inside of a
# folder, or nothing where only a folder's content is meant; names that may be closed here, a line each; those of them that
# were judged; then the engine's client.
# Runs in the folder of the verified host path. What comes is kept in one file until it is known what is in it, and laid
# down out of that file, in a private folder at first: nobody can exchange it, and links that are there lead nowhere.
# Status 85 with a list of what is no plain file or folder, 83 with what has a name that may be closed.
#
# short: judged_links=j origin=c inner_name=b leaf=L this_place=p made_folder=t held_folder=f private=g its_owner=i
# short: outer_owner=o first_line=l top_name=n special=s line_end=v head_entry=h top=r entry=e closed_names=H judged_names=M
while [ "$1" != -- ]; do shift; done
judged_links=$2 origin=$3 inner_name=$4 closed_names=$5 judged_names=$6
shift 6
command -v "$1" >/dev/null 2>&1 || { echo "ssh-mcp: no program $1" >&2; exit 127; }
command -v tar >/dev/null 2>&1 || { echo "ssh-mcp: no program tar" >&2; exit 127; }
look
amiss() { echo "$1" >&2; exit 1; }
if [ -d "./$leaf" ]; then
    this_place=${PWD%/}/$leaf; [ "$leaf" != . ] || this_place=$PWD
    cd -P -- "./$leaf" && [ "$PWD" = "$this_place" ] || exit 94
    leaf=
fi
# A private folder in this one. Whoever may write here could put another in its place, so it is entered by its name once,
# looked at, and reached as the open folder it is from then on; the folder around it cannot change as long as it is private.
made_folder=$(mktemp -d ./.ssh-mcp-cp.XXXXXX) || amiss "no folder can be made in $PWD"
private=
trap '[ -z "$private" ] || rm -rf "$private/tar" "$private/list" "$private/said" "$private/x"; rmdir "$made_folder" 2>/dev/null' EXIT
trap 'exit 143' HUP INT TERM
exec 7<"$made_folder" || exit 1
# Not `$$`, which in a part of a pipeline is another shell.
held_folder=/proc/$(exec sh -c 'echo "$PPID"')/fd/7
if [ -d "$held_folder/" ]; then
    its_owner=$(stat -c '%u %a' "$held_folder/" 2>/dev/null) || amiss "the owner of a folder in $PWD cannot be told: stat is needed"
    case $its_owner in
        "$(id -u) 700" | "$(id -u) 2700") ;;
        *) amiss "somebody exchanged a folder in $PWD while it was filled: nothing was laid down" ;;
    esac
    [ -z "$(ls -A "$held_folder/")" ] || amiss "somebody exchanged a folder in $PWD while it was filled: nothing was laid down"
else
    # No such names here: then nobody else may be able to rename what lies in this folder.
    held_folder=${PWD%/}/${made_folder#./}
    outer_owner=$(stat -c '%u %a' . 2>/dev/null) || amiss "the owner of $PWD cannot be told: stat is needed"
    [ "${outer_owner%% *}" = 0 ] || [ "${outer_owner%% *}" = "$(id -u)" ] || amiss "$PWD belongs to another account: copy into a folder of this one or of root"
    case ${outer_owner#* } in
        [1357]???) ;;
        *[2367]? | *[2367]) amiss "other accounts may write in $PWD: copy into a folder that only its owner writes, or one with the sticky bit" ;;
    esac
fi
private=$held_folder
"$@" cp -- "$origin" - >"$held_folder/tar" </dev/null || failed $?
LC_ALL=C tar -tvf "$held_folder/tar" >"$held_folder/list" 2>/dev/null || amiss "what the engine gave cannot be read"
IFS= read -r first_line <"$held_folder/list" || amiss "nothing came"
# Where the top of it will lie.
case $first_line in
    d*) if [ -n "$leaf" ]; then top_name=$leaf; else top_name=$inner_name; fi ;;
    *) top_name=${leaf:-$inner_name}; [ -n "$top_name" ] || amiss "a file has no content to copy" ;;
esac
special=$(LC_ALL=C grep -v '^[-d]' "$held_folder/list" | head -c 65536)
if [ -n "$special" ]; then
    special=$(printf '%s\n%s\n%s\n' "${PWD%/}/$top_name" "$first_line" "$special")
    [ "$special" = "$judged_links" ] || { printf '%s\n' "$special"; exit 85; }
fi
mkdir "$held_folder/x" || exit 1
( cd -- "$held_folder/x" && tar -xopf ../tar ) 2>"$held_folder/said" || { cat "$held_folder/said" >&2; exit 1; }
# The list was read by lines, and some tars print names as they are: what has a line break in its name or target was not
# judged. Nor was what cannot be looked at.
line_end='
'
find "$held_folder/x/" -name "*$line_end*" >"$held_folder/said" 2>/dev/null || amiss "a folder in it cannot be read by its owner: nothing was laid down"
[ ! -s "$held_folder/said" ] || amiss "a name in it has a line break: nothing was laid down"
find "$held_folder/x/" -type l -exec sh -c 'for e; do echo; done; for entry; do readlink "$entry" >&2; done' sh {} + >"$held_folder/list" 2>"$held_folder/said" &&
[ "$(wc -l <"$held_folder/list")" = "$(wc -l <"$held_folder/said")" ] || amiss "the target of a link in it has a line break: nothing was laid down"
find "$held_folder/x/" ! -type l \( -perm -4000 -o -perm -2000 \) -exec chmod ug-s {} \;
head_entry=$(LC_ALL=C tar -tf "$held_folder/tar" 2>/dev/null | sed -n 1p)
case $head_entry in
    /|./|.) top=$held_folder/x ;;
    *) for top in "$held_folder/x"/* "$held_folder/x"/.[!.]* "$held_folder/x"/..?*; do [ ! -e "$top" ] && [ ! -L "$top" ] || break; done ;;
esac
if [ -n "$closed_names" ]; then
    special=$( cd -- "${top%/*}" && set -f && IFS=$line_end && set -- && for entry in $closed_names; do [ $# = 0 ] || set -- "$@" -o; set -- "$@" -name "$entry"; done
        LC_ALL=C find "./${top##*/}" \( "$@" \) -print 2>&1 | head -c 16384 )
    if [ -n "$special" ]; then
        this_place=${PWD%/}/$top_name; [ -n "$top_name" ] || this_place=$PWD
        special=$(printf '%s\n%s\n%s' "$this_place" "./${top##*/}" "$special")
        [ "$special" = "$judged_names" ] || { printf %s "$special"; exit 83; }
    fi
fi
# Moves what is in the folder $1 to this one, whose name is $2. Folders that are there are filled; no link is followed.
fill() {
    for entry in "$1"/* "$1"/.[!.]* "$1"/..?*; do
        [ -e "$entry" ] || [ -L "$entry" ] || continue
        put "$entry" "${entry##*/}" "$2" || return 1
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
if [ -z "$top_name" ]; then fill "$top" "$PWD"; else put "$top" "$top_name" "$PWD"; fi || exit 1
