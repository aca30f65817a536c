//! The private folder of this process for control sockets, logs and the askpass socket.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use nix::fcntl::{Flock, FlockArg, OFlag};

use super::mux;

/// Longest path of the folder, in bytes. A socket in it has at most 40 more and a slash, 86 in all; ssh binds a
/// temporary name 17 bytes longer first, and macOS ends socket paths at 104 (`sys/un.h`).
pub const MAX_FOLDER: usize = 45;

/// Folder of all processes of this user inside the runtime folder.
const PARENT: &str = "ssh-mcp";

/// File whose lock says that the owner of a folder lives.
const LOCK: &str = "lock";

/// How long a left-over master may take to answer.
const MUX_LIMIT: Duration = Duration::from_millis(500);

/// The folder. Removed with everything in it when dropped.
///
#[derive(Debug)]
pub struct ControlDir {
    path: PathBuf,
    count: AtomicU32,
    /// That the owner lives.
    _lock: Flock<File>,
    /// Of the folder itself: systemd-tmpfiles leaves locked folders alone (tmpfiles.d(5)), however old they grow.
    _shield: Flock<File>,
}

/// Why there is no control folder.
#[derive(Debug, thiserror::Error)]
pub enum ControlFault {
    /// A folder that belongs to somebody else, is a link, or is open to others.
    #[error("{0} cannot hold control sockets: {1}. Remove it, or set XDG_RUNTIME_DIR to a private folder")]
    Unsafe(PathBuf, &'static str),
    /// The path is longer than [`MAX_FOLDER`].
    #[error("{0} is too long a path for control sockets; set XDG_RUNTIME_DIR to a shorter one")]
    TooLong(PathBuf),
    /// The system refused.
    #[error("{0}: {1}")]
    Io(PathBuf, io::Error),
}

impl ControlDir {
    /// Makes a folder for this process in `$XDG_RUNTIME_DIR/ssh-mcp`, or in `/tmp/ssh-mcp-UID` where that is unset,
    /// not private or too long, and sweeps the folders of processes that are gone.
    pub fn create() -> Result<Self, ControlFault> {
        Self::create_in(std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).as_deref())
    }

    /// As [`ControlDir::create`], with the runtime folder given.
    pub fn create_in(runtime: Option<&Path>) -> Result<Self, ControlFault> {
        let uid = nix::unistd::geteuid().as_raw();
        let unique = format!("{}-{}", std::process::id(), random_word());
        let preferred = runtime
            .filter(|dir| dir.is_absolute() && private(dir, uid).is_ok() && plain(dir))
            .map(|dir| dir.join(PARENT))
            .filter(|dir| dir.as_os_str().len() + 1 + unique.len() <= MAX_FOLDER);
        let parent = preferred.unwrap_or_else(|| PathBuf::from(format!("/tmp/{PARENT}-{uid}")));
        let path = parent.join(unique);
        if path.as_os_str().len() > MAX_FOLDER {
            return Err(ControlFault::TooLong(path));
        }
        make_private(&parent)?;
        private(&parent, uid).map_err(|why| ControlFault::Unsafe(parent.clone(), why))?;

        // Held while a folder comes up and while dead ones go, so that no sweep sees a folder without its lock.
        let _turn = lock(&parent.join(LOCK), FlockArg::LockExclusive)?;
        sweep(&parent, uid);
        fs::DirBuilder::new().mode(0o700).create(&path).map_err(|e| ControlFault::Io(path.clone(), e))?;
        let held = lock(&path.join(LOCK), FlockArg::LockExclusiveNonblock)?;
        let folder = File::open(&path).map_err(|e| ControlFault::Io(path.clone(), e))?;
        let shield = Flock::lock(folder, FlockArg::LockSharedNonblock)
            .map_err(|(_, errno)| ControlFault::Io(path.clone(), errno.into()))?;
        Ok(ControlDir { path, count: AtomicU32::new(0), _lock: held, _shield: shield })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A path in the folder that was never given out before, at most 40 bytes behind the folder.
    pub fn fresh(&self, stem: &str) -> PathBuf {
        let n = self.count.fetch_add(1, Ordering::Relaxed);
        let stem: String = stem.chars().filter(char::is_ascii_alphanumeric).take(24).collect();
        self.path.join(format!("{stem}-{n:x}"))
    }

    /// Ends the masters that are left and removes the folder, for an exit that does not wait for every owner to drop.
    pub fn remove(&self) {
        clear(&self.path);
    }
}

impl Drop for ControlDir {
    fn drop(&mut self) {
        self.remove();
    }
}

/// Ends the masters of a folder and removes it.
fn clear(folder: &Path) {
    if let Ok(entries) = fs::read_dir(folder) {
        for entry in entries.flatten() {
            use std::os::unix::fs::FileTypeExt as _;
            if entry.file_type().is_ok_and(|kind| kind.is_socket()) {
                let _ = mux::terminate(&entry.path(), MUX_LIMIT);
            }
        }
    }
    let _ = fs::remove_dir_all(folder);
}

/// Removes the folders whose owner is gone: their lock is free.
fn sweep(parent: &Path, uid: u32) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for folder in entries.flatten().map(|entry| entry.path()) {
        if private(&folder, uid).is_err() {
            continue;
        }
        if lock(&folder.join(LOCK), FlockArg::LockExclusiveNonblock).is_ok() {
            clear(&folder);
        }
    }
}

fn lock(path: &Path, how: FlockArg) -> Result<Flock<File>, ControlFault> {
    let fault = |e: io::Error| ControlFault::Io(path.to_owned(), e);
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(OFlag::O_NOFOLLOW.bits())
        .open(path)
        .map_err(fault)?;
    Flock::lock(file, how).map_err(|(_, errno)| fault(errno.into()))
}

fn make_private(folder: &Path) -> Result<(), ControlFault> {
    match fs::DirBuilder::new().mode(0o700).create(folder) {
        Err(e) if e.kind() != io::ErrorKind::AlreadyExists => Err(ControlFault::Io(folder.to_owned(), e)),
        _ => Ok(()),
    }
}

/// A folder, not a link, ours, and closed to everybody else.
fn private(folder: &Path, uid: u32) -> Result<(), &'static str> {
    let meta = fs::symlink_metadata(folder).map_err(|_| "it cannot be read")?;
    if !meta.is_dir() {
        return Err("it is no folder");
    }
    if meta.uid() != uid {
        return Err("it belongs to another user");
    }
    if meta.mode() & 0o077 != 0 {
        return Err("others have access to it");
    }
    Ok(())
}

/// Characters that neither ssh's tokens nor a shell read as anything else; paths here become part of a ProxyCommand.
fn plain(path: &Path) -> bool {
    path.to_str()
        .is_some_and(|text| text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'.' | b'_' | b'-')))
}

fn random_word() -> String {
    let mut bytes = [0_u8; 3];
    // Uniqueness comes from the process id and the exclusive creation; this only avoids a stale folder's name.
    let _ = getrandom::fill(&mut bytes);
    super::hex(&bytes)
}
