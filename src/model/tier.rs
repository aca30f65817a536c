//! The four tiers and the tool groups: who may call what, in the words of the interface.

use serde::{Deserialize, Serialize};

/// How much a tool may change. A tier is open or closed for the whole server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tier {
    /// Observes only; always open.
    Read,
    /// Changes files and containers in recoverable ways.
    LowAccess,
    /// Runs commands and changes services and packages.
    Dangerous,
    /// Acts as root.
    Sudo,
}

impl Tier {
    /// All tiers, weakest first.
    pub const ALL: [Tier; 4] = [Tier::Read, Tier::LowAccess, Tier::Dangerous, Tier::Sudo];

    /// The name used in audit lines, documents and `ssh_server_info`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Tier::Read => "read",
            Tier::LowAccess => "low-access",
            Tier::Dangerous => "dangerous",
            Tier::Sudo => "sudo",
        }
    }
}

impl std::fmt::Display for Tier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A family of tools that an operator can show or hide with `SSH_ENABLED_GROUPS`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Group {
    /// Facts about a host, its notes and its reachability.
    Host,
    /// Pooled connections.
    Session,
    /// Reading files.
    SftpRead,
    /// Changing files.
    FileOps,
    /// Commands and scripts.
    Exec,
    /// Commands and files as root.
    Sudo,
    /// Persistent shells.
    Shell,
    /// Containers and compose projects.
    Docker,
    /// Reserved; holds no tool.
    Keys,
    /// systemd units and the journal.
    Systemctl,
    /// Packages.
    Pkg,
    /// Work that outlives its call.
    Jobs,
}

impl Group {
    /// All groups, in the order of the interface.
    pub const ALL: [Group; 12] = [
        Group::Host,
        Group::Session,
        Group::SftpRead,
        Group::FileOps,
        Group::Exec,
        Group::Sudo,
        Group::Shell,
        Group::Docker,
        Group::Keys,
        Group::Systemctl,
        Group::Pkg,
        Group::Jobs,
    ];

    /// The name used in settings and documents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Group::Host => "host",
            Group::Session => "session",
            Group::SftpRead => "sftp-read",
            Group::FileOps => "file-ops",
            Group::Exec => "exec",
            Group::Sudo => "sudo",
            Group::Shell => "shell",
            Group::Docker => "docker",
            Group::Keys => "keys",
            Group::Systemctl => "systemctl",
            Group::Pkg => "pkg",
            Group::Jobs => "jobs",
        }
    }
}

impl std::fmt::Display for Group {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
