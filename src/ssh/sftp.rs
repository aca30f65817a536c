//! Files over the sftp subsystem, version 3 (draft-ietf-secsh-filexfer-02), for hosts without a POSIX shell.
//!
//! It takes names as text and decides nothing. Where a server splits a read or a write, the rest is asked for again:
//! the client crate moves its own offset by what was asked, not by what came, so every request seeks first.

use std::collections::VecDeque;
use std::io::SeekFrom;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_core::Stream as _;
use openssh::{Child, Session};
use openssh_sftp_client::error::SftpErrorKind;
use openssh_sftp_client::file::File;
use openssh_sftp_client::metadata::{MetaData, Permissions};
use openssh_sftp_client::{Error, Sftp as Client, SftpOptions};
use tokio::io::AsyncSeekExt as _;
use tokio::task::JoinHandle;

use super::apart::Apart;
use super::pool::SftpChannel;
use super::slots::SlotGuard;

/// Bytes of one request: OpenSSH takes packets of up to 256 KiB, the head of a request among them.
const CHUNK: usize = 255 * 1024;

/// Requests on their way at once.
const IN_FLIGHT: usize = 8;

/// How long the server's process may take to end.
const EXIT_WAIT: Duration = Duration::from_secs(5);

/// Why an operation failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SftpFault {
    /// `SSH_FX_NO_SUCH_FILE`.
    #[error("no such file or directory")]
    Missing,
    /// `SSH_FX_PERMISSION_DENIED`.
    #[error("permission denied")]
    Denied,
    /// `SSH_FX_OP_UNSUPPORTED`.
    #[error("the SFTP server does not know how")]
    Unsupported,
    /// `SSH_FX_FAILURE` and the like, which say no more.
    #[error("the SFTP server failed: {0}")]
    Failed(String),
    /// A folder holds such a name, which the client crate cannot take; the conversation is over.
    #[error("it holds a name that is not UTF-8, which needs a POSIX shell on the host")]
    NotText,
    /// The channel or the protocol broke.
    #[error("the SFTP connection broke: {0}")]
    Broken(String),
}

impl From<Error> for SftpFault {
    fn from(error: Error) -> Self {
        match error {
            Error::SftpError(SftpErrorKind::NoSuchFile, _) => SftpFault::Missing,
            Error::SftpError(SftpErrorKind::PermDenied, _) => SftpFault::Denied,
            Error::SftpError(SftpErrorKind::OpUnsupported, _) => SftpFault::Unsupported,
            Error::SftpError(_, said) => SftpFault::Failed(said.to_string().chars().take(200).collect()),
            other => SftpFault::Broken(other.to_string()),
        }
    }
}

impl From<std::io::Error> for SftpFault {
    fn from(error: std::io::Error) -> Self {
        SftpFault::Broken(error.to_string())
    }
}

/// Facts of one object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// Kind and permission bits as in stat(2); 0 in the kind where the server did not say.
    pub raw_mode: u32,
    /// In bytes.
    pub size: u64,
    /// Seconds since 1970.
    pub mtime: i64,
    /// Owner and group, where the server knows such.
    pub ids: Option<(u32, u32)>,
}

impl Facts {
    fn of(meta: &MetaData) -> Self {
        let kind = meta.file_type().map_or(0, |kind| {
            if kind.is_dir() {
                0o040_000
            } else if kind.is_file() {
                0o100_000
            } else if kind.is_symlink() {
                0o120_000
            } else {
                0
            }
        });
        let bits = meta.permissions().map_or(0, |bits| bits.as_raw().bits() & 0o7777);
        let mtime = meta.modified().map_or(0, |time| {
            let since = time.as_system_time().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
            i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
        });
        Facts { raw_mode: kind | bits, size: meta.len().unwrap_or(0), mtime, ids: meta.uid().zip(meta.gid()) }
    }

    /// A folder.
    pub fn is_dir(&self) -> bool {
        self.raw_mode & 0o170_000 == 0o040_000
    }

    /// A regular file.
    pub fn is_file(&self) -> bool {
        self.raw_mode & 0o170_000 == 0o100_000
    }

    /// A symbolic link.
    pub fn is_link(&self) -> bool {
        self.raw_mode & 0o170_000 == 0o120_000
    }
}

/// One conversation with an SFTP server. Dropping it ends it.
pub struct Sftp {
    client: Arc<Client>,
    apart: Apart,
    /// The client crate gives its streams up by itself when a conversation breaks, which ends the server's process there
    /// and then. Where that has to wait for its turn, these keep the streams open.
    kept: Option<[OwnedFd; 2]>,
    /// The remote process and the slot that it holds.
    rest: Option<(Child<Arc<Session>>, SlotGuard)>,
}

