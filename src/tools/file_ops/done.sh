# shellcheck shell=sh disable=SC2154
#
# short: old_size=Z old_digest=H found_digest=s
echo "done $old_size $old_digest $found_digest"
cat <&8
