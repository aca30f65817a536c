# $1: account name, or nothing for the login account
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
s groups; for g in $(id -G "$name" 2>/dev/null); do
    n=$(getent group "$g" 2>/dev/null || awk -F: -v g="$g" '$3 == g' /etc/group)
    n=${n%%:*}
    printf '%s\n' "${n:-$g}"
done
exit 0
