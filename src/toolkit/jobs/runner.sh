# shellcheck shell=sh disable=SC2154,SC2034 # start.sh sets ssh_mcp_*
# The runner of a job: in a session of its own and in the job's folder. Nothing that happens to the channel, the login or this
# program ends it. copy.sh, store.sh and halt.sh stand before this. Descriptor 9 leads to who started it.
# $1 id, $2 limit in seconds, $3 seconds that somebody waits for it, $4 most bytes of a stream, $5 length of the text, or "-" where it is $ssh_mcp_j, $6 length of its
# input, "open" where it comes line by line, or "-", $7 mark, $8 a file that asks to stop, or "-", $9 the time, ${10} whose that file is.
unset ssh_mcp_r
# In its POSIX mode bash says nothing of a child that a signal killed.
[ -z "${BASH_VERSION-}" ] || set +o posix
exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&-
put() { case ${KSH_VERSION-} in '') printf '%s' "$1" ;; *) print -rn -- "$1" ;; esac; }
fail() { echo "x $1" >&9; exit 1; }
# Text and input are read whole before anything is begun; what did not arrive whole is not run.
if [ "$5" = - ]; then j_text=$ssh_mcp_j
else
    j_text=$(copy "$5")
    case $j_text in *"#$7") j_text=${j_text%"#$7"} ;; *) fail 'it did not arrive whole' ;; esac
fi
unset ssh_mcp_j
j_in=
if digits "$6"; then
    j_in=$(copy "$6")
    case $j_in in *"#$7") j_in=${j_in%"#$7"} ;; *) fail 'its input did not arrive whole' ;; esac
fi
exec </dev/null
began $$ || j_b=-
boot
# What is written into it stays in memory.
j_feed=/dev/null
if [ "$6" = open ]; then j_feed=./in; mkfifo -m 600 in || fail 'no pipe can be made in its folder'; fi
# Room for the last word, so that a disk that is full by then can still take it.
up
j_from=$j_up
{ echo '                                                                ' >status.new &&
    : >out && : >err && echo "$$ $j_b $j_o $9" >./who; } 2>/dev/null || fail 'its folder cannot be written (is the disk full?)'
# The work: what it says goes straight into the files, so that nothing is lost when this runner is killed.
# A text that an environment holds goes that way, which is quick; the shell takes it out at once.
# shellcheck disable=SC2089,SC2090 # It is text for eval.
ssh_mcp_w='{ read -r ssh_mcp_x </proc/$$/stat; } 2>/dev/null; echo "$$ ${ssh_mcp_x##*")" }" >./work
case ${ssh_mcp_t+x} in "") ssh_mcp_t=$(cat <&3) ;; esac; exec 3<&-
set -- "$PATH"; cd "$ssh_mcp_d" 2>/dev/null || cd /; PATH=$ssh_mcp_P
case $ssh_mcp_L in x*) LC_ALL=${ssh_mcp_L#x} ;; *) unset LC_ALL ;; esac
eval "$ssh_mcp_f"; eval "unset OLDPWD ssh_mcp_d ssh_mcp_f ssh_mcp_L ssh_mcp_P ssh_mcp_S ssh_mcp_t ssh_mcp_w ssh_mcp_x; $ssh_mcp_t"'
# shellcheck disable=SC2090
export ssh_mcp_w
unset ssh_mcp_t
go() {
    exec 9>&- 2>./said
    # In parentheses, so that a death by signal is told by the shell around them.
    # shellcheck disable=SC2086 # Words.
    ( SSH_MCP_JOB=$1; export SSH_MCP_JOB; exec $ssh_mcp_S sh -c 'eval "$ssh_mcp_w"' ssh-mcp >./out 2>./err 3<&3 )
    echo $? >./code
}
j_way=p
if digits "$6"; then j_way=b; elif [ ${#j_text} -lt 60000 ]; then j_way=e; fi
case $j_way in
    e) { ssh_mcp_t=$j_text; export ssh_mcp_t; unset j_text; go "$1" 3</dev/null <"$j_feed"; } & ;;
    p) put "$j_text" | { go "$1" 3<&0 <"$j_feed"; } & ;;
    *) put "$j_text" | { exec 3<&0; put "$j_in" 3<&- | go "$1"; } & ;;
