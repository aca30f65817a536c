# shellcheck shell=sh disable=SC2154,SC2046,SC3013
# The waiting channel: starts the command's shell ahead of need, reports its true end, and stops what it started when the
# channel's input ends. Three processes: this one waits for the other two, the left one for the command, the right one
# reads what both report.
#
# Descriptors: 4 and 5 are the channel's output, 7 its input; 3 is where the command's shell reports; 6 reads the file that
# stands for standard error in a terminal.
unset mcp_o mcp_w;
# Where programs are, and how they are spelled (probe.sh, spelled.sh); empty on most hosts once that is known.
eval "$mcp_x";
session=; mark=; status=; said=; watcher=; stopped=; seen=; background=0;
# In its POSIX mode bash says nothing of a child that a signal killed.
[ -z "${BASH_VERSION-}" ] || set +o posix;
# In a terminal both streams are one, and so they are where a login joins them (tlog, `2>&1`): standard error goes into a file
# that has no name any more, and follows at the end.
tty=;
if [ -t 1 ] || [ /dev/fd/1 -ef /dev/fd/2 ]; then tty=${TMPDIR:-/tmp}/.ssh-mcp-$$; left=$(umask); umask 077; set -C;
command exec 2>"$tty" 6<"$tty" || exit 0;
set +C; umask "$left"; rm -f "$tty"; left=;
# Who joins streams may copy our input, and lose our last words with what it cannot hand on: it is taken to its end.
[ -t 1 ] || mcp_w=1; fi;
exec 4>&1 5>&2 7<&0;
if command -v setsid >/dev/null 2>&1; then leader=setsid;
elif command -v perl >/dev/null 2>&1; then leader="perl -MPOSIX -e setsid;exec@ARGV"; else leader=; fi;
{ exec 2>&1;
# In parentheses, so that a death by signal is told where the shell around them has its own standard error. The numbers
# above 2 are handed over by the command itself: shells of the ksh family keep others from it.
( mcp_l=$leader; export mcp_l; exec $leader sh -c "eval \"\$mcp_i\"" ssh-mcp 3>&1 >&4 2>&5 4>&- 5>&- 6<&- 7<&- );
echo "e $?"; } | {
exec 4>&- 5>&-;
unset mcp_i mcp_a mcp_f;
# Signals the command: its group, or the one process where it has no group of its own.
# Never without its number: for kill, no number and 1 stand for everything that the account runs. A kill that is a program
# needs "--" in front of a group: that of procps reads "-12345" as its option "-1", which is everything again. Those that
# shells have built in take a group as it is, and some of them no "--".
send() { case $session in ""|0|1|*[!0-9]*) return 1;; esac; case $(command -v kill) in kill) group=;; *) group=--;; esac;
kill -$1 $group -$session 2>/dev/null || kill -$1 $session 2>/dev/null; };
# Puts into $left what lives of the command. A process that is dead and was not reaped is not among it.
look() { table=; left=;
for file in /proc/[0-9]*/stat; do
read -r line <$file || continue;
line=${line##*")" }; set -- $line; file=${file#/proc/}; file=${file%/stat};
case $1 in Z|X|x) continue;; esac;
if [ -z "$leader" ]; then table="$table $file:$2:$4";
elif [ "$4" = $session ]; then left="$left $file"; fi;
done 2>/dev/null;
[ -r /proc/self/stat ] || rows;
[ -n "$leader" ] || family;
[ -n "$table$left" ] || [ -r /proc/self/stat ] || ! send 0 || left=group; };
# Where there is no /proc (as on a BSD), ps tells the same. Not every one knows of sessions; with groups in their place the
# verdict stays open. One that does not know a word leaves its column out, or says nothing.
rows() { for seen in sid pgid; do
set -- $(ps -A -o pid= -o ppid= -o $seen= -o stat= 2>/dev/null);
case $1:$2:$3:$4 in :*|*::*|*:|*[!0-9]*:*:*:*|*:*[!0-9]*:*:*|*:*:*[!0-9]*:*) continue;; esac;
while [ $# -ge 4 ]; do case $4 in Z*) ;; *) table="$table $1:$2:$3";; esac; shift 4; done;
[ -z "$leader" ] || for row in $table; do [ "${row##*:}" != $session ] || left="$left ${row%%:*}"; done; return;
done; seen=; };
# Without setsid the command has no session of its own: what descends from it is found by its parents, and what lost them
# by the session of the channel, where the channel has one.
family() { own=" $$ $right $watcher ";
read -r line 2>/dev/null </proc/$$/stat || line=; line=${line##*")" }; set -- $line; ours=$4;
[ -n "$ours" ] || for row in $table; do case $row in $$:*) ours=${row##*:};; esac; done;
known="$known$session ";
more=1; while [ -n "$more" ]; do more=;
for row in $table; do
one=${row%%:*}; row=${row#*:};
case "$own$known" in *" $one "*) continue;; esac;
case "$known" in *" ${row%:*} "*) ;; *) [ "${row#*:}:$ours" = "$$:$$" ] || continue; [ "${row%:*}" != "$$" ] || continue;; esac;
case "$own" in *" ${row%:*} "*) continue;; esac;
known="$known$one "; more=1;
done; done;
for row in $table; do one=${row%%:*}; case "$known" in *" $one "*) left="$left $one";; esac; done; };
# True while one of $left lives.
lives() { for one in $left; do
case $one in group) send 0 && return; continue;; esac;
read -r line </proc/$one/stat || { [ -r /proc/self/stat ] || ! kill -0 $one || return 0; continue; }; line=${line##*")" };
case $line in Z*|X*|x*) ;; *) return 0;; esac;
done 2>/dev/null; return 1; };
# TERM, TERM once more for what was just starting a process, then KILL.
stop() { trap "" TERM HUP INT USR1 ALRM VTALRM;
read -r watcher line 2>/dev/null </proc/self/stat || watcher=$(exec sh -c "echo \$PPID");
round=0 signal=TERM known=" ";
[ -n "$leader" ] || look;
send TERM;
while look; [ -n "$left" ]; do
round=$((round+1)); [ $round -le 5 ] || exit 11;
for one in $left; do case $one in group) send $signal;; *) kill -$signal $one 2>/dev/null;; esac; done;
tenth=0; while [ $tenth -lt 6 ] && lives; do tenth=$((tenth+1)); sleep 0.1 2>/dev/null || { sleep 1; tenth=6; }; done;
[ $round = 1 ] || signal=KILL;
done;
# Where /proc hides the processes of others, that none is seen says nothing.
read -r line 2>/dev/null </proc/1/stat || case "$seen$table" in sid*" 1:"*) ;; *) exit 12;; esac;
# Without a session of its own, neither.
[ -n "$leader" ] || [ "$ours" = $$ ] || exit 12;
exit 10; };
read -r right line 2>/dev/null </proc/self/stat || right=$(exec sh -c "echo \$PPID");
while read -r word value; do case $word in
p) session=$value;;
m) mark=$value;;
g) mark=$value; [ -z "$tty" ] || stty min 1 time 0 <&7 2>/dev/null; ( read -r line <&7; stop ) & watcher=$!;;
e) status=$value; break;;
*) said=1;;
esac; done;
[ -n "$mark" ] || exit 0;
# A watcher that has begun to stop ignores these. The account may have been given ignored signals, which nobody can take
# back: hence several.
[ -z "$watcher" ] || { for one in TERM USR1 ALRM VTALRM; do kill -$one "$watcher"; done; wait $watcher; stopped=$?; } 2>/dev/null;
if send 0; then background=1; [ -n "$leader" ] && [ -r /proc/self/stat ] && { look; [ -n "$left" ] || background=0; }; fi;
printf "<%s" "$mark"; printf "<%s e=%s z=%s q=%s b=%s;" "$mark" "$status" "$said" "$stopped" "$background" >&2;
[ -z "$tty" ] || cat <&6;
# Where servers take no end of one channel and opening of another at once, this side says when to exit.
[ -z "${mcp_w-}" ] || cat <&7 >/dev/null 2>&1; }
