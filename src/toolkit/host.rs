//! A host that the policy let through, and runs on it.

use std::sync::Arc;
use std::time::Duration;

use super::call::{Call, cancelled};
use super::job::{Job, Output, Status};
use super::last_line;
use super::state::host_paths::Viewer;
use super::state::snapshot::HostEntry;
use crate::config::effective::Effective;
use crate::config::hosts::{BypassPolicy, HostConfig};
use crate::model::error::{ErrorName, ToolError};
use crate::model::quote::export_lines;
use crate::model::remote_path::RemotePath;
use crate::policy::cheatsheet;
use crate::policy::command::AllowedCommand;
use crate::policy::path::{self, Access, Platform};
use crate::policy::surroundings::leads_elsewhere;
use crate::ssh::capabilities::Capabilities;
use crate::ssh::channel::{OnChunk, Request};
use crate::ssh::connect::ConnectFailure;
use crate::ssh::cut::Cut;
use crate::ssh::feed::Input;
use crate::ssh::login_environment::LoginEnvironment;
use crate::ssh::pool::{Link, RunFailure};
use crate::ssh::wrapper::{End, Stopped, signal_name};
use crate::telemetry::Span;
use crate::telemetry::meters::{self, Direction};

/// What is told of an account whose commands run in a terminal.
const IN_TERMINAL: &str = "This account's commands run in a terminal (a session recorder, or a ForceCommand with `script`). It was made \
     transparent; standard error is told when the command has ended.";

/// The sentence of `redact_bypass_policy = "warn"`.
pub(super) const BYPASS_WARNING: &str =
    "This path is redact-listed: raw content may hold secrets and was delivered unredacted. Prefer ssh_read_redacted.";

/// Longest time limit a call may ask for: one day.
const TIMEOUT_MAX: Duration = Duration::from_secs(86_400);

/// A host that this call may reach.
#[derive(Clone)]
pub struct Host {
    call: Call,
    entry: Arc<HostEntry>,
    link: Arc<Link>,
}

impl Host {
    /// What is left to call on a host without a POSIX shell.
    pub const WITHOUT_SHELL: &str = "On such a host work ssh_host_ping, ssh_known_hosts_verify, ssh_host_notes and, over SFTP, the file tools but \
         ssh_cp and ssh_link.";

    pub(super) fn new(call: Call, entry: Arc<HostEntry>) -> Self {
        let link = call.state().pool.link(&entry.target);
        Host { call, entry, link }
    }

    /// The call it belongs to.
    pub fn call(&self) -> &Call {
        &self.call
    }

    /// Its alias: the identity for notes, keys and audit.
    pub fn alias(&self) -> &str {
        &self.entry.config.alias
    }

    /// The hostname that answers show.
    pub fn hostname(&self) -> &str {
        &self.entry.config.hostname
    }

    /// Its entry in hosts.toml.
    pub fn config(&self) -> &HostConfig {
        &self.entry.config
    }

    /// Its lists and switches, united with those of the environment.
    pub fn effective(&self) -> &Effective {
        &self.entry.effective
    }

    /// Its compiled rules.
    pub fn entry(&self) -> &Arc<HostEntry> {
        &self.entry
    }

    /// Its connections. What a tool may know of them, [`Self::is_connected`] and [`Self::capabilities`] say.
    pub(super) fn link(&self) -> &Arc<Link> {
        &self.link
    }

    /// True while a connection to it is open.
    pub fn is_connected(&self) -> bool {
        self.link.is_open()
    }

    /// What its wrapper found on it, if that is known within this time.
    pub async fn capabilities(&self, limit: Duration) -> Option<Arc<Capabilities>> {
        self.link.capabilities(limit).await
    }

    /// What kind of system it is.
    pub fn platform(&self) -> Platform {
        self.entry.platform
    }

    /// Refuses a tool that needs a POSIX shell on a host that has none; `instead` names what works there.
    pub fn posix(&self, instead: &str) -> Result<(), ToolError> {
        if self.platform() == Platform::Posix {
            return Ok(());
        }
        Err(ToolError::new(
            ErrorName::PlatformNotSupported,
            format!("{} needs a POSIX shell, which `{}` (Windows) does not have.", self.call.spec().name, self.alias()),
            instead,
        ))
    }

    fn watch_last_line(&self) -> OnChunk {
        let call = self.call.clone();
        last_line::watch(move |line| call.last_line(line))
    }

    /// A command that this host's list allows.
    pub fn command(&self, text: &str) -> Result<AllowedCommand, ToolError> {
        self.entry.commands.judge(text)
    }

    /// Refuses a place that is not a path of the caller's but would be shown, where the operator closed it to the login account.
    pub fn guard_closed(&self, place: &str) -> Result<(), ToolError> {
        let path = RemotePath::of_carried(place).map_err(|why| path::unusable(place, why))?;
        self.entry.paths.rules(Viewer::Login).closed(&path)
    }

