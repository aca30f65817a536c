//! The configuration in force, compiled: rules, targets and what is open. A reload replaces it as a whole.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use super::host_paths::HostPaths;
use crate::config::effective::Effective;
use crate::config::hosts::{HostConfig, Hosts, Platform};
use crate::config::kind::ToolProfile;
use crate::config::{Config, Settings};
use crate::model::error::{ErrorName, ToolError};
use crate::model::lock::LockAlways as _;
use crate::policy::command::CommandPolicy;
use crate::policy::host::{Blocklist, ListedHost, Named, resolve};
use crate::policy::surroundings::SurroundingsPolicy;
use crate::policy::tier::Visibility;
use crate::ssh::connect::Target;

/// One host with its rules compiled.
#[derive(Debug)]
pub struct HostEntry {
    /// Its entry, merged.
    pub config: HostConfig,
    /// Its lists and switches, united with the environment's.
    pub effective: Effective,
    /// What kind of system it is.
    pub platform: Platform,
    /// Path rules.
    pub paths: HostPaths,
    /// Command rules.
    pub commands: CommandPolicy,
    /// Folders and variables that a call may choose for a command.
    pub surroundings: SurroundingsPolicy,
    /// Where and how to connect.
    pub target: Arc<Target>,
}

/// Everything that a reload replaces.
#[derive(Debug)]
pub struct Snapshot {
    /// The configuration.
    pub config: Config,
    /// Which tools may be listed and called.
    pub visibility: Visibility,
    /// Hosts that may never be reached.
    pub blocklist: Blocklist,
    hosts: Vec<Arc<HostEntry>>,
    bare: Mutex<HashMap<String, Arc<HostEntry>>>,
    /// What the rules want the operator to know.
    pub warnings: Vec<String>,
}

impl ListedHost for Arc<HostEntry> {
    fn alias(&self) -> &str {
        &self.config.alias
    }

    fn hostname(&self) -> &str {
        &self.config.hostname
    }
}

impl Snapshot {
    /// Compiles a configuration. Every fault of every host is reported, one line each.
    pub fn compile(config: Config) -> Result<Self, Vec<String>> {
        let settings = &config.settings;
        let visibility = visibility(settings);
        let (mut hosts, mut warnings, mut faults) = (Vec::new(), Vec::new(), Vec::new());
        for host in config.hosts.iter() {
            match entry(&config, &visibility, host.clone()) {
                Ok((entry, said)) => {
                    warnings.extend(said.into_iter().map(|w| format!("host `{}`: {w}", host.alias)));
                    hosts.push(Arc::new(entry));
                }
                Err(fault) => faults.push(format!("host `{}`: {fault}", host.alias)),
            }
        }
        // The lists of the environment are checked even where no host uses them.
        if let Err(fault) = entry(&config, &visibility, HostConfig::bare("localhost", settings)) {
            faults.push(fault);
        }
        faults.dedup();
        if !faults.is_empty() {
            return Err(faults);
        }
        let blocklist = Blocklist::new(&settings.ssh_hosts_blocklist);
        Ok(Snapshot { visibility, blocklist, hosts, bare: Mutex::default(), warnings, config })
    }

    /// The hosts of hosts.toml, in file order.
    pub fn hosts(&self) -> &[Arc<HostEntry>] {
        &self.hosts
    }

    /// The host that an argument names, unless it is blocked.
    pub fn resolve(&self, argument: &str) -> Result<Arc<HostEntry>, ToolError> {
        let settings = &self.config.settings;
        let named = resolve(argument, &self.hosts, &settings.ssh_hosts_allowlist).map_err(|e| self.unconfigured(e))?;
        let entry = match named {
            Named::Entry(entry) => entry.clone(),
            Named::Bare(hostname) => {
                let mut bare = self.bare.lock_always();
                match bare.get(hostname) {
                    Some(entry) => entry.clone(),
                    None => {
                        let made = entry(&self.config, &self.visibility, HostConfig::bare(hostname, settings));
                        let (made, _) = made.map_err(|fault| {
                            ToolError::new(
                                ErrorName::HostsConfigError,
                                fault,
                                "The operator corrects SSH_HOSTS_ALLOWLIST.",
                            )
                        })?;
                        bare.entry(hostname.to_owned()).or_insert(Arc::new(made)).clone()
                    }
                }
            }
        };
        self.blocklist.check(&entry.config.hostname, None)?;
        Ok(entry)
    }

    /// With nothing configured at all, says what to create and where.
    fn unconfigured(&self, error: ToolError) -> ToolError {
        if !self.hosts.is_empty() || !self.config.settings.ssh_hosts_allowlist.is_empty() {
            return error;
        }
        let file = self
            .config
            .hosts_file
            .as_ref()
            .map_or_else(|| "~/.config/ssh-mcp/hosts.toml".to_owned(), |path| path.display().to_string());
        ToolError::new(
            error.name,
            "No host is configured yet, so there is nothing to connect to.",
            format!(
                "The operator creates {file} with `[hosts.NAME]` and `hostname = \"NAME\"`, where NAME is anything that \
                 `ssh NAME` reaches, and restarts this server or calls ssh_host_reload. `ssh-mcp doctor` checks it."
            ),
        )
    }

    /// The configuration as one text, for the digest on the audit line of a start. Holds no secret's value.
    pub fn digest_text(&self) -> String {
        format!("{:?}\n{:?}", self.config.settings, self.config.hosts)
    }

    /// The rules with another set of hosts, for a reload.
    pub fn with_hosts(&self, hosts: Hosts) -> Result<Self, Vec<String>> {
        let mut config = self.config.clone();
        config.hosts = Arc::new(hosts);
        let next = Snapshot::compile(config)?;
        for host in &next.hosts {
            let same = |old: &&Arc<HostEntry>| {
                old.config.alias == host.config.alias && old.config.hostname == host.config.hostname
            };
            if let Some(old) = self.hosts.iter().find(same) {
                host.paths.remember(&old.paths);
            }
        }
        Ok(next)
    }
}

fn visibility(settings: &Settings) -> Visibility {
    Visibility::new(
        settings.allow_low_access_tools,
        settings.allow_dangerous_tools,
        settings.allow_sudo,
        settings.allow_persistent_sessions,
        &settings.ssh_enabled_groups,
    )
    .with_core(settings.ssh_tool_profile == ToolProfile::Core)
}

fn entry(config: &Config, visibility: &Visibility, host: HostConfig) -> Result<(HostEntry, Vec<String>), String> {
    let effective = config.effective(&host);
    let platform = host.platform;
    let paths = HostPaths::of(&effective, &host).map_err(|fault| fault.to_string())?;
    let (commands, warnings) =
        CommandPolicy::of(&effective, &config.settings.ssh_command_path).map_err(|fault| fault.to_string())?;
    let commands = commands.with_sudo_tier(visibility.opens(crate::model::tier::Tier::Sudo));
    let surroundings =
        SurroundingsPolicy::of(&effective, !commands.allows_anything()).map_err(|fault| fault.to_string())?;
    let target = Target::of(&config.hosts, &host).map_err(|fault| fault.to_string())?;
    Ok((
        HostEntry { config: host, effective, platform, paths, commands, surroundings, target: Arc::new(target) },
        warnings,
    ))
}