impl Drop for Sftp {
    fn drop(&mut self) {
        let Some((child, busy)) = self.rest.take() else { return };
        // Where the server takes no end at any time, this waits for its turn and for the process.
        if self.apart.matters()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            let (held, apart) = ((self.client.clone(), self.kept.take()), self.apart.clone());
            runtime.spawn(async move {
                let _ending = apart.end(held);
                let _ = tokio::time::timeout(apart.delay() + EXIT_WAIT, child.wait()).await;
                drop(busy);
            });
        }
    }
}

impl std::fmt::Debug for Sftp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sftp").finish_non_exhaustive()
    }
}

impl Sftp {
    /// Begins the conversation on an open channel.
    pub async fn begin(channel: SftpChannel) -> Result<Self, SftpFault> {
        let SftpChannel { mut child, busy, apart, turn } = channel;
        let (Some(stdin), Some(stdout)) = (child.stdin().take(), child.stdout().take()) else {
            return Err(SftpFault::Broken("the channel has no streams".to_owned()));
        };
        let streams = [stdin.as_fd(), stdout.as_fd()];
        let kept = if apart.matters() {
            let [stdin, stdout] = streams.map(|stream| stream.try_clone_to_owned());
            Some([stdin?, stdout?])
        } else {
            None
        };
        let client = Arc::new(Client::new(stdin, stdout, SftpOptions::new()).await?);
        drop(turn);
        Ok(Sftp { client, apart, kept, rest: Some((child, busy)) })
    }

    /// The canonical name. Some servers answer one for what does not exist.
    pub async fn canonical(&self, path: &str) -> Result<String, SftpFault> {
        let found = self.client.fs().canonicalize(Path::new(path)).await?;
        found.into_os_string().into_string().map_err(|_| SftpFault::Failed("a name that is not UTF-8".to_owned()))
    }

    /// Facts of what a name leads to.
    pub async fn facts(&self, path: &str) -> Result<Facts, SftpFault> {
        Ok(Facts::of(&self.client.fs().metadata(Path::new(path)).await?))
    }

    /// Facts of the name itself.
    pub async fn own_facts(&self, path: &str) -> Result<Facts, SftpFault> {
        Ok(Facts::of(&self.client.fs().symlink_metadata(Path::new(path)).await?))
    }

    /// What a link leads to.
    pub async fn target(&self, path: &str) -> Result<String, SftpFault> {
        Ok(self.client.fs().read_link(Path::new(path)).await?.to_string_lossy().into_owned())
    }

    /// Names of a folder with facts of the names themselves, at most this many; true where there are more.
    pub async fn list(&self, path: &str, most: usize) -> Result<(Vec<(String, Facts)>, bool), SftpFault> {
        let mut entries = Box::pin(self.client.fs().open_dir(Path::new(path)).await?.read_dir());
        let mut found = Vec::new();
        while let Some(entry) = std::future::poll_fn(|cx| Pin::as_mut(&mut entries).poll_next(cx)).await {
            // The client crate gives the whole conversation up for one such name, and says no more than that it broke.
            let entry = entry.map_err(|error| match SftpFault::from(error) {
                SftpFault::Broken(_) => SftpFault::NotText,
                other => other,
            })?;
            let name = entry.filename().to_string_lossy().into_owned();
            if name == "." || name == ".." {
                continue;
            }
            if found.len() == most {
                return Ok((found, true));
            }
            found.push((name, Facts::of(&entry.metadata())));
        }
        Ok((found, false))
    }

    /// Opens a file for reading from this byte on.
    pub async fn open(&self, path: &str, offset: u64) -> Result<Reader, SftpFault> {
        let file = self.client.options().read(true).open(Path::new(path)).await?;
        Ok(Reader { file, next: offset, coming: VecDeque::new() })
    }

    /// Makes a new file of these bytes, on the disk where the server can say so. Fails where the name exists.
    pub async fn write_new(&self, path: &str, bytes: &Arc<[u8]>, mode: u32) -> Result<(), SftpFault> {
        let mut file = self.client.options().write(true).create_new(true).open(Path::new(path)).await?;
        let mut writing: VecDeque<Chunk<()>> = VecDeque::new();
        let mut at = 0;
        while at < bytes.len() || !writing.is_empty() {
            while at < bytes.len() && writing.len() < IN_FLIGHT {
                let end = bytes.len().min(at + CHUNK);
                writing.push_back(Chunk::start(write_chunk(file.clone(), bytes.clone(), at, end)));
                at = end;
            }
            if let Some(first) = writing.pop_front() {
                first.done().await?;
            }
        }
        // Windows has no such bits, and its server says so or does nothing.
        let bits = permissions(mode);
        match file.set_permissions(bits).await.map_err(SftpFault::from) {
            Ok(()) | Err(SftpFault::Unsupported | SftpFault::Failed(_) | SftpFault::Denied) => {}
            Err(other) => return Err(other),
        }
        if self.client.support_fsync() {
            file.sync_all().await?;
        }
        file.close().await?;
        Ok(())
    }

