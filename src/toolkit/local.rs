//! Files of this machine that a call may name with `local_path`.
//!
//! A root is opened as a folder, the folder below it from there and without following a link, and the file itself inside
//! that one. What was checked is what is used: renaming or replacing a folder on the way changes
//! nothing.

use std::fs::File;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::os::unix::fs::FileExt as _;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc;

use nix::fcntl::{AT_FDCWD, AtFlags, OFlag, open, openat, renameat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, fstatat};
use nix::unistd::{UnlinkatFlags, fsync, linkat, unlinkat};

use super::call::Call;
use crate::config::closed::ClosedPlaces;
use crate::model::error::{ErrorName, ToolError};
use crate::model::hex::hex;
use crate::model::lock::LockAlways as _;
use crate::ssh::feed::{CHUNK_BYTES, CHUNKS_IN_FLIGHT, Streamed};

/// So many bytes of a new file are flushed to the disk at once.
const FLUSH: usize = 32 << 20;

const FOLDER: OFlag = OFlag::O_RDONLY.union(OFlag::O_DIRECTORY).union(OFlag::O_NOFOLLOW).union(OFlag::O_CLOEXEC);

/// A name in a folder that lies inside an allowed root.
#[derive(Debug)]
pub struct LocalPath {
    folder: OwnedFd,
    leaf: String,
    path: PathBuf,
}

/// A new local file that has no name of its own yet; it is removed unless [`Self::commit`] gives it one.
#[derive(Debug)]
pub struct LocalNew {
    file: File,
    folder: OwnedFd,
    temporary: String,
    leaf: String,
    path: PathBuf,
    /// It is in the folder under its temporary name.
    listed: bool,
    /// Bytes that were written since the last flush began.
    unflushed: usize,
    /// A flush on its way. It may be told of an error that the disk will not tell twice.
    flush: Option<JoinHandle<std::io::Result<()>>>,
}

impl Call {
    /// A `local_path` argument, inside the operator's roots.
    pub fn local_path(&self, text: &str) -> Result<LocalPath, ToolError> {
        let roots = &self.settings().ssh_local_transfer_roots;
        let found = LocalPath::open(roots, text)?;
        let config = &self.snapshot().config;
        let mut closed = ClosedPlaces::of(config);
        for (words, folder) in self.state().hooks.commands() {
            closed.add_command(words, folder, &config.env);
        }
        if found.is_within(&closed) {
            return Err(refused(
                text,
                "it decides what this program does or holds its keys, which its tools never reach",
            ));
        }
        Ok(found)
    }
}

fn refused(text: &str, why: impl std::fmt::Display) -> ToolError {
    ToolError::new(
        ErrorName::LocalPathPolicyError,
        format!("Argument `local_path`: {text:?} is refused: {why}."),
        "Name a plain file below a folder of SSH_LOCAL_TRANSFER_ROOTS, without links on the way.",
    )
}

/// Opens a folder below another one, without following a link: in one step where the kernel can (Linux 5.6), else name
/// by name.
fn below(mut folder: OwnedFd, names: &[&str]) -> nix::Result<OwnedFd> {
    #[cfg(target_os = "linux")]
    {
        use nix::fcntl::{OpenHow, ResolveFlag, openat2};
        let resolve =
            ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_MAGICLINKS | ResolveFlag::RESOLVE_NO_SYMLINKS;
        match openat2(&folder, names.join("/").as_str(), OpenHow::new().flags(FOLDER).resolve(resolve)) {
            // ENOSYS: an older kernel. EPERM: a sandbox that does not know the call. EAGAIN: something was renamed.
            Err(nix::Error::ENOSYS | nix::Error::EPERM | nix::Error::EAGAIN) => {}
            opened => return opened,
        }
    }
    for name in names {
        folder = openat(&folder, *name, FOLDER, Mode::empty())?;
    }
    Ok(folder)
}

/// What is known of a local file once it was sent.
#[derive(Debug, Default)]
pub(crate) struct Sent {
    /// Its sha256, when all of it was read.
    pub sha256: Option<String>,
    /// Why it could not be read.
    pub fault: Option<String>,
}

