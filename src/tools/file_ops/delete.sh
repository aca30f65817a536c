# shellcheck shell=sh disable=SC2154
#
# short: leaf=L
if [ -d "./$leaf" ] && [ ! -L "./$leaf" ]; then echo "it is a folder: use ssh_delete_folder" >&2; exit 95; fi
if [ ! -e "./$leaf" ] && [ ! -L "./$leaf" ]; then echo "there is nothing of that name" >&2; exit 98; fi
rm -f "./$leaf"
