//! What the operator decided: the environment, the file of settings and hosts.toml, checked once when loaded.
//!
//! Nothing here reads the process's environment except [`Env::of_process`], and nothing is taken from the working
//! directory unless a setting names it: clients start servers inside whatever project is open.

mod choices;
pub mod closed;
pub mod differences;
pub mod docs;
mod document;
pub mod effective;
pub mod env;
pub mod env_file;
pub mod fault;
pub mod hosts;
pub mod hosts_file;
mod jump;
pub mod keys;
pub mod kind;
mod load;
pub mod name;
pub mod nearest;
pub mod remote;
pub mod settings;
mod startup;
pub mod trusted;
mod variables;

use std::path::PathBuf;
use std::sync::Arc;

pub use effective::{Effective, RedactKeys};
pub use env::Env;
pub use fault::{Fault, Faults, Level, Warning};
pub use hosts::{Alerts, Auth, AuthMethod, BypassPolicy, HostConfig, Hosts, Platform};
pub use kind::{LocalCommand, LogFormat, LogLevel, SudoMode};
pub use load::{Diff, hosts_path, load, reload_hosts, settings_path};
pub use settings::Settings;
pub use variables::is_setting;

/// Everything that was configured. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Config {
    /// One value per environment variable.
    pub settings: Arc<Settings>,
    /// The hosts of hosts.toml.
    pub hosts: Arc<Hosts>,
    /// What to tell the operator at start.
    pub warnings: Vec<Warning>,
    /// The hosts file that was read.
    pub hosts_file: Option<PathBuf>,
    /// The hooks file to read; it is there and trusted.
    pub hooks_file: Option<PathBuf>,
    /// The file of settings that was read.
    pub env_file: Option<PathBuf>,
    /// What everything was read from, kept for [`reload_hosts`].
    pub env: Arc<Env>,
}
