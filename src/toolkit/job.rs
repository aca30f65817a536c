//! What a tool asks a host to run, and what it gets back.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::script::Script;
use crate::model::error::{ErrorName, ToolError};
use crate::model::quote::sh_quote;
use crate::policy::command::{AllowedCommand, AllowedScript};
use crate::ssh::channel::OnChunk;
use crate::ssh::feed::Input;
pub(crate) use crate::ssh::wrapper::Stopped;
use crate::ssh::wrapper::{ACCOUNT, ACCOUNT_PLAIN, CLIENT_UNSETS, FOUND_PATH, script_line};

/// Most bytes kept of a fixed script's own standard error.
const SCRIPT_STDERR_CAP: u64 = 64 * 1024;

/// Most bytes kept of a fixed script's standard output where the tool sets no other cap.
const SCRIPT_STDOUT_CAP: u64 = 4 * 1024 * 1024;

/// Becomes the account's login shell, which reads `$1`. Its start-up files have run when the channel was opened, and what
/// they exported holds: where a shell would read them for each command and can be told not to, it is told, so that they
/// are neither paid for twice nor heard in the command's output.
const LOGIN_SHELL: &str = "case ${SHELL##*/} in bash|dash|sh|ash|ksh|ksh93|mksh|oksh|fish) exec \"$SHELL\" -c \"$1\";; \
                           zsh|csh|tcsh) exec \"$SHELL\" -f -c \"$1\";; esac; exec sh -c \"$1\"";

/// What the work of a job gets back of what our own search path replaces.
pub(super) const KEPT_BACK: &str =
    "ssh_mcp_P=$PATH ssh_mcp_L=${LC_ALL+x$LC_ALL}; export ssh_mcp_P ssh_mcp_L ssh_mcp_f;";

/// One run on a host, for whichever account runs it: see [`super::Account::run`] and [`super::Host::run`].
#[derive(Clone)]
pub struct Job {
    pub(super) body: Body,
    /// In front of what a caller wrote: words of ours in our environment, and then lines in its own.
    pub(super) before: String,
    pub(super) lines: String,
    /// What `before` says on standard error once what the caller wrote begins: see [`Output::take_mark`].
    pub(super) mark: Option<String>,
    pub(super) data: Option<Input>,
    pub(super) timeout: Option<Duration>,
    pub(super) stdout_cap: u64,
    pub(super) stderr_cap: u64,
    pub(super) on_chunk: Option<OnChunk>,
    pub(super) sink: Option<mpsc::Sender<Vec<u8>>>,
    pub(super) cancel: Option<CancellationToken>,
    /// Ends it as its time limit does.
    pub(super) ends: Option<CancellationToken>,
}

/// What runs. Each form is made from what permits it: a reviewed script of this program, a command or a script that the
/// host's list allowed.
#[derive(Clone)]
pub(super) enum Body {
    /// A script of ours, with its positional parameters. `proof` is what it has to begin with where it acts on paths.
    Ours { text: String, client: bool, proof: Option<String>, params: Vec<String> },
    /// A command that the policy allowed.
    Command(AllowedCommand),
    /// A script of the caller's that the policy allowed.
    UserScript(String),
    /// The start of a job that outlives its call: a script of ours in the environment of the account.
    JobStart(String),
    /// A line of a persistent shell, in which a command that the policy allowed stands.
    Session(String),
}

impl std::fmt::Debug for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Neither the text nor the data: both may hold what must not be logged.
        f.debug_struct("Job").field("kind", &self.kind()).field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

impl Job {
    fn of(body: Body) -> Self {
        Job {
            body,
            before: String::new(),
            lines: String::new(),
            mark: None,
            data: None,
            timeout: None,
            stdout_cap: SCRIPT_STDOUT_CAP,
            stderr_cap: SCRIPT_STDERR_CAP,
            on_chunk: None,
            sink: None,
            cancel: None,
            ends: None,
        }
    }

    /// A fixed script with positional parameters.
    pub fn script<S: AsRef<str>>(script: &Script, args: impl IntoIterator<Item = S>) -> Self {
        Self::proven(script, None, args)
    }

