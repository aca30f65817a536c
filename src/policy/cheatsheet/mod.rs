//! Notices commands that a native tool covers, and says which tool to call with which arguments.
//!
//! Advice, not a boundary: it keeps agents on tools that know paths, redaction and limits. A command that wants to
//! get past it can; what may run is decided by [`super::command`].

mod docker;
mod files;
mod system;
#[cfg(test)]
mod tests;

use serde_json::{Map, Value};

use super::command::grammar::TEXT_MAX;
use super::shell::{self, Command, Join, Op, Word};
use crate::model::error::{ErrorName, ToolError};

/// A native tool for a command.
#[derive(Debug, Clone, PartialEq)]
pub struct Match {
    /// The stable id of the pattern, for the audit line.
    pub pattern_id: &'static str,
    /// The tool to call; `ssh_docker_*` where no single one fits.
    pub tool: &'static str,
    /// Its arguments as far as the command gives them, without `host`.
    pub arguments: Value,
    /// What to do, for a person or a model.
    pub sentence: String,
}

/// As whom the command would run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunsAs {
    /// The login user (ssh_exec_run).
    LoginUser,
    /// Root (ssh_sudo_exec).
    Root,
}

impl Match {
    fn new(pattern_id: &'static str, tool: &'static str, arguments: Map<String, Value>, why: &str) -> Self {
        let arguments = Value::Object(arguments);
        let sentence = format!("{why} Call {tool} with {arguments} and `host`.");
        Match { pattern_id, tool, arguments, sentence }
    }

    /// The refusal, in the words of the tool that was called.
    pub fn refusal(&self, called: &str, command: &str) -> ToolError {
        let shown: String = command.chars().take(200).collect();
        ToolError::new(
            ErrorName::CommandIsCheatsheetMatch,
            format!(
                "{called} does not run {shown:?}: it matches the pattern {}, which {} covers.",
                self.pattern_id, self.tool
            ),
            format!(
                "{} The operator can allow such commands with SSH_EXEC_ALLOW_CHEATSHEET_PATTERNS=true.",
                self.sentence
            ),
        )
    }

    /// The hint for `output_warnings` where the operator lets such commands run.
    pub fn hint(&self, called: &str) -> String {
        format!("{called}: this command matches the pattern {}. {}", self.pattern_id, self.sentence)
    }
}

/// Finds the native tool for a command of the login user. `redact_lists` says whether a path is redact-listed.
pub fn judge(text: &str, redact_lists: &dyn Fn(&str) -> bool) -> Option<Match> {
    judge_as(RunsAs::LoginUser, text, redact_lists)
}

/// Finds the native tool for a command that runs as the given user.
///
/// Tools for units and packages act as the login user, so as root only what they read is advised against.
pub fn judge_as(runs_as: RunsAs, text: &str, redact_lists: &dyn Fn(&str) -> bool) -> Option<Match> {
    if text.len() > TEXT_MAX || text.trim().is_empty() {
        return None;
    }
    let script = shell::read(text);
    // `cat f; true` is `cat f`: what has no effect and no output does not make a command a program of its own.
    let commands: Vec<&Command> = script.commands.iter().filter(|c| !is_idle(c)).collect();
    let alone = commands.len() == 1 && !script.compound && !script.background;
    let seen = Seen { text, commands: &commands, alone, redact_lists };
    let first = commands.iter().find(|c| c.join != Join::Inside).filter(|c| c.assignments.is_empty());
    let at_start = first.and_then(|command| {
        let call = Call::of(command, &command.words)?;
        match (call.sudo(), runs_as) {
            (Some(inner), _) => seen.as_root(&inner).or_else(|| seen.rows(&inner, RunsAs::Root)),
            (None, RunsAs::Root) => seen.as_root(&call).or_else(|| seen.rows(&call, RunsAs::Root)),
            (None, RunsAs::LoginUser) => seen.rows(&call, RunsAs::LoginUser),
        }
    });
    at_start
        .or_else(|| files::here_document(&seen, None, runs_as))
        .or_else(|| first.and_then(|c| files::single_change(&seen, &Call::of(c, &c.words)?.without_sudo())))
        .or_else(|| files::output(&seen, runs_as))
}

fn is_idle(command: &Command) -> bool {
    let idle = |w: &Word| matches!(w.text.as_str(), "true" | ":" | "false");
    command.assignments.is_empty()
        && command.redirects.is_empty()
        && matches!(command.words.as_slice(), [only] if idle(only))
        && matches!(command.join, Join::First | Join::Then | Join::And | Join::Or)
}

/// The whole text, as the rows look at it.
struct Seen<'a> {
    text: &'a str,
    commands: &'a [&'a Command],
    /// The text is this one command: nothing is piped, chained, grouped or substituted.
    alone: bool,
    redact_lists: &'a dyn Fn(&str) -> bool,
}

