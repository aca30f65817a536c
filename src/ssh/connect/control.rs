//! The private folder of this process for control sockets, logs and the askpass socket.

use crate::model::file_access;
use crate::model::hex::hex;
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
pub(crate) const MAX_FOLDER: usize = 45;

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
    /// not private or too long, or in `/tmp/ssh-mcp-UID-RANDOM` where somebody else holds that name, and sweeps the
    /// folders of processes that are gone.
    pub fn create() -> Result<Self, ControlFault> {
        Self::create_in(std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).as_deref())
    }

    /// As [`ControlDir::create`], with the runtime folder given.
    pub fn create_in(runtime: Option<&Path>) -> Result<Self, ControlFault> {
        Self::create_among(runtime, Path::new("/tmp"))
    }

    fn create_among(runtime: Option<&Path>, shared: &Path) -> Result<Self, ControlFault> {
        let uid = nix::unistd::geteuid().as_raw();
        let unique = format!("{}-{}", std::process::id(), random_word());
        let preferred = runtime
            .filter(|dir| dir.is_absolute() && private(dir, uid).is_ok() && plain(dir))
            .map(|dir| dir.join(PARENT))
            .filter(|dir| dir.as_os_str().len() + 1 + unique.len() <= MAX_FOLDER);
        let below = |parent: PathBuf| Self::create_below(&parent, &unique, uid);
        match preferred {
            None => claim_shared(shared, uid).and_then(below),
            // The runtime folder may be read-only or full.
            Some(parent) => match claim(parent, uid).and_then(below) {
                Err(ControlFault::Io(place, why)) => {
                    tracing::warn!(folder = %place.display(), error = %why, "control sockets go to /tmp");
                    claim_shared(shared, uid).and_then(below).map_err(|_| ControlFault::Io(place, why))
                }
                made => made,
            },
        }
    }

    fn create_below(parent: &Path, unique: &str, uid: u32) -> Result<Self, ControlFault> {
        let path = parent.join(unique);
        if path.as_os_str().len() > MAX_FOLDER {
            return Err(ControlFault::TooLong(path));
        }

        // Held while a folder comes up and while dead ones go, so that no sweep sees a folder without its lock.
        let _turn = lock(&parent.join(LOCK), FlockArg::LockExclusive)?;
        sweep(parent, uid);
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

/// The folder, made where it was not there, if it is private.
fn claim(folder: PathBuf, uid: u32) -> Result<PathBuf, ControlFault> {
    make_private(&folder)?;
    private(&folder, uid).map_err(|why| ControlFault::Unsafe(folder.clone(), why))?;
    Ok(folder)
}

/// A private folder inside one where everybody can make folders. Anybody may have taken the name that comes first, so
/// there are others, which nobody can foresee; one that an earlier process made is used again and so swept.
fn claim_shared(shared: &Path, uid: u32) -> Result<PathBuf, ControlFault> {
    let name = format!("{PARENT}-{uid}");
    let taken = match claim(shared.join(&name), uid) {
        Ok(folder) => return Ok(folder),
        Err(fault @ ControlFault::Unsafe(..)) => fault,
        Err(fault) => return Err(fault),
    };
    let prefix = format!("{name}-");
    let mut earlier: Vec<PathBuf> = fs::read_dir(shared)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.file_name().to_str().is_some_and(|name| name.starts_with(&prefix)))
        .map(|entry| entry.path())
        .filter(|path| private(path, uid).is_ok())
        .collect();
    earlier.sort();
    if let Some(folder) = earlier.into_iter().next() {
        return Ok(folder);
    }
    let folder = shared.join(format!("{prefix}{}", random_word()));
    tracing::warn!(reason = %taken, folder = %folder.display(), "another folder holds the control sockets");
    claim(folder, uid)
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
        return Err("it is not a folder");
    }
    if meta.uid() != uid {
        return Err("it belongs to another user");
    }
    if file_access::is_shared(&meta) {
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
    hex(&bytes)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    /// A folder like `/tmp`, with a path as short.
    fn shared() -> tempfile::TempDir {
        tempfile::Builder::new().prefix("s").rand_bytes(3).tempdir_in("/tmp").unwrap()
    }

    #[test]
    fn a_name_that_somebody_else_holds_stops_nobody() {
        let uid = nix::unistd::geteuid().as_raw();
        let shared = shared();
        let taken = shared.path().join(format!("{PARENT}-{uid}"));
        let take: &[fn(&Path)] = &[
            |path| fs::write(path, "").unwrap(),
            |path| std::os::unix::fs::symlink("/tmp", path).unwrap(),
            |path| {
                fs::create_dir(path).unwrap();
                fs::set_permissions(path, fs::Permissions::from_mode(0o777)).unwrap();
            },
            |path| {
                fs::create_dir(path).unwrap();
                fs::set_permissions(path, fs::Permissions::from_mode(0o700)).unwrap();
                let owner = if nix::unistd::geteuid().is_root() { Some(65534) } else { None };
                std::os::unix::fs::chown(path, owner, None).unwrap();
            },
        ];
        let mut parents = Vec::new();
        for take in take {
            let _ = fs::remove_dir_all(&taken);
            let _ = fs::remove_file(&taken);
            take(&taken);
            let made = ControlDir::create_among(None, shared.path()).unwrap();
            assert!(private(made.path(), uid).is_ok());
            let parent = made.path().parent().unwrap().to_owned();
            assert!(private(&parent, uid).is_ok() && parent.parent() == Some(shared.path()));
            // The name under /tmp, for the longest user id and process id.
            let name = parent.file_name().unwrap().len() - uid.to_string().len() + u32::MAX.to_string().len();
            let own = made.path().file_name().unwrap().len() - std::process::id().to_string().len() + 7;
            assert!("/tmp/".len() + name + 1 + own <= MAX_FOLDER, "{}", made.path().display());
            parents.push(parent);
        }
        // The folder of an earlier process is used again, and so its left-overs are swept.
        assert_eq!(parents[0], parents[1]);
        assert_eq!(parents[1], parents[2]);
        let left = parents[0].join("dead");
        fs::DirBuilder::new().mode(0o700).create(&left).unwrap();
        drop(ControlDir::create_among(None, shared.path()).unwrap());
        assert!(!left.exists() || !nix::unistd::geteuid().is_root());
    }

    #[test]
    fn the_name_that_comes_first_is_taken_where_it_is_free() {
        let shared = shared();
        let made = ControlDir::create_among(None, shared.path()).unwrap();
        let uid = nix::unistd::geteuid().as_raw();
        assert_eq!(made.path().parent(), Some(shared.path().join(format!("{PARENT}-{uid}")).as_path()));
    }
}
