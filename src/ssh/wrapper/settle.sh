lost() { if [ -d "$1" ]; then c=92; elif [ -e "$1" ]; then c=93; else c=91; fi; printf "%s" "$1" >&2; exit $c; };
real() { if [ -e "./$L" ]; then R=$(readlink -f -- "./$L") || lost "$1"; return; fi; n=0;
while [ -L "./$L" ]; do n=$((n+1)); t=$(readlink -- "./$L") && [ $n -lt 41 ] || lost "$1";
case $t in */|.|..|*/.|*/..) lost "$1";; */*) cd -P -- "${t%/*}/" 2>/dev/null || lost "$1";; esac; L=${t##*/}; done; R=${PWD%/}/$L; };
settle() { moved=; all=; while [ $# -gt 0 ]; do
if [ "$2" = / ]; then cd / && L=. && R=/;
else D=${2%/*}; L=${2##*/}; cd -P -- "${D:-/}" 2>/dev/null || lost "${D:-/}"; R=${PWD%/}/$L;
if [ $1 = n ]; then :; elif [ -L "./$L" ]; then [ $1 = w ] || [ -e "./$L" ] || lost "$2"; real "$2"; fi;
case $1 in f) [ -e "./$L" ] || lost "$2";; esac; fi;
[ "$R" = "$2" ] || moved=1; all="$all$R/./"; shift 2; done;
[ -z "$moved" ] || { printf "%s" "$all"; exit 90; }; };
