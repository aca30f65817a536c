# shellcheck shell=sh disable=SC2154
# Facts of the name itself: raw mode in hexadecimal, size, time, owner, group.
#
# short: leaf=L
stat -c "%f %s %Y %u %g" "./$leaf"
