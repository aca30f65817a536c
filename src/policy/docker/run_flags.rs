//! The options of `docker run`, docker 20.10 to 28 and their hidden spellings, each with its rule.
//!
//! The arity column is docker's grammar and must be complete: it decides which word is an option's value and
//! which begins the container's command. The rule column is the allow-list.

use super::value_rules;

/// What an option may carry.
#[derive(Clone, Copy)]
pub(crate) enum Rule {
    /// Concerns the inside of the container only, whatever its value.
    Inside,
    /// A switch that is harmless on and off.
    Switch,
    /// A value with a check; the sentence says what passes.
    Value(fn(&str) -> bool, &'static str),
    /// `NAME=VALUE`: an environment variable with its value.
    Env,
    /// `-v`.
    Volume,
    /// `--mount`.
    Mount,
    /// `--tmpfs`.
    Tmpfs,
    /// Gives the container something of the host; the sentence says what.
    Refused(&'static str),
    /// As [`Rule::Refused`], for a switch.
    RefusedSwitch(&'static str),
}

/// One option.
pub(crate) struct RunFlag {
    /// The long name.
    pub long: &'static str,
    /// The letter.
    pub short: Option<u8>,
    /// The rule.
    pub rule: Rule,
}

impl RunFlag {
    /// True for a boolean option: it takes no separate value, only `=true` or `=false`.
    pub(crate) fn is_switch(&self) -> bool {
        matches!(self.rule, Rule::Switch | Rule::RefusedSwitch(_))
    }
}

/// The option of that long name.
pub(crate) fn by_long(name: &str) -> Option<&'static RunFlag> {
    RUN_FLAGS.iter().find(|f| f.long == name)
}

/// The option of that letter.
pub(crate) fn by_short(letter: u8) -> Option<&'static RunFlag> {
    RUN_FLAGS.iter().find(|f| f.short == Some(letter))
}

const fn flag(long: &'static str, rule: Rule) -> RunFlag {
    RunFlag { long, short: None, rule }
}

const fn short(letter: u8, long: &'static str, rule: Rule) -> RunFlag {
    RunFlag { long, short: Some(letter), rule }
}

use Rule::{Env, Inside, Mount, Refused, RefusedSwitch, Switch, Tmpfs, Value, Volume};

fn key(value: &str) -> &str {
    value.split_once('=').map_or(value, |(k, _)| k)
}

fn number(value: &str) -> bool {
    value.parse::<i64>().is_ok()
}

/// Bytes with an optional unit, or `-1` (go-units).
fn size(value: &str) -> bool {
    !value.is_empty() && value.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'))
}

/// Go's durations.
fn duration(value: &str) -> bool {
    !value.is_empty() && value.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.')
}

fn cpu_list(value: &str) -> bool {
    value.bytes().all(|b| b.is_ascii_digit() || matches!(b, b',' | b'-'))
}

fn address(value: &str) -> bool {
    !value.is_empty() && value.bytes().all(|b| b.is_ascii_hexdigit() || matches!(b, b'.' | b':'))
}

fn restart(value: &str) -> bool {
    matches!(value, "no" | "always" | "unless-stopped" | "on-failure")
        || value.strip_prefix("on-failure:").is_some_and(|n| n.parse::<u32>().is_ok())
}

/// `[address:][host port:]container port[/protocol]`, ranges included.
pub(crate) fn port_mapping(value: &str) -> bool {
    !value.is_empty()
        && value.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b':' | b'/' | b'-' | b'[' | b']'))
        && !value.starts_with('-')
}

const SOME_NETWORK: &str = "the name of one network, bridge or none; no host, no other container's";
const NUMBER: &str = "a whole number";
const SIZE: &str = "a size such as 512m";
const DURATION: &str = "a duration such as 30s";

