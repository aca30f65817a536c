//! What the operator decided: the environment, the file of settings and hosts.toml, checked once when loaded.
//!
//! Nothing here reads the process's environment except [`Env::of_process`], and nothing is taken from the working
//! directory unless a setting names it: clients start servers inside whatever project is open.

mod choices;
pub(crate) mod closed;
pub(crate) mod differences;
pub(crate) mod docs;
mod document;
pub(crate) mod effective;
pub(crate) mod env;
pub(crate) mod env_file;
pub(crate) mod fault;
pub(crate) mod hosts;
pub(crate) mod hosts_file;
mod jump;
pub(crate) mod keys;
pub(crate) mod kind;
mod load;
pub(crate) mod name;
pub(crate) mod nearest;
pub(crate) mod remote;
pub(crate) mod settings;
mod startup;
pub(crate) mod trusted;
mod variables;

use std::path::PathBuf;
use std::sync::Arc;

pub(crate) use effective::{Effective, RedactKeys};
pub use env::Env;
pub(crate) use fault::{Fault, Level, Warning};
pub(crate) use hosts::{Auth, AuthMethod, HostConfig, Hosts};
pub use hosts::{BypassPolicy, Platform};
pub use kind::LocalCommand;
pub(crate) use kind::{LogFormat, LogLevel};
pub use load::load;
pub(crate) use load::{hosts_path, reload_hosts, settings_path};
pub use settings::Settings;
pub(crate) use variables::is_setting;

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
