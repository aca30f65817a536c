# Sourced by the scripts beside it: makes sure that programs are there.
# shellcheck shell=bash
#
#   need PROGRAM:PACKAGE...
#
# PROGRAM is a command, or a file with its whole path; PACKAGE is the Debian package that brings it, `a+b` for two of them,
# `a,b` for the first that this Debian knows. As root (or with sudo that asks for nothing) what is missing is installed by
# apt; services and sockets that packages bring are neither started nor left enabled. Otherwise one line names the packages, and the script ends with
# status 2.

# Daemons and network tools are not in the PATH of every account.
PATH=$PATH:/usr/sbin:/sbin
# How to run something as root: nothing, `sudo -n`, or `false` where it cannot be.
as_root=()
if [ "$(id -u)" != 0 ]; then
    if sudo -n true 2>/dev/null; then as_root=(sudo -n); else as_root=(false); fi
fi

# What would start at the next boot, or with the next session of anybody.
enabled() {
    find /etc/systemd/system /etc/systemd/user /etc/rc[2-5].d -type l 2>/dev/null | sort
}

# disable_since BEFORE: takes away what was enabled since the list BEFORE was made
disable_since() {
    local link
    local -a names=()
    while read -r link; do
        case $link in
        /etc/rc*/S[0-9][0-9]*)
            # One link for each level: the whole script at once.
            "${as_root[@]}" update-rc.d "${link##*/S[0-9][0-9]}" disable >/dev/null 2>&1 || true
            ;;
        /etc/rc*) ;;
        *)
            "${as_root[@]}" rm -f "$link"
            names+=("${link##*/}")
            ;;
        esac
    done < <(comm -13 <(printf '%s\n' "$1") <(enabled))
    [ ! -d /run/systemd/system ] || "${as_root[@]}" systemctl daemon-reload || true
    [ ${#names[@]} -eq 0 ] ||
        echo "not enabled: $(printf '%s\n' "${names[@]}" | sort -u | tr '\n' ' ')" >&2
}

need() {
    local before
    local item program package policy=/usr/sbin/policy-rc.d made=no failed=no
    local -a wanted=() missing=()
    for item; do
        program=${item%%:*}
        if ! command -v "$program" >/dev/null && [ ! -e "$program" ]; then wanted+=("${item#*:}"); fi
    done
    [ ${#wanted[@]} -gt 0 ] || return 0

    if [ "${as_root[*]}" != false ] && command -v apt-get >/dev/null; then
        "${as_root[@]}" apt-get -qq update >&2 || true
    fi
    for item in "${wanted[@]}"; do
        for package in ${item//,/ }; do
            ! apt-cache show "${package%%+*}" >/dev/null 2>&1 || break
        done
        # shellcheck disable=SC2206 # one word for each package
        missing+=(${package//+/ })
    done
    if [ "${as_root[*]}" = false ] || ! command -v apt-get >/dev/null; then
        echo "$(basename "$0"): missing Debian packages: ${missing[*]}" >&2
        exit 2
    fi
    echo "installing by apt: ${missing[*]}" >&2
    # Packages ask this program whether their daemons may start.
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
        "${as_root[@]}" chmod 755 "$policy"
        made=yes
    fi
    before=$(enabled)
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends \
        -o Dpkg::Use-Pty=0 -y "${missing[@]}" </dev/null >&2 || failed=yes
    [ $made = no ] || "${as_root[@]}" rm -f "$policy"
    disable_since "$before"
    if [ $failed = yes ]; then
        echo "$(basename "$0"): apt could not install: ${missing[*]}" >&2
        exit 2
    fi
    echo "installed, and they stay: ${missing[*]} (to remove them: apt-get purge ${missing[*]})" >&2
}

# need_component NAME...: parts of the Rust toolchain
need_component() {
    local name
    for name; do
        local component=$name
        # The program is `cargo fmt`, the component is not.
        [ "$name" != fmt ] || component=rustfmt
        cargo "$name" --version >/dev/null 2>&1 || rustup component add "$component" >&2 || {
            echo "$(basename "$0"): missing part of the Rust toolchain: $component (rustup component add $component)" >&2
            exit 2
        }
    done
}
