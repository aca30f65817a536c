# shellcheck shell=sh disable=SC2034,SC2164 # some names are read by the scripts that come behind
# Paths on the host: `settle` proves that what was judged is what is there, `held` does the same for the names in the rules,
# `straight` for what stands in front of a `..`. Each prints what it found instead and ends the script before it did anything.
#
# Every line ends so that all of them can be joined to one, with a blank between. Three programs at most are started, and
# none where a path has no link in it. The scripts behind read $L (and $R): the name of the last path in its folder.
#
# short: leaf=L canonical=R folder=D path=P unsearchable=U found=W kind=b hops=n target=t rest=r part=c
# short: status=y shown=e left=k argument=a fixed=f place=g own=o missed=m pass=q login_state=O

# Ends the script because $1 cannot be reached: 92 it may not be entered, 93 it is not a folder, 91 it is missing. Where a path
# is being settled, standard output gets how many words of it are left and how far it leads, so that the policy can judge
# that place: of what is closed nothing is told, not even that it is missing.
lost() {
    if [ -d "$1" ]; then status=92; elif [ -e "$1" ]; then status=93; else status=91; fi;
    shown=$1;
    [ -z "${path:-}" ] || {
        walk "$path";
        # A folder on the way that may not be searched: whether there is something behind it is not known.
        [ $kind = r ] || { status=92; shown=${unsearchable:-$1}; };
        printf "%s/./%s/./" "$left" "$canonical"; };
    printf "%s" "$shown" >&2; exit $status; };

# Follows the link ./$leaf to its end, which need not exist, and leaves the real name in $canonical. $1 is shown where that fails.
real() {
    # `readlink -f` alone does not promise a name for what is missing: BusyBox and BSD give none.
    if [ -e "./$leaf" ]; then canonical=$(readlink -f -- "./$leaf") || lost "$1"; return; fi;
    hops=0;
    while [ -L "./$leaf" ]; do
        # As many links as the kernel follows before it calls them a loop.
        hops=$((hops+1)); target=$(readlink -- "./$leaf") && [ $hops -lt 41 ] || lost "$1";
        case $target in
        */|.|..|*/.|*/..) lost "$1";;
        */*) cd -P -- "${target%/*}/" 2>/dev/null || lost "$1";;
        esac;
        leaf=${target##*/}; done;
    canonical=${PWD%/}/$leaf; };

# Resolves $1 by hand, name by name, also where a part of it is missing or closed: $canonical is where it leads, $kind is r, or u
# where a folder on the way could not be searched (the first one in $unsearchable). Each link that was followed is added to $found as a word
# `h/its/name`.
walk() {
    folder=; rest=$1/; kind=r; hops=0; unsearchable=;
    while [ -n "$rest" ]; do
        part=${rest%%/*}; rest=${rest#*/};
        case $part in
        ""|.) ;;
        ..) folder=${folder%/*};;
        *) if [ -L "$folder/$part" ]; then
                found="${found}h$folder/$part/./"; hops=$((hops+1)); target=;
                [ $hops -gt 40 ] || target=$(readlink -- "$folder/$part") || target=;
                case $target in
                "") folder=$folder/$part; kind=u;;
                /*) folder=; rest=$target/$rest;;
                *) rest=$target/$rest;;
                esac;
            else
                folder=$folder/$part;
                if [ -n "$rest" ] && [ -d "$folder" ]; then
                    [ -x "$folder" ] || { kind=u; unsearchable=${unsearchable:-$folder}; }; fi; fi;;
        esac; done;
    canonical=${folder:-/}; };

# `held NAME ASSUMED ...`: goes on where each name leads where the rules assume, else prints where all of them lead and ends
# the script with 89. An assumption is a letter and a path: r a real name, u one that is closed on the way, e and n a folder of this program's own
# that is there or not, x nothing that can be told; `=` stands for r and the name itself. `~` is the acting account's own folder, `~@` that of
# the login account where root acts, `~/x` the own folder /x.
held() {
    # The first pass is for hosts on which nothing has changed: it only enters the folders. The second one looks closely.
    for pass in 1 2; do
        found=; missed=; fixed=;
        for argument in "$@"; do
            if [ -z "$fixed" ]; then fixed=$argument; continue; fi;
            own=; place=$fixed;
            case $fixed in
            "~") own=1; place=${XDG_STATE_HOME:-${HOME:-}/.local/state}/ssh-mcp;;
            "~@") own=1; place=${login_state:-};;
            "~"*) own=1; place=${fixed#"~"};;
            esac;
            fixed=;
            [ "$argument" != = ] || argument=r$place;
            if [ $pass = 1 ] && [ -z "$own" ] && cd -P -- "$place" 2>/dev/null && [ "r$PWD" = "$argument" ]; then continue; fi;
            case $place in
            /*) walk "$place"; if [ -n "$own" ] && [ $kind = r ]; then kind=n; [ -e "$canonical" ] && kind=e; fi;;
            *) kind=x; canonical=;;
            esac;
            found="$found$kind$canonical/./";
            [ "$kind$canonical" = "$argument" ] || missed=1; done;
        [ -n "$missed" ] || return 0; done;
    printf "held/./%s" "$found"; exit 89; };

# `straight FOLDER ...`: each is its own real name, so that a `..` behind it means what it says.
straight() { for argument in "$@"; do walk "$argument"; [ "$canonical" = "$argument" ] || { printf "%s" "$argument" >&2; exit 88; }; done; };

# `settle MODE PATH ...`: goes on where each path is its own real name, with the folder of the last one as working directory;
# else prints all real names and ends the script with 90. mod.rs says what the modes are.
settle() {
    moved=; all=;
    while [ $# -gt 0 ]; do
        path=$2; left=$#;
        if [ "$2" = / ]; then cd / && leaf=. && canonical=/;
        else
            folder=${2%/*}; leaf=${2##*/};
            # From here on names are looked up in this one folder: whoever exchanges a folder on the way changes nothing.
            cd -P -- "${folder:-/}" 2>/dev/null || lost "${folder:-/}";
            canonical=${PWD%/}/$leaf;
            if [ $1 = n ]; then :;
            elif [ -L "./$leaf" ]; then [ $1 = w ] || [ -e "./$leaf" ] || lost "$2"; real "$2"; fi;
            case $1 in f) [ -e "./$leaf" ] || lost "$2";; esac; fi;
        [ "$canonical" = "$2" ] || moved=1;
        all="$all$canonical/./"; shift 2; done;
    [ -z "$moved" ] || { printf "%s" "$all"; exit 90; }; };
