//! What tools are made of, and the one way a call takes through them.
//!
//! A tool is a value in a table; a permission is a value that only the policy makes. Tools use what is
//! re-exported here and [`crate::model`], and nothing else of the crate.

pub mod answer;
pub mod backend;
pub mod call;
pub mod completion;
pub mod engine;
mod forgiving;
pub mod host;
pub mod host_paths;
pub mod job;
pub mod local;
pub mod notes;
pub mod over_sftp;
pub mod paths;
pub mod pipeline;
mod project_values;
mod reach;
pub mod reading;
pub mod schema;
mod secrets;
pub mod server;
pub mod shells;
pub mod snapshot;
pub mod spec;
pub mod sudo;
pub mod targets;
pub mod tool;
pub mod turns;
pub mod verdicts;

pub use answer::kept;
pub use call::Call;
pub use host::Host;
pub use host_paths::Viewer;
pub use job::{Job, Output, Script, Status, Stopped};
pub use local::{LocalNew, LocalPath, Sent, stream};
pub use over_sftp::{Files, Settled, SftpName};
pub use paths::{Last, OnPaths, PathArg, Proof};
pub use spec::{Effect, Spec};
pub use sudo::{Root, RootBody};
pub use targets::Targets;
pub use tool::{Decoded, Entry, Tool};
pub use turns::{Side, Turn};
pub use verdicts::{Verdict, Verdicts};

pub use crate::config::hosts::Alerts;
pub use crate::policy::cheatsheet::RunsAs;
pub use crate::policy::command::{AllowedCommand, AllowedScript};
pub use crate::policy::docker;
pub use crate::policy::path::{Access, AllowedPath, Entry as PathEntry, PathPolicy, Platform};
pub use crate::policy::sudo::SudoGrant;
pub use crate::redact::engine as redaction;
pub use crate::ssh::capabilities::Capabilities;
pub use crate::ssh::channel::Stream;
pub use crate::ssh::feed::{Input, PIECE, PIECES, Streamed};
pub use crate::ssh::sftp::{Facts as SftpFacts, SftpFault};

/// Cleans a text that leaves by another way than a tool's answer: prompts, descriptions, completions.
pub fn clean(text: &str) -> std::borrow::Cow<'_, str> {
    crate::redact::clean::clean(text).text
}

/// Sentences for `output_warnings` about data that is delivered as it is.
pub fn scan(text: &str) -> Vec<String> {
    crate::redact::clean::scan(text).messages()
}
