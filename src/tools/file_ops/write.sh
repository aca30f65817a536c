# shellcheck shell=sh disable=SC2154
# Puts content at the verified name, $1. $2: mode in octal, or "keep" with the mode of a new file ("keep+" keeps set-id
# bits of the old one too); $3: bytes; $4: sha256,
# "-" where it follows the content with a line end, "none" for none, empty for any; $5: mark of the temporary; $6: sha256
# that the old file must have, "new" where there must be none, empty for any; $7: stamp of a backup, empty for none; $8 and
# $9: owner and group, empty to keep; ${10}: "i" to write into the old file itself, "l" to go on although attributes of it are
# lost. Answers `note TEXT`, `mode OCTAL`, `backup END` and `in_place`. `put` gives the content; sum.sh, kept.sh and temporary.sh stand
# before this.
T=./.ssh-mcp-tmp.$5; m=$2; b=$3; h=$4; e=$6; k=$7; u=$8; g=$9; ou=$8; og=$9; w=${10}; old=; inside=; om=$2
die() { echo "$2" >&2; exit "$1"; }
case ${mcp_c-} in *mv=none*) mv; exit 97;; esac
[ ! -L "./$L" ] || exit 94
if [ -e "./$L" ]; then
[ -f "./$L" ] || die 95 "it is no regular file"
[ "$e" != new ] || die 98 "there is a file of that name"
f=$(stat -c "%a %u %g %h" "./$L") || die 96 "the old file cannot be looked at"
old=1
case $w in *i*) inside=1; T=${TMPDIR:-/tmp}/.ssh-mcp-tmp.$5;; esac
if [ -n "$e" ]; then s=$(sum <"./$L"); [ -n "$s" ] || die 97 "this host makes no sha256 digests"; [ "$s" = "$e" ] || die 98 "the file is not as it was when it was read"; fi
# shellcheck disable=SC2086
set -- $f
case $m in keep+*) m=$1;; keep*) m=$1; case $m in [2-7]???) m=${m#?}; echo "note set-id bits of the old file were taken off";; esac;; esac
u=${u:-$2}; g=${g:-$3}
[ -n "$inside" ] || [ "$4" = 1 ] || echo "note old file has $4 names (hard links), and the others keep the old content; \`in_place\` true writes into all of them"
flagged "./$L"
case $flags in *[ia]*) die 95 "it is immutable or append-only (chattr +i, +a), so nobody may replace or write it; root takes that off with chattr -i or -a";; esac
else
[ -z "$e" ] || [ "$e" = new ] || die 98 "the file is gone"
m=${m#keep}; m=${m#+}
k=
fi
# Temporaries of dead writers go: old ones whose lock is free, and where nothing can lock, those older than any transfer.
if command -v flock >/dev/null 2>&1; then a=10; else a=1440; flock() { :; }; fi
find . -maxdepth 1 -type f -name ".ssh-mcp-tmp.*" -mmin "+$a" 2>/dev/null | while IFS= read -r t; do
case $t in ./.ssh-mcp-tmp.*) ( exec 8<"$t" && flock -n 8 && rm -f "$t" ) 2>/dev/null;; esac; done
guard
umask 077; set -C
{ command exec 9>"$T"; } 2>/dev/null || { [ -z "$inside" ] || die 96 "no temporary could be made in ${TMPDIR:-/tmp}"
[ -w . ] || { r="permission denied: the account may not make files in this folder, or its file system is read-only"
[ -z "$old" ] || [ ! -w "./$L" ] || r="$r; it may write the file itself, which \`in_place\` true does"
die 96 "$r"; }
die 96 "no new file could be made in this folder: its file system may be full"; }
set +C
flock -n 9 2>/dev/null
put >&9 || die 96 "the content could not be written"
V=/proc/self/fd/9
if [ -e "$V" ]; then [ -n "$inside" ] || [ "$(readlink "$V")" = "${PWD%/}/${T#./}" ] || exit 94; else V=$T; [ ! -L "$T" ] || exit 94; fi
l=$b; [ "$h" != - ] || l=$((b + 65))
[ "$(wc -c <"$V")" -eq "$l" ] || die 96 "the content did not arrive whole"
if [ "$h" = - ]; then
h=$(tail -c 65 <"$V")
dd if=/dev/null of="$V" bs=1 seek="$b" count=0 2>/dev/null
[ "$(wc -c <"$V")" -eq "$b" ] || die 96 "the end of the content could not be set"
fi
if [ "$h" != none ]; then
s=$(sum <"$V")
[ -n "$s" ] || [ -z "$h" ] || echo "note host has no sha256sum and no shasum, so only the length was compared"
[ -z "$s" ] || [ "${h:-$s}" = "$s" ] || die 96 "the content arrived damaged"
fi
if [ -z "$inside" ] && [ -n "$u$g" ]; then
chown "$u:$g" "$V" 2>/dev/null || {
[ -z "$ou$og" ] || die 96 "the owner could not be set"
[ "$(stat -L -c "%u:%g" "$V")" = "$u:$g" ] || chgrp "$g" "$V" 2>/dev/null
if [ "$(stat -L -c "%u:%g" "$V")" != "$u:$g" ]; then
echo "note owner or group of the old file could not be kept"; m=$(printf "%o" "$((0$m & 0777))"); fi; }
fi
if [ -z "$inside" ]; then
# Attributes before the mode: a list of rights alone never lets more in than the old one did.
[ -z "$old" ] || keep
chmod "$m" "$V" || die 96 "the mode could not be set"
echo "mode $(stat -L -c %a "$V")"
fi
sync "$V" 2>/dev/null || sync
if [ -n "$k" ]; then
B=$L.bak-$k; i=0
until [ -z "$inside" ] && ln -T "./$L" "./$B" 2>/dev/null; do
if [ -e "./$B" ] || [ -L "./$B" ]; then i=$((i + 1)); B=$L.bak-$k-$i; [ "$i" -lt 100 ] || die 96 "no name for the backup"; continue; fi
( exec 8<"./$L" || exit 94
if [ -e /proc/self/fd/8 ]; then [ "$(readlink /proc/self/fd/8)" = "${PWD%/}/$L" ] || exit 94; [ -f /proc/self/fd/8 ] || exit 94; cp -pnT /proc/self/fd/8 "./$B"
else [ ! -L "./$L" ] || exit 94; cp -pnT "./$L" "./$B"; fi )
case $? in 0) break;; 94) exit 94;; *) die 96 "the backup could not be made";; esac
done
if [ -L "./$B" ]; then rm -f "./$B"; exit 94; fi
echo "backup ${B#"$L"}"
fi
if [ -n "$inside" ]; then within
elif [ "$e" = new ]; then ln -T "$T" "./$L" 2>/dev/null || die 98 "there is a file of that name"
else
if [ -n "$old" ]; then mounted; fi
r=$(mv -fT "$T" "./$L" 2>&1) || case $r in
*busy*) die 96 "its name is a mount point (a bind mount onto the file), so nothing can be renamed onto it; \`in_place\` true writes into the file itself";;
*"not permitted"*) die 96 "nothing may take its name (its folder is sticky and the file another account's, or one of the two is append-only): $r";;
*) die 96 "the new file could not take its name: $r";;
esac
fi
sync . 2>/dev/null || :