    /// True where the login account's file tools could change a file or put another in its place.
    pub fn may_write(&self, file: &str) -> bool {
        let rules = self.entry.paths.rules(Viewer::Login);
        RemotePath::of_carried(file).is_ok_and(|path| rules.judge(&path, Access::Write).is_ok())
    }

    /// Refuses a file that is not a path of the caller's but would be shown, where it could not be read as one.
    pub fn guard_read(&self, file: &str) -> Result<(), ToolError> {
        let path = RemotePath::of_carried(file).map_err(|why| path::unusable(file, why))?;
        self.entry.paths.rules(Viewer::Login).judge(&path, Access::ReadRedacted).map(drop)
    }

    /// Treats a command that would read or write a redact-listed file in clear as `redact_bypass_policy` says, as far as
    /// its words show it; relative ones are read in the folder where it runs.
    pub fn guard_redact_listed(&self, words: &[String], cwd: Option<&str>) -> Result<(), ToolError> {
        let paths = &self.entry.paths;
        let below = |word: &str| cwd.filter(|_| !word.starts_with('/')).map(|cwd| format!("{cwd}/{word}"));
        let redact_lists =
            |word: &str| paths.redact_lists(word) || below(word).is_some_and(|path| paths.redact_lists(&path));
        let Some(word) = cheatsheet::redact_listed(words, &redact_lists) else { return Ok(()) };
        match self.effective().bypass_policy {
            BypassPolicy::Block => Err(ToolError::new(
                ErrorName::RedactBypassBlocked,
                format!("The command is refused: it would read or write the redact-listed `{word}` in clear."),
                "Read such files with ssh_read_redacted, or with ssh_sudo_read_redacted as root.",
            )),
            BypassPolicy::Warn => {
                self.call.warn(BYPASS_WARNING);
                self.call.journal().redact_bypass_at(self.alias());
                Ok(())
            }
            BypassPolicy::AuditOnly => {
                self.call.journal().redact_bypass_at(self.alias());
                Ok(())
            }
        }
    }

    /// What the account has in a login terminal, as a shell reads it, where the operator wants commands to have that. Under a
    /// restricted list nothing that could lead a listed program elsewhere.
    pub(super) async fn login_variables(&self) -> Result<String, ToolError> {
        if !self.entry.config.login_environment || self.platform() != Platform::Posix {
            return Ok(String::new());
        }
        let read = self.link.login_environment(self.call.cancel()).await.map_err(|failure| self.failure(failure))?;
        match &*read {
            LoginEnvironment::Known(variables) => {
                let restricted = self.entry.surroundings.is_restricted();
                let taken = variables.iter().filter(|(name, _)| !(restricted && leads_elsewhere(name)));
                Ok(export_lines(taken.map(|(name, value)| (name.as_str(), value.as_str()))))
            }
            LoginEnvironment::Unknown(_) => {
                self.call.warn(read.summary());
                Ok(String::new())
            }
        }
    }

    /// A time limit from a tool's `timeout` argument in seconds; without one, `SSH_COMMAND_TIMEOUT`.
    pub fn limit(&self, seconds: Option<u64>) -> Result<Duration, ToolError> {
        match seconds {
            None => Ok(self.call.settings().ssh_command_timeout),
            Some(s) if s >= 1 && Duration::from_secs(s) <= TIMEOUT_MAX => Ok(Duration::from_secs(s)),
            Some(s) => Err(ToolError::value(
                format!("Argument `timeout`: {s} is out of range."),
                "Give 1 to 86400 seconds, or leave it out.",
            )),
        }
    }

    /// Runs a job as the login account. A time limit that is reached is a [`Status::TimedOut`], not an error: tools whose answer has a
    /// field for it use it, all others call [`Output::within_time`] or [`Output::success`].
    pub async fn run(&self, job: Job) -> Result<Output, ToolError> {
        let line = job.login_line();
        self.send(line, job).await
    }

