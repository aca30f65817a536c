//! Programs that print a secret (password commands): read by hand, since every buffer on the way has to be wiped, and
//! those of a chunk stream cannot be.

use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::Command;
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use super::{AFTER_EXIT, Group, LocalFault};

/// What a program printed that may be a secret.
#[derive(Debug)]
pub(crate) struct Secret {
    /// How the program ended.
    pub status: ExitStatus,
    /// Its standard output, up to the cap; wiped when dropped.
    pub stdout: Zeroizing<Vec<u8>>,
}

/// Runs a program to its end. Its standard input is what `command` says.
///
/// At most `cap` bytes of its output are kept; the rest is read and dropped, so that it can finish. Its standard error
/// is dropped unread, since it may repeat the secret.
pub(crate) async fn run_for_secret(
    mut command: Command,
    limit: Duration,
    cap: usize,
    cancel: &CancellationToken,
) -> Result<Secret, LocalFault> {
    command.stdout(Stdio::piped()).stderr(Stdio::null()).process_group(0).kill_on_drop(true);
    let mut child = command.spawn()?;
    let group = Group::of(&child);
    let mut out = Zeroizing::new(Vec::with_capacity(1024));
    let stdout = child.stdout.take();
    let status = {
        let read = keep(stdout, &mut out, cap);
        tokio::pin!(read);
        let mut drained = false;
        let wait = async {
            loop {
                tokio::select! {
                    status = child.wait() => break status,
                    () = &mut read, if !drained => drained = true,
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
            let _ = tokio::time::timeout(AFTER_EXIT, &mut read).await;
        }
        status
    };
    group.forget();
    Ok(Secret { status, stdout: out })
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
