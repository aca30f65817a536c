//! What tools are made of, and the one way a call takes through them, on three shelves.
//!
//! `state` is below: what lives longer than a call. `dispatch` is above: how a call comes to its tool and leaves again. A
//! tool sees what lies between, in this folder: what it says of itself (`tool`, `spec`, `targets`), what it may ask
//! (`call`, `host`, `other_tools`) and what it may run (`job`, `paths`, `sudo`). Tools use what is re-exported here and [`crate::model`],
//! and nothing else of the crate. A tool is a value in a table; a permission is a value that only the policy makes.

pub mod account;
pub mod call;
pub mod decl;
pub mod dispatch;
mod forgiving;
pub mod guides;
pub mod host;
mod host_redactor;
pub mod job;
pub mod jobs;
mod json_size;
mod last_line;
pub mod local;
pub mod other_tools;
pub mod over_sftp;
pub mod paths;
mod project_values;
pub mod ranking;
mod reach;
pub mod reading;
pub mod schema;
pub mod script;
pub mod shells;
pub mod spec;
pub mod state;
pub mod sudo;
pub mod surroundings;
pub mod targets;
pub mod tool;
pub mod turns;

pub use account::Account;
pub use call::Call;
pub use dispatch::backend;
pub use host::Host;
pub use job::{Job, Output, Status, Stopped};
pub use json_size::text_size as size_in_json;
pub use local::{LocalNew, LocalPath, Sent, stream};
pub use over_sftp::{Files, Settled, SftpName};
pub use paths::{Last, Looks, OnPaths, PathArg};
pub use script::Script;
pub use spec::{Effect, Spec};
pub use state::compose_cache::{Verdict, Verdicts};
pub use state::host_paths::Viewer;
pub use state::kept_outputs as kept;
pub use state::{shell_sessions, snapshot};
pub use surroundings::{Surroundings, Variables};
pub use targets::Targets;
pub use tool::{Decoded, Entry, Tool};
pub use turns::{Side, Turn};

pub use crate::config::hosts::Alerts;
pub use crate::policy::cheatsheet::RunsAs;
pub use crate::policy::command::{AllowedCommand, AllowedScript};
pub use crate::policy::docker;
pub use crate::policy::path::{Access, AllowedPath, Entry as PathEntry, PathPolicy, Platform, parse as parse_path};
pub use crate::policy::sudo::SudoGrant;
pub use crate::redact::engine as redaction;
pub use crate::ssh::capabilities::Capabilities;
pub use crate::ssh::channel::Stream;
pub use crate::ssh::feed::{Input, PIECE, PIECES, Streamed};
pub use crate::ssh::sftp::{Facts as SftpFacts, SftpFault};
pub use crate::ssh::wrapper::{End, signal_name};

/// Cleans a text that leaves by another way than a tool's answer: prompts, descriptions, completions.
pub fn clean(text: &str) -> std::borrow::Cow<'_, str> {
    crate::redact::clean::clean(text).text
}

/// Sentences for `output_warnings` about data that is delivered as it is.
pub fn scan(text: &str) -> Vec<String> {
    crate::redact::clean::scan(text).messages()
}
