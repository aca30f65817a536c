# shellcheck shell=sh disable=SC2154
# What a file is more than its bytes, its owner and its mode: rights of further accounts (ACL), extended attributes, file
# capabilities, a security context, flags of its file system. write.sh sets L (the old name), T (the new file's name), V (the
# same, opened), m (its mode), om (the mode as asked for), b (its length), s (its digest) and w; it says `die`.
#
# short: leaf=L temp_file=T opened=V new_mode=m byte_count=b found_digest=s how=w mode_asked=om owner_asked=ou
# short: group_asked=og said=r what_kept=p flags_old=o project_old=q flags_new=n old_file=U

# Puts into $flags and $project what lsattr says of a file; nothing where the file system has no such flags.
flagged() {
    flags=; project=
    command -v lsattr >/dev/null 2>&1 || return 0
    said=$(lsattr -pd "$1" 2>/dev/null) || said="0 $(lsattr -d "$1" 2>/dev/null)"
    said=${said#"${said%%[! ]*}"}; project=${said%% *}; said=${said#"$project"}; said=${said#"${said%%[! ]*}"}; flags=${said%% *}
case $flags in *[!A-Za-z-]*) flags="" project="";; esac; }

# The flags that a person sets, out of those that a file system uses for itself; none of them opens or closes a file.
settable() { printf "%s" "$flags" | tr -cd "ACDFPSTcdjmstu"; }

# The same where cp copies no attributes.
elsewise() {
    if command -v getfattr >/dev/null 2>&1 && command -v setfattr >/dev/null 2>&1; then
        setfattr -h -x system.posix_acl_access "$temp_file" 2>/dev/null
        said=$(getfattr -h -d -m - -e hex -- "./$leaf" 2>/dev/null | grep "=")
        [ -z "$said" ] || said=$(printf "# file: %s\n%s\n" "$temp_file" "$said" | setfattr -h --restore=- 2>&1) || lost="$said "
        return; fi
    [ -z "$(getcap "./$leaf" 2>/dev/null)" ] || lost="security.capability "
    [ ! -e /sys/fs/selinux/enforce ] || echo "note host has no getfattr, so the security context of the old file could not be kept"
    if command -v getfacl >/dev/null 2>&1 && command -v setfacl >/dev/null 2>&1; then
        said=$(getfacl -cP "./$leaf" 2>/dev/null)
        case $said in *mask:*) printf "%s\n" "$said" | setfacl -P --set-file=- "$temp_file" 2>/dev/null || lost="${lost}its ACL ";; esac
    else case $mode_asked:$new_mode in keep*:*[2367]?) echo "note host cannot tell whether the old file has an ACL; if it has, its group may write the new file";; esac
fi; }

# Puts the attributes of the old file on the new one, and says which could not be.
keep() {
    lost=
    what_kept=mode,xattr; [ ! -e /sys/fs/selinux/enforce ] || what_kept=$what_kept,context
    said=$(cp --attributes-only --preserve=$what_kept "./$leaf" "$opened" 2>&1) || case $said in
        *unrecognized* | *invalid* | *"nknown option"* | *sage:*) elsewise;;
        *"cannot open"*) echo "note attributes of the old file could not be looked at, because the account may not read it";;
        *) lost=$(printf "%s\n" "$said" | sed -n "s/.*attribute ['\"]\\([^'\"]*\\)['\"].*/\\1/p" | tr "\n" " "); lost=${lost:-$said };;
    esac
    # Whatever took them over: a plus sign that is gone is a list of rights that is gone.
    acl=
    said=$(ls -ldL "./$leaf" "$opened" 2>/dev/null)
    case ${said%% *} in *+) said=${said#*"
"}; case ${said%% *} in *+) ;; *) acl=1;; esac;; esac
[ -z "$acl" ] || lost="${lost}its ACL (rights of further accounts) "
if [ -n "$flags" ]; then
    flags_old=$(settable) project_old=$project
    flagged "$temp_file"
    if [ "$(settable) $project" != "$flags_old $project_old" ]; then
        flags_new=$(settable | tr -d "${flags_old:-.}")
        { [ "$project" = "$project_old" ] || chattr -p "$project_old" "$temp_file"; [ -z "$flags_old" ] || chattr "+$flags_old" "$temp_file"; [ -z "$flags_new" ] || chattr "-$flags_new" "$temp_file"; } 2>/dev/null
        flagged "$temp_file"
        [ "$(settable)" = "$flags_old" ] || lost="${lost}flags ${flags_old:-none} (lsattr) "
        [ "$project" = "$project_old" ] || lost="${lost}project $project_old (lsattr -p) "
    fi
fi
[ -n "$lost" ] || return 0
case $how in *l*) ;; *)
    said="the new file would lose ${lost% }, which this account may not set; \`accept_loss\` true goes on without"
    case $lost in *security.capability*) ;; *) said="$said, and \`in_place\` true writes into the old file and keeps it";; esac
    die 95 "$said";; esac
echo "note new file has lost ${lost% }"
# The mode's group bits of a file with an ACL are the mask of all in it, not what its group may do.
[ -z "$acl" ] || case $mode_asked in keep*) new_mode=$(printf "%o" "$((0$new_mode & 0707))");; esac; }

# Says where else the old file is mounted: such a mount keeps it.
mounted() {
    [ -r /proc/self/mountinfo ] || return 0
    awk -v what_kept="${PWD%/}/$leaf" -v l="/$leaf" '$5 != p && length($4) >= length(l) && substr($4, length($4) - length(l) + 1) == l { print $5 }' /proc/self/mountinfo |
    while IFS= read -r said; do
        # shellcheck disable=SC3013 # dash, bash and BusyBox know -ef
        [ ! "$said" -ef "./$leaf" ] || echo "note old file is also mounted at $said, which keeps the old content; \`in_place\` true writes into that too"
done; }

# Writes the content, which is whole and in $temp_file, into the old file.
within() {
    case $(getcap "./$leaf" 2>/dev/null || getfattr -h -n security.capability "./$leaf" 2>/dev/null) in
        '') ;;
        *) case $how in *l*) echo "note file has lost its capability: the kernel takes it off when the file is written";; *) die 95 "the kernel takes its file capability off when it is written; \`accept_loss\` true goes on";; esac;;
    esac
    { command exec 7<>"./$leaf"; } 2>/dev/null || die 96 "permission denied: the account may not read and write the file itself"
    old_file=/proc/self/fd/7
    if [ -e "$old_file" ]; then [ "$(readlink "$old_file")" = "${PWD%/}/$leaf" ] && [ -f "$old_file" ] || exit 94; else old_file=./$leaf; [ ! -L "$old_file" ] || exit 94; fi
    said="writing into the file broke off, so it is partly old and partly new"
    cat <"$opened" >&7 || die 96 "$said"
    dd if=/dev/null of="$old_file" bs=1 seek="$byte_count" count=0 2>/dev/null
    [ "$(wc -c <"$old_file")" -eq "$byte_count" ] || die 96 "$said"
    sync "$old_file" 2>/dev/null || sync
    [ -z "${found_digest:-}" ] || [ "$(sum <"$old_file")" = "$found_digest" ] || die 96 "$said"
    if [ -n "$owner_asked$group_asked" ]; then chown "$owner_asked${group_asked:+:$group_asked}" "$old_file" || die 96 "it is written, but the owner could not be set"; fi
    case $mode_asked in keep*) ;; *) chmod "$mode_asked" "$old_file" || die 96 "it is written, but the mode could not be set";; esac
    echo "mode $(stat -L -c %a "$old_file")"
    echo in_place; }
