//! The keys of a service, each with its rule. What is not listed is refused by name.

use serde_json::{Map, Value};

use super::{Findings, build, empty, is_note, pairs, scalar, shape, table, texts};
use crate::model::docker::ContainerName;
use crate::model::error::ToolError;
use crate::model::image_ref::ImageRef;
use crate::policy::docker::{Escalation, Use, escalates, mounts, value_rules};

/// Keys that concern the inside of the container, the engine's book-keeping, or a limit.
const INSIDE: &[&str] = &[
    "attach",
    "cap_drop",
    "command",
    "cpu_count",
    "cpu_percent",
    "cpu_period",
    "cpu_quota",
    "cpu_shares",
    "cpus",
    "cpuset",
    "depends_on",
    "develop",
    "dns",
    "dns_opt",
    "dns_search",
    "domainname",
    "entrypoint",
    "environment",
    "expose",
    "extra_hosts",
    "healthcheck",
    "hostname",
    "init",
    "labels",
    "links",
    "mac_address",
    "mem_limit",
    "mem_reservation",
    "mem_swappiness",
    "memswap_limit",
    "pids_limit",
    "platform",
    "ports",
    "profiles",
    "pull_policy",
    "pull_refresh_after",
    "read_only",
    "restart",
    "scale",
    "shm_size",
    "stdin_open",
    "stop_grace_period",
    "stop_signal",
    "tty",
    "user",
    "working_dir",
];

/// Keys that give a container something of the host, each with the reason.
const REFUSED: &[(&str, &str)] = &[
    ("annotations", "an annotation can switch a runtime's protections off"),
    ("cap_add", "it adds capabilities"),
    ("cgroup_parent", "it moves the container out of the engine's cgroup"),
    ("cpu_rt_period", "real-time scheduling can starve the host"),
    ("cpu_rt_runtime", "real-time scheduling can starve the host"),
    ("credential_spec", "it hands over credentials of the host"),
    ("device_cgroup_rules", "it opens devices of the host"),
    ("devices", "it gives devices of the host"),
    ("driver_opts", "driver options are not known to be harmless"),
    ("extends", "it was not resolved by the rendering"),
    ("external_links", "it hands over another container's environment"),
    ("gpus", "it gives devices of the host"),
    ("group_add", "a group can open devices and sockets of the host"),
    ("label_file", "it reads a file of the host"),
    ("models", "a model runs outside the container"),
    ("oom_kill_disable", "without the OOM killer the container can freeze the host"),
    ("privileged", "it gives every right on the host"),
    ("provider", "it runs a program on the host"),
    ("runtime", "another runtime may not isolate"),
    ("use_api_socket", "it gives the engine's own socket"),
    ("userns_mode", "it changes who root in the container is on the host"),
    ("uts", "it shares the host's name"),
    ("volume_driver", "a volume driver works outside the container"),
];

pub(super) fn judge(name: &str, value: &Value, found: &mut Findings<'_>) -> Result<(), ToolError> {
    let place = format!("service {name}");
    for (key, value) in table(value, &place)? {
        let key = key.as_str();
        if is_note(key) || INSIDE.contains(&key) || empty(value) {
            continue;
        }
        match key {
            "volumes" => volumes(value, &place, found)?,
            "build" => build::judge(value, &place, found)?,
            "env_file" => env_files(value, &place, found)?,
            _ if found.mode == Escalation::Allowed => {}
            // podman-compose writes these into a command line, where they would be options.
            "image" => one_of(value, &place, key, |v| ImageRef::parse(v).is_ok())?,
            "container_name" => one_of(value, &place, key, |v| ContainerName::parse(v).is_ok())?,
            "configs" | "secrets" => file_objects(value, &format!("{place}.{key}"))?,
            "tmpfs" => {
                for mount in texts(value, &place)? {
                    mounts::tmpfs(&mount, &format!("{place}.tmpfs"), found.mode)?;
                }
            }
            "network_mode" => one_of(value, &place, key, |v| of_service(v) || value_rules::network(v))?,
            "networks" => networks(value, &place, found)?,
            "pid" => one_of(value, &place, key, of_service)?,
            "ipc" => one_of(value, &place, key, |v| of_service(v) || matches!(v, "private" | "none" | "shareable"))?,
            "cgroup" => one_of(value, &place, key, |v| v == "private")?,
            "isolation" => one_of(value, &place, key, |v| v == "default")?,
            "oom_score_adj" => one_of(value, &place, key, value_rules::oom_score)?,
            "volumes_from" => all_of(texts(value, &place)?, &place, key, |v| !v.starts_with("container:"))?,
            "security_opt" => all_of(texts(value, &place)?, &place, key, value_rules::security_option)?,
            "sysctls" => all_of(keys(pairs(value, &place)?), &place, key, value_rules::sysctl)?,
            "storage_opt" => all_of(keys(pairs(value, &place)?), &place, key, value_rules::storage_option)?,
            "ulimits" => all_of(table(value, &place)?.keys().cloned().collect(), &place, key, value_rules::ulimit)?,
            "blkio_config" => all_of(table(value, &place)?.keys().cloned().collect(), &place, key, |k| k == "weight")?,
            "logging" => logging(table(value, &place)?, &place, found)?,
            "deploy" => deploy(table(value, &place)?, &place, found)?,
            "post_start" | "pre_stop" => hooks(value, &place, found)?,
            other => match REFUSED.iter().find(|(k, _)| *k == other) {
                Some((_, why)) => return Err(escalates(format!("{place}: {other} is refused: {why}."))),
                None => found.unknown(&place, other, value)?,
            },
        }
    }
    Ok(())
}

