# shellcheck disable=SC2154 # k and r come from rendered.sh.
printf '%s\n%s\n' "$k" "$r"