    /// The same, behind the words that make sure of its paths.
    pub(super) fn proven<S: AsRef<str>>(
        script: &Script,
        proof: Option<String>,
        args: impl IntoIterator<Item = S>,
    ) -> Self {
        let params = args.into_iter().map(|arg| arg.as_ref().to_owned()).collect();
        Self::of(Body::Ours { text: script.compact(), client: script.of_account, proof, params })
    }

    /// A command that the policy allowed. One process with our words, or, where everything is allowed, the text as
    /// the login shell reads it. What is not a shell that is known here (a program that greets, then starts one) has had
    /// its turn when the channel was opened; the text is for `sh` then.
    pub fn command(command: &AllowedCommand) -> Self {
        Self::of(Body::Command(command.clone()))
    }

    /// A script of the caller's, for `sh`: in no argument list and no process list.
    ///
    /// The waiting shell has all of it before it reads any of it, and what it starts sees an empty input: a program that
    /// reads never takes the rest of the script, and a script that was cut on the way is not run.
    pub fn user_script(_permission: &AllowedScript, body: &str) -> Self {
        Self::of(Body::UserScript(body.to_owned()))
    }

    /// The start of a job that outlives its call.
    pub(super) fn job_start(line: String) -> Self {
        Self::of(Body::JobStart(line))
    }

    /// What a job that outlives its call has `sh` run: as the login account, or as root.
    pub(super) fn work(&self, as_root: bool) -> Option<String> {
        match &self.body {
            Body::Command(command) => Some(match command.shell_text() {
                Some(text) if as_root => format!("set --; {text}"),
                Some(text) => login_shell_line(text),
                // The runner hands over where programs are as $1; nothing else gets it.
                None => command.to_sh_line(),
            }),
            Body::UserScript(text) => Some(format!("set --; {text}")),
            // In the account's environment; where our programs are comes as $1.
            Body::Ours { text, client, proof: None, params } => {
                let account = if *client && !as_root { CLIENT_UNSETS } else { "" };
                Some(format!("mcp_p=$1; {account} {}", script_line(text, params)))
            }
            Body::Ours { .. } | Body::Session(_) | Body::JobStart(_) => None,
        }
    }

    /// A line of a persistent shell.
    pub(super) fn session(line: String) -> Self {
        Self::of(Body::Session(line))
    }

    /// What runs, for telemetry.
    pub(super) fn kind(&self) -> &'static str {
        match self.body {
            Body::Ours { .. } => "script",
            Body::Command(_) | Body::Session(_) => "command",
            Body::UserScript(_) => "user_script",
            Body::JobStart(_) => "job",
        }
    }

    /// The text that the waiting shell of the login account is given.
    pub(super) fn login_line(&self) -> String {
        match &self.body {
            Body::Ours { text, client, proof, params } => {
                let line = match proof {
                    Some(proof) => script_line(&format!("{proof}\n{text}"), params),
                    None => script_line(text, params),
                };
                if *client { format!("{ACCOUNT_PLAIN} {CLIENT_UNSETS} {line}") } else { line }
            }
            Body::Command(command) => match command.shell_text() {
                Some(text) => format!("{}{ACCOUNT} {}{}", self.before, self.lines, login_shell_line(text)),
                None => format!("{}{FOUND_PATH} {ACCOUNT} {}{}", self.before, self.lines, command.to_sh_line()),
            },
            Body::JobStart(line) => {
                format!("{}ssh_mcp_f=$mcp_f; {ACCOUNT_PLAIN} unset mcp_c mcp_e mcp_x; {KEPT_BACK} {line}", self.before)
            }
            // On one line with the script's first one, so that its lines keep their numbers.
            Body::UserScript(text) => format!("{}{ACCOUNT} {}{text}", self.before, self.lines),
            Body::Session(text) => format!("{}{FOUND_PATH} {ACCOUNT} {}{text}", self.before, self.lines),
        }
    }

    /// Puts words in front of what a caller wrote.
    #[must_use]
    pub(super) fn behind(self, before: String, lines: String) -> Self {
        Job { before, lines, ..self }
    }

    /// Standard input of the script; without it, it is `/dev/null`.
    #[must_use]
    pub fn data(self, data: impl Into<Arc<[u8]>>) -> Self {
        self.input(Input::Bytes(data.into()))
    }

    /// The same, in memory or as a stream.
    #[must_use]
    pub fn input(mut self, input: Input) -> Self {
        self.data = Some(input);
        self
    }

    /// Takes all of standard output; the host waits when it is full.
    #[must_use]
    pub fn sink(mut self, sink: mpsc::Sender<Vec<u8>>) -> Self {
        self.sink = Some(sink);
        self
    }

    /// Ends the run in place of the call's own cancellation, of which it has to be a child.
    #[must_use]
    pub fn cancel(mut self, token: CancellationToken) -> Self {
        self.cancel = Some(token);
        self
    }

    /// Ends the run before its time limit, and as that does, by a child of the call's own cancellation.
    #[must_use]
    pub(super) fn ends(mut self, token: CancellationToken) -> Self {
        self.ends = Some(token);
        self
    }

    /// Time limit; without it, `SSH_COMMAND_TIMEOUT`.
    #[must_use]
    pub fn timeout(mut self, limit: Option<Duration>) -> Self {
        self.timeout = limit.or(self.timeout);
        self
    }

    /// Most bytes kept of standard output and standard error.
    #[must_use]
    pub fn caps(mut self, stdout: u64, stderr: u64) -> Self {
        self.stdout_cap = stdout;
        self.stderr_cap = stderr;
        self
    }

    /// Sees output as it arrives.
    #[must_use]
    pub fn on_chunk(mut self, see: OnChunk) -> Self {
        self.on_chunk = Some(see);
        self
    }
}

