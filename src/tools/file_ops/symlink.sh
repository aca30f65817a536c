# shellcheck shell=sh disable=SC2154
# $2: the text of the link; $3: where it was judged to lead. Answers 85 with where it leads from here.
#
# short: leaf=L
case $2 in /*) walk "$2";; *) walk "${PWD%/}/$2";; esac
[ "$R" = "$3" ] || { printf "%s" "$R"; exit 85; }
ln -sT -- "$2" "./$leaf"
