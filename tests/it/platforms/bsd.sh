#!/bin/sh
# shellcheck disable=SC2086,SC1007,SC2015
# Stands in for the programs of a BSD: takes their spelling, refuses GNU's. The real ones lie in REAL.
r=REAL
n=${0##*/}
bad() { echo "$n: illegal option -- $1" >&2; echo "usage: $n $u" >&2; exit 1; }
given=
case $n in
stat)
    u='[-FLnq] [-f format | -l | -r | -s | -x] [-t timefmt] [file|handle ...]'
    follow= format=
    while getopts :Lf:nq o; do case $o in L) follow=-L ;; f) format=$OPTARG ;; n | q) ;; *) bad "$OPTARG" ;; esac; done
    shift $((OPTIND - 1))
    [ -n "$format" ] || exit 1
    format=$(printf '%s' "$format" | "$r/sed" 's/%N%SY/@Q@/g; s/%Xp/@f@/g; s/%Mp%Lp/@M@/g; s/%Lp/@a@/g; s/%z/@s@/g; s/%m/@Y@/g
        s/%l/@h@/g; s/%N/@n@/g; s/%Su/@U@/g; s/@M@/%04a/g; s/@Q@/%N/g; s/@\([a-zA-Z]\)@/%\1/g')
    QUOTING_STYLE=literal exec "$r/stat" $follow --printf "$format\n" -- "$@"
    ;;
mv)
    u='[-f | -i | -n] [-hv] source target'
    while getopts :finhv o; do case $o in [finv]) given="$given -$o" ;; h) [ ! -L "$(eval "printf %s \"\${$#}\"")" ] || given="$given -T" ;; *) bad "$OPTARG" ;; esac; done
    shift $((OPTIND - 1))
    exec "$r/mv" $given -- "$@"
    ;;
ln)
    u='[-s [-F] | -L | -P] [-f | -i] [-hnv] source_file [target_file]'
    while getopts :sLPfihnvF o; do case $o in [sLPfinv]) given="$given -$o" ;; h) given="$given -n" ;; F) ;; *) bad "$OPTARG" ;; esac; done
    shift $((OPTIND - 1))
    exec "$r/ln" $given -- "$@"
    ;;
cp)
    u='[-R [-H | -L | -P]] [-f | -i | -n] [-alpsvx] source_file target_file'
    while getopts :RHLPfinalpsvx o; do case $o in '?') bad "$OPTARG" ;; *) given="$given -$o" ;; esac; done
    shift $((OPTIND - 1))
    exec "$r/cp" $given -- "$@"
    ;;
readlink)
    u='[-fn] [file ...]'
    while getopts :fn o; do case $o in '?') bad "$OPTARG" ;; *) given="$given -$o" ;; esac; done
    shift $((OPTIND - 1))
    exec "$r/readlink" $given -- "$@"
    ;;
dd)
    for word; do case $word in iflag=* | oflag=*) echo "dd: unknown operand ${word%%=*}" >&2; exit 1 ;; esac; done
    exec "$r/dd" "$@"
    ;;
df)
    u='[-b | -g | -H | -h | -k | -m | -P] [-ailn] [file | filesystem ...]'
    while getopts :bgHhkmPailn o; do case $o in '?') bad "$OPTARG" ;; [abglmn]) ;; *) given="$given -$o" ;; esac; done
    shift $((OPTIND - 1))
    # The real one needs a /proc.
    printf '%s\n' 'Filesystem 1024-blocks      Used Available Capacity  Mounted on' \
        '/dev/disk1s1  488245288 213456789 274788499      44%  /' 'map auto_home         0         0         0     100%  /System/Volumes/Data/home'
    ;;
date)
    u='[-jnRu] [-r seconds | filename] [+output_fmt]'
    for word; do case $word in -d | --*) bad "${word#-}" ;; esac; done
    exec "$r/date" "$@"
    ;;
ps)
    u='[-AaCcEefhjlMmrSTvwXx] [-O fmt | -o fmt]'
    case "$1 $#" in '-A 9')
        # What a stop asks, of the real processes.
        shift; want=; while [ "$1" = -o ]; do want="$want ${2%=}"; shift 2; done
        for f in "$r/../proc"/[0-9]*/stat; do
            read -r l <"$f" || continue; f=${f%/stat}; l=${l##*') '}; set -- $l; row=
            for word in $want; do
                case $word in pid) row="$row ${f##*/}" ;; ppid) row="$row $2" ;; pgid) row="$row $3" ;; stat) row="$row $1+" ;; sid) row="$row $4" ;; esac
            done
            echo "$row"
        done 2>/dev/null
        exit 0 ;;
    '-Awwo 2') printf '%s\n' '  PID COMMAND' '    1 /sbin/launchd' '  501 /usr/libexec/a b'; exit 0 ;;
    '-Ao 2') ;; *) bad "${1#-}" ;; esac
    # The real one needs a /proc.
    printf '%s\n' '  PID  PPID USER     %CPU %MEM    RSS COMMAND' '    1     0 root      0.0  0.1   9000 /sbin/launchd' \
        '  501     1 me        1.5  0.3  12000 /usr/libexec/a b'
    ;;
uptime)
    echo '12:00  up 1 day,  2:03, 2 users, load averages: 0.52 0.58 0.59'
    ;;
sed)
    u='script [-EHalnru] [-i extension] [file ...]'
    case $1 in --* | -i) bad "${1#-}" ;; esac
    exec "$r/sed" "$@"
    ;;
find)
    for word; do case $word in -printf | -regextype | -fprint*) echo "find: $word: unknown primary or operator" >&2; exit 1 ;; esac; done
    exec "$r/find" "$@"
    ;;
tar)
    case $1 in --version) echo "bsdtar 3.5.3 - libarchive 3.5.3" ;; *) exit 1 ;; esac
    ;;
sysctl)
    case $2 in hw.ncpu) exec "$r/nproc" ;; vm.loadavg) echo '{ 0.52 0.58 0.59 }' ;; machdep.cpu.brand_string) echo 'Fast CPU' ;; *) exit 1 ;; esac
    ;;
md5 | sha1 | sha256 | sha512)
    u='[-q]'
    [ "$1" = -q ] && [ $# = 1 ] || bad "${1#-}"
    x=$("$r/${n}sum") && echo "${x%% *}"
    ;;
esac
