//! The hosts an operator granted: what one entry of hosts.toml says, after `[defaults]` and the environment.

use std::path::PathBuf;

use serde::Serialize;

use super::choices::words;
pub use super::choices::{BypassPolicy, Platform};
use super::kind::{LocalCommand, SudoMode};
use super::settings::Settings;

words! {
    /// How a login is proved.
    pub enum AuthMethod {
        /// Keys that the ssh agent holds.
        Agent = "agent",
        /// One key file, and no other key.
        Key = "key",
        /// A password that a local command prints.
        Password = "password",
    }
}

/// How to log in to one host. Relative and `~` paths are made absolute when loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Auth {
    /// How the login is proved.
    pub method: AuthMethod,
    /// Socket of the agent to ask; `None` takes what ssh_config or `SSH_AUTH_SOCK` says.
    pub identity_agent: Option<PathBuf>,
    /// `SHA256:` fingerprint of the only agent key to offer.
    pub identity_fingerprint: Option<String>,
    /// Offer nothing but the key of `identity_fingerprint`.
    pub identities_only: bool,
    /// The key file of method `key`; always there with that method.
    pub key: Option<PathBuf>,
    /// Prints the passphrase of `key`.
    pub passphrase_cmd: Option<LocalCommand>,
    /// Prints the password of method `password`; always there with that method.
    pub password_cmd: Option<LocalCommand>,
}

impl Auth {
    /// What applies without an `auth` table: the key of `SSH_DEFAULT_KEY`, or the agent.
    pub fn from_settings(settings: &Settings) -> Self {
        let key = settings.ssh_default_key.clone();
        Auth {
            method: if key.is_some() { AuthMethod::Key } else { AuthMethod::Agent },
            identity_agent: None,
            identity_fingerprint: None,
            identities_only: false,
            key,
            passphrase_cmd: None,
            password_cmd: None,
        }
    }
}

/// Thresholds of `ssh_host_alerts`. An unset threshold is not evaluated.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Alerts {
    /// Highest use of a file system, in percent.
    pub disk_use_percent_max: Option<i64>,
    /// Highest load average over one minute.
    pub load_avg_1min_max: Option<f64>,
    /// Least free memory, in percent.
    pub mem_free_percent_min: Option<i64>,
    /// Mount points to look at; empty means all.
    pub disk_mounts: Vec<String>,
}

/// One host, after merging. Lists hold this host's own entries only; [`super::Config::effective`] unites them with
/// those of the environment.
#[derive(Debug, Clone, PartialEq)]
pub struct HostConfig {
    /// The name an agent uses.
    pub alias: String,
    /// What ssh connects to and what allow and block rules compare: a name, an address or an ssh_config alias.
    pub hostname: String,
    /// Login name; `None` leaves it to ssh_config.
    pub user: Option<String>,
    /// Port; `None` leaves it to ssh_config.
    pub port: Option<u16>,
    /// What kind of system it is.
    pub platform: Platform,
    /// Accepted for older files; nothing reads it.
    pub default_dir: Option<String>,
    /// Accepted for older files; every sudo is one call.
    pub sudo_mode: SudoMode,
    /// Roots that path tools may touch; `*` or `/` is everything.
    pub path_allowlist: Vec<String>,
    /// Zones inside those roots that stay closed.
    pub restricted_paths: Vec<String>,
    /// The same by pattern.
    pub restricted_globs: Vec<String>,
    /// Paths whose content is only read redacted.
    pub redact_paths_globs: Vec<String>,
    /// Key names added to the built-in list.
    pub redact_keys_add: Vec<String>,
    /// Key names in place of the built-in list.
    pub redact_keys_replace: Vec<String>,
    /// Looks for secrets by shape too; `None` takes the environment's value.
    pub redact_entropy_detection: Option<bool>,
    /// What a raw read of a redact-listed path does; `None` takes the environment's value.
    pub redact_bypass_policy: Option<BypassPolicy>,
    /// Characters shown at each end of a redacted value, 0 to 4; `None` takes the environment's value.
    pub redact_hint_chars: Option<u8>,
    /// Commands that may run; `*` is everything.
    pub command_allowlist: Vec<String>,
    /// Folders in which a restricted command list may run.
    pub cwd_allowlist: Vec<String>,
    /// Names of variables that calls may set under a restricted command list.
    pub env_allowlist: Vec<String>,
    /// Commands get what the account has in an interactive login terminal.
    pub login_environment: bool,
    /// Whether scripts may run under a restricted command list; `None` takes the environment's value.
    pub allow_scripts: Option<bool>,
    /// Aliases of the jump hosts, the first one nearest to here. [`Hosts::chain`] gives the whole way.
    pub proxy_jump: Vec<String>,
    /// Whether persistent shells may be opened.
    pub persistent_session: bool,
    /// The docker command of this host; `None` takes the environment's value.
    pub docker_cmd: Option<String>,
    /// Folders that containers may be given for writing; `*` is every folder.
    pub docker_bind_allowlist: Vec<String>,
    /// What the operator wants agents to know about the host.
    pub notes: Option<String>,
    /// How to log in.
    pub auth: Auth,
    /// Thresholds of `ssh_host_alerts`.
    pub alerts: Alerts,
}