impl Seen<'_> {
    /// Rows for what runs as root and has a sudo tool.
    fn as_root(&self, call: &Call<'_>) -> Option<Match> {
        files::read(self, call, RunsAs::Root)
            .or_else(|| files::write_as_root(self, call))
            .or_else(|| files::edit_as_root(self, call))
            .or_else(|| files::list(self, call, RunsAs::Root))
    }

    /// The rows from `read-single` to `apt-mutation`, and `echo x > f`.
    fn rows(&self, call: &Call<'_>, runs_as: RunsAs) -> Option<Match> {
        let files = match runs_as {
            RunsAs::LoginUser => files::read(self, call, runs_as).or_else(|| files::list(self, call, runs_as)),
            RunsAs::Root => None,
        };
        files
            .or_else(|| docker::docker(call))
            .or_else(|| system::systemctl(call, runs_as))
            .or_else(|| system::journalctl(call))
            .or_else(|| system::apt(call, runs_as))
            .or_else(|| files::here_document(self, Some(call), runs_as))
    }
}

/// A program with its arguments, and the redirections of its command.
#[derive(Clone)]
struct Call<'a> {
    program: &'a str,
    args: &'a [Word],
    command: &'a Command,
}

impl<'a> Call<'a> {
    fn of(command: &'a Command, words: &'a [Word]) -> Option<Self> {
        let (program, args) = words.split_first()?;
        Some(Call { program: &program.text, args, command })
    }

    /// What sudo would run, its options and assignments left out.
    fn sudo(&self) -> Option<Call<'a>> {
        if self.program != "sudo" {
            return None;
        }
        let rest = after_options(self.args, "CDghpRrTtUu", SUDO_LONG);
        let skip = rest.iter().take_while(|w| w.text.split_once('=').is_some_and(|(name, _)| is_name(name))).count();
        Call::of(self.command, rest.get(skip..)?)
    }

    fn without_sudo(&self) -> Call<'a> {
        self.sudo().unwrap_or_else(|| self.clone())
    }

    /// Writes nothing but to descriptors and /dev/null, and reads no other input.
    fn is_plain(&self) -> bool {
        self.command.redirects.iter().all(|r| match r.op {
            Op::Duplicate => true,
            Op::Write | Op::Append | Op::Both => is_sink(&r.target.text) || r.fd.as_deref().is_some_and(|fd| fd != "1"),
            Op::Read | Op::HereDocument | Op::HereString => false,
        })
    }

    /// The words that are no options; `short` and `long` name the options that take a value.
    fn operands(&self, short: &str, long: &[&str]) -> Vec<&'a Word> {
        operands(self.args, short, long)
    }

    /// The value of an option, in any of its spellings.
    fn option(&self, short: char, long: &str) -> Option<&'a str> {
        let mut args = self.args.iter().map(|w| w.text.as_str());
        while let Some(arg) = args.next() {
            if let Some(rest) = arg.strip_prefix(long).filter(|_| arg.starts_with("--")) {
                return if rest.is_empty() { args.next() } else { rest.strip_prefix('=') };
            }
            if let Some(value) = arg.strip_prefix('-').and_then(|a| a.strip_prefix(short)) {
                return if value.is_empty() { args.next() } else { Some(value) };
            }
        }
        None
    }

    /// True when a short option stands alone or among others, or the long one is there.
    fn has(&self, short: &[char], long: &str) -> bool {
        self.args
            .iter()
            .map(|w| w.text.as_str())
            .take_while(|a| *a != "--")
            .any(|arg| arg == long || (arg.starts_with('-') && !arg.starts_with("--") && arg.contains(short)))
    }
}

const SUDO_LONG: &[&str] = &[
    "--chdir",
    "--chroot",
    "--close-from",
    "--command-timeout",
    "--group",
    "--host",
    "--other-user",
    "--prompt",
    "--role",
    "--type",
    "--user",
];

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Files that keep nothing.
fn is_sink(path: &str) -> bool {
    matches!(path, "/dev/null" | "/dev/stdout" | "/dev/stderr" | "/dev/tty")
}

/// True for `-x` whose value is the next word: its last letter takes one and nothing is attached.
fn takes_next(option: &str, short: &str, long: &[&str]) -> bool {
    if option.starts_with("--") {
        return long.contains(&option);
    }
    let mut letters = option.chars().skip(1);
    letters.find(|c| short.contains(*c)).is_some() && letters.next().is_none()
}

/// What follows the options in front, for programs that stop at the first operand.
fn after_options<'a>(args: &'a [Word], short: &str, long: &[&str]) -> &'a [Word] {
    let mut rest = args;
    while let Some((word, behind)) = rest.split_first() {
        let option = word.text.as_str();
        if option == "--" {
            return behind;
        }
        if !option.starts_with('-') || option == "-" {
            break;
        }
        rest = if takes_next(option, short, long) { behind.get(1..).unwrap_or(&[]) } else { behind };
    }
    rest
}

/// All operands, wherever options stand.
fn operands<'a>(args: &'a [Word], short: &str, long: &[&str]) -> Vec<&'a Word> {
    let mut found = Vec::new();
    let mut rest = args.iter();
    while let Some(word) = rest.next() {
        let option = word.text.as_str();
        if option == "--" {
            found.extend(rest);
            break;
        }
        if !option.starts_with('-') || option == "-" {
            found.push(word);
        } else if takes_next(option, short, long) {
            rest.next();
        }
    }
    found
}

/// Arguments of a tool, from pairs; `None` leaves one out.
fn arguments<const N: usize>(pairs: [(&str, Option<Value>); N]) -> Map<String, Value> {
    pairs.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

fn text_of(word: &Word) -> Value {
    Value::String(word.text.clone())
}
