//! Reads files that decide what may happen, and refuses those that somebody else could have written.
//!
//! The way to the file is walked component by component, as the kernel would, links included: each folder on it must
//! belong to the user or to root, and nobody else may be able to rename or replace what lies in it.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs::{self, Metadata, OpenOptions};
use std::io::Read;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};

use nix::fcntl::OFlag;

/// Largest configuration file, in bytes: far above any real one, and small enough to parse at once.
const MAX_BYTES: u64 = 8 * 1024 * 1024;
/// Links followed on one way (`MAXSYMLINKS` on Linux).
const MAX_LINKS: usize = 40;

/// A file as it was found.
#[derive(Debug)]
pub struct TrustedFile {
    /// Where it really lies, all links followed.
    pub real: PathBuf,
    /// What is in it.
    pub text: String,
}

/// Reads a file. `None` when it is not there; the error is a clause that fits after the file's name.
pub fn read(path: &Path, uid: u32) -> Result<Option<TrustedFile>, String> {
    let Some(real) = walk(path, uid)? else { return Ok(None) };
    // Not blocking on a named pipe that took the file's place after the walk.
    let opened = OpenOptions::new()
        .read(true)
        .custom_flags((OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC).bits())
        .open(&real);
    let file = match opened {
        Ok(file) => file,
        Err(e) => return Err(format!("cannot be opened: {e}")),
    };
    let meta = file.metadata().map_err(|e| format!("cannot be examined: {e}"))?;
    if !meta.is_file() {
        return Err("is no regular file".to_owned());
    }
    check(&real, &meta, uid)?;
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(|e| format!("cannot be read: {e}"))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(format!("is larger than {MAX_BYTES} bytes"));
    }
    let text = String::from_utf8(bytes).map_err(|e| {
        let line = e.as_bytes().iter().take(e.utf8_error().valid_up_to()).filter(|b| **b == b'\n').count() + 1;
        format!("is not UTF-8 (line {line})")
    })?;
    Ok(Some(TrustedFile { real, text }))
}

/// Where a file really lies, when it and the way to it can be trusted. `None` when it is not there.
pub fn locate(path: &Path, uid: u32) -> Result<Option<PathBuf>, String> {
    let Some(real) = walk(path, uid)? else { return Ok(None) };
    let meta = fs::symlink_metadata(&real).map_err(|e| format!("cannot be examined: {e}"))?;
    if !meta.is_file() {
        return Err("is no regular file".to_owned());
    }
    check(&real, &meta, uid)?;
    Ok(Some(real))
}

/// Follows the way to a file and checks every folder and link on it. `None` when something on it is not there.
fn walk(path: &Path, uid: u32) -> Result<Option<PathBuf>, String> {
    let mut here = PathBuf::from("/");
    let mut ahead: VecDeque<OsString> = names(path);
    let mut links = 0;
    check(&here, &fs::metadata(&here).map_err(|e| format!("cannot be reached: {e}"))?, uid)?;
    while let Some(name) = ahead.pop_front() {
        if name == ".." {
            here.pop();
            continue;
        }
        let next = here.join(&name);
        let meta = match fs::symlink_metadata(&next) {
            Ok(meta) => meta,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(format!("cannot be reached ({}: {e})", next.display())),
        };
        if meta.is_symlink() {
            links += 1;
            if links > MAX_LINKS {
                return Err("goes through too many links".to_owned());
            }
            check_owner(&next, &meta, uid)?;
            let target = fs::read_link(&next).map_err(|e| format!("cannot be reached ({}: {e})", next.display()))?;
            if target.is_absolute() {
                here = PathBuf::from("/");
            }
            let mut through = names(&target);
            through.append(&mut ahead);
            ahead = through;
            continue;
        }
        if meta.is_dir() {
            check(&next, &meta, uid)?;
        } else if !ahead.is_empty() {
            return Err(format!("cannot be reached ({} is no folder)", next.display()));
        } else if !meta.is_file() {
            return Err("is no regular file".to_owned());
        }
        here = next;
    }
    Ok(Some(here))
}

/// The components of a path that name something, `..` included.
fn names(path: &Path) -> VecDeque<OsString> {
    path.components()
        .filter_map(|c| match c {
            Component::Normal(name) => Some(name.to_owned()),
            Component::ParentDir => Some(OsString::from("..")),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
        })
        .collect()
}

fn check_owner(path: &Path, meta: &Metadata, uid: u32) -> Result<(), String> {
    if meta.uid() == uid || meta.uid() == 0 {
        return Ok(());
    }
    Err(format!("is not trusted: {} belongs to user {}; it must belong to you or to root", path.display(), meta.uid()))
}

