# shellcheck shell=sh disable=SC2154,SC2034
# As root, behind the mark and after copy.sh, on one line: reads where things are ($state_folder, $places), the login account's shell $login_shell, the kind of
# data $data_kind and the length of root.sh with its script, then exactly that, and becomes it. $1: mark. What did not arrive whole is not run.
#
# short: state_folder=h places=x login_shell=l data_kind=k root_length=n root_text=s
IFS= read -r state_folder;
IFS= read -r places;
IFS=" " read -r login_shell data_kind root_length;
root_text=$(copy "$root_length");
case $root_text in *"#$1") root_text=${root_text%"#$1"};; *) printf "%s+%s!" "$1" "$1" >&2; exit 125;; esac;
eval "$root_text"
