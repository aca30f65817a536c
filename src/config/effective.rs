//! What holds on one host once its own entry and the environment are put together.

use super::Config;
use super::hosts::{BypassPolicy, HostConfig};
use super::remote::comparable;

/// Key names whose values are redacted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RedactKeys {
    /// The built-in list and these.
    Add(Vec<String>),
    /// These alone.
    Replace(Vec<String>),
}

/// Lists united (the host's entries first, each once) and values chosen (the host's where it gives one).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effective {
    /// Roots that path tools may touch.
    pub path_allowlist: Vec<String>,
    /// Zones inside them that stay closed.
    pub restricted_paths: Vec<String>,
    /// The same by pattern.
    pub restricted_globs: Vec<String>,
    /// Paths whose content is only read redacted.
    pub redact_paths_globs: Vec<String>,
    /// What a raw read of such a path does.
    pub bypass_policy: BypassPolicy,
    /// Key names whose values are redacted.
    pub redact_keys: RedactKeys,
    /// Looks for secrets by shape too.
    pub redact_entropy_detection: bool,
    /// Characters shown at each end of a redacted value.
    pub redact_hint_chars: u8,
    /// Commands that may run.
    pub command_allowlist: Vec<String>,
    /// What an empty `command_allowlist` means: everything, or nothing.
    pub allow_any_command: bool,
    /// Folders in which commands may run under a restricted list.
    pub cwd_allowlist: Vec<String>,
    /// Variables that calls may set under a restricted list.
    pub env_allowlist: Vec<String>,
    /// Whether scripts may run although `command_allowlist` is restricted.
    pub allow_scripts: bool,
    /// The docker command.
    pub docker_cmd: String,
    /// Folders that containers may be given for writing.
    pub docker_bind_allowlist: Vec<String>,
    /// The compose command, where it is not the docker command and `compose`.
    pub docker_compose_cmd: Option<String>,
}

impl Config {
    /// What holds on a host of this configuration, or on one of `SSH_HOSTS_ALLOWLIST` ([`HostConfig::bare`]).
    pub fn effective(&self, host: &HostConfig) -> Effective {
        let env = &*self.settings;
        let redact_keys = if !host.redact_keys_replace.is_empty() {
            RedactKeys::Replace(host.redact_keys_replace.clone())
        } else if !env.ssh_redact_keys_replace.is_empty() {
            RedactKeys::Replace(env.ssh_redact_keys_replace.clone())
        } else {
            RedactKeys::Add(united(&env.ssh_redact_keys_add, &host.redact_keys_add, str::to_owned))
        };
        Effective {
            path_allowlist: united(&host.path_allowlist, &env.ssh_path_allowlist, comparable),
            restricted_paths: united(&host.restricted_paths, &env.ssh_restricted_paths, comparable),
            restricted_globs: united(&host.restricted_globs, &env.ssh_restricted_globs, str::to_owned),
            redact_paths_globs: united(&host.redact_paths_globs, &env.ssh_redact_paths_globs, str::to_owned),
            bypass_policy: host.redact_bypass_policy.unwrap_or(env.ssh_redact_bypass_policy),
            redact_keys,
            redact_entropy_detection: host.redact_entropy_detection.unwrap_or(env.ssh_redact_entropy_detection),
            redact_hint_chars: host.redact_hint_chars.unwrap_or(env.ssh_redact_hint_chars),
            command_allowlist: united(&host.command_allowlist, &env.ssh_command_allowlist, str::to_owned),
            allow_any_command: env.allow_any_command,
            cwd_allowlist: host.cwd_allowlist.clone(),
            env_allowlist: host.env_allowlist.clone(),
            allow_scripts: host.allow_scripts.unwrap_or(env.ssh_allow_scripts),
            docker_cmd: host.docker_cmd.clone().unwrap_or_else(|| env.ssh_docker_cmd.clone()),
            docker_bind_allowlist: host.docker_bind_allowlist.clone(),
            docker_compose_cmd: env.ssh_docker_compose_cmd.clone(),
        }
    }
}

/// Both lists in order, without entries that compare equal to an earlier one.
fn united(first: &[String], second: &[String], compare: fn(&str) -> String) -> Vec<String> {
    let mut seen = std::collections::HashSet::new();
    first.iter().chain(second).filter(|entry| seen.insert(compare(entry))).cloned().collect()
}
