//! The command line of `docker run`, read as docker reads it (pflag without interspersed options), judged, and
//! written back in one spelling: `--name=value`.
//!
//! What runs is our own rendering of what was judged, never the caller's spelling.

use super::run_flags::{self, Rule, RunFlag};
use super::{Escalation, HostSource, escalates, mounts};
use crate::model::error::ToolError;

/// Longest word of a run, in bytes: well below `MAX_ARG_STRLEN` (128 KiB, `linux/binfmts.h`).
const WORD_MAX: usize = 65_536;
/// Most words of a run.
const WORDS_MAX: usize = 1024;

/// One option as docker would understand it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RunOption {
    /// The long name.
    pub name: String,
    /// The value; `true` or `false` for a switch.
    pub value: String,
    /// The input that gave it, for refusals.
    pub field: &'static str,
}

impl RunOption {
    /// An option given by a typed input.
    pub(crate) fn new(field: &'static str, name: &'static str, value: impl Into<String>) -> Self {
        RunOption { name: name.to_owned(), value: value.into(), field }
    }

    /// One that was found among the words of `args`.
    fn found(name: &str, value: String) -> Self {
        RunOption { name: name.to_owned(), value, field: "args" }
    }

    /// A refusal with the name of the input in front.
    fn refused(&self, error: ToolError) -> ToolError {
        let what = if error.what.starts_with("Argument ") {
            error.what
        } else {
            format!("Argument `{}`: {}", self.field, error.what)
        };
        ToolError { what, ..error }
    }
}

/// The options and the container's command that `args` hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct RunLine {
    /// Leading options, in order.
    pub options: Vec<RunOption>,
    /// The container's command and its arguments.
    pub command: Vec<String>,
}

/// A run that passed the rules.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct JudgedRun {
    /// The options, each one word `--name=value`.
    pub options: Vec<String>,
    /// Paths of the host that the container would see.
    pub sources: Vec<HostSource>,
    /// Volumes of the engine that it would see, which may be folders of the host.
    pub volumes: Vec<String>,
}

/// Splits `args` into options and command with docker's own grammar.
///
/// With [`Escalation::Allowed`] an unknown long option passes in its `=` form, where its arity does not matter.
pub(crate) fn parse(args: &[String], mode: Escalation) -> Result<RunLine, ToolError> {
    bounded(args, "args")?;
    let mut line = RunLine::default();
    let mut words = args.iter();
    while let Some(word) = words.next() {
        if word == "--" {
            break;
        }
        if let Some(long) = word.strip_prefix("--") {
            line.options.push(long_option(word, long, &mut words, mode)?);
        } else if word.len() > 1 && word.starts_with('-') {
            short_options(word, &mut words, &mut line.options)?;
        } else {
            line.command.push(word.clone());
            break;
        }
    }
    line.command.extend(words.cloned());
    Ok(line)
}

/// A container's command that was given word by word.
pub(crate) fn command(words: &[String]) -> Result<Vec<String>, ToolError> {
    bounded(words, "command")?;
    Ok(words.to_vec())
}

fn bounded(words: &[String], field: &str) -> Result<(), ToolError> {
    if words.len() > WORDS_MAX {
        return Err(ToolError::value(
            format!("Argument `{field}` has {} words.", words.len()),
            format!("Give at most {WORDS_MAX}."),
        ));
    }
    if words.iter().any(|word| word.len() > WORD_MAX || word.contains('\0')) {
        return Err(ToolError::value(
            format!("Argument `{field}` has a word that holds NUL or is too long."),
            format!("Give words of at most {WORD_MAX} bytes without NUL."),
        ));
    }
    Ok(())
}

fn long_option<'a>(
    word: &str,
    long: &str,
    words: &mut impl Iterator<Item = &'a String>,
    mode: Escalation,
) -> Result<RunOption, ToolError> {
    let (name, attached) = long.split_once('=').map_or((long, None), |(n, v)| (n, Some(v)));
    let plain = !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    let Some(flag) = run_flags::by_long(name) else {
        return match attached {
            Some(value) if plain && mode == Escalation::Allowed => Ok(RunOption::found(name, value.to_owned())),
            _ => Err(unknown(word)),
        };
    };
    let value = match attached {
        Some(value) if flag.is_switch() => boolean(flag, value)?,
        Some(value) => value.to_owned(),
        None if flag.is_switch() => "true".to_owned(),
        None => words.next().cloned().ok_or_else(|| lacks_value(word))?,
    };
    Ok(RunOption::found(flag.long, value))
}

