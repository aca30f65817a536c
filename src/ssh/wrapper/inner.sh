echo "p $$" >&3;
F() { dd bs=1 count=0 iflag=fullblock </dev/null 2>/dev/null; };
D() { [ $1 -lt 65536 ] || dd bs=65536 count=$(($1/65536)) iflag=fullblock 2>/dev/null || { F && return 1; dd bs=1 count=$1 2>/dev/null; return; }; [ $(($1%65536)) = 0 ] || dd bs=$(($1%65536)) count=1 iflag=fullblock 2>/dev/null || { F && return 1; dd bs=1 count=$(($1%65536)) 2>/dev/null; }; };
IFS=" "; read -r m n d s || exit 125; unset IFS;
[ $n = 0 ] || { s=$(D $n); case $s in *"#$m") s=${s%"#$m"};; *) exit 125;; esac; };
printf "%s>" "$m"; printf "%s>%s;" "$m" "$$" >&2;
if [ "$d" = @ ]; then echo "m $m" >&3; exec 3>&-; m=; eval "$s";
elif [ "$d" = - ]; then exec </dev/null; echo "g $m" >&3; exec 3>&-; m=; eval "$s"; else { if D $d; then echo "g $m" >&3; else echo "m $m" >&3; fi; } | { exec 3>&-; m=; eval "$s"; }; fi
