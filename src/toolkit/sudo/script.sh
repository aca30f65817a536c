# shellcheck shell=sh disable=SC2154 # sudo/mod.rs sets the mark in front of it
# A script of the caller's, as root. $mark is the mark that closes it on standard input. It is read whole before any of it
# runs, so that what it starts sees an empty input, and one that was cut on the way is not run. With $length it is the first $length bytes
# of the input, and what follows is the script's own.
#
# short: length=n script=s mark=m
case $length in '') script=$(cat) ;; *) script=$(copy "$length") ;; esac
case $script in
*"#$mark") ;;
*) printf '%s!' "$mark" >&2; exit 125 ;;
esac
script=${script%"#$mark"}
[ -n "$length" ] || exec </dev/null
eval "unset mark length script; unset -f copy fullblock; $script"
