# `services`, where systemd runs: behind a NUL the control groups of the processes of services, as `grep` shows them; behind
# another NUL what gives these services their variables. There, for each service, lines "E FILE" for files of variables and
# "F FILE" for its own, each also under its real name, and the line "U NAME", or "u NAME" for a service of the account's own
# manager, which is named by the line "o NAME"; "?" where a manager did not say, or not in 3 s. within.sh stands before this.
variables_of() {
    kind=$1
    shift
    [ $# -gt 0 ] || return 0
    said=$(within 30 systemctl $manager --no-pager show --property=Id,FragmentPath,SourcePath,DropInPaths,EnvironmentFiles -- "$@" 2>/dev/null) || echo '?'
    # The properties of a service come in any order, with a blank line behind them.
    service=
    printf '%s\n\n' "$said" | while IFS= read -r line; do
        case $line in
            Id=*) service=${line#Id=} ;;
            EnvironmentFiles=*)
                line=${line#*=}
                IFS=
                # It may be a pattern.
                set +f
                for file in ${line% (ignore_errors=*)}; do
                    printf 'E %s\n' "$file"
                    file=$(readlink -f "$file") && printf 'E %s\n' "$file"
                done
                unset IFS
                ;;
            *=/*)
                unset IFS
                for file in ${line#*=}; do
                    printf 'F %s\n' "$file"
                    file=$(readlink -f "$file") && printf 'F %s\n' "$file"
                done
                ;;
            '')
                [ -z "$service" ] || printf '%s %s\n' "$kind" "$service"
                service=
                ;;
        esac
    done
}
services() {
    command -v systemctl >/dev/null 2>&1 && [ -d /run/systemd/system ] || return 0
    groups=$(grep -E '^(0:|[0-9]+:name=systemd):/.*[.]service(/|$)' /proc/[0-9]*/cgroup 2>/dev/null)
    printf '\0%s\n\0' "$groups"
    # The first service on the way is one of the system; below a user's manager the next one is one of that manager.
    names=$(printf '%s\n' "$groups" | awk -v own="user@$(id -u).service" -F/ '{
        for (i = 1; i <= NF; i++) if ($i ~ /[.]service$/) {
            if (first == "") first = $i; else if (first == own) { print "u " $i; break } else break
        }
        if (first != "") print "U " first
        first = ""
    }' | sort -u)
    echo "o user@$(id -u).service"
    # Names of services hold no blanks.
    set -f
    manager=--system
    # shellcheck disable=SC2046
    variables_of U $(printf '%s\n' "$names" | sed -n 's/^U //p')
    manager=--user
    XDG_RUNTIME_DIR=/run/user/$(id -u)
    export XDG_RUNTIME_DIR
    # shellcheck disable=SC2046
    variables_of u $(printf '%s\n' "$names" | sed -n 's/^u //p')
    set +f
}
