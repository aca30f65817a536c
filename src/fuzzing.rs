//! Parsers that have no other way in from outside, for the oracles of `tests/fuzz`. Not part of the interface: names
//! and forms change with what they lead to.

use std::path::Path;

use serde_json::{Map, Value};

pub use crate::tools::host::notes_folder::NotesFolder;
use crate::tools::{docker, file_ops, pkg, sftp_read, systemctl};

/// One line of the protocol, read strictly; the error says why it is refused.
pub fn message(line: &[u8]) -> Result<Value, String> {
    crate::mcp::strict(line)
}

/// The arguments of a tool in the form of its schema, where a near miss has one reading only, and whether they decode.
/// Nothing is done with them; nothing is answered for a name that is no tool's.
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
