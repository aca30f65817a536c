//! A hook that is a program.
//!
//! The program gets the context as one line of JSON on its standard input. Its output goes to pipes, never to the
//! server's own streams, which carry the protocol; of it only a bounded part is kept. It runs in its own process
//! group, which ends with the time limit.

use super::event::{Context, Event, Hook, HookError, HookFuture, Verdict};
use super::filter::Filter;
use crate::config::settings;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};

/// Bytes of a hook's output that are kept of each stream. A gate that says more than this has not answered.
pub const ANSWER_MAX: usize = 64 << 10;

/// How long output is still read after the program ended: what it left running may hold the pipes for ever.
const AFTER_EXIT: Duration = Duration::from_millis(100);

/// Characters of a failed hook's standard error that go to the log, and of a gate's reason that go to the caller.
const EXCERPT: usize = 300;

/// A program of hooks.toml.
#[derive(Debug, Clone)]
pub struct CommandHook {
    name: String,
    events: Vec<Event>,
    filter: Filter,
    command: Vec<String>,
    folder: PathBuf,
    timeout: Duration,
    arguments: bool,
}

/// What a gate prints.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    allow: bool,
    reason: Option<String>,
}

impl CommandHook {
    pub(super) fn new(
        name: String,
        events: Vec<Event>,
        filter: Filter,
        command: Vec<String>,
        folder: PathBuf,
        timeout: Duration,
    ) -> Self {
        CommandHook { name, events, filter, command, folder, timeout, arguments: false }
    }

    /// Whether it is told the arguments of calls.
    pub(super) fn with_arguments(mut self, arguments: bool) -> Self {
        self.arguments = arguments;
        self
    }

    pub(super) fn is_named(&self, name: &str) -> bool {
        self.name == name
    }

    /// Patterns of its filter that match no tool or host of this server, one sentence each: most likely misspelt, which
    /// would silently switch a gate off.
    pub fn unmatched_patterns(&self, tools: &[&str], hosts: &[&str]) -> Vec<String> {
        let patterns = self.filter.idle(tools, hosts).into_iter();
        patterns.map(|pattern| format!("hook {}: {pattern} matches nothing that this server has", self.name)).collect()
    }

    /// The program: absolute, or below the folder of hooks.toml when written with a slash, or found in `PATH`.
    fn program(&self) -> PathBuf {
        let program = self.command.first().map(String::as_str).unwrap_or_default();
        if program.contains('/') { self.folder.join(program) } else { PathBuf::from(program) }
    }

    /// Runs the program to its end.
    async fn run(&self, context: &Context) -> Result<Finished, HookError> {
        let mut input = serde_json::to_vec(context).map_err(|error| HookError(error.to_string()))?;
        input.push(b'\n');
        let mut command = Command::new(self.program());
        command
            .args(self.command.iter().skip(1))
            .current_dir(&self.folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        // The environment is the operator's own, less the settings of this server, which may hold secrets.
        for name in settings::DECLARED.iter().map(|d| d.name).chain(settings::REFUSED.iter().map(|r| r.name)) {
            command.env_remove(name);
        }
        let child = command.spawn().map_err(|error| HookError(format!("it cannot be started: {error}")))?;
        let mut group = Group(child);
        let (Some(mut stdin), Some(stdout), Some(stderr)) =
            (group.0.stdin.take(), group.0.stdout.take(), group.0.stderr.take())
        else {
            return Err(HookError("it has no streams".to_owned()));
        };
        let (mut out, mut err) = (Captured::default(), Captured::default());
        let status = {
            let feed = async move {
                // A hook need not read what it is told.
                let _ = stdin.write_all(&input).await;
            };
            let streams = async { tokio::join!(feed, out.fill(stdout), err.fill(stderr)) };
            tokio::pin!(streams);
            let mut done = false;
            let status = tokio::select! {
                status = group.0.wait() => status,
                _ = &mut streams => {
                    done = true;
                    group.0.wait().await
                }
            };
            if !done {
                let _ = tokio::time::timeout(AFTER_EXIT, &mut streams).await;
            }
            status.map_err(|error| HookError(error.to_string()))?
        };
        Ok(Finished { status, out, err })
    }
}

struct Finished {
    status: ExitStatus,
    out: Captured,
    err: Captured,
}

impl Finished {
    /// An observer did well if it says so.
    fn observed(&self) -> Result<Verdict, HookError> {
        if self.status.success() { Ok(Verdict::Allow) } else { Err(self.failure()) }
    }

    /// A gate answered if its exit status and its JSON agree.
    fn judged(&self) -> Result<Verdict, HookError> {
        if self.out.cut {
            return Err(HookError(format!("it printed more than {ANSWER_MAX} bytes")));
        }
        let answer: Option<Answer> = serde_json::from_slice(&self.out.kept).ok();
        match (self.status.success(), answer) {
            (true, Some(Answer { allow: true, .. })) => Ok(Verdict::Allow),
            (_, Some(Answer { allow: false, reason })) => {
                let reason = reason.filter(|r| !r.trim().is_empty()).unwrap_or_else(|| "it gave no reason".to_owned());
                Ok(Verdict::Refuse(reason.chars().take(EXCERPT).collect()))
            }
            (true, None) => Err(HookError("it printed no JSON object {\"allow\": .., \"reason\": ..}".to_owned())),
            (false, _) => Err(self.failure()),
        }
    }

    fn failure(&self) -> HookError {
        let said: String = String::from_utf8_lossy(&self.err.kept).trim().chars().take(EXCERPT).collect();
        let colon = if said.is_empty() { "" } else { ": " };
        HookError(format!("it ended with {}{colon}{}", self.status, said.escape_debug()))
    }
}

#[derive(Default)]
struct Captured {
    kept: Vec<u8>,
    cut: bool,
}

impl Captured {
    /// Reads to the end, so that the program never waits for a reader, and keeps the beginning.
    async fn fill(&mut self, mut stream: impl AsyncRead + Unpin) {
        let mut buffer = vec![0; 8192];
        while let Ok(read @ 1..) = stream.read(&mut buffer).await {
            let room = ANSWER_MAX - self.kept.len();
            self.cut |= read > room;
            self.kept.extend_from_slice(buffer.get(..read.min(room)).unwrap_or_default());
        }
    }
}

/// The program and what it started. Ends with the value, unless the program ended before.
struct Group(Child);

impl Drop for Group {
    fn drop(&mut self) {
        // The id is there until the child was waited for; until then no other process can have it.
        if let Some(id) = self.0.id().and_then(|id| i32::try_from(id).ok()) {
            let _ = killpg(Pid::from_raw(id), Signal::SIGKILL);
        }
    }
}

impl Hook for CommandHook {
    fn name(&self) -> &str {
        &self.name
    }

    fn events(&self) -> &[Event] {
        &self.events
    }

    fn wants(&self, context: &Context) -> bool {
        self.filter.matches(context)
    }

    fn command(&self) -> Option<(&[String], &Path)> {
        Some((&self.command, &self.folder))
    }

    fn wants_arguments(&self) -> bool {
        self.arguments
    }

    fn timeout(&self) -> Duration {
        self.timeout
    }

    fn call<'a>(&'a self, context: &'a Context) -> HookFuture<'a> {
        Box::pin(async move {
            let finished = self.run(context).await?;
            if context.event == Event::Gate { finished.judged() } else { finished.observed() }
        })
    }
}
