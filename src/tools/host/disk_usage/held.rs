//! Files that are deleted and still open: they take room until their process lets go of them.

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::model::file_name;
use crate::model::remote_path::RemotePath;
use crate::toolkit::PathPolicy;

/// Most rows of an answer.
const ROWS: usize = 50;

/// A deleted file that is open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(super) struct Held {
    /// On the disk, in bytes.
    bytes: u64,
    /// Its length, in bytes.
    size: u64,
    pid: u32,
    program: String,
    /// Further processes that have it open.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    more_pids: Vec<u32>,
    /// What it was called, where its place may be shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
}

/// What is held.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Holding {
    pub(crate) rows: Vec<Held>,
    /// Processes whose open files the account may not see.
    pub(crate) hidden: u64,
    /// Rows that did not fit.
    pub(crate) left_out: usize,
    /// Files whose name has a line end.
    pub(crate) unnamed: u64,
}

/// Reads the section; nothing where the host does not tell.
pub(super) fn read(text: &str, rules: &PathPolicy) -> Option<Holding> {
    let mut found = Holding::default();
    // By device and inode.
    let mut known: HashMap<(String, String), usize> = HashMap::new();
    let mut last = None;
    for line in text.lines() {
        if line == "unsupported" {
            return None;
        } else if let Some(number) = line.strip_prefix("hidden ") {
            found.hidden = number.parse().unwrap_or_default();
        } else if let Some(number) = line.strip_prefix("unnamed ") {
            found.unnamed = number.parse().unwrap_or_default();
        } else if let Some(facts) = line.strip_prefix("F ") {
            last = None;
            let Some((held, device, inode)) = file(facts, rules) else { continue };
            match known.get(&(device.clone(), inode.clone())).and_then(|at| found.rows.get_mut(*at)) {
                Some(old) => {
                    if old.pid != held.pid && !old.more_pids.contains(&held.pid) {
                        old.more_pids.push(held.pid);
                    }
                }
                None => {
                    known.insert((device, inode), found.rows.len());
                    last = Some(found.rows.len());
                    found.rows.push(held);
                }
            }
        } else if let (Some(program), Some(row)) =
            (line.strip_prefix("P "), last.take().and_then(|at| found.rows.get_mut(at)))
        {
            program.clone_into(&mut row.program);
        }
    }
    found.rows.sort_by(|a, b| b.bytes.cmp(&a.bytes).then(a.pid.cmp(&b.pid)));
    found.left_out = found.rows.len().saturating_sub(ROWS);
    found.rows.truncate(ROWS);
    Some(found)
}

/// `LINKS BLOCKS SIZE DEVICE INODE MODE PID PATH` of a file that has no name left.
fn file(facts: &str, rules: &PathPolicy) -> Option<(Held, String, String)> {
    let mut parts = facts.splitn(8, ' ');
    let links: u64 = parts.next()?.parse().ok()?;
    let (blocks, size): (u64, u64) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let (device, inode) = (parts.next()?.to_owned(), parts.next()?.to_owned());
    let mode = u32::from_str_radix(parts.next()?, 16).ok()?;
    let (pid, path) = (parts.next()?.parse().ok()?, parts.next()?);
    let is_file = mode & 0o170_000 == 0o100_000;
    let place = RemotePath::of_carried(&file_name::carried(path.as_bytes())).ok().filter(|place| rules.shows(place));
    let held = Held {
        bytes: blocks.saturating_mul(512),
        size,
        pid,
        program: String::new(),
        more_pids: Vec::new(),
        path: place.map(|place| place.to_string()),
    };
    (is_file && links == 0).then_some((held, device, inode))
}
