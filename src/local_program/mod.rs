//! Short-lived programs of this workstation (`ssh -G`, `ssh-keygen`, `ssh-add`, hooks): bounded in time and in output,
//! and ended together with what they started.

mod secret;

use std::convert::Infallible;
use std::future::{Future as _, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::process::{ExitStatus, Stdio};
use std::task::Poll;
use std::time::Duration;

use futures_core::Stream as _;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, Command};
use tokio_process_stream::{Item, ProcessChunkStream};
use tokio_util::sync::CancellationToken;

pub(crate) use secret::run_for_secret;

/// How long output is still read after the program ended: what it left running can hold the pipes open for ever.
const AFTER_EXIT: Duration = Duration::from_millis(200);

/// What a local program left.
#[derive(Debug)]
pub(crate) struct Finished {
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output.
    pub stdout: Captured,
    /// Its standard error.
    pub stderr: Captured,
}

/// The beginning of one output stream.
#[derive(Debug, Default)]
pub(crate) struct Captured {
    /// At most as many bytes as the caller asked for.
    pub kept: Vec<u8>,
    /// True when the program printed more than that.
    pub cut: bool,
}

impl Captured {
    /// What was kept, as text.
    pub(crate) fn text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.kept)
    }

    fn keep(&mut self, chunk: &[u8], cap: usize) {
        let room = cap.saturating_sub(self.kept.len()).min(chunk.len());
        self.cut |= room < chunk.len();
        self.kept.extend_from_slice(chunk.get(..room).unwrap_or_default());
    }
}

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LocalFault {
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

/// Runs a program to its end. At most `cap` bytes of each output stream are kept; the rest is read and dropped, so that
/// the program can finish.
///
/// With `input`, the program reads that from its standard input; it need not. Without, standard input is what `command`
/// says. For programs that print a secret there is [`run_for_secret`]: the buffers of the stream used here are not wiped.
pub(crate) async fn run(
    mut command: Command,
    input: Option<Vec<u8>>,
    limit: Duration,
    cap: usize,
    cancel: &CancellationToken,
) -> Result<Finished, LocalFault> {
    if input.is_some() {
        command.stdin(Stdio::piped());
    }
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0).kill_on_drop(true);
    let mut child = command.spawn()?;
    let leader = Group::of(&child);
    let stdin = child.stdin.take();
    let feed = async move {
        if let (Some(mut stdin), Some(input)) = (stdin, input) {
            // A program that does not read its input closes the pipe early.
            let _ = stdin.write_all(&input).await;
        }
        std::future::pending::<Infallible>().await
    };
    let collect = pin!(collect(ProcessChunkStream::from(child), cap));
    // Named after the child, so that it is dropped before it: a leader that nobody has waited for keeps its number.
    let group = leader;
    let finished = tokio::select! {
        never = feed => match never {},
        finished = collect => finished?,
        () = tokio::time::sleep(limit) => return Err(LocalFault::TooLong(limit)),
        () = cancel.cancelled() => return Err(LocalFault::Cancelled),
    };
    group.forget();
    Ok(finished)
}

/// Reads both streams until the program has ended, and then for a moment what is left in the pipes.
async fn collect(mut stream: ProcessChunkStream, cap: usize) -> io::Result<Finished> {
    let (mut stdout, mut stderr) = (Captured::default(), Captured::default());
    let mut status = None;
    let mut patience = pin!(tokio::time::sleep(AFTER_EXIT));
    let ended = poll_fn(|context| {
        loop {
            match Pin::new(&mut stream).poll_next(context) {
                Poll::Ready(Some(Item::Stdout(chunk))) => stdout.keep(&chunk, cap),
                Poll::Ready(Some(Item::Stderr(chunk))) => stderr.keep(&chunk, cap),
                Poll::Ready(Some(Item::Done(ended))) => return Poll::Ready(ended),
                Poll::Ready(None) => return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
                Poll::Pending => break,
            }
        }
        // The stream says `Done` only when both pipes are closed, and a child of the program can keep them open.
        if status.is_none()
            && let Some(child) = stream.child_mut()
            && let Poll::Ready(ended) = pin!(child.wait()).poll(context)
        {
            status = Some(ended?);
            patience.as_mut().reset(tokio::time::Instant::now() + AFTER_EXIT);
        }
        match status {
            Some(ended) if patience.as_mut().poll(context).is_ready() => Poll::Ready(Ok(ended)),
            _ => Poll::Pending,
        }
    })
    .await?;
    Ok(Finished { status: ended, stdout, stderr })
}

/// The process group of a child; ended when dropped.
#[derive(Debug)]
pub(crate) struct Group(Option<Pid>);

impl Group {
    /// The group that a child started with `process_group(0)` leads.
    pub(crate) fn of(child: &Child) -> Self {
        Group(child.id().map(|id| Pid::from_raw(id as i32)))
    }

    /// Lets the group live: its leader has ended by itself, and its number may already belong to another.
    pub(crate) fn forget(mut self) {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.arg("-c").arg(script).stdin(Stdio::null());
        command
    }

    async fn finish(script: &str, input: Option<&str>, cap: usize) -> Finished {
        let input = input.map(|text| text.as_bytes().to_vec());
        run(sh(script), input, Duration::from_secs(20), cap, &CancellationToken::new()).await.unwrap()
    }

    #[tokio::test]
    async fn both_streams_and_the_status_are_kept() {
        let done = finish("cat; echo beware >&2; exit 3", Some("told\n"), 100).await;
        assert_eq!((done.stdout.text(), done.stderr.text()), ("told\n".into(), "beware\n".into()));
        assert_eq!((done.status.code(), done.stdout.cut), (Some(3), false));
    }

    #[tokio::test]
    async fn more_than_the_cap_is_read_and_dropped() {
        let done = finish("dd if=/dev/zero bs=1000 count=1000 2>/dev/null; echo done >&2", None, 10).await;
        assert_eq!((done.stdout.kept.len(), done.stdout.cut, done.stderr.text()), (10, true, "done\n".into()));
    }

    #[tokio::test]
    async fn an_input_that_nobody_reads_holds_nothing_up() {
        let done = finish("exit 0", Some(&"x".repeat(1 << 20)), 10).await;
        assert!(done.status.success());
    }

    #[tokio::test]
    async fn a_child_that_keeps_the_pipes_open_is_not_waited_for() {
        let began = std::time::Instant::now();
        let done = finish("sleep 7 & echo early", None, 100).await;
        assert_eq!(done.stdout.text(), "early\n");
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    }

    #[tokio::test]
    async fn a_limit_and_a_cancellation_end_the_whole_group() {
        let folder = tempfile::tempdir().unwrap();
        for cancelled in [false, true] {
            let mark = folder.path().join(format!("late-{cancelled}"));
            let script = format!("(sleep 2; touch '{}') & wait", mark.display());
            let cancel = CancellationToken::new();
            if cancelled {
                cancel.cancel();
            }
            let fault = run(sh(&script), None, Duration::from_millis(300), 10, &cancel).await.unwrap_err();
            assert_eq!(matches!(fault, LocalFault::Cancelled), cancelled, "{fault:?}");
        }
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
