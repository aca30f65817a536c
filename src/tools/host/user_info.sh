# $1: account name, or nothing for the login account
#
# short: group_id=g group_entry=n
s() { printf '\000%s\000' "$1"; }
name=$1
if [ -z "$name" ]; then
    # Two names of one number: the one that logged in.
    name=$(id -un)
    [ -z "$LOGNAME" ] || [ "$(id -u "$LOGNAME" 2>/dev/null)" != "$(id -u)" ] || name=$LOGNAME
fi
s name; printf '%s' "$name"
s passwd; getent passwd "$name" 2>/dev/null || N=$name awk -F: '$1 == ENVIRON["N"]' /etc/passwd
s primary; id -gn "$name" 2>/dev/null
# One by one: names hold blanks.
s groups; for group_id in $(id -G "$name" 2>/dev/null); do
    group_entry=$(getent group "$group_id" 2>/dev/null || awk -F: -v group_id="$group_id" '$3 == g' /etc/group)
    group_entry=${group_entry%%:*}
    printf '%s\n' "${group_entry:-$group_id}"
done
exit 0
