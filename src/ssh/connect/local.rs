//! Short-lived local programs (`ssh -G`, `ssh-keygen`, password commands): bounded in time and in output.

use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

/// How long output may still trickle in after the program ended: children of it can hold the pipe open.
const DRAIN: Duration = Duration::from_millis(200);

/// What a local program left.
#[derive(Debug)]
pub struct Finished {
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output, up to the cap; wiped when dropped, as it may be a secret.
    pub stdout: Zeroizing<Vec<u8>>,
    /// Its standard error, up to the cap.
    pub stderr: Vec<u8>,
}

impl Finished {
    /// Standard output as text.
    pub fn text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.stdout)
    }
}

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
pub enum LocalFault {
    /// It could not be started.
    #[error("{0}")]
    Start(#[from] io::Error),
    /// It ran longer than its limit and was ended, with its children.
    #[error("it took longer than {} s", .0.as_secs_f32())]
    TooLong(Duration),
    /// The caller gave up; it was ended, with its children.
    #[error("it was cancelled")]
    Cancelled,
}

/// Runs a program to its end. Its stdin is what `command` says (nothing, for commands of `SshEnv`).
///
/// At most `cap` bytes of each stream are kept; the rest is read and dropped, so that it can finish.
pub async fn run(
    mut command: Command,
    limit: Duration,
    cap: usize,
    cancel: &CancellationToken,
) -> Result<Finished, LocalFault> {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0).kill_on_drop(true);
    let mut child = command.spawn()?;
    let group = Group::of(&child);
    let mut out = Zeroizing::new(Vec::with_capacity(1024));
    let mut err = Vec::new();
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let status = {
        let read = async { tokio::join!(keep(stdout, &mut out, cap), keep(stderr, &mut err, cap)) };
        tokio::pin!(read);
        let mut drained = false;
        let wait = async {
            loop {
                tokio::select! {
                    status = child.wait() => break status,
                    _ = &mut read, if !drained => drained = true,
                }
            }
        };
        let status = tokio::select! {
            status = wait => status?,
            () = tokio::time::sleep(limit) => {
                drop(group);
                return Err(LocalFault::TooLong(limit));
            }
            () = cancel.cancelled() => {
                drop(group);
                return Err(LocalFault::Cancelled);
            }
        };
        if !drained {
            let _ = tokio::time::timeout(DRAIN, &mut read).await;
        }
        status
    };
    group.forget();
    Ok(Finished { status, stdout: out, stderr: err })
}

async fn keep<R: AsyncRead + Unpin>(from: Option<R>, into: &mut Vec<u8>, cap: usize) {
    let Some(mut from) = from else { return };
    let mut block = Zeroizing::new([0_u8; 4096]);
    while let Ok(n) = from.read(block.as_mut_slice()).await {
        if n == 0 {
            return;
        }
        let room = cap.saturating_sub(into.len()).min(n);
        if into.capacity() < into.len() + room {
            // Grows by hand: a reallocation would leave an unwiped copy of what was read so far.
            let mut larger = Vec::with_capacity((into.len() + room) * 2);
            larger.extend_from_slice(into);
            zeroize::Zeroize::zeroize(into);
            *into = larger;
        }
        into.extend_from_slice(block.get(..room).unwrap_or_default());
    }
}

/// The process group of a child; ended when dropped.
#[derive(Debug)]
pub struct Group(Option<Pid>);

impl Group {
    /// The group that a child started with `process_group(0)` leads.
    pub fn of(child: &Child) -> Self {
        Group(child.id().map(|id| Pid::from_raw(id as i32)))
    }

    /// Lets the group live: its leader has ended by itself, and its number may already belong to another.
    pub fn forget(mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            let _ = killpg(group, Signal::SIGKILL);
        }
    }
}
