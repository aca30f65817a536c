# shellcheck shell=sh disable=SC2154
# What a file is more than its bytes, its owner and its mode: rights of further accounts (ACL), extended attributes, file
# capabilities, a security context, flags of its file system. write.sh sets L (the old name), T (the new file's name), V (the
# same, opened), m (its mode), om (the mode as asked for), b (its length), s (its digest) and w; it says `die`.

# Puts into $flags and $project what lsattr says of a file; nothing where the file system has no such flags.
flagged() {
flags=; project=
command -v lsattr >/dev/null 2>&1 || return 0
r=$(lsattr -pd "$1" 2>/dev/null) || r="0 $(lsattr -d "$1" 2>/dev/null)"
r=${r#"${r%%[! ]*}"}; project=${r%% *}; r=${r#"$project"}; r=${r#"${r%%[! ]*}"}; flags=${r%% *}
case $flags in *[!A-Za-z-]*) flags="" project="";; esac; }

# The flags that a person sets, out of those that a file system uses for itself; none of them opens or closes a file.
settable() { printf "%s" "$flags" | tr -cd "ACDFPSTcdjmstu"; }

# The same where cp copies no attributes.
elsewise() {
if command -v getfattr >/dev/null 2>&1 && command -v setfattr >/dev/null 2>&1; then
setfattr -h -x system.posix_acl_access "$T" 2>/dev/null
r=$(getfattr -h -d -m - -e hex -- "./$L" 2>/dev/null | grep "=")
[ -z "$r" ] || r=$(printf "# file: %s\n%s\n" "$T" "$r" | setfattr -h --restore=- 2>&1) || lost="$r "
return; fi
[ -z "$(getcap "./$L" 2>/dev/null)" ] || lost="security.capability "
[ ! -e /sys/fs/selinux/enforce ] || echo "note host has no getfattr, so the security context of the old file could not be kept"
if command -v getfacl >/dev/null 2>&1 && command -v setfacl >/dev/null 2>&1; then
r=$(getfacl -cP "./$L" 2>/dev/null)
case $r in *mask:*) printf "%s\n" "$r" | setfacl -P --set-file=- "$T" 2>/dev/null || lost="${lost}its ACL ";; esac
else case $om:$m in keep*:*[2367]?) echo "note host cannot tell whether the old file has an ACL; if it has, its group may write the new file";; esac
fi; }

# Puts the attributes of the old file on the new one, and says which could not be.
keep() {
lost=
p=mode,xattr; [ ! -e /sys/fs/selinux/enforce ] || p=$p,context
r=$(cp --attributes-only --preserve=$p "./$L" "$V" 2>&1) || case $r in
*unrecognized* | *invalid* | *"nknown option"* | *sage:*) elsewise;;
*"cannot open"*) echo "note attributes of the old file could not be looked at, because the account may not read it";;
*) lost=$(printf "%s\n" "$r" | sed -n "s/.*attribute ['\"]\\([^'\"]*\\)['\"].*/\\1/p" | tr "\n" " "); lost=${lost:-$r };;
esac
# Whatever took them over: a plus sign that is gone is a list of rights that is gone.
acl=
r=$(ls -ldL "./$L" "$V" 2>/dev/null)
case ${r%% *} in *+) r=${r#*"
"}; case ${r%% *} in *+) ;; *) acl=1;; esac;; esac
[ -z "$acl" ] || lost="${lost}its ACL (rights of further accounts) "
if [ -n "$flags" ]; then
o=$(settable) q=$project
flagged "$T"
if [ "$(settable) $project" != "$o $q" ]; then
n=$(settable | tr -d "${o:-.}")
{ [ "$project" = "$q" ] || chattr -p "$q" "$T"; [ -z "$o" ] || chattr "+$o" "$T"; [ -z "$n" ] || chattr "-$n" "$T"; } 2>/dev/null
flagged "$T"
[ "$(settable)" = "$o" ] || lost="${lost}flags ${o:-none} (lsattr) "
[ "$project" = "$q" ] || lost="${lost}project $q (lsattr -p) "
fi
fi
[ -n "$lost" ] || return 0
case $w in *l*) ;; *)
r="the new file would lose ${lost% }, which this account may not set; \`accept_loss\` true goes on without"
case $lost in *security.capability*) ;; *) r="$r, and \`in_place\` true writes into the old file and keeps it";; esac
die 95 "$r";; esac
echo "note new file has lost ${lost% }"
# The mode's group bits of a file with an ACL are the mask of all in it, not what its group may do.
[ -z "$acl" ] || case $om in keep*) m=$(printf "%o" "$((0$m & 0707))");; esac; }

# Says where else the old file is mounted: such a mount keeps it.
mounted() {
[ -r /proc/self/mountinfo ] || return 0
awk -v p="${PWD%/}/$L" -v l="/$L" '$5 != p && length($4) >= length(l) && substr($4, length($4) - length(l) + 1) == l { print $5 }' /proc/self/mountinfo |
while IFS= read -r r; do
# shellcheck disable=SC3013 # dash, bash and BusyBox know -ef
[ ! "$r" -ef "./$L" ] || echo "note old file is also mounted at $r, which keeps the old content; \`in_place\` true writes into that too"
done; }

# Writes the content, which is whole and in $T, into the old file.
within() {
case $(getcap "./$L" 2>/dev/null || getfattr -h -n security.capability "./$L" 2>/dev/null) in
'') ;;
*) case $w in *l*) echo "note file has lost its capability: the kernel takes it off when the file is written";; *) die 95 "the kernel takes its file capability off when it is written; \`accept_loss\` true goes on";; esac;;
esac
{ command exec 7<>"./$L"; } 2>/dev/null || die 96 "permission denied: the account may not read and write the file itself"
U=/proc/self/fd/7
if [ -e "$U" ]; then [ "$(readlink "$U")" = "${PWD%/}/$L" ] && [ -f "$U" ] || exit 94; else U=./$L; [ ! -L "$U" ] || exit 94; fi
r="writing into the file broke off, so it is partly old and partly new"
cat <"$V" >&7 || die 96 "$r"
dd if=/dev/null of="$U" bs=1 seek="$b" count=0 2>/dev/null
[ "$(wc -c <"$U")" -eq "$b" ] || die 96 "$r"
sync "$U" 2>/dev/null || sync
[ -z "${s:-}" ] || [ "$(sum <"$U")" = "$s" ] || die 96 "$r"
if [ -n "$ou$og" ]; then chown "$ou${og:+:$og}" "$U" || die 96 "it is written, but the owner could not be set"; fi
case $om in keep*) ;; *) chmod "$om" "$U" || die 96 "it is written, but the mode could not be set";; esac
echo "mode $(stat -L -c %a "$U")"
echo in_place; }
