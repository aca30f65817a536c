//! The audit trail: one JSON line per call and host, on stderr always and in `SSH_AUDIT_FILE` as a hash chain.
//!
//! A [`Journal`] is opened before a call touches anything and gathers what the call does. Closing it writes the
//! lines and gives a [`Receipt`]; an answer ([`Sealed`]) can only be made from a receipt, so nothing leaves
//! unaudited. A journal that is dropped unclosed, by a panic or a cancelled call, writes its lines on the way out.
//!
//! Lines hold names and keyed digests: never an argument, a path, remote text or a secret in clear.

mod chain;
mod digest;
mod journal;
mod masking;
pub(crate) mod query;
mod record;
mod sink;
pub(crate) mod verify;

pub(crate) use chain::AuditError;
pub use digest::HashKey;
pub use journal::Audit;
pub(crate) use journal::Notes;
pub use masking::mask_secrets;
pub use record::Opening;

/// The tracing target of audit lines. Log filters must keep it at INFO or lower, whatever `LOG_LEVEL` says.
pub(crate) const TARGET: &str = "ssh_mcp.audit";

#[cfg(test)]
mod tests;
