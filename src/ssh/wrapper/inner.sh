echo "p $$" >&3;
f=iflag=fullblock; dd bs=1 count=0 $f </dev/null 2>/dev/null || f=;
D() { if [ -n "$f" ]; then [ $1 -lt 65536 ] || dd bs=65536 count=$(($1/65536)) $f 2>/dev/null; [ $(($1%65536)) = 0 ] || dd bs=$(($1%65536)) count=1 $f 2>/dev/null; else dd bs=1 count=$1 2>/dev/null; fi; };
IFS=" "; read -r m n d s || exit 125; unset IFS;
[ $n = 0 ] || s=$(D $n);
printf "%s>" "$m"; printf "%s>%s;" "$m" "$$" >&2;
if [ "$d" = - ]; then exec </dev/null; echo "g $m" >&3; exec 3>&-; m=; eval "$s"; else { D $d; echo "g $m" >&3; } | { exec 3>&-; m=; eval "$s"; }; fi
