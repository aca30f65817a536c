//! Why a connection did not come up, in the words of the interface.

use crate::model::error::{ErrorName, ToolError};

/// The class of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// No key is pinned for the host.
    UnknownHost,
    /// The host shows another key than the pinned one.
    HostKeyChanged,
    /// The host's key is marked as revoked.
    HostKeyRevoked,
    /// The login was refused, or could not be prepared.
    Authentication,
    /// The agent does not hold the pinned key.
    AgentKeyMissing,
    /// Name, network, handshake or jump host; trying again can help.
    Unreachable,
    /// Trying again will not help until something is put right.
    Broken,
    /// A host on the way is on the operator's blocklist; no attempt was made.
    Blocked,
    /// The caller gave up.
    Cancelled,
}

impl FailureKind {
    /// The error's name in answers.
    pub const fn name(self) -> ErrorName {
        match self {
            FailureKind::UnknownHost => ErrorName::UnknownHost,
            FailureKind::HostKeyChanged | FailureKind::HostKeyRevoked => ErrorName::HostKeyMismatch,
            FailureKind::Authentication => ErrorName::AuthenticationFailed,
            FailureKind::AgentKeyMissing => ErrorName::AgentFingerprintNotFound,
            FailureKind::Unreachable | FailureKind::Broken => ErrorName::ConnectError,
            FailureKind::Blocked => ErrorName::HostBlocked,
            FailureKind::Cancelled => ErrorName::Cancelled,
        }
    }

    /// True when the same attempt may succeed a little later with nothing changed by a person.
    pub const fn worth_retrying(self) -> bool {
        matches!(self, FailureKind::Unreachable)
    }
}

/// A failed attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectFailure {
    /// Its class.
    pub kind: FailureKind,
    /// What failed, with values. May hold remote text.
    pub what: String,
    /// What a person should do.
    pub next: String,
    /// The host that it is about: the target, or a jump host on the way. Empty when no attempt was made.
    pub alias: String,
    /// That host showed its host key, so it is there and speaks SSH.
    pub reached: bool,
    /// The line by which it introduced itself; remote text.
    pub server_version: Option<String>,
    /// The host took the connection and hung up before any login, as servers do that limit logins under way
    /// (Dropbear: five from one address; sshd: MaxStartups). The same attempt may succeed a moment later.
    pub hung_up: bool,
}

impl ConnectFailure {
    /// A failure of the given class.
    pub fn new(kind: FailureKind, what: impl Into<String>, next: impl Into<String>) -> Self {
        ConnectFailure {
            kind,
            what: what.into(),
            next: next.into(),
            alias: String::new(),
            reached: false,
            server_version: None,
            hung_up: false,
        }
    }

    /// The caller gave up.
    pub fn cancelled(alias: &str) -> Self {
        Self::new(FailureKind::Cancelled, format!("The connection to `{alias}` was cancelled."), "Call again.")
    }
}

impl std::fmt::Display for ConnectFailure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {} {}", self.kind.name(), self.what, self.next)
    }
}

impl std::error::Error for ConnectFailure {}

impl From<ConnectFailure> for ToolError {
    fn from(failure: ConnectFailure) -> Self {
        ToolError::new(failure.kind.name(), failure.what, failure.next)
    }
}
