# shellcheck shell=sh
# `within TENTHS COMMAND ...` runs a command for at most so many tenths of a second; 124 says that it took longer. It is not
# waited for then: a process that a dead mount keeps may not even die.
within() {
    n=$1
    shift
    "$@" &
    p=$!
    i=0
    sleep 0.01 2>/dev/null
    while kill -0 $p 2>/dev/null; do
        if [ $i -ge "$n" ]; then kill -KILL $p 2>/dev/null; return 124; fi
        i=$((i + 1))
        sleep 0.1 2>/dev/null || { sleep 1; i=$((i + 9)); }
    done
    wait $p
}