/// `service:NAME`: another service of the project, which is judged as well.
fn of_service(value: &str) -> bool {
    value.strip_prefix("service:").is_some_and(|name| !name.is_empty())
}

fn keys(pairs: Vec<(String, String)>) -> Vec<String> {
    pairs.into_iter().map(|(k, _)| k).collect()
}

fn one_of(value: &Value, place: &str, key: &str, passes: impl Fn(&str) -> bool) -> Result<(), ToolError> {
    all_of(vec![scalar(value).ok_or_else(|| shape(place))?], place, key, passes)
}

fn all_of(values: Vec<String>, place: &str, key: &str, passes: impl Fn(&str) -> bool) -> Result<(), ToolError> {
    match values.iter().find(|v| !passes(v)) {
        Some(value) => Err(escalates(format!("{place}: {key} {value:?} is not known to be harmless."))),
        None => Ok(()),
    }
}

fn volumes(value: &Value, place: &str, found: &mut Findings<'_>) -> Result<(), ToolError> {
    let place = format!("{place}.volumes");
    for entry in value.as_array().ok_or_else(|| shape(&place))? {
        match entry {
            Value::String(text) => {
                // A path below the project folder, as podman-compose renders it.
                let text = if text.starts_with('.') {
                    let (from, rest) = text.split_once(':').unwrap_or((text, ""));
                    format!("{}:{rest}", found.host_path(from, &place)?)
                } else {
                    text.clone()
                };
                let judged = mounts::volume(&text, &place, found.mode)?;
                found.mounts.extend(judged.source);
            }
            Value::Object(body) => long_volume(body, &place, found)?,
            _ => return Err(shape(&place)),
        }
    }
    Ok(())
}

/// Configs and secrets by their names, each with its place in the container.
fn file_objects(value: &Value, place: &str) -> Result<(), ToolError> {
    for entry in value.as_array().ok_or_else(|| shape(place))? {
        let texts = match entry {
            Value::Object(body) => body.values().filter_map(scalar).collect(),
            other => vec![scalar(other).ok_or_else(|| shape(place))?],
        };
        texts.iter().try_for_each(|text| mounts::unjoined(text, place))?;
    }
    Ok(())
}

