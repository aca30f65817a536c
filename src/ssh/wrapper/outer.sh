p=; m=; r=; z=; w=;
[ -z "$BASH_VERSION" ] || set +o posix;
exec 4>&1 5>&2 7<&0;
if command -v setsid >/dev/null 2>&1; then S=setsid; elif command -v perl >/dev/null 2>&1; then S="perl -MPOSIX -e setsid;exec@ARGV"; else S=; fi;
{ exec 2>&1; ( exec 3>&1 >&4 2>&5 4>&- 5>&- 7<&-; exec $S sh -c "$1" sh ); echo "e $?"; } | {
exec 4>&- 5>&-;
k() { kill -$1 -$p 2>/dev/null || kill -$1 $p 2>/dev/null; };
l() { n=; k 0 && n=g; for f in /proc/[0-9]*/stat; do read -r t <$f || continue; t=${t##*) }; set -- $t; [ "$4" = $p ] || continue; case $1 in Z|X) ;; *) f=${f#/proc/}; n="$n ${f%/stat}";; esac; done 2>/dev/null; [ -z "$n" ]; };
a() { k 0 && return; for q in ${n#g}; do [ -d /proc/$q ] && return; kill -0 $q 2>/dev/null && return; done; return 1; };
while read -r a v; do case $a in
p) p=$v;;
m) m=$v;;
g) m=$v;
( read -r x <&7; trap "" TERM HUP INT; i=0; s=TERM;
while k $s; l; [ -n "$n" ]; do i=$((i+1)); [ $i -gt 5 ] && exit 11; for q in ${n#g}; do kill -$s $q 2>/dev/null; done;
j=0; while [ $j -lt 6 ] && a; do j=$((j+1)); sleep 0.1 2>/dev/null || { sleep 1; j=6; }; done; [ $i = 1 ] || s=KILL; done;
[ -n "$S" ] && [ -r /proc/self/stat ] || exit 12; exit 10 ) & w=$!=; w=${w%=};;
e) r=$v; break;;
*) z=1;;
esac; done;
[ -n "$m" ] || exit 0;
q=; [ -z "$w" ] || { kill $w 2>/dev/null; wait $w 2>/dev/null; q=$?; };
b=0; k 0 && b=1;
printf "<%s" "$m"; printf "<%s e=%s z=%s q=%s b=%s;" "$m" "$r" "$z" "$q" "$b" >&2; }
