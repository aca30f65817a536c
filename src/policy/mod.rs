//! Pure decisions: who may call what, on which host, on which path, with which command.
//!
//! The only maker of permissions ([`path::AllowedPath`], [`command::AllowedCommand`], [`sudo::SudoGrant`], ...).
//! Nothing here touches a network, a file or a clock, so a decision depends on its inputs alone and can be tested
//! by table and by property. What a remote host knows (where a link leads, what `ssh -G` resolves) is handed in.

pub(crate) mod cheatsheet;
pub(crate) mod command;
pub(crate) mod docker;
pub(crate) mod host;
pub(crate) mod path;
pub(crate) mod sudo;
pub(crate) mod surroundings;
pub(crate) mod tier;

use std::fmt;

/// An entry of the operator's policy that cannot be enforced as written. The server refuses to start with it:
/// a rule that is silently dropped would protect nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyFault {
    /// The list that holds the entry, in the words of hosts.toml (`restricted_globs`).
    pub list: &'static str,
    /// The entry as written.
    pub entry: String,
    /// Why it cannot be enforced, and what to write instead.
    pub why: String,
}

impl PolicyFault {
    pub(crate) fn new(list: &'static str, entry: &str, why: impl Into<String>) -> Self {
        PolicyFault { list, entry: entry.to_owned(), why: why.into() }
    }
}

impl fmt::Display for PolicyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} entry `{}`: {}", self.list, self.entry, self.why)
    }
}

impl std::error::Error for PolicyFault {}

/// How many entries of a list a refusal names before it says "and N more".
const SHOWN: usize = 20;

/// Entries in backquotes, for refusals: all of a short list, the first 20 of a long one.
fn listed<S: AsRef<str>>(entries: &[S]) -> String {
    let text = entries.iter().take(SHOWN).map(|e| format!("`{}`", e.as_ref())).collect::<Vec<_>>().join(", ");
    if entries.len() > SHOWN { format!("{text} and {} more", entries.len() - SHOWN) } else { text }
}