/// The text as the account's login shell reads it.
///
/// Most commands are a program and plain words, which every POSIX shell reads alike: those are started without a second
/// shell, which costs more than many of them.
fn login_shell_line(text: &str) -> String {
    let shell = format!("set -- {}; {LOGIN_SHELL}", sh_quote(text));
    if plain_words(text) {
        format!("case ${{SHELL##*/}} in bash|dash|ash|sh) exec {};; esac; {shell}", text.trim())
    } else {
        shell
    }
}

/// True for a program's name and words in which no shell sees anything but letters.
fn plain_words(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_/.,:@+-=% ".contains(c);
    let Some(program) = text.split_ascii_whitespace().next() else { return false };
    text.chars().all(plain)
        && !program.contains(['=', '%'])
        && program.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '/' || c == '_')
        && (program.contains('/') || !SHELL_WORDS.contains(&program))
}

/// What bash, dash or BusyBox ash take for a word of their own: reserved words and builtins. Those that do no more than the
/// program of that name (`true`, `false`) are left out.
#[rustfmt::skip]
const SHELL_WORDS: &[&str] = &[
    "alias", "bg", "bind", "break", "builtin", "caller", "case", "cd", "chdir", "command", "compgen", "complete", "compopt",
    "continue", "coproc", "declare", "dirs", "disown", "do", "done", "echo", "elif", "else", "enable", "esac", "eval", "exec",
    "exit", "export", "fc", "fg", "fi", "for", "function", "getopts", "hash", "help", "history", "if", "in", "jobs", "kill",
    "let", "local", "logout", "mapfile", "popd", "printf", "pushd", "pwd", "read", "readarray", "readonly", "return",
    "select", "set", "shift", "shopt", "source", "suspend", "test", "then", "time", "times", "trap", "type", "typeset",
    "ulimit", "umask", "unalias", "unset", "until", "wait", "while",
];

/// How the remote process ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// With this exit status.
    Exit(i32),
    /// By this signal, named without `SIG`.
    Signal(String),
    /// At the time limit; what the host says of the stop.
    TimedOut(Stopped),
}

/// What a run gave back.
#[derive(Debug, Clone)]
pub struct Output {
    /// How it ended.
    pub status: Status,
    /// Standard output, head and tail under its cap.
    pub stdout: Vec<u8>,
    /// Standard error, likewise.
    pub stderr: Vec<u8>,
    /// True size of standard output, in bytes.
    pub stdout_bytes: u64,
    /// True size of standard error, in bytes.
    pub stderr_bytes: u64,
    /// Something of standard output was left out.
    pub stdout_truncated: bool,
    /// Something of standard error was left out.
    pub stderr_truncated: bool,
    /// Wall time of the remote run.
    pub duration: Duration,
    /// The command left children running in the background.
    pub background: bool,
    /// The host reported that the script began.
    pub began: bool,
}

