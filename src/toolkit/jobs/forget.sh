# shellcheck shell=sh disable=SC2154 # store.sh sets j_*
# Takes the folder of a job that has ended away. store.sh stands before this. $1 login or root, $2 id, $3 1:
# one that is just ending is waited for.
store "$1" || { echo 'state none'; exit 0; }
( job "$2" ) || { [ $? = 1 ] || exit 97; echo 'state none'; exit 0; }
j_i=0
until [ "$3" = 0 ] || [ -e "./$2/status" ] || [ $j_i = 20 ]; do nap; j_i=$((j_i + 1)); done
if ( job "$2"; ! plain status && said_of && { [ -n "$j_go" ] || { began "$j_w" && [ "$j_b" = "$j_x" ]; }; } ); then echo 'state running'; exit 0; fi
rm -rf "./$2" && echo 'state forgotten'
