//! The answer that every command-running tool gives.

use schemars::JsonSchema;
use serde::Serialize;

use super::elsewhere::handed_on;
use super::missing;
use crate::model::error::ToolError;
use crate::toolkit::{AllowedCommand, Host, Job, Output, Status, Stopped};

/// What a command did. A non-zero exit status is data, not an error.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct ExecReply {
    host: String,
    /// The remote exit status; -1 at the time limit or when a signal ended it.
    pub exit_code: i32,
    stdout: String,
    stderr: String,
    stdout_bytes: u64,
    stderr_bytes: u64,
    stdout_truncated: bool,
    stderr_truncated: bool,
    duration_ms: u64,
    /// The time limit ended it.
    pub timed_out: bool,
    killed_by_signal: Option<String>,
    hint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stop: Option<Stop>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    background: bool,
    output_warnings: Vec<String>,
}

/// What the host found after a stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Stop {
    Stopped,
    StillRunning,
    Unknown,
}

/// What brings the rest of a command's output.
pub(in crate::tools) const REST: &str = "written to a file on the host it can be read in parts by ssh_sftp_download (`offset`, `max_bytes`); the limit \
     is the operator's SSH_STDOUT_CAP_BYTES and SSH_STDERR_CAP_BYTES";

/// Words of programs that want a terminal.
const TTY_WORDS: &[&str] =
    &["is not a tty", "stdin: not a tty", "must be run from a terminal", "you must run this from a terminal"];

impl ExecReply {
    /// The answer for a finished run on a host.
    pub(crate) fn of(host: &Host, output: Output) -> Self {
        let stderr = output.stderr_text();
        let lower = stderr.to_lowercase();
        let mut hints = Vec::new();
        if TTY_WORDS.iter().any(|word| lower.contains(word)) {
            hints.push(
                "The program wants a terminal, and none is allocated here: use its batch flags (such as -y or \
                 --no-pager) or ssh_exec_script.",
            );
        }
        let stop = match &output.status {
            Status::TimedOut(stopped @ (Stopped::Stopped | Stopped::StillRunning)) if !output.began => {
                hints.push(
                    "The time limit was reached before the command had begun: the host, or its sudo, did not answer in time.",
                );
                Some(if *stopped == Stopped::Stopped { Stop::Stopped } else { Stop::StillRunning })
            }
            Status::TimedOut(Stopped::Stopped) => {
                hints.push(
                    "The time limit was reached; the command was stopped on the host, and no process of its session is \
                     left.",
                );
                Some(Stop::Stopped)
            }
            Status::TimedOut(Stopped::StillRunning) => {
                hints.push("The time limit was reached, and the command could NOT be stopped: it is still running.");
                Some(Stop::StillRunning)
            }
            Status::TimedOut(Stopped::Unknown) if !output.began => {
                hints.push(
                    "The time limit was reached, and the host gave no sign of having begun the command: the connection or \
                     the host stalls. It may still begin.",
                );
                Some(Stop::Unknown)
            }
            Status::TimedOut(Stopped::Unknown) => {
                hints.push("The time limit was reached; whether the command still runs on the host is unknown.");
                Some(Stop::Unknown)
            }
            Status::Exit(_) | Status::Signal(_) => None,
        };
        if output.background {
            hints.push("The command left background processes running; their further output is not collected.");
        }
        ExecReply {
            host: host.alias().to_owned(),
            exit_code: output.exit_code(),
            stdout: output.stdout_text(),
            stdout_bytes: output.stdout_bytes,
            stderr_bytes: output.stderr_bytes,
            stdout_truncated: output.stdout_truncated,
            stderr_truncated: output.stderr_truncated,
            duration_ms: u64::try_from(output.duration.as_millis()).unwrap_or(u64::MAX),
            timed_out: matches!(output.status, Status::TimedOut(_)),
            killed_by_signal: match output.status {
                Status::Signal(name) => Some(name),
                Status::Exit(_) | Status::TimedOut(_) => None,
            },
            hint: if hints.is_empty() { None } else { Some(hints.join(" ")) },
            stop,
            background: output.background,
            output_warnings: Vec::new(),
            stderr,
        }
    }

    /// The answer about a command of the caller's. What hands its work on (to an engine, to systemd, to a session of its own)
    /// is named after a stop: nobody has looked for that.
    #[must_use]
    pub(crate) fn of_text(self, text: &str) -> Self {
        let names = handed_on(text);
        if names.is_empty() || !self.timed_out {
            return self;
        }
        let said = format!(
            "What `{}` started runs outside of that session; it was not looked for and may go on.",
            names.join("`, `")
        );
        self.elsewhere(Stopped::Unknown, &said)
    }

    /// Adds what was found of work outside of the command's session after a stop; the verdict is that of the worse part.
    #[must_use]
    pub(crate) fn elsewhere(mut self, found: Stopped, said: &str) -> Self {
        let Some(own) = self.stop else { return self };
        self.stop = Some(match (own, found) {
            (Stop::StillRunning, _) | (_, Stopped::StillRunning) => Stop::StillRunning,
            (Stop::Unknown, _) | (_, Stopped::Unknown) => Stop::Unknown,
            (Stop::Stopped, Stopped::Stopped) => Stop::Stopped,
        });
        self.hint = Some(self.hint.map_or_else(|| said.to_owned(), |hint| format!("{hint} {said}")));
        self
    }

    /// Adds a next step.
    #[must_use]
    pub(crate) fn hinting(mut self, hint: &str) -> Self {
        self.hint = Some(self.hint.map_or_else(|| hint.to_owned(), |said| format!("{said} {hint}")));
        self
    }

    /// With status 127, says where the program is that was not found, where it is anywhere. `command` is what was asked for;
    /// what the shell said of it counts more.
    pub(crate) async fn with_place(mut self, host: &Host, command: &str) -> Self {
        if self.exit_code == 127
            && let Some(said) = missing::place(host, command, &self.stderr).await
        {
            self.hint = Some(self.hint.map_or_else(|| said.clone(), |hint| format!("{hint} {said}")));
        }
        self
    }

    /// True when the command ended by itself with status 0.
    pub(crate) fn succeeded(&self) -> bool {
        self.exit_code == 0 && !self.timed_out
    }

    /// What two hosts have to share to count as equal answers.
    pub(crate) fn same_answer_key(&self) -> (i32, &str, &str) {
        (self.exit_code, &self.stdout, &self.stderr)
    }
}

/// The job for a judged command of the user's, with the configured caps.
pub(crate) fn user_job(host: &Host, command: &AllowedCommand, timeout: Option<u64>) -> Result<Job, ToolError> {
    let settings = host.call().settings();
    let limit = host.limit(timeout)?;
    Ok(Job::command(command).timeout(Some(limit)).caps(settings.ssh_stdout_cap_bytes, settings.ssh_stderr_cap_bytes))
}
