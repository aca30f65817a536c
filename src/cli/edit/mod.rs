//! Edits of the operator's own files by command: comments and order stay, a file is checked before it stands, and
//! what was there before is kept beside it.

pub(super) mod hosts_toml;
pub(super) mod settings_file;
pub(super) mod ssh_names;

use std::fs::{DirBuilder, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use similar::TextDiff;

use crate::config::{Env, trusted};

/// A file as it was read, and as it is to become.
#[derive(Debug)]
pub(super) struct Draft {
    /// As the configuration names it.
    path: PathBuf,
    /// Where it really lies.
    real: PathBuf,
    before: Option<String>,
    after: String,
}

impl Draft {
    /// Reads a file that may be missing. The error says why it is not to be edited.
    pub(super) fn open(path: &Path, env: &Env) -> Result<Self, String> {
        let read = trusted::read(path, env.uid()).map_err(|why| format!("{} {why}", path.display()))?;
        let (real, before) = match read {
            Some(file) => (file.real, Some(file.text)),
            None => (path.to_path_buf(), None),
        };
        let after = before.clone().unwrap_or_default();
        Ok(Draft { path: path.to_path_buf(), real, before, after })
    }

    /// The file as it is named.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Where the file really lies, or would.
    pub(super) fn real(&self) -> &Path {
        &self.real
    }

    /// What the file holds; nothing where it is not there.
    pub(super) fn before(&self) -> Option<&str> {
        self.before.as_deref()
    }

    /// What the file is to hold, which begins as what it holds.
    pub(super) fn text(&self) -> &str {
        &self.after
    }

    /// Sets what the file is to hold.
    pub(super) fn set(&mut self, text: String) {
        self.after = text;
    }

    /// Whether there is anything to write.
    pub(super) fn changes(&self) -> bool {
        self.before.as_deref() != Some(&self.after) && !(self.before.is_none() && self.after.is_empty())
    }

    /// The change as a unified diff.
    pub(super) fn diff(&self) -> String {
        let (old, new) = (self.before.as_deref().unwrap_or(""), self.after.as_str());
        let name = self.path.display().to_string();
        let from = if self.before.is_some() { name.clone() } else { "/dev/null".to_owned() };
        TextDiff::from_lines(old, new).unified_diff().context_radius(2).header(&from, &name).to_string()
    }

    /// Checks the file under a name of its own beside the real one: `check` gets that name. Its faults are told with the
    /// file's real name.
    pub(super) fn checked(&self, check: impl FnOnce(&Path) -> Result<(), Vec<String>>) -> Result<(), Vec<String>> {
        let candidate = self.written_beside().map_err(|why| vec![why])?;
        let (shown, real) = (candidate.path().display().to_string(), self.path.display().to_string());
        check(candidate.path()).map_err(|faults| faults.iter().map(|fault| fault.replace(&shown, &real)).collect())
    }

    /// Puts the file in place. The value is where its former content is kept, if it had any.
    pub(super) fn stand(self, env: &Env) -> Result<Option<PathBuf>, String> {
        self.still_fresh(env)?;
        let kept = match &self.before {
            None => None,
            Some(before) => {
                let named = |file: &Path, error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
                let mut name = self.real.clone().into_os_string();
                name.push(".bak");
                let kept = PathBuf::from(name);
                let folder = folder_of(&self.real);
                let mut copy = tempfile::NamedTempFile::new_in(folder).map_err(|e| named(folder, &e))?;
                copy.write_all(before.as_bytes()).map_err(|e| named(&kept, &e))?;
                copy.persist(&kept).map_err(|e| named(&kept, &e.error))?;
                Some(kept)
            }
        };
        self.stand_alone(env)?;
        Ok(kept)
    }

    /// Puts the file in place, for somebody who keeps the former content elsewhere.
    pub(super) fn stand_alone(self, env: &Env) -> Result<(), String> {
        let new = self.written_beside()?;
        let named = |error: &dyn std::fmt::Display| format!("{}: {error}", self.real.display());
        self.still_fresh(env)?;
        new.persist(&self.real).map_err(|e| named(&e.error))?;
        std::fs::File::open(folder_of(&self.real)).and_then(|folder| folder.sync_all()).map_err(|e| named(&e))
    }

    fn still_fresh(&self, env: &Env) -> Result<(), String> {
        if Draft::open(&self.path, env)?.before == self.before {
            return Ok(());
        }
        Err(format!("{} was changed by another program meanwhile; nothing was written", self.path.display()))
    }

    /// The new content in a file without a lasting name, with the mode that the file has or that a new one gets.
    fn written_beside(&self) -> Result<tempfile::NamedTempFile, String> {
        let named = |error: std::io::Error| format!("{}: {error}", self.real.display());
        let folder = folder_of(&self.real);
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(named)?;
        let mode = std::fs::metadata(&self.real).map_or(0o600, |meta| meta.mode() & 0o777);
        if mode & 0o200 == 0 {
            return Err(format!(
                "{} is read-only (mode {mode:04o}); `chmod u+w` lets it be edited",
                self.real.display()
            ));
        }
        let mut new = tempfile::Builder::new().prefix(".ssh-mcp-").tempfile_in(folder).map_err(named)?;
        new.write_all(self.after.as_bytes()).map_err(named)?;
        new.as_file().set_permissions(Permissions::from_mode(mode)).map_err(named)?;
        new.as_file().sync_all().map_err(named)?;
        Ok(new)
    }
}

fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(home: &Path) -> Env {
        Env::of([("HOME", home)], home)
    }

    #[test]
    fn a_new_file_is_private_and_a_changed_one_keeps_its_mode_and_its_past() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a/b.toml");
        let mut draft = Draft::open(&file, &env(dir.path())).unwrap();
        assert!(!draft.changes());
        draft.set("x = 1\n".to_owned());
        assert_eq!(draft.stand(&env(dir.path())), Ok(None));
        let mode = |path: &Path| std::fs::metadata(path).unwrap().mode() & 0o777;
        assert_eq!((mode(&file), mode(&dir.path().join("a"))), (0o600, 0o700));

        std::fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
        let mut draft = Draft::open(&file, &env(dir.path())).unwrap();
        draft.set("x = 2\n".to_owned());
        assert!(draft.diff().contains("-x = 1\n+x = 2\n"), "{}", draft.diff());
        let kept = draft.stand(&env(dir.path())).unwrap().unwrap();
        assert_eq!((std::fs::read_to_string(&file).unwrap().as_str(), mode(&file)), ("x = 2\n", 0o644));
        assert_eq!((std::fs::read_to_string(&kept).unwrap().as_str(), mode(&kept)), ("x = 1\n", 0o600));
        assert_eq!(std::fs::read_dir(dir.path().join("a")).unwrap().count(), 2);
    }

    #[test]
    fn a_file_that_changed_meanwhile_or_fails_its_check_stays() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("b.toml");
        std::fs::write(&file, "x = 1\n").unwrap();
        let mut draft = Draft::open(&file, &env(dir.path())).unwrap();
        draft.set("x = 2\n".to_owned());
        let faults = draft.checked(|candidate| Err(vec![format!("{}:1: bad", candidate.display())])).unwrap_err();
        assert_eq!(faults, [format!("{}:1: bad", file.display())]);
        std::fs::write(&file, "x = 3\n").unwrap();
        assert!(draft.stand(&env(dir.path())).unwrap_err().contains("meanwhile"));
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "x = 3\n");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_read_only_file_is_not_edited() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("b.toml");
        std::fs::write(&file, "x = 1\n").unwrap();
        std::fs::set_permissions(&file, Permissions::from_mode(0o444)).unwrap();
        let mut draft = Draft::open(&file, &env(dir.path())).unwrap();
        draft.set(String::new());
        assert!(draft.stand(&env(dir.path())).unwrap_err().contains("read-only (mode 0444)"));
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "x = 1\n");
    }

    #[test]
    fn a_link_is_followed_and_stays_a_link() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("dotfiles")).unwrap();
        let (real, link) = (dir.path().join("dotfiles/h.toml"), dir.path().join("h.toml"));
        std::fs::write(&real, "").unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        let mut draft = Draft::open(&link, &env(dir.path())).unwrap();
        draft.set("x = 2\n".to_owned());
        draft.stand(&env(dir.path())).unwrap();
        assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(std::fs::read_to_string(&real).unwrap(), "x = 2\n");
    }
}
