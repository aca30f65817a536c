//! Rules for single values that `docker run` and compose share.

use crate::model::docker::NetworkName;

/// Logging drivers that write where the engine keeps its logs, or nowhere. The others send to addresses and
/// sockets, in the engine's name.
pub(super) fn log_driver(value: &str) -> bool {
    matches!(value, "json-file" | "local" | "journald" | "none" | "k8s-file")
}

/// Options of those drivers that only shape the log.
pub(super) fn log_option(key: &str) -> bool {
    matches!(key, "max-size" | "max-file" | "compress" | "mode" | "max-buffer-size" | "tag" | "labels")
}

/// A network of its own or one that the operator made. `host`, another container's network and every form with
/// options are not names of networks.
///
/// The id of the host network is harmless: the engine then gives the container a namespace of its own.
pub(super) fn network(value: &str) -> bool {
    NetworkName::parse(value).is_ok() && !value.eq_ignore_ascii_case("host")
}

/// Kernel parameters that are per network namespace and set limits or ranges for the container only.
pub(super) fn sysctl(key: &str) -> bool {
    matches!(
        key,
        "net.core.somaxconn"
            | "net.ipv4.ip_local_port_range"
            | "net.ipv4.ip_unprivileged_port_start"
            | "net.ipv4.ping_group_range"
            | "net.ipv4.tcp_fin_timeout"
            | "net.ipv4.tcp_keepalive_intvl"
            | "net.ipv4.tcp_keepalive_probes"
            | "net.ipv4.tcp_keepalive_time"
            | "net.ipv4.tcp_max_syn_backlog"
            | "net.ipv4.tcp_syncookies"
            | "net.ipv4.tcp_tw_reuse"
            | "net.ipv6.conf.all.disable_ipv6"
            | "net.ipv6.conf.default.disable_ipv6"
    )
}

/// Resource limits that cannot starve the host's scheduler: no real-time priority, no niceness.
pub(super) fn ulimit(name: &str) -> bool {
    matches!(
        name,
        "nofile"
            | "nproc"
            | "core"
            | "stack"
            | "fsize"
            | "cpu"
            | "data"
            | "as"
            | "rss"
            | "locks"
            | "memlock"
            | "sigpending"
            | "msgqueue"
    )
}

/// Security options that only take rights away.
pub(super) fn security_option(value: &str) -> bool {
    matches!(
        value,
        "no-new-privileges" | "no-new-privileges:true" | "no-new-privileges=true" | "no-new-privileges:True"
    )
}

/// Storage options that only set the container's own quota.
pub(super) fn storage_option(key: &str) -> bool {
    key == "size"
}

/// Options of a tmpfs that keep it inside the container: neither devices nor set-uid programs.
pub(super) fn tmpfs_option(option: &str) -> bool {
    let (key, value) = option.split_once('=').unwrap_or((option, ""));
    match key {
        "rw" | "ro" | "noexec" | "exec" | "nosuid" | "nodev" | "noatime" | "relatime" | "nodiratime"
        | "strictatime" | "sync" | "async" => value.is_empty(),
        "size" | "nr_inodes" | "nr_blocks" | "mode" | "uid" | "gid" => {
            !value.is_empty() && value.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'%' || b == b'.')
        }
        _ => false,
    }
}

/// Options of a bind or volume that stay on the container's side: never shared back, never another owner.
pub(super) fn volume_option(option: &str) -> bool {
    matches!(
        option,
        "ro" | "rw"
            | "z"
            | "Z"
            | "nocopy"
            | "consistent"
            | "cached"
            | "delegated"
            | "private"
            | "rprivate"
            | "slave"
            | "rslave"
    )
}

/// Mount propagation that never reaches back into the host.
pub(super) fn propagation(value: &str) -> bool {
    matches!(value, "private" | "rprivate" | "slave" | "rslave")
}

/// Adjustments that make the kernel kill the container first, never others first.
pub(super) fn oom_score(value: &str) -> bool {
    value.parse::<i32>().is_ok_and(|n| (0..=1000).contains(&n))
}
