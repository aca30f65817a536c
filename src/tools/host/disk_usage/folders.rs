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
    /// Rows that did not fit.
    pub(crate) left_out: usize,
}

/// Reads the section; nothing where the host has no programs for it. What the rules hide is not shown under either name of the
/// folder: the one that was typed and the real one.
pub(super) fn read(text: &str, root: &RemotePath, typed: Option<&RemotePath>, rules: &PathPolicy) -> Option<Folders> {
    let mut found = Folders::default();
    for line in text.lines() {
        if line == "unsupported" {
            return None;
        } else if let Some(number) = line.strip_prefix("entries ") {
            found.entries = number.parse().unwrap_or_default();
        } else if let Some(why) = line.strip_prefix("stopped ") {
            found.stopped = Some(why.to_owned());
        } else {
            found.rows.extend(row(line, root, typed, rules));
        }
    }
    found.rows.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.path.cmp(&b.path)));
    found.left_out = found.rows.len().saturating_sub(ROWS);
    found.rows.truncate(ROWS);
    Some(found)
}

/// `BYTES ENTRIES ./NAME`. A byte 1 stands for a line end in a name, or for itself, so such a folder is not shown: what is in it
/// counts in the one above.
fn row(line: &str, root: &RemotePath, typed: Option<&RemotePath>, rules: &PathPolicy) -> Option<Folder> {
    let mut parts = line.splitn(3, ' ');
    let (bytes, entries, name) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?, parts.next()?);
    let below = if name == "." { "" } else { name.strip_prefix("./")? };
    let name = file_name::carried(below.as_bytes());
    let shown = |root: &RemotePath| {
        let path = if below.is_empty() { root.clone() } else { root.join(&name).ok()? };
        rules.shows(&path).then_some(path)
    };
    let path = shown(root).filter(|_| !below.contains('\u{1}'))?;
    if let Some(typed) = typed {
        shown(typed)?;
    }
    Some(Folder { path: path.to_string(), bytes, entries })
}