esac
j_main=$!
unset j_text j_in
# Lets go of the beginning of stream $1: $2 its size, $3 what was lost before. With a hole the last half stays, and the size is true.
bound() {
    j_to=$(($2 - ($4 / 2)))
    fallocate -p -o "$3" -l $((j_to - $3)) "./$1" 2>/dev/null || { j_to=$2; : >"./$1"; }
    case $1 in out) j_lo=$j_to ;; *) j_le=$j_to ;; esac
    echo "$j_lo $j_le" >lost.new && mv lost.new lost
}
# True where the file $1, which is $2's own and no link, asks for the end.
asked() {
    [ "$1" != - ] && [ -f "$1" ] && [ ! -L "$1" ] && [ ! -L "${1%/*}" ] || return 1
    # shellcheck disable=SC2046 # The fields of ls.
    set -- "$2" $(ls -ldn "$1" 2>/dev/null)
    [ "$1" = "${4-}" ]
}
watch() {
    trap '' PIPE
    # As long as this end is open, the work waits for the next line.
    [ ! -p in ] || exec 4<>./in
    j_told='' j_before=0 j_fast=20
    echo s >&9
    while :; do
        [ ! -e in.end ] || exec 4>&-
        if [ -z "$j_told" ] && [ $((j_up - j_from)) -ge "$3" ]; then j_told=1; echo t >&9; exec 9>&-; fi
        j_why=
        if [ $((j_up - j_from)) -ge "$2" ]; then j_why=timed_out
        elif [ -e why ] || asked "$8" "${10}"; then j_why=stopped; fi
        if [ -n "$j_why" ]; then
            (set -C; echo $j_why >why) 2>/dev/null
            said_of
            halt "$1"
            echo "$j_h" >halted
            exit
        fi
        if [ $j_fast -gt 0 ]; then j_fast=$((j_fast - 1)); nap 9>&-; else sleep 0.5 9>&- 2>/dev/null || sleep 1 9>&-; fi
        up
        # Where the runner was killed, limit and bound are kept as long as there is work, and nothing is left after it.
        if ! kill -0 $$ 2>/dev/null; then
            said_of
            members "$1" || exit
            sleep 2 9>&-
        fi
        sized
        [ $((j_zo - j_lo)) -le "$4" ] || bound out "$j_zo" "$j_lo" "$4"
        [ $((j_ze - j_le)) -le "$4" ] || bound err "$j_ze" "$j_le" "$4"
        # Looks often at first, and while much is written.
        [ $((j_zo + j_ze - j_before)) -lt $(($4 / 32)) ] || j_fast=20
        j_before=$((j_zo + j_ze))
    done
}
watch "$@" &
j_watch=$!
wait $j_main
# What was stopped, at its limit for example, has an end when nothing of it is left.
if [ -e why ]; then wait $j_watch; else kill -KILL $j_watch; fi 2>/dev/null
j_r=- j_z='' j_g=0
read -r j_r <code
[ ! -s said ] || j_z=1
j_w=
read -r j_w j_l <work
case $(command -v kill) in kill) group= ;; *) group=-- ;; esac
if [ ! -e why ] && digits "$j_w" && kill -0 $group "-$j_w"; then j_g=1; fi 2>/dev/null
[ ! -p in ] || rm -f in
up
j_l="$(($9 + j_up - j_from)) e=$j_r z=$j_z q= b=$j_g"
echo "$j_l" 1<>status.new
# Who waits need not wait for a rename; mostly nobody does by now.
trap '' PIPE
echo "e $j_l" >&9
mv status.new status
# That the request is gone is the answer to it.
if [ -e "$8" ]; then
    j_h=stopped
    [ ! -e halted ] || read -r j_h <halted
    [ "$j_h" != stopped ] || rm -f -- "$8"
fi
