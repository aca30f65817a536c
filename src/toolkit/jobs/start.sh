# shellcheck shell=sh disable=SC2154 # the line in front of it sets ssh_mcp_P, ssh_mcp_L and ssh_mcp_f
# Starts a job and waits for it for a while. store.sh stands before this. Standard input: the text where it is long, then its input.
# $1 login or root, $2 id, $3 limit, $4 seconds to wait, $5 most bytes of a stream, $6 most running jobs, $7 the day before which ended
# jobs go, $8 length of the text, or "-" where it is ${15}, $9 length of its input, "open" or "-", ${10} mark, ${11} what was asked, ${12} most bytes of each stream in
# the answer, ${13} text of the runner, ${14} the time.
#
# Every program that is started here is waited for by a command that may take a millisecond: builtins do what they can.
exec 8<&0 </dev/null
ssh_mcp_d=$PWD ssh_mcp_r=${13} ssh_mcp_j=${15}
put() { case ${KSH_VERSION-} in '') printf '%s\n' "$1" ;; *) print -r -- "$1" ;; esac; }
if command -v setsid >/dev/null 2>&1; then ssh_mcp_S=setsid
elif command -v perl >/dev/null 2>&1; then ssh_mcp_S='perl -MPOSIX -e setsid;exec@ARGV'
else no 'the host has neither setsid nor perl, so nothing can outlive its call there'; fi
export ssh_mcp_d ssh_mcp_j ssh_mcp_r ssh_mcp_S
store "$1" make
j_run=0
for j_i in [0-9]*; do
    [ -d "./$j_i" ] && [ ! -L "./$j_i" ] || continue
    if [ -e "./$j_i/status" ] || ! ( job "$j_i" && said_of && [ -n "$j_go" ] ); then
        # Ended, or nobody's: gone after a week.
        j_day=${j_i%%-*}
        if digits "$j_day" && [ "$j_day" -lt "$7" ] && [ -z "$(find "./$j_i" -name status -mtime -7 2>/dev/null)" ]; then rm -rf "./$j_i"; fi
    else j_run=$((j_run + 1)); fi
done
[ $j_run -lt "$6" ] || no "$j_run jobs are running there, and SSH_JOBS_MAX is $6"
mkdir -m 700 "./$2" 2>/dev/null && cd -P "./$2" || j_l=$(mkdir "./$2" 2>&1) || no "the folder of the job cannot be made: $j_l"
give_up() { cd .. && rm -rf "./$1"; no "the job was not begun: $2"; }
put "${11}" 2>/dev/null >asked || give_up "$2" 'what was asked cannot be written (is the disk full?)'
# Whoever started a job of root's may stop it, also when that account may do nothing else as root any more: by this file in its own
# folder of jobs, which has to be its own.
j_ask=- j_uid=-
if [ "$1" = root ] && [ -n "${O-}" ]; then
    j_uid=${SUDO_UID:-}
    digits "$j_uid" || j_uid=$(id -u "${DOAS_USER:-/}" 2>/dev/null)
    # A run of packages is not stopped without a look at how far it is.
    case ${11} in
        *'"kind":"packages"'*) ;;
        *) if digits "$j_uid"; then j_ask=$O/jobs/stop.$2; fi ;;
    esac
fi
# Where logind ends what a login leaves, a scope of its own keeps the job.
j_X='' j_sv=''
while read -r j_l; do
    case $j_l in
        */session-*.scope*) case $(loginctl show-session -p KillUserProcesses 2>/dev/null) in *=yes) j_sv=no ;; esac; break ;;
    esac
done 2>/dev/null </proc/self/cgroup
if [ -n "$j_sv" ] && command -v systemd-run >/dev/null 2>&1; then
    j_me=$(id -un)
    if [ "$(id -u)" = 0 ]; then j_X="systemd-run --quiet --scope --slice=system.slice --unit=ssh-mcp-job-$2" j_sv=
    elif [ -e "/var/lib/systemd/linger/$j_me" ]; then
        XDG_RUNTIME_DIR=${XDG_RUNTIME_DIR:-/run/user/$(id -u)}
        export XDG_RUNTIME_DIR
        j_X="systemd-run --user --quiet --scope --unit=ssh-mcp-job-$2" j_sv=
    else j_sv=$j_me; fi
fi
# shellcheck disable=SC2086 # Words.
{ $ssh_mcp_S $j_X sh -c 'eval "$ssh_mcp_r"' ssh-mcp-job "$2" "$3" "$4" "$5" "$8" "$9" "${10}" "$j_ask" "${14}" "$j_uid" <&8 9>&1 >/dev/null 2>/dev/null 8<&- & } | {
    exec 8<&-
    j_k='' j_l=''
    read -r j_k j_l
    case $j_k in
        s) read -r j_k j_l || j_k=gone ;;
        x) give_up "$2" "$j_l" ;;
        *) plain who || give_up "$2" "its runner did not start${j_X:+ ($j_X)}" ;;
    esac
    # It has ended, and its last word comes before that is on record.
    if [ "$j_k" = e ] && [ ! -e why ] && [ ! -e lost ]; then
        printf 'whole 1\nclose %s\nstate ended\nstarted %s\n\n' "$j_l" "${14}"
        if [ -s out ]; then head -c $((${12} + 1)) out; fi
        if [ -s err ]; then head -c $((${12} + 1)) err >&2; fi
        exit 0
    fi
    j_i=0
    until [ "$j_k" != e ] || [ -e status ] || [ $j_i = 50 ]; do nap; j_i=$((j_i + 1)); done
    [ -z "$j_sv" ] || echo "survives $j_sv"
    tell - - "${12}"
    exit 0
}
