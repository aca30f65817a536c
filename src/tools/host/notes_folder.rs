//! Agent notes: one file per host on this machine. Text of agents, not of operators, and labelled so.
//!
//! Writes are a temporary file and a rename under a lock, so that two servers never lose each other's entries.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};

use crate::model::error::{ErrorName, ToolError};

/// The folder of notes and the size limit of one file.
#[derive(Debug, Clone)]
pub struct NotesFolder {
    folder: PathBuf,
    max_bytes: u64,
}

/// What a write did.
#[derive(Debug, PartialEq, Eq)]
pub struct Written {
    /// The file.
    pub path: PathBuf,
    /// Its size now, in bytes.
    pub bytes: u64,
    /// There was no content before.
    pub created: bool,
}

/// True for aliases that are also file names: `^[A-Za-z0-9._-]+$`, without `.` and `..`.
fn is_file_name(alias: &str) -> bool {
    !alias.is_empty()
        && alias.len() <= 200
        && alias != "."
        && alias != ".."
        && alias.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

impl NotesFolder {
    /// The folder of `SSH_HOST_NOTES_DIR` and the limit of `SSH_HOST_NOTES_MAX_BYTES`.
    pub fn new(folder: PathBuf, max_bytes: u64) -> Self {
        NotesFolder { folder, max_bytes }
    }

    /// Where a host's notes are or would be; `None` for an alias that is not a file name.
    pub fn path(&self, alias: &str) -> Option<PathBuf> {
        is_file_name(alias).then(|| self.folder.join(format!("{alias}.md")))
    }

    /// The notes of a host; `None` when there are none or they cannot be read.
    pub fn read(&self, alias: &str) -> Option<String> {
        let path = self.path(alias)?;
        let mut text = self.load(&path).ok().flatten()?;
        if text.trim().is_empty() {
            return None;
        }
        let size = fs::symlink_metadata(&path).map_or(0, |facts| facts.len());
        let most = self.max_bytes.saturating_mul(2);
        if size > most {
            text.push_str(&format!(
                "\n[{} bytes left out; SSH_HOST_NOTES_MAX_BYTES is {}]\n",
                size - most,
                self.max_bytes
            ));
        }
        Some(text)
    }

    fn load(&self, path: &Path) -> std::io::Result<Option<String>> {
        let opened =
            OpenOptions::new().read(true).custom_flags(nix::libc::O_NOFOLLOW | nix::libc::O_NONBLOCK).open(path);
        let file = match opened {
            Ok(file) => file,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(e),
        };
        if !file.metadata()?.is_file() {
            return Err(std::io::Error::other("it is not a plain file"));
        }
        let mut bytes = Vec::new();
        file.take(self.max_bytes.saturating_mul(2)).read_to_end(&mut bytes)?;
        Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// Replaces a host's notes.
    pub fn set(&self, alias: &str, content: &str) -> Result<Written, ToolError> {
        self.change(alias, |_| content.to_owned())
    }

    /// Adds a dated entry; `heading` opens a new file.
    pub fn append(&self, alias: &str, heading: &str, dated: &str, entry: &str) -> Result<Written, ToolError> {
        self.change(alias, |before| {
            let start = if before.trim().is_empty() { heading } else { before };
            format!("{}\n\n## {dated}\n\n{}\n", start.trim_end(), entry.trim())
        })
    }

    fn change(&self, alias: &str, make: impl FnOnce(&str) -> String) -> Result<Written, ToolError> {
        let Some(path) = self.path(alias) else {
            return Err(ToolError::value(
                format!("The alias {alias:?} cannot be the name of a notes file."),
                "Notes need an alias of letters, digits, `.`, `_` and `-`; the operator can rename the host.",
            ));
        };
        let failed = |e: std::io::Error| {
            ToolError::new(
                ErrorName::RuntimeError,
                format!("The notes file {} could not be written: {e}.", path.display()),
                "The operator checks SSH_HOST_NOTES_DIR and its permissions.",
            )
        };
        let _lock = self.lock().map_err(failed)?;
        let before = self.load(&path).map_err(failed)?.unwrap_or_default();
        let after = make(&before);
        if after.len() as u64 > self.max_bytes {
            return Err(ToolError::value(
                format!(
                    "The notes would be {} bytes; the limit is {} (SSH_HOST_NOTES_MAX_BYTES).",
                    after.len(),
                    self.max_bytes
                ),
                "Shorten them with ssh_host_notes_set: keep what is still true.",
            ));
        }
        let mut temporary = tempfile::NamedTempFile::new_in(&self.folder).map_err(failed)?;
        temporary.write_all(after.as_bytes()).map_err(failed)?;
        temporary.as_file().sync_all().map_err(failed)?;
        temporary.persist(&path).map_err(|e| failed(e.error))?;
        Ok(Written { bytes: after.len() as u64, created: before.trim().is_empty(), path })
    }

    fn lock(&self) -> std::io::Result<Flock<File>> {
        if !self.folder.is_dir() {
            fs::create_dir_all(&self.folder)?;
            fs::set_permissions(&self.folder, fs::Permissions::from_mode(0o700))?;
        }
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .custom_flags(nix::libc::O_NOFOLLOW)
            .open(self.folder.join(".lock"))?;
        Flock::lock(file, FlockArg::LockExclusive).map_err(|(_, e)| e.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn appends_and_limits() {
        let dir = tempfile::tempdir().unwrap();
        let notes = NotesFolder::new(dir.path().join("n"), 80);
        assert_eq!(notes.read("web"), None);
        let w = notes.append("web", "# Notes", "2026-01-01T00:00:00Z", " disk is small \n").unwrap();
        assert!(w.created);
        assert_eq!(notes.read("web").unwrap(), "# Notes\n\n## 2026-01-01T00:00:00Z\n\ndisk is small\n");
        assert!(!notes.append("web", "# Notes", "x", "y").unwrap().created);
        let full = notes.append("web", "# Notes", "x", &"z".repeat(80)).unwrap_err();
        assert!(full.next.contains("ssh_host_notes_set"));
        assert_eq!(notes.set("web", "").unwrap().bytes, 0);
        assert_eq!(notes.read("web"), None);
        fs::write(dir.path().join("n/web.md"), "y".repeat(170)).unwrap();
        assert!(notes.read("web").unwrap().ends_with("[10 bytes left out; SSH_HOST_NOTES_MAX_BYTES is 80]\n"));
        assert_eq!(fs::metadata(dir.path().join("n")).unwrap().permissions().mode() & 0o777, 0o700);
    }

    #[test]
    fn aliases_never_leave_the_folder() {
        let dir = tempfile::tempdir().unwrap();
        let notes = NotesFolder::new(dir.path().to_owned(), 80);
        for alias in ["..", ".", "a/b", "", "a b", "a\n"] {
            assert_eq!(notes.path(alias), None, "{alias:?}");
            assert!(notes.set(alias, "x").is_err());
        }
        std::os::unix::fs::symlink("/etc/passwd", dir.path().join("evil.md")).unwrap();
        assert_eq!(notes.read("evil"), None, "links are not followed");
    }

    #[test]
    fn concurrent_writers_lose_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let notes = NotesFolder::new(dir.path().to_owned(), 100_000);
        std::thread::scope(|scope| {
            for writer in 0..8 {
                let notes = notes.clone();
                scope.spawn(move || {
                    for i in 0..10 {
                        notes.append("h", "# N", "t", &format!("entry-{writer}-{i}.")).unwrap();
                    }
                });
            }
        });
        let text = notes.read("h").unwrap();
        for writer in 0..8 {
            for i in 0..10 {
                assert!(text.contains(&format!("entry-{writer}-{i}.")));
            }
        }
    }
}
