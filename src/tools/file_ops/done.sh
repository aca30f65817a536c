# shellcheck shell=sh disable=SC2154
echo "done $Z $H $s"
cat <&8
