# command_line: what runs the judged rendering, which is on standard input; judged_digest: that of the rendering that it
# was judged from. Where this one is another, or no digest can be made, it is answered in place of a run.
# shellcheck disable=SC2154 # The first two come from rendered.sh, the others from open.sh; command_line is quoted word by word.
#
# short: digest=h kind=k rendering=r judged_digest=s command_line=x project_name=p project_name_then=v project_file=y
digest=$(printf '%s\n%s\n' "$kind" "$rendering" | sha256sum 2>/dev/null) || digest=
[ "${digest%% *}" = "$judged_digest" ] || { printf '%s\n%s\n' "$kind" "$rendering"; exit 99; }
eval "set -- $command_line"
project_name=$project_name_then project_file=
