//! Why a connection did not come up, in the words of the interface.

use std::time::Duration;

use super::handshake::{Handshake, Stage};
use super::plan::Hop;
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
}

impl ConnectFailure {
    /// A failure of the given class.
    pub fn new(kind: FailureKind, what: impl Into<String>, next: impl Into<String>) -> Self {
        ConnectFailure { kind, what: what.into(), next: next.into() }
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

/// Explains an attempt that ended before the login was complete. `late`: it was cut off after this time.
pub(super) fn explain(hop: &Hop, facts: &Handshake, late: Option<Duration>) -> ConnectFailure {
    let place = format!("`{}` ({}:{})", hop.target.alias, hop.resolved.hostname, hop.resolved.port);
    let reason = facts.reason.as_deref().unwrap_or("ssh gave no reason").trim_end_matches('.');
    match (facts.stage, late) {
        (Stage::LoggingIn, None) => ConnectFailure::new(
            FailureKind::Authentication,
            format!(
                "{place} refused the login of `{}` with {}; it would take: {}.",
                hop.resolved.user,
                hop.target.login.describe(),
                if facts.methods.is_empty() { "nothing".to_owned() } else { facts.methods.join(", ") }
            ),
            format!(
                "Try `ssh {}@{}` by hand and set `user` and `[hosts.{}.auth]` accordingly.",
                hop.resolved.user, hop.target.hostname, hop.target.alias
            ),
        ),
        (_, Some(limit)) => ConnectFailure::new(
            FailureKind::Unreachable,
            format!("{place} did not complete the connection within {} s.", limit.as_secs()),
            "See that the host is up and the port open; SSH_CONNECT_TIMEOUT sets the limit.",
        ),
        _ => ConnectFailure::new(
            FailureKind::Unreachable,
            format!("No connection to {place}: {reason}."),
            "See that the host is up and that hostname and port are right.",
        ),
    }
}
