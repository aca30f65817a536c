//! The audit file: append only, every line linked to the one before it, shared by several server processes.
//!
//! Each line carries `seq`, its number, and `prev`, the SHA-256 of the line before it. The head of the chain
//! (number, digest and file size after the last line) is kept beside the file in `FILE.head`, so that lines cut
//! from the end are missed too, and so that the chain goes on in a new file when the old one was moved away: any
//! log rotation that renames works, and no server needs to be told. The head file is also the lock of the chain,
//! because unlike the trail it is never moved.
//!
//! A line survives the end of this process once it is written; it is not forced to the disk, which would make
//! every call wait for it.

use super::digest::link_of;
use super::record::{Fields, now, render};
use crate::model::file_access;
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use serde::Deserialize;
use serde_json::{Value, json};
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long to wait for other servers that append to the same file, each for microseconds.
const LOCK_WAIT: Duration = Duration::from_secs(2);

/// Bytes of the head file: one padded line, written in place in one write.
const HEAD_BYTES: usize = 192;

/// Longest line looked for at the end of the file, in bytes. Lines are well below 4 KiB plus 80 bytes a path.
const TAIL_MAX: u64 = 1 << 20;

/// Disk space reserved ahead of the end of the file, in bytes, so that a call that was let through can be recorded.
#[cfg(target_os = "linux")]
const RESERVE: u64 = 64 << 10;

/// The `prev` of the first line of a chain.
pub(super) const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// Why the audit file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The system refused.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// Neither a regular file nor new.
    #[error("{0} is not a regular file")]
    NotAFile(PathBuf),
    /// Owned by someone else, or writable by others.
    #[error("{0} must be owned by the user that runs the server, and writable by nobody else")]
    Shared(PathBuf),
    /// Its mode, owner or group is not that with which it was opened.
    #[error(
        "{0} changed while the server ran: its {1}. Put that back, or restart the server once the change is understood"
    )]
    Changed(PathBuf, String),
    /// It was deleted, or another file took its name.
    #[error(
        "{0} was {1} while the server ran. Restart the server once that is understood: it then goes on in a new file"
    )]
    Replaced(PathBuf, &'static str),
    /// The last line is not an audit line.
    #[error("{0} holds something else than an audit trail")]
    Foreign(PathBuf),
    /// Another process holds the lock.
    #[error("{0} stays locked by another process")]
    Locked(PathBuf),
}

/// Where the chain stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    /// Number of the last line; 0 before the first.
    pub seq: u64,
    /// Digest of the last line.
    pub hash: String,
    /// Bytes in the file after it.
    pub size: u64,
}

impl Head {
    pub(super) fn genesis() -> Self {
        Head { seq: 0, hash: GENESIS.to_owned(), size: 0 }
    }

    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let value: Value = serde_json::from_slice(bytes).ok()?;
        Some(Head {
            seq: value.get("seq")?.as_u64()?,
            hash: value.get("hash")?.as_str().filter(|h| h.len() == GENESIS.len())?.to_owned(),
            size: value.get("size")?.as_u64()?,
        })
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut text = format!(r#"{{"hash":"{}","seq":{},"size":{}}}"#, self.hash, self.seq, self.size).into_bytes();
        text.resize(HEAD_BYTES - 1, b' ');
        text.push(b'\n');
        text
    }
}

/// `FILE.head`.
pub(super) fn head_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".head");
    PathBuf::from(name)
}

/// What makes a line part of a chain.
#[derive(Debug, Deserialize)]
pub(super) struct Link {
    /// Its number.
    pub seq: u64,
    /// The digest of the line before.
    pub prev: String,
    /// What a line about the trail itself says.
    pub event: Option<String>,
}

impl Link {
    /// Reads one line; `None` when it is none of a trail.
    pub(super) fn of(line: &[u8]) -> Option<Self> {
        serde_json::from_slice(line).ok()
    }
}