    /// True where the server can put one file in place of another at once.
    pub fn replaces(&self) -> bool {
        self.client.support_posix_rename()
    }

    /// Renames; a file that is there is replaced only where [`Self::replaces`].
    pub async fn rename(&self, from: &str, to: &str) -> Result<(), SftpFault> {
        Ok(self.client.fs().rename(Path::new(from), Path::new(to)).await?)
    }

    /// Makes a folder.
    pub async fn make_folder(&self, path: &str, mode: u32) -> Result<(), SftpFault> {
        let mut fs = self.client.fs();
        Ok(fs.dir_builder().permissions(permissions(mode)).create(Path::new(path)).await?)
    }

    /// Removes a file or a link.
    pub async fn remove_file(&self, path: &str) -> Result<(), SftpFault> {
        Ok(self.client.fs().remove_file(Path::new(path)).await?)
    }

    /// Removes an empty folder.
    pub async fn remove_folder(&self, path: &str) -> Result<(), SftpFault> {
        Ok(self.client.fs().remove_dir(Path::new(path)).await?)
    }
}

fn permissions(mode: u32) -> Permissions {
    let mut bits = Permissions::new();
    bits.set_read_by_owner(mode & 0o400 != 0).set_write_by_owner(mode & 0o200 != 0);
    bits.set_execute_by_owner(mode & 0o100 != 0).set_read_by_group(mode & 0o040 != 0);
    bits.set_write_by_group(mode & 0o020 != 0).set_execute_by_group(mode & 0o010 != 0);
    bits.set_read_by_other(mode & 0o004 != 0).set_write_by_other(mode & 0o002 != 0);
    bits.set_execute_by_other(mode & 0o001 != 0);
    bits.set_suid(mode & 0o4000 != 0).set_sgid(mode & 0o2000 != 0).set_vtx(mode & 0o1000 != 0);
    bits
}

/// A request under way; dropping it ends it.
struct Chunk<T>(JoinHandle<Result<T, SftpFault>>);

impl<T: Send + 'static> Chunk<T> {
    fn start(work: impl Future<Output = Result<T, SftpFault>> + Send + 'static) -> Self {
        Chunk(tokio::spawn(work))
    }

    async fn done(mut self) -> Result<T, SftpFault> {
        (&mut self.0).await.unwrap_or_else(|e| Err(SftpFault::Broken(e.to_string())))
    }
}

impl<T> Drop for Chunk<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A file that is read in order, several requests ahead.
pub struct Reader {
    file: File,
    next: u64,
    coming: VecDeque<Chunk<Vec<u8>>>,
}

impl Reader {
    /// Facts of the opened file.
    pub async fn facts(&mut self) -> Result<Facts, SftpFault> {
        Ok(Facts::of(&self.file.metadata().await?))
    }

    /// The next bytes; empty at the end. `most` bounds what is asked for ahead, in bytes.
    pub async fn read(&mut self, most: u64) -> Result<Vec<u8>, SftpFault> {
        let ahead = usize::try_from(most.div_ceil(CHUNK as u64)).unwrap_or(IN_FLIGHT).clamp(1, IN_FLIGHT);
        while self.coming.len() < ahead {
            self.coming.push_back(Chunk::start(read_chunk(self.file.clone(), self.next)));
            self.next += CHUNK as u64;
        }
        match self.coming.pop_front() {
            Some(first) => first.done().await,
            None => Ok(Vec::new()),
        }
    }
}

/// Reads a whole chunk, or up to the end of the file.
async fn read_chunk(mut file: File, from: u64) -> Result<Vec<u8>, SftpFault> {
    let mut bytes: Vec<u8> = Vec::with_capacity(CHUNK);
    while bytes.len() < CHUNK {
        file.seek(SeekFrom::Start(from + bytes.len() as u64)).await?;
        let wanted = u32::try_from(CHUNK - bytes.len()).unwrap_or(u32::MAX);
        #[allow(clippy::default_trait_access)]
        // Its buffer type belongs to a crate that is not a dependency of this one.
        let part = file.read(wanted, Default::default()).await?;
        match part {
            Some(part) if !part.is_empty() => bytes.extend_from_slice(&part),
            _ => break,
        }
    }
    Ok(bytes)
}

async fn write_chunk(mut file: File, bytes: Arc<[u8]>, from: usize, end: usize) -> Result<(), SftpFault> {
    let mut at = from;
    while at < end {
        file.seek(SeekFrom::Start(at as u64)).await?;
        at += file.write(bytes.get(at..end).unwrap_or_default()).await?;
    }
    Ok(())
}