/// A sticky folder passes: others may add files to it, but neither rename nor replace those of the user.
fn check(path: &Path, meta: &Metadata, uid: u32) -> Result<(), String> {
    /// Writable by group or others (`S_IWGRP | S_IWOTH`, sys/stat.h).
    const WRITABLE: u32 = 0o022;
    /// `S_ISVTX`, sys/stat.h.
    const STICKY: u32 = 0o1000;
    check_owner(path, meta, uid)?;
    let mode = meta.mode();
    if mode & WRITABLE != 0 && !(meta.is_dir() && mode & STICKY != 0) {
        return Err(format!(
            "is not trusted: others can write {} (mode {:04o}); run `chmod go-w {}`",
            path.display(),
            mode & 0o7777,
            crate::model::quote::sh_quote(&path.to_string_lossy())
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn uid() -> u32 {
        nix::unistd::geteuid().as_raw()
    }

    fn mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    /// A folder only we can write, with one file in it.
    fn place() -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("hosts.toml");
        fs::write(&file, "x").unwrap();
        mode(&file, 0o600);
        (dir, file)
    }

    #[test]
    fn reads_what_is_ours() {
        let (_dir, file) = place();
        assert_eq!(read(&file, uid()).unwrap().unwrap().text, "x");
        mode(&file, 0o644);
        assert!(read(&file, uid()).unwrap().is_some());
    }

    #[test]
    fn missing_is_none() {
        let (dir, _) = place();
        assert!(read(&dir.path().join("nope"), uid()).unwrap().is_none());
        assert!(read(&dir.path().join("nope/hosts.toml"), uid()).unwrap().is_none());
    }

    #[test]
    fn refuses_what_others_can_write() {
        let (dir, file) = place();
        for bits in [0o620, 0o602, 0o666] {
            mode(&file, bits);
            let why = read(&file, uid()).unwrap_err();
            assert!(why.contains("others can write") && why.contains("chmod go-w"), "{why}");
        }
        mode(&file, 0o600);
        for bits in [0o770, 0o707, 0o777] {
            mode(dir.path(), bits);
            assert!(read(&file, uid()).unwrap_err().contains("others can write"), "{bits:o}");
        }
        mode(dir.path(), 0o700);
    }

    #[test]
    fn refuses_a_folder_further_up() {
        let (dir, _) = place();
        let open = dir.path().join("open");
        let inner = open.join("inner");
        fs::create_dir_all(&inner).unwrap();
        fs::write(inner.join("hosts.toml"), "x").unwrap();
        mode(&open, 0o777);
        assert!(read(&inner.join("hosts.toml"), uid()).is_err());
        mode(&open, 0o1777);
        assert!(read(&inner.join("hosts.toml"), uid()).unwrap().is_some());
    }

    #[test]
    fn follows_links_to_the_real_file() {
        let (dir, file) = place();
        let link = dir.path().join("link");
        symlink(&file, &link).unwrap();
        let found = read(&link, uid()).unwrap().unwrap();
        assert_eq!(found.real, fs::canonicalize(&file).unwrap());
        mode(&file, 0o666);
        assert!(read(&link, uid()).is_err());
        mode(&file, 0o600);
        let (other, target) = place();
        let far = dir.path().join("far");
        symlink(&target, &far).unwrap();
        mode(other.path(), 0o777);
        assert!(read(&far, uid()).is_err());
        mode(other.path(), 0o700);
        let around = dir.path().join("around");
        symlink(&around, &around).unwrap();
        assert!(read(&around, uid()).unwrap_err().contains("too many links"));
    }

    #[test]
    fn refuses_the_file_of_another_user() {
        let (_dir, file) = place();
        let owner = fs::metadata(&file).unwrap().uid();
        if owner == 0 {
            nix::unistd::chown(&file, Some(nix::unistd::Uid::from_raw(54_321)), None).unwrap();
            assert!(read(&file, 0).unwrap_err().contains("belongs to user 54321"));
        } else {
            assert!(read(&file, owner + 1).unwrap_err().contains("belongs to user"));
        }
    }

    #[test]
    fn refuses_what_is_no_text_file() {
        let (dir, file) = place();
        assert!(read(dir.path(), uid()).unwrap_err().contains("regular file"));
        let pipe = dir.path().join("pipe");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRUSR).unwrap();
        assert!(read(&pipe, uid()).unwrap_err().contains("regular file"));
        fs::write(&file, b"a\n\xff").unwrap();
        assert!(read(&file, uid()).unwrap_err().contains("line 2"));
        fs::File::create(&file).unwrap().set_len(MAX_BYTES + 1).unwrap();
        assert!(read(&file, uid()).unwrap_err().contains("larger"));
    }
}
