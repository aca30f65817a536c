# shellcheck shell=sh disable=SC2154
if [ -d "./$L" ] && [ ! -L "./$L" ]; then echo "it is a folder: use ssh_delete_folder" >&2; exit 95; fi
if [ ! -e "./$L" ] && [ ! -L "./$L" ]; then echo "there is nothing of that name" >&2; exit 98; fi
rm -f "./$L"
