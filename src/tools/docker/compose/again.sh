# x: the command line that runs the judged rendering, which is on standard input; s: the digest of the rendering that it
# was judged from. Where this one is another, or no digest can be made, it is answered in place of a run.
# shellcheck disable=SC2154 # k and r come from rendered.sh, x, s and v from open.sh; x is quoted word by word.
h=$(printf '%s\n%s\n' "$k" "$r" | sha256sum 2>/dev/null) || h=
[ "${h%% *}" = "$s" ] || { printf '%s\n%s\n' "$k" "$r"; exit 99; }
eval "set -- $x"
p=$v y=