/// A cluster of letters: switches up to the first that takes a value, which is the rest or the next word.
fn short_options<'a>(
    word: &str,
    words: &mut impl Iterator<Item = &'a String>,
    options: &mut Vec<RunOption>,
) -> Result<(), ToolError> {
    let mut rest = word.get(1..).unwrap_or("");
    while let Some(letter) = rest.chars().next() {
        let flag = u8::try_from(letter).ok().and_then(run_flags::by_short).ok_or_else(|| unknown(word))?;
        let after = rest.get(1..).unwrap_or("");
        // pflag takes `=value` off only when something follows the sign; a lone `=` is itself a value.
        let assigned = after.strip_prefix('=').filter(|v| !v.is_empty());
        let (value, left) = match (assigned, flag.is_switch()) {
            (Some(value), true) => (boolean(flag, value)?, ""),
            (Some(value), false) => (value.to_owned(), ""),
            (None, true) => ("true".to_owned(), after),
            (None, false) if !after.is_empty() => (after.to_owned(), ""),
            (None, false) => (words.next().cloned().ok_or_else(|| lacks_value(word))?, ""),
        };
        options.push(RunOption::found(flag.long, value));
        rest = left;
    }
    Ok(())
}

/// Go's `strconv.ParseBool`.
fn boolean(flag: &RunFlag, value: &str) -> Result<String, ToolError> {
    match value {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok("true".to_owned()),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok("false".to_owned()),
        _ => Err(ToolError::value(
            format!("Argument `args`: --{}={value:?} is not a boolean.", flag.long),
            "Write true or false.",
        )),
    }
}

fn unknown(word: &str) -> ToolError {
    let shown: String = word.chars().take(80).collect();
    ToolError::value(
        format!("Argument `args`: {shown:?} is not an option of docker run that is known here."),
        "Use the options that `docker run --help` lists; put -- before a container command that begins with a dash.",
    )
}

fn lacks_value(word: &str) -> ToolError {
    ToolError::value(format!("Argument `args`: {word:?} needs a value."), "Give the value as the next word or after =.")
}

/// Judges options one by one and writes them back.
pub(crate) fn judge(options: &[RunOption], mode: Escalation) -> Result<JudgedRun, ToolError> {
    let mut judged = JudgedRun::default();
    for option in options {
        let mount = judge_one(option, mode).map_err(|error| option.refused(error))?;
        judged.options.push(format!("--{}={}", option.name, mount.value));
        judged.sources.extend(mount.source);
        judged.volumes.extend(mount.volume);
    }
    Ok(judged)
}

/// The value as it is written back, and the path of the host or the volume that it names.
fn judge_one(option: &RunOption, mode: Escalation) -> Result<mounts::Judged, ToolError> {
    let RunOption { name, value, field } = option;
    bounded(std::slice::from_ref(value), field)?;
    match (run_flags::by_long(name).map(|f| f.rule), mode) {
        (Some(Rule::Volume), _) => return mounted(mounts::volume(value, "--volume", mode)?, mode),
        (Some(Rule::Mount), _) => return mounted(mounts::mount(value, mode)?, mode),
        (Some(Rule::Tmpfs), _) => mounts::tmpfs(value, "--tmpfs", mode)?,
        (Some(Rule::Env), _) => env(value)?,
        (_, Escalation::Allowed) | (Some(Rule::Switch), _) => {}
        (None, Escalation::Refused) => return Err(unknown(name)),
        (Some(Rule::Inside), _) => no_control(name, value)?,
        (Some(Rule::Value(passes, accepted)), _) => {
            no_control(name, value)?;
            if !passes(value) {
                return Err(escalates(format!("--{name}={value:?} is refused; it accepts {accepted}.")));
            }
        }
        (Some(Rule::Refused(why) | Rule::RefusedSwitch(why)), _) => {
            return Err(escalates(format!("--{name} is refused: {why}.")));
        }
    }
    Ok(mounts::Judged { value: value.clone(), source: None, volume: None })
}

fn mounted(mount: mounts::Judged, mode: Escalation) -> Result<mounts::Judged, ToolError> {
    if let (Escalation::Refused, Some(source)) = (mode, &mount.source) {
        super::check_host_source(source)?;
    }
    Ok(mount)
}

/// `NAME=VALUE`. A bare name would take the value from the account's own environment on the host.
fn env(value: &str) -> Result<(), ToolError> {
    let name = value.split_once('=').map(|(n, _)| n);
    match name {
        Some(n) if !n.is_empty() && !n.contains(|c: char| c.is_control() || c.is_whitespace()) => Ok(()),
        _ => {
            let shown = name.unwrap_or("a bare name");
            Err(ToolError::value(
                format!("--env takes a variable and its value; {shown:?} has none or no fit name."),
                "Write NAME=VALUE; values are not taken from the host's environment.",
            ))
        }
    }
}

fn no_control(name: &str, value: &str) -> Result<(), ToolError> {
    if value.contains(|c: char| c.is_control() && c != '\n' && c != '\t')
        || (name != "health-cmd" && value.contains('\n'))
    {
        return Err(ToolError::value(
            format!("--{name}={value:?} holds a control character."),
            "Leave line breaks and control characters out.",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