impl Output {
    /// The exit status, -1 where there is none.
    pub fn exit_code(&self) -> i32 {
        match &self.status {
            Status::Exit(code) => *code,
            Status::Signal(_) | Status::TimedOut(_) => -1,
        }
    }

    /// Takes the mark off the front of standard error. False where it is not there, so what it stands in front of did not begin.
    pub(super) fn take_mark(&mut self, mark: &str) -> bool {
        let begins = self.stderr.starts_with(mark.as_bytes());
        if begins {
            self.stderr.drain(..mark.len());
            self.stderr_bytes = self.stderr_bytes.saturating_sub(mark.len() as u64);
        }
        begins
    }

    /// What `part.sh` prints at most under a cap, in bytes, so that its own last line still fits.
    pub const fn part_of(cap: u64) -> u64 {
        cap.saturating_sub(64)
    }

    /// Takes the last line of `part.sh` off: how many lines of a list were left out on the host.
    pub fn take_left(&mut self) -> Option<u64> {
        let line = self.stdout.strip_suffix(b"\n")?;
        let at = line.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
        let left = std::str::from_utf8(line.get(at..)?).ok()?.strip_prefix("ssh-mcp: left ")?.parse().ok()?;
        self.stdout.truncate(at);
        Some(left)
    }

    /// Standard output as text; bytes that are not UTF-8 become replacement characters.
    pub fn stdout_text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Standard error as text, likewise.
    pub fn stderr_text(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }

    /// Standard error, shortened for an error message.
    pub fn stderr_line(&self) -> String {
        let text = self.stderr_text();
        let text = text.trim();
        match text.char_indices().nth(600) {
            Some((at, _)) => format!("{}...", text.get(..at).unwrap_or_default()),
            None => text.to_owned(),
        }
    }

    /// An error for a run that reached its time limit; `what` names what ran.
    pub fn within_time(self, what: &str) -> Result<Self, ToolError> {
        match self.status {
            Status::TimedOut(stopped) => Err(timed_out(what, self.duration, stopped, self.began)),
            _ => Ok(self),
        }
    }

    /// An error of the given name unless the run exited 0. `what` says what failed.
    pub fn success(self, name: ErrorName, what: &str, next: &str) -> Result<Self, ToolError> {
        let this = self.within_time(what)?;
        match &this.status {
            Status::Exit(0) => Ok(this),
            Status::Exit(code) => {
                let said = this.stderr_line();
                let said = said.trim_end_matches('.');
                // These are our own scripts' words for a reason, which they give.
                let how = match code {
                    95..=98 if !said.is_empty() => format!("{what} failed: {said}."),
                    _ => format!("{what} failed with status {code}: {said}."),
                };
                Err(ToolError::new(name, how, next))
            }
            Status::Signal(signal) => {
                Err(ToolError::new(name, format!("{what} was killed by SIG{signal}: {}.", this.stderr_line()), next))
            }
            Status::TimedOut(_) => Ok(this),
        }
    }
}

fn timed_out(what: &str, after: Duration, stopped: Stopped, began: bool) -> ToolError {
    let stop = match stopped {
        Stopped::Unknown if !began => "the host gave no sign of having begun it, so the connection or the host stalls",
        Stopped::Stopped => "it was stopped on the host, and no process of its session is left",
        Stopped::StillRunning => "it could NOT be stopped: processes of it are still running on the host",
        Stopped::Unknown => "whether it still runs on the host is unknown",
    };
    ToolError::new(
        ErrorName::Timeout,
        format!("{what} reached its time limit after {:.1} s; {stop}.", after.as_secs_f64()),
        "Give a larger `timeout` where the tool has one, or ask for less.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_words_go_without_the_login_shell() {
        for plain in ["true", "uptime", "systemctl status nginx.service", "/usr/bin/id -u", "git log --since=2.days"] {
            assert!(plain_words(plain), "{plain}");
        }
        for not in [
            "",
            " ",
            "cd /tmp",
            "echo a",
            "a=1 b",
            "ls *",
            "ls ~",
            "a | b",
            "a; b",
            "a\nb",
            "a 'b'",
            "a $b",
            "a {b,c}",
            "#a",
            "%1",
            "if",
            "time ls",
            "a > b",
            "a\\b",
            "gr\u{fc}n",
            "[",
            ".",
            ". file",
            "a &",
        ] {
            assert!(!plain_words(not), "{not:?}");
        }
    }
}