/// A local file as input of a script, read a piece at a time; `told` hears how much was read so far.
pub(crate) fn stream(file: File, len: u64, told: Arc<dyn Fn(u64) + Send + Sync>) -> (Streamed, Arc<Mutex<Sent>>) {
    let (file, sent) = (Arc::new(file), Arc::new(Mutex::new(Sent::default())));
    let outcome = sent.clone();
    let open = move || {
        let (sender, receiver) = mpsc::channel(CHUNKS_IN_FLIGHT);
        let (file, sent, told) = (file.clone(), sent.clone(), told.clone());
        tokio::task::spawn_blocking(move || {
            let read = send(&file, len, &sender, &*told);
            let mut sent = sent.lock_always();
            match read {
                Ok(digest) => *sent = Sent { sha256: digest, fault: None },
                Err(why) => *sent = Sent { sha256: None, fault: Some(why) },
            }
        });
        Some(receiver)
    };
    (Streamed { prefix: Vec::new(), len, direct: true, open: Arc::new(open) }, outcome)
}

/// Sends a file; its digest, or nothing when nobody wanted the rest.
fn send(
    file: &File,
    len: u64,
    sender: &mpsc::Sender<Vec<u8>>,
    told: &(dyn Fn(u64) + Send + Sync),
) -> Result<Option<String>, String> {
    let (mut at, mut digest) = (0, Sha256::new());
    while at < len {
        let mut piece = vec![0; usize::try_from(len - at).unwrap_or(CHUNK_BYTES).min(CHUNK_BYTES)];
        let got = file.read_at(&mut piece, at).map_err(|e| e.to_string())?;
        if got == 0 {
            return Err(format!("it had {len} bytes and has {at} now"));
        }
        piece.truncate(got);
        digest.update(&piece);
        at += got as u64;
        if sender.blocking_send(piece).is_err() {
            return Ok(None);
        }
        told(at);
    }
    Ok(Some(hex(&digest.finalize())))
}

/// A file without any name in a folder, which goes by itself even when this process is killed. Not every file system
/// has them.
fn nameless(folder: &OwnedFd, mode: Mode) -> Option<OwnedFd> {
    #[cfg(target_os = "linux")]
    if Path::new("/proc/self/fd").exists() {
        return openat(folder, ".", OFlag::O_TMPFILE | OFlag::O_RDWR | OFlag::O_CLOEXEC, mode).ok();
    }
    let _ = (folder, mode);
    None
}

/// Lists a nameless file in a folder.
fn list(file: &File, folder: &OwnedFd, name: &str) -> nix::Result<()> {
    let own = format!("/proc/self/fd/{}", file.as_raw_fd());
    linkat(AT_FDCWD, own.as_str(), folder, name, AtFlags::AT_SYMLINK_FOLLOW)
}

fn is_regular(stat: &FileStat) -> bool {
    SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT == SFlag::S_IFREG
}

impl LocalPath {
    fn open(roots: &[PathBuf], text: &str) -> Result<Self, ToolError> {
        if roots.is_empty() {
            return Err(refused(text, "local_path is switched off on this server"));
        }
        let path = Path::new(text);
        let plain = |c: Component<'_>| matches!(c, Component::RootDir | Component::Normal(_));
        if !path.is_absolute() || !path.components().all(plain) || text.chars().any(char::is_control) {
            return Err(refused(text, "it is not a plain absolute path"));
        }
        // The root itself is the operator's word, links and all; a caller may write it either way.
        let inside = |root: &PathBuf| {
            let real = std::fs::canonicalize(root).ok()?;
            let rest = path.strip_prefix(root).or_else(|_| path.strip_prefix(&real)).ok()?;
            Some((real, rest.to_owned()))
        };
        let (root, rest) =
            roots.iter().find_map(inside).ok_or_else(|| refused(text, "it lies outside the allowed roots"))?;
        let fault = |e: nix::Error| refused(text, e.desc());
        let mut folder = open(&root, FOLDER, Mode::empty()).map_err(fault)?;
        let mut names: Vec<&str> = rest.iter().filter_map(|n| n.to_str()).collect();
        let leaf = names.pop().ok_or_else(|| refused(text, "it names a root, not a file"))?.to_owned();
        if !names.is_empty() {
            folder = below(folder, &names).map_err(fault)?;
        }
        Ok(LocalPath { folder, leaf, path: root.join(rest) })
    }

