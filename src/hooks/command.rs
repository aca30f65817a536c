//! A hook that is a program.
//!
//! The program gets the context as one line of JSON on its standard input. Its output goes to pipes, never to the
//! server's own streams, which carry the protocol; of it only a bounded part is kept. It runs in its own process
//! group, which ends with the time limit.

use super::event::{Context, Event, Hook, HookError, HookFuture, Verdict};
use super::filter::Filter;
use crate::config::is_setting;
use crate::local_program::{self, Finished, LocalFault};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::process::Command;
use tokio_util::sync::CancellationToken;

/// Bytes of a hook's output that are kept of each stream. A gate that says more than this has not answered.
pub(crate) const ANSWER_MAX: usize = 64 << 10;

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
        command.args(self.command.iter().skip(1)).current_dir(&self.folder);
        // The environment is the operator's own, less the settings of this server, which may hold secrets.
        for (name, _) in std::env::vars_os().filter(|(name, _)| is_setting(name)) {
            command.env_remove(name);
        }
        // The registry ends it at its time limit; this one only bounds the wait of a caller that does not.
        let limit = self.timeout.saturating_mul(2);
        match local_program::run(command, Some(input), limit, ANSWER_MAX, &CancellationToken::new()).await {
            Ok(finished) => Ok(finished),
            Err(LocalFault::Start(error)) => Err(HookError(format!("it cannot be started: {error}"))),
            Err(fault) => Err(HookError(fault.to_string())),
        }
    }
}

/// An observer has done its work if it ends with status 0.
fn observer_verdict(finished: &Finished) -> Result<Verdict, HookError> {
    if finished.status.success() { Ok(Verdict::Allow) } else { Err(failure_of(finished)) }
}

/// A gate answered if its exit status and its JSON agree.
fn gate_verdict(finished: &Finished) -> Result<Verdict, HookError> {
    if finished.stdout.cut {
        return Err(HookError(format!("it printed more than {ANSWER_MAX} bytes")));
    }
    let answer: Option<Answer> = serde_json::from_slice(&finished.stdout.kept).ok();
    match (finished.status.success(), answer) {
        (true, Some(Answer { allow: true, .. })) => Ok(Verdict::Allow),
        (_, Some(Answer { allow: false, reason })) => {
            let reason = reason.filter(|r| !r.trim().is_empty()).unwrap_or_else(|| "it gave no reason".to_owned());
            Ok(Verdict::Refuse(reason.chars().take(EXCERPT).collect()))
        }
        (true, None) => Err(HookError("it printed no JSON object {\"allow\": .., \"reason\": ..}".to_owned())),
        (false, _) => Err(failure_of(finished)),
    }
}

fn failure_of(finished: &Finished) -> HookError {
    let said: String = String::from_utf8_lossy(&finished.stderr.kept).trim().chars().take(EXCERPT).collect();
    let colon = if said.is_empty() { "" } else { ": " };
    HookError(format!("it ended with {}{colon}{}", finished.status, said.escape_debug()))
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
            if context.event == Event::Gate { gate_verdict(&finished) } else { observer_verdict(&finished) }
        })
    }
}
