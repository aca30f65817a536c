//! `ssh_exec_run_streaming`.

use std::sync::{Arc, Mutex};

use super::answer::{ExecReply, REST, user_job};
use super::run::CommandArgs;
use crate::model::error::ToolError;
use crate::model::lock::LockAlways as _;
use crate::model::tier::Group;
use crate::toolkit::{Account, Call, Host, RunsAs, Spec, Stream, Targets, Tool};
use crate::tools::jobs::{ExecOrJob, run_or_job};

/// Runs one command and tells what it prints while it runs.
#[derive(Debug)]
pub(super) struct ExecRunStreaming;

/// Longest last line shown, in characters.
const LINE_MAX: usize = 200;

/// Least time between two progress messages: a flood of output is not a flood of messages.
const PAUSE: std::time::Duration = std::time::Duration::from_millis(100);

impl Tool for ExecRunStreaming {
    type Args = CommandArgs;
    type Reply = ExecOrJob;
    const SPEC: Spec =
        Spec::dangerous("ssh_exec_run_streaming", Group::Exec, "Run a long command with progress reports")
            .found_as("Run with progress", "long command follow output build watch")
            .more(REST);

    fn hosts(args: &Self::Args) -> Targets {
        Targets::host(&args.host)
    }

    async fn run(call: &Call, args: CommandArgs) -> Result<ExecOrJob, ToolError> {
        let host = call.host(&args.host)?;
        call.journal().command(&args.command);
        let around = args.surroundings()?;
        host.suggest_native_tool(RunsAs::LoginUser, &args.command, &around)?;
        host.posix(Host::WITHOUT_SHELL)?;
        let command = host.command(&args.command)?;
        let mut job = user_job(&host, &command, args.timeout)?;
        if let Some(wanted) = args.as_job() {
            return Ok(run_or_job(&Account::login(host), &job, &wanted, &around).await?.of_text(&args.command));
        }
        if call.wants_progress() {
            let teller = Mutex::new(Teller::default());
            let told = call.clone();
            job = job.on_chunk(Arc::new(move |stream, bytes| {
                if let Some(line) = teller.lock_always().push(stream, bytes) {
                    told.progress(&line);
                }
            }));
        }
        let output = Account::login(host.clone()).run_within(job, &around).await?;
        call.journal().exit_code(output.exit_code());
        Ok(ExecReply::of(&host, output).of_text(&args.command).with_place(&host, &args.command).await.into())
    }
}

/// Keeps the line being printed on each stream, whole characters only, and decides when to tell it.
#[derive(Debug, Default)]
struct Teller {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    told: Option<std::time::Instant>,
}

/// Bytes kept of a line without an end.
const LINE_BYTES: usize = 4096;

impl Teller {
    /// Takes output; answers a message when it is time for one.
    fn push(&mut self, stream: Stream, bytes: &[u8]) -> Option<String> {
        let (name, kept) = match stream {
            Stream::Stdout => ("stdout", &mut self.stdout),
            Stream::Stderr => ("stderr", &mut self.stderr),
        };
        kept.extend_from_slice(bytes);
        // The last whole line, or what there is of the first one.
        let text_end = kept.iter().rposition(|b| *b == b'\n');
        let line_start =
            |end: usize| kept.get(..end).and_then(|b| b.iter().rposition(|b| *b == b'\n')).map_or(0, |at| at + 1);
        let line = match text_end {
            Some(end) => kept.get(line_start(end)..end).unwrap_or_default().to_vec(),
            None => kept.clone(),
        };
        let keep_from = text_end.map_or(0, |end| end + 1).max(kept.len().saturating_sub(LINE_BYTES));
        kept.drain(..keep_from);
        if self.told.is_some_and(|at| at.elapsed() < PAUSE) || line.is_empty() {
            return None;
        }
        self.told = Some(std::time::Instant::now());
        let whole = match std::str::from_utf8(&line) {
            Ok(text) => text.to_owned(),
            // A character cut by the end of the piece is left for the next one.
            Err(e) if e.error_len().is_none() => {
                String::from_utf8_lossy(line.get(..e.valid_up_to()).unwrap_or_default()).into_owned()
            }
            Err(_) => String::from_utf8_lossy(&line).into_owned(),
        };
        let shown: String = whole.chars().take(LINE_MAX).collect();
        Some(format!("{name}: {shown}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_the_last_whole_line() {
        let mut teller = Teller::default();
        assert_eq!(teller.push(Stream::Stdout, b"a\nb\nc"), Some("stdout: b".to_owned()));
        teller.told = None;
        assert_eq!(teller.push(Stream::Stdout, b"cc\n"), Some("stdout: ccc".to_owned()));
        assert_eq!(teller.push(Stream::Stdout, b"dd\n"), None, "too soon");
    }

    #[test]
    fn never_shows_half_a_character() {
        let mut teller = Teller::default();
        let euro = "€".as_bytes();
        let mut first = b"x".to_vec();
        first.extend_from_slice(&euro[..2]);
        assert_eq!(teller.push(Stream::Stderr, &first), Some("stderr: x".to_owned()));
        teller.told = None;
        assert_eq!(teller.push(Stream::Stderr, &euro[2..]), Some("stderr: x€".to_owned()));
    }
}