    /// True when it is closed, whatever links lead there.
    fn is_within(&self, closed: &ClosedPlaces) -> bool {
        let folder = self.path.parent().and_then(|folder| std::fs::canonicalize(folder).ok());
        folder.is_none_or(|folder| closed.hold(&folder.join(&self.leaf)))
    }

    /// The path without links.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens the file for reading; its size in bytes.
    pub fn read(&self) -> Result<(File, u64), ToolError> {
        let text = self.path.to_string_lossy();
        let fault = |e: nix::Error| refused(&text, e.desc());
        // Without waiting, because it might be a pipe.
        let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
        let file = openat(&self.folder, self.leaf.as_str(), flags, Mode::empty()).map_err(fault)?;
        let stat = fstat(file.as_fd()).map_err(fault)?;
        if !is_regular(&stat) {
            return Err(refused(&text, "it is not a regular file"));
        }
        Ok((File::from(file), u64::try_from(stat.st_size).unwrap_or(0)))
    }

    /// Starts a file that will take this name.
    pub fn create(self) -> Result<LocalNew, ToolError> {
        let text = self.path.to_string_lossy().into_owned();
        let fault = |e: nix::Error| refused(&text, e.desc());
        match fstatat(&self.folder, self.leaf.as_str(), AtFlags::AT_SYMLINK_NOFOLLOW) {
            Ok(stat) if !is_regular(&stat) => return Err(refused(&text, "what is there is no regular file")),
            Ok(_) | Err(nix::Error::ENOENT) => {}
            Err(error) => return Err(fault(error)),
        }
        let mark = crate::ssh::wrapper::new_mark().map_err(|e| refused(&text, e))?;
        let temporary = format!(".ssh-mcp-tmp.{}", mark.get(..16).unwrap_or_default());
        let mode = Mode::S_IRUSR | Mode::S_IWUSR;
        let (file, listed) = match nameless(&self.folder, mode) {
            Some(file) => (file, false),
            None => {
                let flags = OFlag::O_RDWR | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
                (openat(&self.folder, temporary.as_str(), flags, mode).map_err(fault)?, true)
            }
        };
        Ok(LocalNew {
            file: File::from(file),
            folder: self.folder,
            temporary,
            leaf: self.leaf,
            path: self.path,
            listed,
            unflushed: 0,
            flush: None,
        })
    }
}

impl LocalNew {
    /// Writes at the end. The disk gets it while more arrives, so that little is left to wait for in [`Self::commit`].
    pub fn write(&mut self, piece: &[u8]) -> std::io::Result<()> {
        self.file.write_all(piece)?;
        self.unflushed += piece.len();
        if self.unflushed >= FLUSH && self.flush.as_ref().is_none_or(JoinHandle::is_finished) {
            self.flushed()?;
            let file = self.file.try_clone()?;
            self.flush = Some(std::thread::spawn(move || file.sync_data()));
            self.unflushed = 0;
        }
        Ok(())
    }

    /// Waits for the flush that is on its way.
    fn flushed(&mut self) -> std::io::Result<()> {
        let Some(flush) = self.flush.take() else { return Ok(()) };
        flush.join().unwrap_or_else(|_| Err(std::io::Error::other("the flush to the disk broke off")))
    }

    /// Drops what was written so far.
    pub fn restart(&mut self) -> std::io::Result<()> {
        self.flushed()?;
        self.unflushed = 0;
        self.file.set_len(0)?;
        self.file.seek(SeekFrom::Start(0)).map(|_| ())
    }

