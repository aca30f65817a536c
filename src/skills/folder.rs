//! A tree that an operator put in the place of an embedded one.
//!
//! Every step below the root is taken without following links, from an open folder to the next, so that nothing
//! outside of the tree can be served, whatever changes while it is read. Links, hidden files and what is not a plain file
//! are not there.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

use nix::dir::{Dir, Type};
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, openat};
use nix::sys::stat::Mode;

use super::front_matter::is_skill_name;
use super::{File, MANIFEST, MAX_BYTES, MAX_FILES, SKILL_MD, SkillError};
use crate::model::file_access;

/// Deepest folder inside a skill.
const MAX_DEPTH: usize = 8;

/// Most skills of one tree.
const MAX_SKILLS: usize = 1024;

#[derive(Debug, Clone)]
pub(super) struct Tree {
    root: Arc<OwnedFd>,
}

impl Tree {
    /// Opens the folder and names its skills, sorted.
    pub(super) fn open(path: &Path) -> Result<(Tree, Vec<String>), SkillError> {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let root = openat(AT_FDCWD, path, flags, Mode::empty()).map_err(io::Error::from)?;
        private(&root, &path.to_string_lossy())?;
        let tree = Tree { root: Arc::new(root) };
        let mut names = Vec::new();
        for (name, _) in entries(tree.root.as_fd())? {
            if is_skill_name(&name) && tree.file(&name, SKILL_MD).is_ok_and(|file| file.is_some()) {
                names.push(name);
            }
        }
        names.truncate(MAX_SKILLS);
        Ok((tree, names))
    }

    /// All files of one skill, sorted by path.
    pub(super) fn files(&self, skill: &str) -> Result<Vec<File>, SkillError> {
        let folder = open(self.root.as_fd(), skill, Wanted::Folder)?.ok_or_else(|| gone(skill))?;
        let mut walk = Walk { files: Vec::new(), bytes: 0 };
        walk.folder(&folder, "", 0)?;
        walk.files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(walk.files)
    }

    /// One file of one skill.
    pub(super) fn file(&self, skill: &str, path: &str) -> Result<Option<Cow<'static, [u8]>>, SkillError> {
        let Some(mut folder) = open(self.root.as_fd(), skill, Wanted::Folder)? else { return Ok(None) };
        if path == MANIFEST || path.split('/').any(is_hidden) || path.split('/').count() > MAX_DEPTH + 1 {
            return Ok(None);
        }
        private(&folder, skill)?;
        let (folders, leaf) = path.rsplit_once('/').map_or(("", path), |(folders, leaf)| (folders, leaf));
        for name in folders.split('/').filter(|name| !name.is_empty()) {
            match open(folder.as_fd(), name, Wanted::Folder)? {
                Some(next) => folder = next,
                None => return Ok(None),
            }
            private(&folder, path)?;
        }
        match open(folder.as_fd(), leaf, Wanted::File)? {
            Some(file) => Ok(read(file, path, MAX_BYTES)?.map(Cow::Owned)),
            None => Ok(None),
        }
    }
}

struct Walk {
    files: Vec<File>,
    bytes: u64,
}

impl Walk {
    fn folder(&mut self, folder: &OwnedFd, prefix: &str, depth: usize) -> Result<(), SkillError> {
        if depth > MAX_DEPTH {
            return Err(SkillError::TooLarge);
        }
        private(folder, prefix)?;
        for (name, kind) in entries(folder.as_fd())? {
            let path = format!("{prefix}{name}");
            if path == MANIFEST {
                continue;
            }
            if kind != Some(Type::File)
                && let Some(inner) = open(folder.as_fd(), &name, Wanted::Folder)?
            {
                self.folder(&inner, &format!("{path}/"), depth + 1)?;
            } else if let Some(file) = open(folder.as_fd(), &name, Wanted::File)?
                && let Some(bytes) = read(file, &path, MAX_BYTES - self.bytes)?
            {
                self.bytes += bytes.len() as u64;
                self.files.push(File { path, bytes: Cow::Owned(bytes) });
                if self.files.len() > MAX_FILES {
                    return Err(SkillError::TooLarge);
                }
            }
        }
        Ok(())
    }
}

#[derive(Clone, Copy)]
enum Wanted {
    File,
    Folder,
}

/// Opens one entry of a folder; `None` if there is none, or it is a link or of another kind.
fn open(folder: impl AsFd, name: &str, wanted: Wanted) -> Result<Option<OwnedFd>, SkillError> {
    if is_hidden(name) || name.contains('/') {
        return Ok(None);
    }
    // Without O_NONBLOCK the open of a FIFO would wait for a writer.
    let mut flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK;
    if matches!(wanted, Wanted::Folder) {
        flags |= OFlag::O_DIRECTORY;
    }
    match openat(folder, name, flags, Mode::empty()) {
        Ok(fd) => Ok(Some(fd)),
        Err(Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP | Errno::ENXIO | Errno::EMLINK | Errno::EINVAL) => Ok(None),
        Err(error) => Err(io::Error::from(error).into()),
    }
}

/// The content of a plain file; `None` if it is not one.
fn read(fd: OwnedFd, path: &str, most: u64) -> Result<Option<Vec<u8>>, SkillError> {
    let file = std::fs::File::from(fd);
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Ok(None);
    }
    if file_access::everybody_writes(&metadata) {
        return Err(SkillError::Writable(path.to_owned()));
    }
    let mut bytes = Vec::new();
    file.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(SkillError::TooLarge);
    }
    Ok(Some(bytes))
}

/// Refuses a folder that everybody may write: its texts instruct a model.
fn private(folder: &OwnedFd, name: &str) -> Result<(), SkillError> {
    let metadata = std::fs::File::from(folder.try_clone()?).metadata()?;
    if file_access::everybody_writes(&metadata) { Err(SkillError::Writable(name.to_owned())) } else { Ok(()) }
}

/// Names and kinds of a folder's entries, sorted; hidden ones and names that are not UTF-8 are left out.
fn entries(folder: impl AsFd) -> Result<Vec<(String, Option<Type>)>, SkillError> {
    let mut dir = Dir::openat(folder, ".", OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())
        .map_err(io::Error::from)?;
    let mut names = Vec::new();
    for entry in dir.iter() {
        let entry = entry.map_err(io::Error::from)?;
        let name = OsStr::from_bytes(entry.file_name().to_bytes());
        if let Some(name) = name.to_str()
            && !is_hidden(name)
        {
            names.push((name.to_owned(), entry.file_type()));
        }
        if names.len() > MAX_SKILLS.max(MAX_FILES) {
            return Err(SkillError::TooLarge);
        }
    }
    names.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(names)
}

/// Also `.`, `..` and the empty name.
fn is_hidden(name: &str) -> bool {
    name.is_empty() || name.starts_with('.') || name.contains('\0')
}

fn gone(skill: &str) -> SkillError {
    io::Error::new(io::ErrorKind::NotFound, format!("{skill} is gone")).into()
}