/// The head as stored, read under the lock. `None` when there is none yet.
pub(super) fn stored_head(path: &Path) -> Result<Option<Head>, AuditError> {
    let head_path = head_path(path);
    let file = match open_to_read(&head_path) {
        Ok(file) => file,
        Err(AuditError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let locked = lock(file, FlockArg::LockSharedNonblock, &head_path)?;
    read_head(&locked).map_err(|source| AuditError::Io { path: head_path, source })
}

/// Opens a file of a trail to read it. Waits for nothing: a pipe or a device is refused.
pub(super) fn open_to_read(path: &Path) -> Result<File, AuditError> {
    let at = |source| AuditError::Io { path: path.to_owned(), source };
    let flags = nix::fcntl::OFlag::O_NONBLOCK | nix::fcntl::OFlag::O_NOCTTY;
    // Looked at first, because merely to open some devices does something.
    if !std::fs::metadata(path).map_err(at)?.is_file() {
        return Err(AuditError::NotAFile(path.to_owned()));
    }
    let file = OpenOptions::new().read(true).custom_flags(flags.bits()).open(path).map_err(at)?;
    if file.metadata().map_err(at)?.is_file() { Ok(file) } else { Err(AuditError::NotAFile(path.to_owned())) }
}

/// One audit file, open for appending.
#[derive(Debug)]
pub(super) struct ChainFile {
    path: PathBuf,
    head_path: PathBuf,
    file: Option<File>,
    /// What the file was when it was opened.
    identity: Option<Identity>,
    head: Option<File>,
    /// Bytes of the open file that are known to have space on the disk.
    #[cfg(target_os = "linux")]
    reserved: u64,
}

impl ChainFile {
    pub(super) fn new(path: &Path) -> Self {
        ChainFile {
            path: path.to_owned(),
            head_path: head_path(path),
            file: None,
            identity: None,
            head: None,
            #[cfg(target_os = "linux")]
            reserved: 0,
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Appends one line and returns it as written.
    pub(super) fn append(&mut self, fields: &Fields) -> Result<String, AuditError> {
        let locked = self.locked()?;
        let result = self.append_locked(&locked, fields);
        self.release(locked);
        result
    }

    /// Makes sure that a line could be appended now: the file and its head can be opened and locked, and the disk
    /// has room.
    pub(super) fn ready(&mut self) -> Result<(), AuditError> {
        let locked = self.locked()?;
        let result = self.ready_locked(&locked);
        self.release(locked);
        result
    }

    fn ready_locked(&mut self, head: &File) -> Result<(), AuditError> {
        let stored = self.at_head(read_head(head))?;
        let size = self.open()?.len();
        self.position(stored.clone(), size, &mut Vec::new())?;
        self.reserve(size)?;
        if let Some(stored) = stored {
            self.at_head(head.write_all_at(&stored.to_bytes(), 0))?;
        }
        Ok(())
    }

    fn append_locked(&mut self, head: &File, fields: &Fields) -> Result<String, AuditError> {
        let stored = self.at_head(read_head(head))?;
        let size = self.open()?.len();
        let mut batch = Vec::new();
        let mut at = self.position(stored, size, &mut batch)?;
        let line = push_line(&mut batch, &mut at, fields);
        self.reserve(size + batch.len() as u64)?;
        let Some(file) = self.file.as_mut() else {
            return Err(AuditError::NotAFile(self.path.clone()));
        };
        if let Err(source) = file.write_all(&batch) {
            // A part of the line may be in the file. Should this fail too, the next append marks the torn line.
            let _ = file.set_len(size);
            self.file = None;
            return Err(AuditError::Io { path: self.path.clone(), source });
        }
        at.size = size + batch.len() as u64;
        // The line stands. A head that lags behind is put right by the next append, and `ready` reports what ails it.
        if let Err(error) = head.write_all_at(&at.to_bytes(), 0) {
            tracing::warn!(path = %self.head_path.display(), %error, "the head of the audit chain cannot be written");
        }
        Ok(line)
    }

    /// Where the chain stands before the next line; `batch` receives what must be written first.
    fn position(&self, stored: Option<Head>, size: u64, batch: &mut Vec<u8>) -> Result<Head, AuditError> {
        match stored {
            Some(head) if head.size == size && size > 0 => Ok(head),
            // The file was moved away: say where the chain comes from.
            Some(mut head) if size == 0 && head.seq > 0 => {
                push_line(batch, &mut head, &event("continued"));
                Ok(head)
            }
            stored => {
                let stored = stored.unwrap_or_else(Head::genesis);
                if size == 0 {
                    return Ok(stored);
                }
                let tail = self.at_file(Tail::read(self.file.as_ref(), size))?;
                let last = match (&tail.last, stored.seq) {
                    (Some(line), _) => Link::of(line).map(|link| (link.seq, link_of(line))),
                    (None, _) if tail.torn > 0 && size == tail.torn => Some((0, GENESIS.to_owned())),
                    (None, _) => None,
                };
                let Some((seq, hash)) = last else {
                    return Err(AuditError::Foreign(self.path.clone()));
                };
                // The stored head lags when a process ended between its two writes. A file that lags behind the
                // head lost lines: the chain goes on from the head, so that `verify` shows the gap.
                let mut at = if seq >= stored.seq { Head { seq, hash, size } } else { stored };
                if tail.torn > 0 {
                    batch.push(b'\n');
                    push_line(batch, &mut at, &event("torn"));
                }
                Ok(at)
            }
        }
    }

    /// Opens the trail, anew when it was moved away. Whatever else became of it since it was opened is an error: who
    /// deletes it, puts another one in its place or opens it to others may want calls to go unrecorded.
    fn open(&mut self) -> Result<Metadata, AuditError> {
        let named = std::fs::symlink_metadata(&self.path).ok();
        if let (Some(file), Some(known)) = (&self.file, &self.identity) {
            let metadata = self.at_file(file.metadata())?;
            if metadata.nlink() == 0 {
                let what = if named.is_some() { "replaced by another file" } else { "deleted" };
                return Err(AuditError::Replaced(self.path.clone(), what));
            }
            if let Some(what) = known.differs_from(&metadata) {
                return Err(AuditError::Changed(self.path.clone(), what));
            }
            if named.is_some_and(|named| known.is_same_file(&named)) {
                return Ok(metadata);
            }
        }
        let file = self.at_file(private(OpenOptions::new().read(true).append(true)).open(&self.path))?;
        let metadata = judge(&file, &self.path)?;
        let is_another = self.identity.as_ref().is_some_and(|known| !known.is_same_file(&metadata));
        if is_another && metadata.len() > 0 && !self.at_file(continues_a_chain(&file))? {
            return Err(AuditError::Replaced(self.path.clone(), "replaced by another file"));
        }
        #[cfg(target_os = "linux")]
        {
            self.reserved = 0;
        }
        self.identity = Some(Identity::of(&metadata));
        self.file = Some(file);
        Ok(metadata)
    }

    /// Takes the lock of the chain. The head file is looked up again once locked, for the case that it was replaced.
    fn locked(&mut self) -> Result<Flock<File>, AuditError> {
        for _ in 0..3 {
            let file = if let Some(file) = self.head.take() {
                file
            } else {
                let opened = private(OpenOptions::new().read(true).write(true)).open(&self.head_path);
                let file = self.at_head(opened)?;
                judge(&file, &self.head_path)?;
                file
            };
            let locked = lock(file, FlockArg::LockExclusiveNonblock, &self.head_path)?;
            let open = self.at_head(locked.metadata())?;
            match std::fs::symlink_metadata(&self.head_path) {
                Ok(named) if named.ino() == open.ino() && named.dev() == open.dev() => return Ok(locked),
                _ => drop(locked),
            }
        }
        Err(AuditError::Locked(self.head_path.clone()))
    }

    fn release(&mut self, locked: Flock<File>) {
        self.head = locked.unlock().ok();
    }

    #[cfg(target_os = "linux")]
    fn reserve(&mut self, needed: u64) -> Result<(), AuditError> {
        use nix::fcntl::{FallocateFlags, fallocate};
        let (Some(file), true) = (&self.file, needed + RESERVE / 4 > self.reserved) else {
            return Ok(());
        };
        let (from, length) = (needed.cast_signed(), RESERVE.cast_signed());
        match fallocate(file, FallocateFlags::FALLOC_FL_KEEP_SIZE, from, length) {
            Ok(()) => {
                self.reserved = needed + RESERVE;
                Ok(())
            }
            // Not every file system can reserve.
            Err(Errno::EOPNOTSUPP | Errno::ENOSYS) => Ok(()),
            Err(errno) => Err(AuditError::Io { path: self.path.clone(), source: errno.into() }),
        }
    }

    #[cfg(not(target_os = "linux"))]
    #[allow(clippy::unused_self, clippy::unnecessary_wraps)]
    fn reserve(&mut self, _needed: u64) -> Result<(), AuditError> {
        Ok(())
    }

    fn at_file<T>(&self, result: io::Result<T>) -> Result<T, AuditError> {
        result.map_err(|source| AuditError::Io { path: self.path.clone(), source })
    }

    fn at_head<T>(&self, result: io::Result<T>) -> Result<T, AuditError> {
        result.map_err(|source| AuditError::Io { path: self.head_path.clone(), source })
    }
}

/// What must not change of an open trail.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Identity {
    dev: u64,
    ino: u64,
    mode: u32,
    uid: u32,
    gid: u32,
}

impl Identity {
    fn of(metadata: &Metadata) -> Self {
        let (dev, ino, mode) = (metadata.dev(), metadata.ino(), metadata.mode() & 0o7777);
        Identity { dev, ino, mode, uid: metadata.uid(), gid: metadata.gid() }
    }

    fn is_same_file(&self, metadata: &Metadata) -> bool {
        self.dev == metadata.dev() && self.ino == metadata.ino()
    }

    /// What became of its mode, owner or group.
    fn differs_from(&self, metadata: &Metadata) -> Option<String> {
        let now = Identity::of(metadata);
        if self.mode != now.mode {
            return Some(format!("mode was {:04o} and is {:04o}", self.mode, now.mode));
        }
        if self.uid != now.uid {
            return Some(format!("owner was {} and is {}", self.uid, now.uid));
        }
        (self.gid != now.gid).then(|| format!("group was {} and is {}", self.gid, now.gid))
    }
}

/// True for a file whose first line says that it continues a chain: another server began it after a rotation.
fn continues_a_chain(file: &File) -> io::Result<bool> {
    let mut bytes = vec![0; 4096];
    let read = file.read_at(&mut bytes, 0)?;
    bytes.truncate(read);
    let first = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    Ok(Link::of(first).is_some_and(|link| link.event.as_deref() == Some("continued")))
}

/// The end of the file.
struct Tail {
    /// The last whole line, without its end.
    last: Option<Vec<u8>>,
    /// Bytes after it: a line that was cut while it was written.
    torn: u64,
}

impl Tail {
    fn read(file: Option<&File>, size: u64) -> io::Result<Self> {
        let length = size.min(TAIL_MAX);
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
        if let Some(file) = file {
            file.read_exact_at(&mut bytes, size - length)?;
        }
        let Some(end) = bytes.iter().rposition(|b| *b == b'\n') else {
            return Ok(Tail { last: None, torn: length });
        };
        let torn = bytes.len() - end - 1;
        bytes.truncate(end);
        let start = bytes.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
        Ok(Tail { last: Some(bytes.split_off(start)), torn: torn as u64 })
    }
}

/// Adds one line to what will be written, and moves the position past it.
fn push_line(batch: &mut Vec<u8>, at: &mut Head, fields: &Fields) -> String {
    let mut fields = fields.clone();
    at.seq += 1;
    fields.insert("seq", json!(at.seq));
    fields.insert("prev", json!(at.hash));
    let line = render(&fields);
    at.hash = link_of(line.as_bytes());
    batch.extend_from_slice(line.as_bytes());
    batch.push(b'\n');
    line
}

/// A line about the trail itself.
pub(super) fn event(name: &'static str) -> Fields {
    Fields::from([("event", json!(name)), ("ts", json!(now()))])
}

fn read_head(file: &File) -> io::Result<Option<Head>> {
    let mut bytes = [0; HEAD_BYTES];
    let read = file.read_at(&mut bytes, 0)?;
    Ok(bytes.get(..read).and_then(Head::parse))
}

/// Options of files that only their owner may see: no link is followed, nothing blocks on a pipe.
fn private(options: &mut OpenOptions) -> &OpenOptions {
    let flags = nix::fcntl::OFlag::O_NOFOLLOW | nix::fcntl::OFlag::O_NONBLOCK;
    options.create(true).mode(0o600).custom_flags(flags.bits())
}

fn judge(file: &File, path: &Path) -> Result<Metadata, AuditError> {
    let metadata = file.metadata().map_err(|source| AuditError::Io { path: path.to_owned(), source })?;
    if !metadata.is_file() {
        return Err(AuditError::NotAFile(path.to_owned()));
    }
    let open = file_access::group_writes(&metadata) || file_access::everybody_writes(&metadata);
    if open || !file_access::is_own(&metadata) {
        return Err(AuditError::Shared(path.to_owned()));
    }
    Ok(metadata)
}

fn lock(mut file: File, how: FlockArg, path: &Path) -> Result<Flock<File>, AuditError> {
    let start = Instant::now();
    loop {
        match Flock::lock(file, how) {
            Ok(locked) => return Ok(locked),
            Err((back, Errno::EAGAIN | Errno::EINTR)) => file = back,
            Err((_, errno)) => return Err(AuditError::Io { path: path.to_owned(), source: errno.into() }),
        }
        if start.elapsed() > LOCK_WAIT {
            return Err(AuditError::Locked(path.to_owned()));
        }
        std::thread::sleep(Duration::from_micros(200));
    }
}
