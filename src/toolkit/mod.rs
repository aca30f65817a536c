//! What tools are made of, and the one way a call takes through them, on three shelves.
//!
//! `state` is below: what lives longer than a call. `dispatch` is above: how a call comes to its tool and leaves again. A
//! tool sees what lies between, in this folder: what it says of itself (`tool`, `spec`, `targets`), what it may ask
//! (`call`, `host`, `other_tools`) and what it may run (`job`, `paths`, `sudo`). Tools use what is re-exported here and [`crate::model`],
//! and nothing else of the crate. A tool is a value in a table; a permission is a value that only the policy makes.

pub(crate) mod account;
mod advice;
pub(crate) mod call;
pub(crate) mod decl;
pub(crate) mod dispatch;
pub(crate) mod following;
mod forgiving;
pub(crate) mod guides;
pub(crate) mod host;
mod host_redactor;
pub(crate) mod job;
pub(crate) mod jobs;
mod json_size;
mod last_line;
pub(crate) mod local;
pub(crate) mod other_tools;
pub(crate) mod over_sftp;
pub(crate) mod pace;
pub(crate) mod paths;
mod project_values;
pub(crate) mod ranking;
mod reach;
pub(crate) mod reading;
pub(crate) mod schema;
pub(crate) mod script;
pub(crate) mod shells;
pub(crate) mod spec;
pub(crate) mod state;
pub(crate) mod sudo;
pub(crate) mod surroundings;
pub(crate) mod targets;
pub(crate) mod tool;
pub(crate) mod turns;

pub(crate) use account::Account;
pub(crate) use call::Call;
pub(crate) use dispatch::backend;
pub(crate) use following::{Following, Redact};
pub(crate) use host::Host;
pub(crate) use job::{Job, Output, Status, Stopped};
pub(crate) use json_size::text_size as size_in_json;
pub(crate) use local::{LocalNew, Sent, stream};
pub(crate) use over_sftp::{Files, Settled, SftpName};
pub(crate) use pace::Pace;
pub(crate) use paths::{Last, OnPaths, PathArg};
pub use script::Script;
pub(crate) use spec::{Effect, Spec};
pub(crate) use state::compose_cache::Verdict;
pub(crate) use state::engine_kinds::EngineKind;
pub(crate) use state::host_paths::Viewer;
pub(crate) use state::kept_outputs as kept;
pub(crate) use state::snapshot;
pub(crate) use surroundings::{Surroundings, Variables};
pub(crate) use targets::Targets;
pub use tool::Entry;
pub(crate) use tool::Tool;
pub(crate) use turns::{Side, Turn};

pub(crate) use crate::config::hosts::Alerts;
pub(crate) use crate::policy::cheatsheet::RunsAs;
pub(crate) use crate::policy::command::AllowedCommand;
pub(crate) use crate::policy::docker;
pub(crate) use crate::policy::path::{
    Access, AllowedPath, Entry as PathEntry, PathPolicy, Platform, RedactListed, parse as parse_path,
};
pub(crate) use crate::redact::engine as redaction;
pub(crate) use crate::ssh::capabilities::Capabilities;
pub(crate) use crate::ssh::channel::Stream;
pub(crate) use crate::ssh::feed::{CHUNKS_IN_FLIGHT, Input, Streamed};
pub(crate) use crate::ssh::sftp::{Facts as SftpFacts, SftpFault};
pub(crate) use crate::ssh::wrapper::{End, signal_name};

/// Cleans a text that leaves by another way than a tool's answer: prompts, descriptions, completions.
pub(crate) fn clean(text: &str) -> std::borrow::Cow<'_, str> {
    crate::redact::clean::clean(text).text
}

/// Lines that are asked for in front of those that a caller wants, so that a secret whose name stands in an earlier line is known.
pub(crate) const LINES_BEFORE: u32 = 64;

/// The last lines of a text, at most so many of those that count.
pub(crate) fn last_lines(text: &str, most: u32, counts: impl Fn(&str) -> bool) -> &str {
    let (mut at, mut seen) = (text.len(), 0);
    for line in text.split_inclusive('\n').rev() {
        seen += u32::from(counts(line));
        if seen > most {
            break;
        }
        at -= line.len();
    }
    text.get(at..).unwrap_or_default()
}

/// A text without all that does not show; nothing where all of it shows.
pub(crate) fn bare(text: &str) -> Option<String> {
    crate::redact::clean::bare(text)
}

/// Sentences for `output_warnings` about data that is delivered as it is.
pub(crate) fn scan(text: &str) -> Vec<String> {
    crate::redact::clean::scan(text).messages()
}
