//! What `setup` changed, so that it can be taken back: in the state folder, for this user alone.

use std::fs::DirBuilder;
use std::io::Write as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::config::{Env, trusted};

/// One file that was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Change {
    /// The file, as its client names it.
    pub file: PathBuf,
    /// What it held; nothing where it was not there.
    pub before: Option<String>,
    /// SHA-256 of what was written, in hexadecimal digits.
    after: String,
}

impl Change {
    /// A change that is about to be made.
    pub(super) fn new(file: &Path, before: Option<String>, after: &str) -> Self {
        Change { file: file.to_path_buf(), before, after: digest(after) }
    }

    /// Whether the file still holds what was written.
    pub(super) fn left(&self, now: &str) -> bool {
        digest(now) == self.after
    }
}

fn digest(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The changes that were made and not taken back.
#[derive(Debug)]
pub(super) struct Record {
    path: PathBuf,
    changes: Vec<Change>,
}

impl Record {
    /// Reads it; nothing was changed where it is not there.
    pub(super) fn load(env: &Env) -> Result<Self, Vec<String>> {
        let folder = env.state_dir().ok_or_else(|| vec!["there is no home folder".to_owned()])?;
        let path = folder.join("setup.json");
        let named = |why: String| vec![format!("{} {why}", path.display())];
        let changes = match trusted::read(&path, env.uid()).map_err(named)? {
            None => Vec::new(),
            Some(file) => {
                serde_json::from_str(&file.text).map_err(|error| named(format!("cannot be read: {error}")))?
            }
        };
        Ok(Record { path, changes })
    }

    /// All of them.
    pub(super) fn changes(&self) -> Vec<Change> {
        self.changes.clone()
    }

    /// Whether there is nothing to take back.
    pub(super) fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Keeps a change. What a file was before the first of several changes stays.
    pub(super) fn remember(&mut self, mut change: Change) -> Result<(), String> {
        if let Some(at) = self.changes.iter().position(|old| old.file == change.file) {
            let old = self.changes.remove(at);
            if change.before.as_deref().is_some_and(|before| old.left(before)) {
                change.before = old.before;
            }
        }
        self.changes.push(change);
        self.write()
    }

    /// Drops the change of a file.
    pub(super) fn forget(&mut self, file: &Path) -> Result<(), String> {
        self.changes.retain(|change| change.file != file);
        self.write()
    }

    fn write(&self) -> Result<(), String> {
        let named = |error: &dyn std::fmt::Display| format!("{}: {error}", self.path.display());
        let folder = self.path.parent().unwrap_or_else(|| Path::new("/"));
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|e| named(&e))?;
        // A private file, since what clients keep may hold keys of other servers.
        let mut new = tempfile::NamedTempFile::new_in(folder).map_err(|e| named(&e))?;
        let text = serde_json::to_vec_pretty(&self.changes).map_err(|e| named(&e))?;
        new.write_all(&text).map_err(|e| named(&e))?;
        new.as_file().sync_all().map_err(|e| named(&e))?;
        new.persist(&self.path).map_err(|e| named(&e.error))?;
        Ok(())
    }
}