fn long_volume(body: &Map<String, Value>, place: &str, found: &mut Findings<'_>) -> Result<(), ToolError> {
    let get = |key: &str| body.get(key).and_then(scalar).unwrap_or_default();
    let (kind, source) = (get("type"), get("source"));
    for text in [&source, &get("target")] {
        mounts::unjoined(text, place)?;
    }
    let access = if body.get("read_only") == Some(&Value::Bool(true)) { Use::Read } else { Use::Write };
    match kind.as_str() {
        "bind" => {
            let path = found.host_path(&source, place)?;
            found.mount(path, access, place);
        }
        "volume" if matches!(mounts::source(&source, place)?, mounts::Source::Host(_)) => return Err(shape(place)),
        "volume" | "tmpfs" => {}
        _ if found.mode == Escalation::Allowed => return Ok(()),
        other => {
            return Err(escalates(format!(
                "{place} has a mount of type {other:?}, which is not known to be harmless."
            )));
        }
    }
    for (key, value) in body {
        let known: &[&str] = match key.as_str() {
            "type" | "source" | "target" | "read_only" | "consistency" => continue,
            key if is_note(key) => continue,
            "bind" => &["create_host_path", "propagation", "selinux", "recursive"],
            "volume" => &["nocopy", "subpath"],
            "tmpfs" => &["size", "mode"],
            other => {
                found.unknown(place, other, value)?;
                continue;
            }
        };
        for (option, setting) in table(value, place)? {
            if !known.contains(&option.as_str()) {
                found.unknown(place, option, setting)?;
            }
            let shared = option == "propagation"
                && !scalar(setting).is_some_and(|v| v.is_empty() || value_rules::propagation(&v));
            if shared && found.mode == Escalation::Refused {
                return Err(escalates(format!(
                    "{place} has the propagation {setting}, which reaches back into the host."
                )));
            }
        }
    }
    Ok(())
}

fn env_files(value: &Value, place: &str, found: &mut Findings<'_>) -> Result<(), ToolError> {
    let place = format!("{place}.env_file");
    let entries = match value {
        Value::Array(entries) => entries.as_slice(),
        one => std::slice::from_ref(one),
    };
    for entry in entries {
        let file = match entry {
            Value::Object(body) => body.get("path").and_then(scalar),
            other => scalar(other),
        };
        let path = found.host_path(&file.ok_or_else(|| shape(&place))?, &place)?;
        found.read(path, &place);
    }
    Ok(())
}

fn networks(value: &Value, place: &str, found: &Findings<'_>) -> Result<(), ToolError> {
    let place = format!("{place}.networks");
    let Value::Object(networks) = value else {
        return all_of(texts(value, &place)?, &place, "networks", value_rules::network);
    };
    for (name, body) in networks {
        if !value_rules::network(name) {
            return Err(escalates(format!("{place} names {name:?}, which is not the containers' own.")));
        }
        for (key, value) in body.as_object().into_iter().flatten() {
            match key.as_str() {
                "aliases" | "ipv4_address" | "ipv6_address" | "link_local_ips" | "mac_address" | "priority"
                | "gw_priority" | "interface_name" => {}
                other => found.unknown(&place, other, value)?,
            }
        }
    }
    Ok(())
}

fn logging(body: &Map<String, Value>, place: &str, found: &Findings<'_>) -> Result<(), ToolError> {
    for (key, value) in body {
        match key.as_str() {
            "driver" => one_of(value, place, "logging.driver", |v| v.is_empty() || value_rules::log_driver(v))?,
            "options" => all_of(keys(pairs(value, place)?), place, "logging.options", value_rules::log_option)?,
            other => found.unknown(&format!("{place}.logging"), other, value)?,
        }
    }
    Ok(())
}

fn deploy(body: &Map<String, Value>, place: &str, found: &Findings<'_>) -> Result<(), ToolError> {
    let place = format!("{place}.deploy");
    for (key, value) in body {
        match key.as_str() {
            "mode" | "replicas" | "labels" | "update_config" | "rollback_config" | "restart_policy" | "placement"
            | "endpoint_mode" => {}
            "resources" => {
                for (side, limits) in table(value, &place)? {
                    for (limit, value) in limits.as_object().into_iter().flatten() {
                        if !matches!(limit.as_str(), "cpus" | "memory" | "pids")
                            || !matches!(side.as_str(), "limits" | "reservations")
                        {
                            found.unknown(&format!("{place}.resources"), limit, value)?;
                        }
                    }
                }
            }
            other => found.unknown(&place, other, value)?,
        }
    }
    Ok(())
}

/// Commands that compose runs in the container around its life; they may ask for privileges of their own.
fn hooks(value: &Value, place: &str, found: &Findings<'_>) -> Result<(), ToolError> {
    for hook in value.as_array().ok_or_else(|| shape(place))? {
        for (key, value) in table(hook, place)? {
            if !matches!(key.as_str(), "command" | "user" | "working_dir" | "environment") {
                found.unknown(&format!("{place}: a hook"), key, value)?;
            }
        }
    }
    Ok(())
}
