# Shows a unit, the last word. First come the places of its files, links followed: those that `systemctl cat` names above each,
# to which comments of a file can add and of which they can take nothing away, and those that systemd has of it. "R" is
# written in front of the real names of its files, "E" in front of the places of its environment files.
#
# short: unit=u
if command -v systemctl >/dev/null 2>&1 && [ -d /run/systemd/system ]; then
    for unit; do :; done
    SYSTEMD_COLORS=0 systemctl --no-pager cat -- "$unit" 2>/dev/null | sed -n 's|^# */|/|p' | while IFS= read -r file; do
        [ -f "$file" ] || continue
        printf '%s\n' "$file"
        file=$(readlink -f "$file") || file=/
        printf 'R%s\n' "$file"
    done
    systemctl --no-pager show --property=FragmentPath,SourcePath,DropInPaths,EnvironmentFiles -- "$unit" 2>/dev/null |
        while IFS= read -r line; do
            case $line in
                EnvironmentFiles=*)
                    line=${line#*=}
                    IFS=
                    # It may be a pattern.
                    for file in ${line% (ignore_errors=*)}; do
                        printf 'E%s\n' "$file"
                        file=$(readlink -f "$file") && printf 'E%s\n' "$file"
                    done
                    ;;
                *)
                    unset IFS
                    set -f
                    for file in ${line#*=}; do
                        case $file in /*) printf '%s\n' "$file"; readlink -f "$file" ;; esac
                    done
                    set +f
                    ;;
            esac
        done
    echo 'ssh-mcp: files'
fi