impl HostConfig {
    /// A host with nothing but a name: what an entry of `SSH_HOSTS_ALLOWLIST` stands for.
    pub fn bare(hostname: &str, settings: &Settings) -> Self {
        HostConfig {
            alias: hostname.to_owned(),
            hostname: hostname.to_owned(),
            user: settings.ssh_default_user.clone(),
            port: None,
            platform: Platform::Posix,
            default_dir: None,
            sudo_mode: SudoMode::PerCall,
            path_allowlist: Vec::new(),
            restricted_paths: Vec::new(),
            restricted_globs: Vec::new(),
            redact_paths_globs: Vec::new(),
            redact_keys_add: Vec::new(),
            redact_keys_replace: Vec::new(),
            redact_entropy_detection: None,
            redact_bypass_policy: None,
            redact_hint_chars: None,
            command_allowlist: Vec::new(),
            cwd_allowlist: Vec::new(),
            env_allowlist: Vec::new(),
            login_environment: false,
            allow_scripts: None,
            proxy_jump: Vec::new(),
            persistent_session: true,
            docker_cmd: None,
            docker_bind_allowlist: Vec::new(),
            notes: None,
            auth: Auth::from_settings(settings),
            alerts: Alerts::default(),
        }
    }
}

/// The hosts of hosts.toml, in file order, aliases unique.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Hosts(Vec<HostConfig>);

impl Hosts {
    /// Takes entries whose aliases are unique and whose jump hosts form no cycle; the loader checks both.
    pub(super) fn checked(entries: Vec<HostConfig>) -> Self {
        Hosts(entries)
    }

    /// The entry of exactly this alias.
    pub fn get(&self, alias: &str) -> Option<&HostConfig> {
        self.0.iter().find(|h| h.alias == alias)
    }

    /// All entries in file order.
    pub fn iter(&self) -> std::slice::Iter<'_, HostConfig> {
        self.0.iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True when there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The jump hosts on the way to `host`, in the order in which they are passed; empty for a direct connection.
    ///
    /// As with OpenSSH's own `ProxyJump`, the first hop of a list is reached as its own entry says, and each later
    /// one through the hop before it, whatever its own entry says.
    pub fn chain<'a>(&'a self, host: &'a HostConfig) -> Vec<&'a HostConfig> {
        let mut lists = vec![&host.proxy_jump];
        let mut first = host.proxy_jump.first();
        // Cycles are refused at load, so a chain has at most as many lists as there are hosts.
        while let Some(hop) = first.and_then(|alias| self.get(alias)) {
            if hop.proxy_jump.is_empty() || lists.len() > self.0.len() {
                break;
            }
            lists.push(&hop.proxy_jump);
            first = hop.proxy_jump.first();
        }
        lists.into_iter().rev().flatten().filter_map(|alias| self.get(alias)).collect()
    }
}

impl<'a> IntoIterator for &'a Hosts {
    type Item = &'a HostConfig;
    type IntoIter = std::slice::Iter<'a, HostConfig>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