    /// Runs a job whose text was made for an account.
    pub(super) async fn send(&self, line: String, job: Job) -> Result<Output, ToolError> {
        if self.platform() != Platform::Posix {
            self.posix(Self::WITHOUT_SHELL)?;
        }
        let timeout = job.timeout.unwrap_or(self.call.settings().ssh_command_timeout).min(TIMEOUT_MAX);
        let sent = line.len() as u64 + job.data.as_ref().map_or(0, Input::len);
        let span = Span::exec(self.alias(), job.kind(), line.chars().count(), timeout, job.on_chunk.is_some());
        let callers_own = matches!(job.kind(), "command" | "user_script");
        let told = callers_own && self.call.wants_progress();
        let on_chunk = job.on_chunk.or_else(|| told.then(|| self.watch_last_line()));
        // What goes elsewhere is not kept here.
        let streamed = job.sink.is_some();
        let ends = job.ends.is_some();
        let request = Request {
            script: line,
            data: job.data,
            timeout,
            stdout_cap: job.stdout_cap,
            stderr_cap: job.stderr_cap,
            cancel: job.ends.or(job.cancel).unwrap_or_else(|| self.call.cancel().clone()),
            on_chunk,
            sink: job.sink,
        };
        let finished = match Box::pin(span.scope(self.link.run(&request, self.call.spec().observes()))).await {
            Ok(finished) => finished,
            Err(failure) => {
                let error = self.failure(failure);
                span.failed(error.name);
                return Err(error);
            }
        };
        let ended = finished.ended;
        if ended.in_terminal {
            self.call.warn(IN_TERMINAL);
        }
        let exit_code = match ended.closing.map(|closing| closing.end) {
            Some(End::Exit(code)) if ended.cut.is_none() => Some(code),
            _ => None,
        };
        let timed_out = ended.cut == Some(Cut::TimedOut);
        span.executed(exit_code, finished.duration, timed_out, ended.stdout.total, ended.stderr.total);
        drop(span);
        meters::bytes(self.alias(), Direction::Sent, sent);
        meters::bytes(self.alias(), Direction::Received, ended.stdout.total + ended.stderr.total);
        let status = match (ended.cut, ended.closing.map(|c| c.end)) {
            (Some(Cut::Cancelled), _) if ends && !self.call.cancel().is_cancelled() => {
                Status::TimedOut(finished.stopped.unwrap_or(Stopped::Unknown))
            }
            (Some(Cut::Cancelled), _) => {
                return Err(cancelled(match finished.stopped {
                    Some(Stopped::Stopped) => {
                        "the command was stopped on the host, and no process of its session is left"
                    }
                    Some(Stopped::StillRunning) => "the command could NOT be stopped and is still running on the host",
                    _ => "whether the command still runs on the host is unknown",
                }));
            }
            (Some(Cut::TimedOut), _) => Status::TimedOut(finished.stopped.unwrap_or(Stopped::Unknown)),
            (None, Some(End::Exit(code))) => Status::Exit(code),
            (None, Some(End::Signal(number))) => Status::Signal(signal_name(number)),
            // The link answers such a run as lost; there is no status to report.
            (None, None) => Status::TimedOut(Stopped::Unknown),
        };
        for (name, kept) in [("standard output", &ended.stdout), ("standard error", &ended.stderr)] {
            if kept.truncated && !streamed {
                let left = kept.total.saturating_sub(kept.bytes.len() as u64).max(1);
                let what = format!("{left} of {} bytes of {name} of `{}`", kept.total, self.alias());
                self.call.left_out(what, self.call.spec().more);
            }
        }
        Ok(Output {
            status,
            stdout: ended.stdout.bytes,
            stderr: ended.stderr.bytes,
            stdout_bytes: ended.stdout.total,
            stderr_bytes: ended.stderr.total,
            stdout_truncated: ended.stdout.truncated,
            stderr_truncated: ended.stderr.truncated,
            duration: finished.duration,
            background: ended.closing.is_some_and(|c| c.background),
            began: ended.began,
        })
    }

    /// The error for a run that gave no result.
    pub fn failure(&self, failure: RunFailure) -> ToolError {
        match failure {
            RunFailure::Connect(failure) => ConnectFailure::clone(&failure).into(),
            RunFailure::Lost { reason, may_have_run: false } => ToolError::new(
                ErrorName::ConnectError,
                format!("`{}`: {reason}. Nothing was run.", self.alias()),
                "Call again; ssh_host_ping shows whether the host answers.",
            ),
            RunFailure::Lost { reason, may_have_run: true } => ToolError::new(
                ErrorName::ConnectError,
                format!("`{}`: {reason}. The command may have run, so it was not repeated.", self.alias()),
                "Look at the host before you call again: a second run may do the work twice.",
            ),
            RunFailure::Account(purpose, said) => {
                let said = if said.is_empty() { String::new() } else { format!("; it said: {said}") };
                ToolError::new(
                    ErrorName::ConnectError,
                    format!("`{}`: logged in, but {}{said}. Nothing was run.", self.alias(), purpose.what()),
                    purpose.next(),
                )
            }
            RunFailure::NotStarted(Cut::Cancelled) => cancelled("nothing was run on the host"),
            RunFailure::NotStarted(Cut::TimedOut) => ToolError::new(
                ErrorName::Timeout,
                format!("`{}` opened no session within the time limit. Nothing was run.", self.alias()),
                "Every session may be in use, or the host may not answer: ssh_host_ping tells. Call again, or give a larger \
                 `timeout`.",
            ),
        }
    }
}
