//! Opening and closing masters: the one authenticated connection per host that every channel runs over.
//!
//! A master is a detached `ssh` of the user's own OpenSSH, with the user's own configuration, agent and
//! known_hosts, and the options of [`options`] forced over them. This module opens one connection at a time and
//! says why it could not; which connections exist, and for how long, is the pool's business.
//!
//! It must never start a remote command, and no secret may enter an argument list, a log or an error.

pub(crate) mod askpass;
pub(crate) mod control;
pub(crate) mod explain;
pub(crate) mod failure;
pub(crate) mod handshake;
pub(crate) mod identity;
mod key_files;
pub(crate) mod live_key;
pub(crate) mod master;
pub(crate) mod mux;
pub(crate) mod options;
pub mod plan;
pub(crate) mod public_key;
mod refusal;
pub(crate) mod resolve;
pub(crate) mod target;

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub use control::ControlDir;
pub use failure::{ConnectFailure, FailureKind};
pub use master::{MasterUp, close_master, open_master};
pub(crate) use plan::Hop;
pub use plan::plan;
pub(crate) use resolve::Resolved;
pub use target::{Jump, Login, Target};

/// What all connections of this process have in common.
#[derive(Debug, Clone)]
pub struct SshEnv {
    /// The ssh_config that replaces the user's and the system's (`-F`); `None` leaves both in force.
    pub config_file: Option<PathBuf>,
    /// The known_hosts file that replaces the user's (`UserKnownHostsFile`).
    pub known_hosts: Option<PathBuf>,
    /// Limit for connecting and for the handshake, per hop.
    pub connect_timeout: Duration,
    /// Period of keep-alives; a connection ends after three that stay unanswered.
    pub keepalive: Duration,
    /// Names of environment variables that no child gets: this program's settings and secrets. Compared without
    /// regard to case, as settings are.
    pub withheld: Arc<[String]>,
    /// This program's own file, for the askpass helper. `None`: hosts that need a passphrase or password fail.
    pub own_program: Option<PathBuf>,
    /// Variables set for each child on top of the user's environment.
    pub extra: Vec<(OsString, OsString)>,
}

impl Default for SshEnv {
    /// The user's own set-up, with the limits of the interface (10 s to connect, 30 s between keep-alives).
    fn default() -> Self {
        SshEnv {
            config_file: None,
            known_hosts: None,
            connect_timeout: Duration::from_secs(10),
            keepalive: Duration::from_secs(30),
            withheld: Arc::from([]),
            own_program: None,
            extra: Vec::new(),
        }
    }
}

/// True for a shell that can run a command, as far as that shows: services run with `nologin`, or with one that is gone.
fn shell_runs(shell: Option<&std::ffi::OsStr>) -> bool {
    let Some(shell) = shell.filter(|shell| !shell.is_empty()).map(std::path::Path::new) else { return true };
    let refuses = ["nologin", "false", "true", "sync"].iter().any(|name| shell.file_name().is_some_and(|n| n == *name));
    !refuses && nix::unistd::access(shell, nix::unistd::AccessFlags::X_OK).is_ok()
}

impl SshEnv {
    /// A child process with the user's environment less what is withheld, the C locale, and no stdio of ours.
    pub(crate) fn command(&self, program: &str) -> tokio::process::Command {
        let mut command = tokio::process::Command::new(program);
        for (name, _) in std::env::vars_os() {
            if self.withheld.iter().any(|one| name.eq_ignore_ascii_case(one)) {
                command.env_remove(name);
            }
        }
        if !shell_runs(std::env::var_os("SHELL").as_deref()) {
            // ssh runs a ProxyCommand by it.
            command.env("SHELL", "/bin/sh");
        }
        command
            .envs(self.extra.iter().map(|(name, value)| (name, value)))
            .env("LC_ALL", "C")
            .env_remove("SSH_ASKPASS_REQUIRE")
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .kill_on_drop(true);
        command
    }
}
