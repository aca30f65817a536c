//! What the repository's own tests and fuzz targets look into, under the names of the modules it comes from. Not part of the
//! interface: names and forms change with what they lead to.
#![allow(missing_docs, reason = "each name is described where it is defined")]

pub mod audit {
    pub use crate::audit::{Audit, HashKey, Opening, mask_secrets};
    pub mod verify {
        pub use crate::audit::verify::verify;
    }
}

pub mod config {
    pub use crate::config::{Env, LocalCommand, Settings, load};
    pub mod hosts_file {
        pub use crate::config::hosts_file::parse;
    }
    pub mod settings {
        pub use crate::config::settings::{DECLARED, REFUSED};
    }
}

pub mod hooks {
    pub use crate::hooks::{Context, Event, Hook, HookError, HookFuture, Hooks, Verdict, parse, read};
}

pub mod mcp {
    pub use crate::mcp::serve;
}

pub mod model {
    pub mod error {
        pub use crate::model::error::{ErrorName, Family, ToolError};
    }
    pub mod file_name {
        pub use crate::model::file_name::{BYTE, read, shown};
    }
    pub mod glob {
        pub use crate::model::glob::{Glob, Style};
    }
    pub mod quote {
        pub use crate::model::quote::sh_quote;
    }
    pub mod remote_path {
        pub use crate::model::remote_path::RemotePath;
    }
    pub mod tier {
        pub use crate::model::tier::{Group, Tier};
    }
}

pub mod policy {
    pub mod cheatsheet {
        pub use crate::policy::cheatsheet::{RunsAs, advise, redact_listed};
    }
    pub mod command {
        pub use crate::policy::command::CommandPolicy;
        pub mod grammar {
            pub use crate::policy::command::grammar::{TEXT_MAX, parse};
        }
    }
    pub mod path {
        pub use crate::policy::path::{
            Access, BypassPolicy, Entry, PathPolicy, PathRules, Platform, RedactListed, parse,
        };
    }
    pub mod tier {
        pub use crate::policy::tier::CORE;
    }
}

pub mod redact {
    pub mod clean {
        pub use crate::redact::clean::{Limits, Stream, clean, clean_bytes, clean_json};
    }
    pub mod engine {
        pub use crate::redact::engine::{Format, MarkerKey, Options, RedactError, Redactor};
    }
}

pub mod skills {
    pub use crate::skills::{Library, Skill, Sources};
}

pub mod ssh {
    pub mod capture {
        pub use crate::ssh::capture::{Frame, HeadTail};
    }
    pub mod connect {
        pub use crate::ssh::connect::{
            ConnectFailure, ControlDir, FailureKind, Jump, Login, MasterUp, SshEnv, Target, close_master, open_master,
            plan,
        };
        pub mod target {
            pub use crate::ssh::connect::target::{HostWord, UserWord};
        }
    }
    pub mod known_hosts {
        pub use crate::ssh::connect::live_key::live_key;
        pub use crate::ssh::known_hosts::{HostKeyReport, Outcome};
    }
    pub mod wrapper {
        pub use crate::ssh::wrapper::{
            End, FIRST_WORD, SETTLE, Stopped, command_line, header, parse_closing, preamble,
        };
    }
}

pub mod telemetry {
    pub use crate::telemetry::{Parent, Span, carry, start};
    pub mod meters {
        pub use crate::telemetry::meters::{Direction, Gauge, NAMES, bytes, call_ended, hook};
    }
}

pub mod toolkit {
    pub use crate::toolkit::{Entry, Script};
    pub mod backend {
        pub use crate::toolkit::dispatch::backend::{
            Backend, BoxFuture, CallContext, ToolAnswer, ToolDecl, UnknownTool,
        };
    }
}

pub mod tools {
    pub use crate::tools::all;
}

/// Parsers that have no other way in from outside, for the oracles of `tests/fuzz`.
pub mod parsers {
    use std::path::Path;

    use serde_json::{Map, Value};

    pub use crate::tools::host::notes_folder::NotesFolder;
    use crate::tools::{docker, file_ops, pkg, sftp_read, systemctl};

    /// One line of the protocol, read strictly; the error says why it is refused.
    pub fn message(line: &[u8]) -> Result<Value, String> {
        crate::mcp::strict(line)
    }

    /// The arguments of a tool in the form of its schema, where a near miss has one reading only, and whether they decode.
    /// Nothing is done with them; nothing is answered for a name that is not a tool's.
    pub fn arguments(tool: &str, args: Map<String, Value>) -> Option<(Map<String, Value>, Result<(), String>)> {
        let entry = crate::tools::all().into_iter().find(|entry| entry.spec.name == tool)?;
        let meant = entry.forgive(args.clone());
        Some((meant, entry.decode(args).map(drop).map_err(|error| error.to_string())))
    }

    /// `apt list`.
    pub fn apt_list(text: &str) -> Vec<Value> {
        rows(pkg::rows::packages(pkg::manager::Manager::Apt, text))
    }

    /// `systemctl list-units`.
    pub fn units(text: &str) -> Vec<Value> {
        rows(systemctl::list_units::rows(text))
    }

    /// Objects that docker prints, and how many lines were none.
    pub fn engine_objects(stdout: &[u8]) -> (Vec<Value>, usize) {
        let (found, skipped) = docker::rows::objects(stdout);
        (found.into_iter().map(Value::Object).collect(), skipped)
    }

    /// What the script of `ssh_sftp_list` prints.
    pub fn folder(stdout: &[u8]) -> Vec<Value> {
        rows(sftp_read::list::parse(stdout).0)
    }

    /// What `ssh-keygen -l -F` prints: role, kind, fingerprint and line of each key.
    pub fn pinned_keys(text: &str) -> Vec<(String, String, String, u32)> {
        let pins = crate::ssh::known_hosts::parse_found(text, Path::new("/known_hosts"));
        pins.into_iter().map(|pin| (format!("{:?}", pin.role), pin.kind, pin.fingerprint, pin.line)).collect()
    }

    /// The unified diff that an edit shows.
    pub fn diff(path: &str, old: &[u8], new: &[u8]) -> String {
        file_ops::replace::diff(path, old, new)
    }

    /// What `ssh_patch` makes of a file; nothing where the diff cannot be read or does not fit.
    pub fn patched(diff: &str, old: &[u8]) -> Option<Vec<u8>> {
        file_ops::unified::Patch::parse(diff).ok()?.apply(old).ok()
    }

    fn rows<T: serde::Serialize>(rows: Vec<T>) -> Vec<Value> {
        rows.into_iter().map(|row| serde_json::to_value(row).unwrap_or_default()).collect()
    }
}
