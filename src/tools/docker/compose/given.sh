# The judged rendering is what is left on standard input.
# shellcheck disable=SC2154 # Both come from receive.sh.
#
# short: folder_mark=u work_folder=w
feed() { if [ -n "$folder_mark" ]; then sed "s|$folder_mark|$work_folder|g"; else cat; fi; }
# What is there already is judged before it is started.
look
