# shellcheck shell=sh disable=SC2154,SC2086,SC2033,SC2032 # probe.sh sets mcp_c
# The programs that the scripts call, in the spelling of the GNU ones, by those that the host has. Sent only to hosts that
# spell one of them otherwise.
case $mcp_c in *stat=bsd*)
stat() ( o=; [ "$1" != -L ] || { o=-L; shift; };
[ "$1" = -c ] || { command stat $o "$@"; exit; };
case $2 in "%f %s %Y %u %g") f="%Xp %z %m %u %g";; "%s %h") f="%z %l";; %a) f="%Mp%Lp";; "%a %u %g %h") f="%Mp%Lp %u %g %l";; %u:%g|%d) f=$2;; %s) f=%z;; "owner %U") f="owner %Su";; "%s %Y %a %U") f="%z %m %Mp%Lp %Su";; *) exit 2;; esac;
w=$2; shift 2; x=$(command stat $o -f "$f" "$@") || exit; case $w in %a*) x=${x#0};; esac; printf "%s\n" "$x" );;
*stat=none*)
stat() ( o=; [ "$1" != -L ] || { o=L; shift; };
[ "$1" = -c ] && [ $# = 3 ] || exit 2; w=$2; f=$3; n=n; case $w in *%U) n=;; esac;
x=$(ls -l${n}d$o -- "$f" 2>/dev/null) || exit;
printf "%s\n" "$x" | { read -r m h u g z x;
[ "$w" != "owner %U" ] || { echo "owner $u"; exit; };
t=8; case $m in d*) t=4;; l*) t=10;; p*) t=1;; s*) t=12;; c*) t=2 z=0;; b*) t=6 z=0;; esac;
a=0; r=${m#?}; for v in 256 128 64 32 16 8 4 2 1; do c=${r%"${r#?}"}; r=${r#?};
case $c in -|S|T) ;; *) a=$((a+v));; esac;
case $v$c in 64[sS]) a=$((a+2048));; 8[sS]) a=$((a+1024));; 1[tT]) a=$((a+512));; esac; done;
y=; case $w$m in *%Y*l*) ;; *%Y*) y=$(date -r "$f" +%s 2>/dev/null);; esac;
case $w in "%f %s %Y %u %g") printf "%x %s %s %s %s\n" $((t*4096+a)) $z ${y:--} $u $g;; "%f %s %Y %N") [ $t != 10 ] || f="$f -> $(readlink "$f")"; printf "%x %s %s %s\n" $((t*4096+a)) $z ${y:--} "$f";;
"%s %Y %a %U") printf "%s %s %o %s\n" $z ${y:--} $a $u;; "%s %h") echo "$z $h";; %a) printf "%o\n" $a;; "%a %u %g %h") printf "%o %s %s %s\n" $a $u $g $h;; %u:%g) echo "$u:$g";; %d) echo 0;; %s) echo $z;; *) exit 2;; esac; } );;
esac;
# Whatever stands at the new name is replaced by a rename, and never entered.
case $mcp_c in *mv=T*) ;; *)
mv() ( while :; do case ${1-} in --) shift; break;; -*) shift;; *) break;; esac; done;
if [ -d "${2-}" ] && [ ! -L "$2" ]; then echo "there is a folder of that name" >&2; exit 1; fi;
case $mcp_c in *mv=h*) command mv -fh "$1" "$2";; *mv=perl*) perl -e "rename(\$ARGV[0],\$ARGV[1])or do{print STDERR qq(\$!\\n);exit 1}" "$1" "$2";;
*) echo "mv of this host has neither -T nor -h, and there is no perl, so nothing is moved or replaced safely" >&2; exit 97;; esac );;
esac;
case $mcp_c in *ln=T*) ;; *)
ln() ( o=-n; while :; do case $1 in --) shift; break;; --*) exit 2;; -s*) o="$o -s"; shift;; -P) o="$o -P"; shift;; -*) shift;; *) break;; esac; done;
if [ -d "$2" ] && [ ! -L "$2" ]; then echo "there is a folder of that name" >&2; exit 1; fi;
command ln $o "$1" "$2" );;
esac;
case $mcp_c in *cp=T*) ;; *)
cp() ( case $1 in -pnT) shift; if [ -d "$2" ]; then exit 1; fi; command cp -pn "$@";; *) command cp "$@";; esac );;
esac;
case $mcp_c in *readlink=none*)
readlink() ( w=; [ "$1" != -f ] || { w=f; shift; }; [ "$1" != -- ] || shift;
[ -n "$w" ] || { command readlink "$1"; exit; };
f=$1; n=0; while [ -L "$f" ]; do n=$((n+1)); t=$(command readlink "$f") && [ $n -lt 41 ] || exit 1;
case $t in /*) f=$t;; *) case $f in */*) f=${f%/*}/$t;; *) f=$t;; esac;; esac; done;
d=.; case $f in */*) d=${f%/*}/; f=${f##*/};; esac; cd -P -- "$d" || exit;
case $f in ""|.|..) cd -P -- "./$f" || exit; printf "%s\n" "$PWD";; *) printf "%s\n" "${PWD%/}/$f";; esac );;
esac;
case $mcp_c in *stat=bsd*|*stat=quoting*)
# Without the type of the file system where df has no column for it.
df() { command df "$@" 2>/dev/null || command df -Pk ${2+"$2"} | sed "s/ \( *[0-9][0-9]* *[0-9][0-9]* *-*[0-9][0-9]* *[0-9]*%\)/ - \1/"; };;
esac;
# What list.sh answers: names, then their facts, by `l` and $M of it.
case $mcp_c in *stat=none*)
listed() { l "$@"; printf "\0"; for f in "$@"; do stat -c "%f %s %Y %N" "$f"; done 2>/dev/null; };;
*stat=bsd*)
listed() { l "$@"; printf "\0"; l "$@" | xargs -0 stat -f "%Xp %z %m %N%SY" 2>/dev/null; };;
*stat=quoting*)
# Links stand behind the rest, and where they lead is asked of readlink.
files() { for f in "$@"; do [ -L "$f" ] || printf "%s\0" "$f"; done; };
listed() { { files "$@"; for f in "$@"; do [ ! -L "$f" ] || printf "%s\0" "$f"; done; } | if [ $# -gt "$M" ]; then tr "\n\000" "\001\n" | head -n "$M" | tr "\001\n" "\n\000"; else cat; fi; printf "\0";
files "$@" | xargs -0 stat -c "%f %s %Y %n" 2>/dev/null;
for f in "$@"; do [ ! -L "$f" ] || printf "%s %s -> %s\n" "$(stat -c "%f %s %Y" "$f")" "$f" "$(readlink "$f")"; done; };;
esac;
