//! The biggest folders below a path.

use schemars::JsonSchema;
use serde::Serialize;

use crate::model::file_name;
use crate::model::remote_path::RemotePath;
use crate::toolkit::PathPolicy;

/// Most rows of an answer.
const ROWS: usize = 30;

/// One folder with everything below it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(super) struct Folder {
    path: String,
    /// On the disk, in bytes.
    bytes: u64,
    /// Files and folders in it.
    entries: u64,
}

/// What was measured.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Folders {
    pub(crate) rows: Vec<Folder>,
    /// Files and folders that were looked at.
    pub(crate) entries: u64,
    /// What ended it early: `time` or `entries`.
    pub(crate) stopped: Option<String>,
    /// Folders that have no row: smaller ones.
    pub(crate) left_out: usize,
    /// Something below is closed to this tool and not counted.
    pub(crate) closed: bool,
    /// Names with a line end, which have no row.
    pub(crate) unnamed: u64,
}

/// Reads the section; nothing where the host has no programs for it. What the rules hide is not shown under either name of the
/// folder: the one that was typed and the real one.
pub(super) fn read(text: &str, root: &RemotePath, typed: Option<&RemotePath>, rules: &PathPolicy) -> Option<Folders> {
    let mut found = Folders::default();
    let mut all = 0;
    for line in text.lines() {
        if line == "unsupported" {
            return None;
        } else if let Some(number) = line.strip_prefix("entries ") {
            found.entries = number.parse().unwrap_or_default();
        } else if let Some(number) = line.strip_prefix("folders ") {
            all = number.parse().unwrap_or_default();
        } else if let Some(number) = line.strip_prefix("unnamed ") {
            found.unnamed += number.parse::<u64>().unwrap_or_default();
        } else if let Some(why) = line.strip_prefix("stopped ") {
            found.stopped = Some(why.to_owned());
        } else if line == "closed" {
            found.closed = true;
        } else if line.contains('\u{1}') {
            found.unnamed += 1;
        } else {
            found.rows.extend(row(line, root, typed, rules));
        }
    }
    found.rows.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.path.cmp(&b.path)));
    // The host sends the largest ones only.
    found.left_out = found.rows.len().max(all).saturating_sub(ROWS.min(found.rows.len()));
    found.rows.truncate(ROWS);
    Some(found)
}

/// `BYTES ENTRIES ./NAME`, of a name without the byte 1, which stands for a line end.
fn row(line: &str, root: &RemotePath, typed: Option<&RemotePath>, rules: &PathPolicy) -> Option<Folder> {
    let mut parts = line.splitn(3, ' ');
    let (bytes, entries, name) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?, parts.next()?);
    let below = if name == "." { "" } else { name.strip_prefix("./")? };
    let name = file_name::carried(below.as_bytes());
    let shown = |root: &RemotePath| {
        let path = if below.is_empty() { root.clone() } else { root.join(&name).ok()? };
        rules.shows(&path).then_some(path)
    };
    let path = shown(root)?;
    if let Some(typed) = typed {
        shown(typed)?;
    }
    Some(Folder { path: path.to_string(), bytes, entries })
}
