# shellcheck shell=sh disable=SC2154 # sudo/mod.rs sets m in front of it
# A script of the caller's, as root. $m is the mark that closes it on standard input. It is read whole before any of it
# runs, so that what it starts sees an empty input, and one that was cut on the way is not run. With $n it is the first $n bytes
# of the input, and what follows is the script's own.
case $n in '') s=$(cat) ;; *) s=$(copy "$n") ;; esac
case $s in
*"#$m") ;;
*) printf '%s!' "$m" >&2; exit 125 ;;
esac
s=${s%"#$m"}
[ -n "$n" ] || exec </dev/null
eval "unset m n s; unset -f copy fullblock; $s"
