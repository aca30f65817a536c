//! What a failed call says: a name a program can match, and words a person or a model can act on.

use serde::{Deserialize, Serialize};

macro_rules! names {
    ($($name:ident => $family:ident, $doc:literal;)*) => {
        /// The error names of the interface. Callers match on them, so none is ever renamed.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum ErrorName { $(#[doc = $doc] $name,)* }

        impl ErrorName {
            /// Every name, for documents and tests.
            pub const ALL: &'static [ErrorName] = &[$(ErrorName::$name,)*];

            /// The name as written in answers and audit lines.
            pub const fn as_str(self) -> &'static str {
                match self { $(ErrorName::$name => stringify!($name),)* }
            }

            /// What it means, in one sentence.
            pub const fn meaning(self) -> &'static str {
                match self { $(ErrorName::$name => $doc,)* }
            }

            /// Which of the families it belongs to.
            pub const fn family(self) -> Family {
                match self { $(ErrorName::$name => Family::$family,)* }
            }
        }
    };
}

/// Who has to act on an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Family {
    /// The call was made wrongly: correct it and call again.
    Args,
    /// The operator's policy refused it.
    Denied,
    /// The host, the network or the remote program failed.
    Remote,
    /// A defect of this program.
    Internal,
}

names! {
    HostNotAllowed => Denied, "The host argument is not an alias, hostname or allowlisted host.";
    HostBlocked => Denied, "The resolved hostname is on the operator's blocklist.";
    UnknownHost => Remote, "No host key is pinned for this host in known_hosts.";
    HostKeyMismatch => Remote, "The host offers a key other than the pinned one.";
    AuthenticationFailed => Remote, "The host refused the login, or the login's set-up is wrong.";
    AgentFingerprintNotFound => Remote, "The ssh agent does not hold the key that hosts.toml pins.";
    ConnectError => Remote, "The connection, a jump host or a channel failed.";
    PathNotAllowed => Denied, "The path is malformed, cannot be resolved, or lies outside the allowlist.";
    PathRestricted => Denied, "The path lies inside a restricted zone, or an operation on it would reach into one.";
    RedactBypassBlocked => Denied, "Raw access to a redact-listed path.";
    LocalPathPolicyError => Denied, "local_path is switched off, outside the roots, or not a plain file.";
    PlatformNotSupported => Remote, "The host lacks something that the tool needs.";
    SFTPSubsystemUnavailable => Remote, "The host refuses the sftp subsystem.";
    SFTPError => Remote, "A remote file operation failed.";
    CommandNotAllowed => Denied, "The command is not in the host's allowlist, or uses shell syntax under a restricted list.";
    CommandIsCheatsheetMatch => Denied, "A native tool covers this command.";
    WriteError => Remote, "A change to a remote file failed.";
    SftpDownloadError => Remote, "A download to a local file failed.";
    SudoFileOpError => Remote, "A file operation as root failed.";
    HashError => Remote, "The digest could not be computed.";
    HostsConfigError => Args, "hosts.toml is invalid.";
    ValueError => Args, "An argument is outside its limits.";
    RuntimeError => Remote, "Something kept changing under the call.";
    TierNotAllowed => Denied, "The call needs a tier that the operator has not opened.";
    GateRefused => Denied, "An operator's gate hook refused the call.";
    AuditUnavailable => Denied, "The audit file cannot be written, so nothing may be changed.";
    Timeout => Remote, "The call reached its time limit.";
    Cancelled => Remote, "The client cancelled the call.";
    InternalError => Internal, "A defect of this program; nothing was delivered.";
}

impl std::fmt::Display for ErrorName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The error of every tool: a name, what was refused or failed with its value and why, and the next step.
///
/// The texts may hold remote data; they pass the same cleaning as every answer before they leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolError {
    /// The stable name.
    pub name: ErrorName,
    /// What was refused or failed, with the value, and by which rule or for what reason.
    pub what: String,
    /// What would be accepted, or what to do now. Never empty.
    pub next: String,
}

impl ToolError {
    /// An error of the given name.
    pub fn new(name: ErrorName, what: impl Into<String>, next: impl Into<String>) -> Self {
        ToolError { name, what: what.into(), next: next.into() }
    }

    /// An argument outside its limits: names the argument and what it accepts.
    pub fn value(what: impl Into<String>, accepted: impl Into<String>) -> Self {
        Self::new(ErrorName::ValueError, what, accepted)
    }
}

impl std::fmt::Display for ToolError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {} {}", self.name, self.what, self.next)
    }
}

impl std::error::Error for ToolError {}
