//! What an existing container may do on its host, read from what the engine says of it (`HostConfig`).
//!
//! Whoever starts such a container, or lays a file into it that it runs later, acts with these rights.

use serde::Deserialize;
use serde_json::Value;

use super::{Escalation, escalates, value_rules};
use crate::model::error::ToolError;

/// Runtimes that docker and podman name where nobody chose one.
const RUNTIMES: [&str; 5] = ["", "runc", "crun", "oci", "io.containerd.runc.v2"];

/// One `h` line of `sources.sh`.
#[derive(Deserialize)]
pub(super) struct Privileges {
    of: String,
    host: Host,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Host {
    privileged: bool,
    cap_add: Option<Vec<String>>,
    devices: Option<Vec<Value>>,
    device_requests: Option<Vec<Value>>,
    device_cgroup_rules: Option<Vec<String>>,
    security_opt: Option<Vec<String>>,
    group_add: Option<Vec<String>>,
    network_mode: String,
    pid_mode: String,
    ipc_mode: String,
    #[serde(rename = "UTSMode")]
    uts_mode: String,
    userns_mode: String,
    cgroupns_mode: String,
    /// podman's name of it.
    cgroup_mode: String,
    runtime: String,
    masked_paths: Option<Vec<String>>,
    readonly_paths: Option<Vec<String>>,
    oom_score_adj: i64,
    ulimits: Option<Vec<Ulimit>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Ulimit {
    name: String,
}

impl Privileges {
    /// Refuses to start the container, or to write into it.
    pub(super) fn check(&self, mode: Escalation) -> Result<(), ToolError> {
        let held = self.host.held();
        if mode == Escalation::Allowed || held.is_empty() {
            return Ok(());
        }
        Err(escalates(format!(
            "The container `{}` has rights on its host, and everything started or placed in it gets them: {}.",
            self.of.trim_start_matches('/'),
            held.join(", ")
        )))
    }
}

impl Host {
    fn held(&self) -> Vec<String> {
        let mut held = Vec::new();
        if self.privileged {
            held.push("Privileged".to_owned());
        }
        let words = |list: &Option<Vec<String>>| list.clone().unwrap_or_default();
        let security: Vec<String> =
            words(&self.security_opt).into_iter().filter(|option| !value_rules::security_option(option)).collect();
        for (name, list) in [
            ("CapAdd", words(&self.cap_add)),
            ("DeviceCgroupRules", words(&self.device_cgroup_rules)),
            ("SecurityOpt", security),
            ("GroupAdd", words(&self.group_add)),
        ] {
            if !list.is_empty() {
                held.push(format!("{name} {}", list.join(" ")));
            }
        }
        for (name, list) in [("Devices", &self.devices), ("DeviceRequests", &self.device_requests)] {
            if list.as_ref().is_some_and(|list| !list.is_empty()) {
                held.push(name.to_owned());
            }
        }
        for (name, mode) in [
            ("NetworkMode", &self.network_mode),
            ("PidMode", &self.pid_mode),
            ("IpcMode", &self.ipc_mode),
            ("UTSMode", &self.uts_mode),
            ("UsernsMode", &self.userns_mode),
            // `sources.sh` leaves the host's out where engines give it to whoever says nothing (cgroup v1).
            ("CgroupnsMode", &self.cgroupns_mode),
            ("CgroupMode", &self.cgroup_mode),
        ] {
            // podman also knows the host's by their files (`ns:/proc/1/ns/net`).
            if mode == "host" || mode.starts_with("ns:") {
                held.push(format!("{name}={mode}"));
            }
        }
        // `systempaths=unconfined` leaves these empty; where nobody said anything they are the engine's own, or absent.
        for (name, list) in [("MaskedPaths", &self.masked_paths), ("ReadonlyPaths", &self.readonly_paths)] {
            if list.as_ref().is_some_and(Vec::is_empty) {
                held.push(format!("{name} empty"));
            }
        }
        if self.oom_score_adj < 0 {
            held.push(format!("OomScoreAdj {}", self.oom_score_adj));
        }
        if self
            .ulimits
            .iter()
            .flatten()
            .any(|limit| limit.name.eq_ignore_ascii_case("rtprio") || limit.name == "RLIMIT_RTPRIO")
        {
            held.push("Ulimits rtprio".to_owned());
        }
        if !RUNTIMES.contains(&self.runtime.as_str()) {
            held.push(format!("Runtime {}", self.runtime));
        }
        held
    }
}
