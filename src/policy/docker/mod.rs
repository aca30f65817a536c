//! What a container may be given: the rules for `docker run` and for compose projects.
//!
//! Both are allow-lists. An option, a key or a value that these modules do not know is refused by name, because
//! every list of forbidden spellings has been walked around. Pure: nothing here talks to a host. Folders and
//! files of the host that a container would see come out as [`HostSource`]s, which the path policy judges and
//! the host verifies before the engine hears of anything.

pub(crate) mod archive;
mod bind_roots;
pub(crate) mod compose;
mod csv;
mod host_zone;
mod made;
mod mounts;
mod privileges;
pub(crate) mod programs;
pub(crate) mod run_flags;
pub(crate) mod run_line;
pub(crate) mod seen;
mod value_rules;
pub(crate) mod yaml;

use crate::model::error::ToolError;
use crate::model::remote_path::RemotePath;

pub(crate) use bind_roots::BindRoots;
pub(crate) use host_zone::check_host_source;

/// What a container, a build or a project does with a path of the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Use {
    /// Reads it.
    Read,
    /// May change it.
    Write,
}

/// A path of the host that a run or a project reaches into, and the words that named it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostSource {
    /// The path, normalised as text.
    pub path: RemotePath,
    /// Whether the container may change it.
    pub access: Use,
    /// The option or key that names it, for the refusal.
    pub named_by: String,
}

/// Whether the operator has switched the escalation rules off (`ALLOW_DOCKER_PRIVILEGED`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Escalation {
    /// Only what is known to be harmless.
    Refused,
    /// Anything; paths of the host still pass the path policy.
    Allowed,
}

/// The way out that every refusal of these rules names.
const OPERATOR_OPENS: &str = "Leave it out; an operator opens it with ALLOW_DOCKER_PRIVILEGED=true.";

/// A refusal by the escalation rules.
fn escalates(what: impl Into<String>) -> ToolError {
    ToolError::value(what, OPERATOR_OPENS)
}