/// Every option of `docker run`: `cli/command/container/{opts,run,create}.go`.
pub(crate) static RUN_FLAGS: &[RunFlag] = &[
    flag("add-host", Inside),
    flag("annotation", Refused("an annotation can switch a runtime's protections off")),
    short(
        b'a',
        "attach",
        Value(|v| matches!(v.to_ascii_lowercase().as_str(), "stdin" | "stdout" | "stderr"), "STDIN, STDOUT or STDERR"),
    ),
    flag("blkio-weight", Value(number, NUMBER)),
    flag("blkio-weight-device", Refused("it names a device of the host")),
    flag("cap-add", Refused("it adds a capability")),
    flag("cap-drop", Inside),
    flag("cgroup-parent", Refused("it moves the container out of the engine's cgroup")),
    flag("cgroupns", Value(|v| v == "private", "private")),
    flag("cidfile", Refused("it writes a file on the host")),
    flag("cpu-count", Value(number, NUMBER)),
    flag("cpu-percent", Value(number, NUMBER)),
    flag("cpu-period", Value(number, NUMBER)),
    flag("cpu-quota", Value(number, NUMBER)),
    flag("cpu-rt-period", Refused("real-time scheduling can starve the host")),
    flag("cpu-rt-runtime", Refused("real-time scheduling can starve the host")),
    short(b'c', "cpu-shares", Value(number, NUMBER)),
    flag("cpus", Value(|v| v.parse::<f64>().is_ok_and(f64::is_finite), "a number")),
    flag("cpuset-cpus", Value(cpu_list, "a list such as 0-3,5")),
    flag("cpuset-mems", Value(cpu_list, "a list such as 0,1")),
    short(b'd', "detach", Switch),
    flag("detach-keys", Inside),
    flag("device", Refused("it gives a device of the host")),
    flag("device-cgroup-rule", Refused("it opens devices of the host")),
    flag("device-read-bps", Refused("it names a device of the host")),
    flag("device-read-iops", Refused("it names a device of the host")),
    flag("device-write-bps", Refused("it names a device of the host")),
    flag("device-write-iops", Refused("it names a device of the host")),
    flag("disable-content-trust", RefusedSwitch("it overrides the host's decision on signed images")),
    flag("dns", Value(address, "an IP address")),
    flag("dns-opt", Inside),
    flag("dns-option", Inside),
    flag("dns-search", Inside),
    flag("domainname", Inside),
    flag("entrypoint", Inside),
    short(b'e', "env", Env),
    flag("env-file", Refused("it reads a file of the host; give the values with --env or the input env")),
    flag("expose", Value(port_mapping, "a port or a range, with /tcp or /udp")),
    flag("gpus", Refused("it gives devices of the host")),
    flag("group-add", Refused("a group can open devices and sockets of the host")),
    flag("health-cmd", Inside),
    flag("health-interval", Value(duration, DURATION)),
    flag("health-retries", Value(number, NUMBER)),
    flag("health-start-interval", Value(duration, DURATION)),
    flag("health-start-period", Value(duration, DURATION)),
    flag("health-timeout", Value(duration, DURATION)),
    flag("help", RefusedSwitch("it starts nothing")),
    short(b'h', "hostname", Inside),
    flag("init", Switch),
    short(b'i', "interactive", Switch),
    flag("io-maxbandwidth", Refused("it exists on Windows only")),
    flag("io-maxiops", Refused("it exists on Windows only")),
    flag("ip", Value(address, "an IP address")),
    flag("ip6", Value(address, "an IP address")),
    flag(
        "ipc",
        Value(
            |v| matches!(v, "private" | "none" | "shareable"),
            "private, none or shareable; no host, no other container's",
        ),
    ),
    flag("isolation", Refused("it exists on Windows only")),
    flag("kernel-memory", Value(size, SIZE)),
    short(b'l', "label", Inside),
    flag("label-file", Refused("it reads a file of the host; give labels with --label")),
    flag("link", Refused("it hands over the other container's environment; put both on one network")),
    flag("link-local-ip", Value(address, "an IP address")),
    flag("log-driver", Value(value_rules::log_driver, "json-file, local, journald or none")),
    flag(
        "log-opt",
        Value(
            |v| value_rules::log_option(key(v)),
            "max-size, max-file, compress, mode, max-buffer-size, tag or labels",
        ),
    ),
    flag("mac-address", Value(address, "a MAC address")),
    short(b'm', "memory", Value(size, SIZE)),
    flag("memory-reservation", Value(size, SIZE)),
    flag("memory-swap", Value(size, SIZE)),
    flag("memory-swappiness", Value(number, NUMBER)),
    flag("mount", Mount),
    flag("name", Value(|v| crate::model::docker::ContainerName::parse(v).is_ok(), "a container name")),
    flag("net", Value(value_rules::network, SOME_NETWORK)),
    flag("net-alias", Inside),
    flag("network", Value(value_rules::network, SOME_NETWORK)),
    flag("network-alias", Inside),
    flag("no-healthcheck", Switch),
    flag("oom-kill-disable", RefusedSwitch("without the OOM killer the container can freeze the host")),
    flag("oom-score-adj", Value(value_rules::oom_score, "0 to 1000; below 0 other processes die first")),
    flag("pid", Refused("it shares processes with the host or another container")),
    flag("pids-limit", Value(number, NUMBER)),
    flag("platform", Inside),
    flag("privileged", RefusedSwitch("it gives every right on the host")),
    short(b'p', "publish", Value(port_mapping, "[address:][host port:]container port[/protocol]")),
    short(b'P', "publish-all", Switch),
    flag("pull", Value(|v| matches!(v, "always" | "missing" | "never"), "always, missing or never")),
    short(b'q', "quiet", Switch),
    flag("read-only", Switch),
    flag("restart", Value(restart, "no, always, unless-stopped or on-failure[:times]")),
    flag("rm", Switch),
    flag("runtime", Refused("another runtime may not isolate")),
    flag(
        "security-opt",
        Value(value_rules::security_option, "no-new-privileges; everything else weakens the isolation"),
    ),
    flag("shm-size", Value(size, SIZE)),
    flag("sig-proxy", Switch),
    flag("stop-signal", Inside),
    flag("stop-timeout", Value(number, NUMBER)),
    flag("storage-opt", Value(|v| value_rules::storage_option(key(v)), "size=...")),
    flag("sysctl", Value(|v| value_rules::sysctl(key(v)), "the network's own limits, such as net.core.somaxconn=1024")),
    flag("tmpfs", Tmpfs),
    short(b't', "tty", Switch),
    flag(
        "ulimit",
        Value(
            |v| v.contains('=') && value_rules::ulimit(key(v)),
            "nofile=..., nproc=..., core=... and their like; no real-time priority",
        ),
    ),
    flag("use-api-socket", RefusedSwitch("it gives the engine's own socket")),
    short(b'u', "user", Inside),
    flag("userns", Refused("it changes who root in the container is on the host")),
    flag("uts", Refused("it shares the host's name")),
    short(b'v', "volume", Volume),
    flag("volume-driver", Refused("a volume driver works outside the container")),
    flag("volumes-from", Refused("it takes over another container's mounts; name the volumes")),
    short(b'w', "workdir", Inside),
];
