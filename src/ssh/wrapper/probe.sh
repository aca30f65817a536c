# shellcheck shell=sh disable=SC2154,SC2086,SC2012,SC2046,SC1007 # clean.sh sets mcp_e; words are split on purpose
# What the host has, learnt once for each connection: `NAME=VALUE` words in $mcp_c. With $mcp_q only what the
# scripts need to know; the rest is for people.
mcp_has() { command -v "$1" >/dev/null 2>&1; };
# Folders of programs: of the fixed ones and of those in the account's PATH the ones that only root can change, and whose
# folders above only root can change. A folder with an odd name is left out.
mcp_folders() { set -f; PATH=$PATH:/run/current-system/sw/bin:/run/current-system/profile/bin:/system/bin; IFS=:; s=" " k=: u= r= t="/" z=:;
for d in $mcp_s $mcp_e /run/wrappers/bin /run/current-system/sw/bin /run/current-system/profile/bin /nix/var/nix/profiles/default/bin "$HOME/.nix-profile/bin" "$HOME/.guix-profile/bin" /opt/sbin /opt/bin /snap/bin /opt/homebrew/bin /home/linuxbrew/.linuxbrew/bin /data/data/com.termux/files/usr/bin /system/bin;
do case $d in /*[!A-Za-z0-9_./+@-]*) continue;; /*) ;; *) continue;; esac;
case $z in *":$d:"*) continue;; esac; z=$z$d:;
f=; case ":$mcp_s:" in *":$d:"*) f=1;; esac;
cd -P -- "$d" 2>/dev/null || { [ -z "$f" ] || s="$s$d=$d "; continue; };
case $PWD in *[!A-Za-z0-9_./+@-]*) continue;; esac;
case $k in *":$PWD:"*) [ -z "$f" ] || s="$s$d=$PWD "; continue;; esac;
k=$k$PWD:; s="$s$d=$PWD "; p=; IFS=/;
for w in $PWD; do [ -z "$w" ] || { p=$p/$w; t="$t $p"; }; done; IFS=:; done;
IFS=" "; l=" "; set -- $t;
# One `ls` for all: the owner and the writers of each folder. Sticky ones let nobody exchange what is another's.
l=" $(ls -ldn -- "$@" 2>/dev/null | while read -r m n o g x; do x=${x##* };
case $o in (0) o=root;; (*) if [ -O "$x" ]; then o=own; else o=other; fi;; esac;
case $m in (d???????w[tT]*) m=sticky;; (d???????w*) m=open;; (d????w???[tT]*) m=sticky;; (d????w*) m=group;; (d*) m=closed;; (*) continue;; esac;
printf "%s=%s-%s " "$x" "$o" "$m"; done)";
k=:;
for e in $s; do d=${e%%=*}; e=${e#*=}; w=;
f=; case ":$mcp_s:" in *":$d:"*) f=1;; esac;
p=; IFS=/; set -- $e; IFS=" ";
for x in "" "$@"; do [ -z "$x" ] || p=$p/$x; [ -n "$x" ] || [ -z "$p" ] || continue;
case $l in *" ${p:-/}="*) v=${l#*" ${p:-/}="}; v=${v%% *};; *) v=;; esac;
case $v in root-closed) ;; "") [ -n "$f" ] || w=${w:-unknown};; root-sticky) [ "$p" != "$e" ] || w=${w:-open};; *-open|*-sticky) w=${w:-open};; other-*) w=other;; own-*) w=${w:-own};; root-group) w=${w:-group};; esac; done;
# Of the fixed folders, those that belong to the account or to a group stay, and where root itself is another (in a name
# space of users) all of them.
case $f$w in 1own|1group) w=;; 1other) case $l in *" /=other-"*) w=;; esac;; esac;
if [ -n "$w" ]; then case ",$r," in *",$e:$w,"*) ;; *) r="$r${r:+,}$e:$w";; esac;
elif [ -n "$f" ]; then u="$u${u:+:}$d"; k=$k$e:;
else case $k in *":$e:"*) ;; *) k=$k$e:;
# Only what has a program that tools ask for, and that lies in none of those before.
for x in stat mv ln cp dd readlink ls setsid perl flock sudo doas docker podman nerdctl docker-compose ip ps df find grep awk sed tar xargs head tail tr cut od sha256sum shasum getent id systemctl journalctl apt-get dpkg-query dnf zypper pacman apk opkg brew pkg rpm uptime hostname date touch chmod mkdir rm cat tee mktemp;
do [ -x "$e/$x" ] && ! PATH=$u mcp_has $x && { u="$u:$e"; break; }; done;; esac; fi; done;
echo "path=$u${r:+ unused=$r}"; };
# How the programs that the scripts call are spelled here.
mcp_spelled() {
# GNU and BusyBox write names in ways that are known here, others in quotes of their own.
x=$(QUOTING_STYLE=literal stat -c "%h%N" / /dev/fd 2>/dev/null); case $x in [0-9]*"'/'"*|[0-9]*"'/dev/fd' -> '"*) s=gnu;; [0-9]*\"*|[0-9]*"-> '"*) s=quoting;; [0-9]*/*) s=gnu;; [0-9]*) s=quoting;; *)
x=$(stat -f "%l" / 2>/dev/null); case $x in ""|*[!0-9]*) s=none;; *) s=bsd;; esac;; esac;
c="stat=$s";
for w in mv ln cp; do x=$($w --help 2>&1); y=${x#*"[-"}; y=${y%%[] ]*}; s=n;
case $x in *-T*) s=T;; *) case $y in *T*) s=T;; *) [ $w != mv ] || case $x in *"[-h"*|*"[-fh"*|*"-hv]"*) s=h;; *) if mcp_has perl; then s=perl; else s=none; fi;; esac;; esac;; esac; c="$c $w=$s"; done;
s=none; [ "$(readlink -f / 2>/dev/null)" != / ] || s=f; c="$c readlink=$s";
for x in setsid perl flock; do if mcp_has $x; then c="$c $x=yes"; else c="$c $x=no"; fi; done;
s=no; [ ! -e /proc/self/fd/0 ] || s=yes; echo "$c proc=$s"; };
mcp_rest() { s=yes; dd bs=1 count=0 iflag=fullblock </dev/null >/dev/null 2>&1 || s=no;
c="fullblock=$s sh=";
case ${BASH_VERSION:+b}${ZSH_VERSION:+z}${YASH_VERSION:+y}${POSH_VERSION:+p}${KSH_VERSION-} in b*) c=${c}bash;; z*) c=${c}zsh;; y*) c=${c}yash;; p*) c=${c}posh;; *MIRBSD*) c=${c}mksh;; *LEGACY*) c=${c}lksh;; *PD*) c=${c}pdksh;; *[0-9]*) c=${c}ksh93;;
*) s=$(readlink /proc/$$/exe 2>/dev/null); c=$c${s##*/};; esac;
set -- $(uname -s -r -m 2>/dev/null); c="$c uname=${1-}/${2-}/${3-} sudo=";
for x in sudo doas run0; do mcp_has $x || continue; case $x in sudo) case $(sudo -V 2>&1) in sudo-rs*) x=sudo-rs;; esac;; esac; c=$c$x,; done; c="$c packages=";
for x in apt-get dnf yum zypper pacman apk opkg brew pkg pkg_add nix-env guix snap xbps-install emerge; do ! mcp_has $x || c=$c$x,; done; c="$c engine=";
for x in docker podman nerdctl; do ! mcp_has $x || c=$c$x,; done; c="$c digest=";
for x in sha256sum shasum sha256 openssl; do ! mcp_has $x || c=$c$x,; done; s=;
if [ -d /run/systemd/system ]; then s=systemd; elif mcp_has openrc-run; then s=openrc; elif [ -x /sbin/procd ]; then s=procd; elif [ -d /run/runit ]; then s=runit; elif [ -d /System/Library/LaunchDaemons ]; then s=launchd; elif [ -f /etc/rc.subr ]; then s=rc; fi;
echo "$c init=$s"; };
case ${mcp_c-} in "")
mcp_c=$(x=$(mcp_folders); echo "$x"; x=${x#path=}; PATH=${x%% *}; mcp_spelled);
mcp_c=$(printf "%s " $mcp_c);
case $mcp_c in path=/*) PATH=${mcp_c#path=}; PATH=${PATH%% *};; *) PATH=$mcp_s;; esac; export PATH mcp_c;
[ -z "${mcp_q-}" ] || echo "[ssh-mcp-has $mcp_c $(mcp_rest)]"; unset mcp_q;;
esac;
unset -f mcp_has mcp_folders mcp_spelled mcp_rest;
