//! What the operator decided: the environment, the file of settings and hosts.toml, checked once when loaded.
//!
//! Nothing here reads the process's environment except [`Env::of_process`], and nothing is taken from the working
//! directory unless a setting names it: clients start servers inside whatever project is open.

pub mod effective;
pub mod env;
pub mod fault;
pub mod hosts;
pub mod kind;
pub mod name;
pub mod nearest;
pub mod remote;
pub mod settings;
mod variables;

use std::path::PathBuf;
use std::sync::Arc;

pub use effective::{Effective, RedactKeys};
pub use env::Env;
pub use fault::{Fault, Faults, Level, Warning};
pub use hosts::{Alerts, Auth, AuthMethod, BypassPolicy, HostConfig, Hosts, Platform};
pub use kind::{LocalCommand, LogLevel, SudoMode};
pub use settings::Settings;

/// Everything that was configured. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Config {
    /// One value per environment variable.
    pub settings: Arc<Settings>,
    /// The hosts of hosts.toml.
    pub hosts: Arc<Hosts>,
    /// What to tell the operator at start.
    pub warnings: Vec<Warning>,
    /// The hosts file that was read, or that `reload_hosts` looks for.
    pub hosts_file: Option<PathBuf>,
    /// The hooks file to read, if there is one.
    pub hooks_file: Option<PathBuf>,
    /// The file of settings that was read.
    pub env_file: Option<PathBuf>,
}

/// Reads and checks the whole configuration. With nothing configured it succeeds with an empty set of hosts.
pub fn load(env: &Env) -> Result<Config, Faults> {
    let mut faults = Vec::new();
    let mut warnings = Vec::new();
    let settings = variables::read(env, &[], &mut faults, &mut warnings);
    Faults::of(faults)?;
    let Some(settings) = settings else {
        return Err(Fault::variable("environment", "has a default that cannot be read").into());
    };
    Ok(Config {
        settings: Arc::new(settings),
        hosts: Arc::new(Hosts::default()),
        warnings,
        hosts_file: None,
        hooks_file: None,
        env_file: None,
    })
}
