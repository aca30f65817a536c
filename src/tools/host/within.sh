# shellcheck shell=sh
# `within TENTHS COMMAND ...` runs a command for at most so many tenths of a second; 124 says that it took longer. It is not
# waited for then: a process that a dead mount keeps may not even die.
#
# short: tenths=n child=p waited=i
within() {
    tenths=$1
    shift
    "$@" &
    child=$!
    waited=0
    sleep 0.01 2>/dev/null
    while kill -0 $child 2>/dev/null; do
        if [ $waited -ge "$tenths" ]; then kill -KILL $child 2>/dev/null; return 124; fi
        waited=$((waited + 1))
        sleep 0.1 2>/dev/null || { sleep 1; waited=$((waited + 9)); }
    done
    wait $child
}