    /// Puts it on the disk and gives it its name, in place of what had it.
    pub fn commit(&mut self) -> Result<PathBuf, ToolError> {
        let path = self.path.clone();
        let failed = |why: String| {
            ToolError::new(
                ErrorName::SftpDownloadError,
                format!("`{}` could not be written: {why}.", path.display()),
                "Look at the free space and the permissions of the local folder.",
            )
        };
        let flushed = self.flushed();
        flushed.and_then(|()| self.file.sync_all()).map_err(|e| failed(e.to_string()))?;
        let fault = |e: nix::Error| failed(e.desc().to_owned());
        // A nameless file cannot take a name that is in use, so it gets one of its own first.
        if !self.listed {
            list(&self.file, &self.folder, &self.temporary).map_err(fault)?;
            self.listed = true;
        }
        renameat(&self.folder, self.temporary.as_str(), &self.folder, self.leaf.as_str()).map_err(fault)?;
        self.listed = false;
        // The new name outlives a loss of power where the file system can promise it.
        let _ = fsync(&self.folder);
        Ok(path)
    }
}

impl Drop for LocalNew {
    fn drop(&mut self) {
        if self.listed {
            let _ = unlinkat(&self.folder, self.temporary.as_str(), UnlinkatFlags::NoRemoveDir);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn stays_inside_its_roots() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap().join("root");
        std::fs::create_dir_all(root.join("sub")).unwrap();
        std::fs::write(dir.path().join("outside"), "o").unwrap();
        std::os::unix::fs::symlink(dir.path(), root.join("link")).unwrap();
        std::os::unix::fs::symlink(dir.path().join("outside"), root.join("file")).unwrap();
        let roots = [root.clone()];
        let open = |text: String| LocalPath::open(&roots, &text);
        let at = |name: &str| format!("{}/{name}", root.display());
        assert!(LocalPath::open(&[], &at("a")).is_err());
        for bad in ["link/outside", "../outside", "sub/../../outside"] {
            assert!(open(at(bad)).is_err(), "{bad}");
        }
        assert!(open(root.display().to_string()).is_err());
        assert!(open("relative".to_owned()).is_err());
        assert!(open(at("file")).unwrap().read().is_err());
        assert!(open(at("file")).unwrap().create().is_err());
        let mut new = open(at("sub/new")).unwrap().create().unwrap();
        new.write(b"hello").unwrap();
        assert_eq!(new.commit().unwrap(), root.join("sub/new"));
        let (mut file, size) = open(at("sub/new")).unwrap().read().unwrap();
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        assert_eq!((text.as_str(), size), ("hello", 5));
        let mut large = open(at("sub/large")).unwrap().create().unwrap();
        let piece = vec![7; FLUSH / 2 + 1];
        (0..6).for_each(|_| large.write(&piece).unwrap());
        assert!(large.flush.is_some(), "the disk has a part of it before its end");
        large.restart().unwrap();
        (0..3).for_each(|_| large.write(&piece).unwrap());
        large.commit().unwrap();
        assert_eq!(std::fs::metadata(root.join("sub/large")).unwrap().len(), 3 * piece.len() as u64);
        std::fs::remove_file(root.join("sub/large")).unwrap();
        drop(open(at("sub/dropped")).unwrap().create().unwrap());
        assert_eq!(std::fs::read_dir(root.join("sub")).unwrap().count(), 1);
    }

    #[test]
    fn a_new_file_replaces_an_old_one_and_has_no_name_before() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        let place = || LocalPath::open(std::slice::from_ref(&root), &root.join("f").display().to_string()).unwrap();
        let names = || std::fs::read_dir(&root).unwrap().count();
        std::fs::write(root.join("f"), "old").unwrap();
        for listed in [false, true] {
            let mut new = place().create().unwrap();
            if listed {
                // As where the file system knows no files without a name.
                list(&new.file, &new.folder, &new.temporary).unwrap();
                new.listed = true;
            } else if !new.listed {
                assert_eq!(names(), 1, "nothing is there that a kill could leave");
            }
            new.write(b"new").unwrap();
            assert_eq!(std::fs::read(root.join("f")).unwrap(), if listed { b"new" } else { b"old" });
            new.commit().unwrap();
            assert_eq!((std::fs::read(root.join("f")).unwrap().as_slice(), names()), (b"new".as_slice(), 1));
        }
    }
}
