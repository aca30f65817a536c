# shellcheck shell=sh disable=SC2154
# $2: the text of the link; $3: where it was judged to lead. Answers 85 with where it leads from here.
#
# short: leaf=L real=R
case $2 in /*) walk "$2";; *) walk "${PWD%/}/$2";; esac
[ "$real" = "$3" ] || { printf "%s" "$real"; exit 85; }
ln -sT -- "$2" "./$leaf"
