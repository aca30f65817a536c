# shellcheck shell=sh
# Copies exactly $1 bytes: dd with fullblock takes no byte more, which reading in blocks does not promise.
fullblock() { dd bs=1 count=0 iflag=fullblock </dev/null 2>/dev/null; };
copy() { [ $1 -lt 65536 ] || dd bs=65536 count=$(($1/65536)) iflag=fullblock 2>/dev/null || { fullblock && return 1; dd bs=1 count=$1 2>/dev/null; return; };
[ $(($1%65536)) = 0 ] || dd bs=$(($1%65536)) count=1 iflag=fullblock 2>/dev/null || { fullblock && return 1; dd bs=1 count=$(($1%65536)) 2>/dev/null; }; };
