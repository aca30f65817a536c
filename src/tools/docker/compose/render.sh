# shellcheck disable=SC2154 # Both come from rendered.sh.
#
# short: kind=k rendering=r
printf '%s\n%s\n' "$kind" "$rendering"
