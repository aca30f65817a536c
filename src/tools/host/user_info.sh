# $1: account name, or nothing for the login account
s() { printf '\000%s\000' "$1"; }
name=${1:-$(id -un)}
s name; printf '%s' "$name"
s passwd; getent passwd "$name" 2>/dev/null || grep -m1 "^$name:" /etc/passwd
s primary; id -gn "$name" 2>/dev/null
s groups; id -Gn "$name" 2>/dev/null
exit 0
