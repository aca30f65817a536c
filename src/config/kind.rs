//! Kinds of settings: how the text of one is read, and what is said when it cannot be.

use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use super::choices::{BypassPolicy, Platform, Transport, words};
use super::env::Env;
use super::nearest::nearest;
use super::remote;
use crate::model::secret::Secret;
use crate::model::tier::Group;

words! {
    /// How sudo is entered. Both behave alike: every sudo is one call.
    pub enum SudoMode {
        /// One sudo a call.
        PerCall = "per-call",
        /// Accepted for older configurations; behaves as `per-call`.
        PersistentSu = "persistent-su",
    }
}

words! {
    /// The least urgent log line that is written. The audit is not a log and is never silenced.
    pub enum LogLevel {
        /// Everything.
        Debug = "DEBUG",
        /// Ordinary events.
        Info = "INFO",
        /// What an operator should look at.
        Warning = "WARNING",
        /// What failed.
        Error = "ERROR",
        /// As `ERROR`.
        Critical = "CRITICAL",
    }
}

words! {
    /// How log lines look.
    pub enum LogFormat {
        /// Time, level, target, message.
        Text = "text",
        /// One JSON object a line.
        Json = "json",
    }
}

words! {
    /// Which tools are shown.
    pub enum ToolProfile {
        /// All of the open tiers and groups.
        Full = "full",
        /// Of those, the few that most work needs.
        Core = "core",
    }
}

words! {
    /// What an answer carries.
    pub enum AnswerForm {
        /// The text and the structured form.
        Both = "both",
        /// The text alone.
        Text = "text",
        /// The structured form alone.
        Structured = "structured",
    }
}

/// A command line for the local shell that prints a secret. It may hold one itself, so `Debug` shows a fixed mark.
#[derive(Clone, PartialEq, Eq)]
pub struct LocalCommand(String);

impl LocalCommand {
    /// Takes a command line that is not blank.
    pub fn new(line: &str) -> Option<Self> {
        if line.trim().is_empty() { None } else { Some(LocalCommand(line.to_owned())) }
    }

    /// The line for `sh -c`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for LocalCommand {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LocalCommand(..)")
    }
}

/// How one kind of setting is named, described and read.
pub(crate) struct Kind<T> {
    /// Its name in documents.
    pub label: &'static str,
    /// What it accepts, for a refusal.
    pub accepts: &'static str,
    /// True when its text must not be shown.
    pub secret: bool,
    /// Reads the text. The error, where it says more than `accepts`, is a whole clause.
    pub read: fn(&str, &Env) -> Result<T, Option<String>>,
}

impl<T> Kind<T> {
    const fn new(
        label: &'static str,
        accepts: &'static str,
        read: fn(&str, &Env) -> Result<T, Option<String>>,
    ) -> Self {
        Kind { label, accepts, secret: false, read }
    }
}

/// A switch.
pub(crate) const BOOL: Kind<bool> =
    Kind::new("bool", "true or false (also 1/0, yes/no, on/off, t/f, y/n)", |text, _| read_bool(text).ok_or(None));

/// Seconds that limit something.
pub(crate) const SECONDS: Kind<Duration> =
    Kind::new("int, seconds", "a whole number of seconds from 1 to 604800", |text, _| {
        read_int(text, 1, 604_800).map(Duration::from_secs).ok_or(None)
    });

/// Seconds between two events, where zero switches them off.
pub(crate) const INTERVAL: Kind<Duration> =
    Kind::new("int, seconds", "a whole number of seconds from 0 (off) to 604800", |text, _| {
        read_int(text, 0, 604_800).map(Duration::from_secs).ok_or(None)
    });

/// A size. The upper end keeps sums of sizes inside 64 bits.
pub(crate) const BYTES: Kind<u64> =
    Kind::new("int, bytes", "a whole number of bytes from 0 to 1099511627776 (1 TiB)", |text, _| {
        read_int(text, 0, 1 << 40).ok_or(None)
    });

/// The size of an answer: room for a verdict and what is said of the rest, and no more than a frame of the protocol holds.
pub(crate) const ANSWER_BYTES: Kind<u64> =
    Kind::new("int, bytes", "a whole number of bytes from 4096 to 8388608 (8 MiB)", |text, _| {
        read_int(text, 4096, 8 << 20).ok_or(None)
    });

/// A number of things of which there must be one.
pub(crate) const COUNT: Kind<u64> =
    Kind::new("int", "a whole number from 1 to 10000000", |text, _| read_int(text, 1, 10_000_000).ok_or(None));

/// A TCP port; blank is none.
pub(crate) const PORT: Kind<Option<u16>> =
    Kind::new("int or none", "a port from 1 to 65535", |text, _| match given(text) {
        None => Ok(None),
        Some(digits) => read_int(digits, 1, 65_535).and_then(|n| u16::try_from(n).ok()).map(Some).ok_or(None),
    });

/// Characters shown of a redacted value.
pub(crate) const HINT: Kind<u8> = Kind::new("int", "a whole number from 0 to 4", |text, _| {
    read_int(text, 0, 4).and_then(|n| u8::try_from(n).ok()).ok_or(None)
});

/// A list of words.
pub(crate) const LIST: Kind<Vec<String>> =
    Kind::new("list", "a comma-separated list, or a JSON array of strings", |text, _| read_list(text));

/// A list of local folders.
pub(crate) const FOLDERS: Kind<Vec<PathBuf>> =
    Kind::new("list of paths", "a comma-separated list, or a JSON array of strings", |text, env| {
        Ok(read_list(text)?.iter().map(|p| env.absolute(p)).collect())
    });

/// Tool groups.
pub(crate) const GROUPS: Kind<Vec<Group>> = Kind::new(
    "list of groups",
    "a list of host, session, sftp-read, file-ops, exec, sudo, shell, docker, keys, systemctl, pkg",
    |text, _| {
        read_list(text)?
            .iter()
            .map(|word| {
                Group::ALL.into_iter().find(|g| g.as_str() == word.as_str()).ok_or_else(|| {
                    let known = Group::ALL.map(Group::as_str);
                    Some(match nearest(word, known) {
                        Some(near) => format!("no group is called `{word}`; did you mean `{near}`?"),
                        None => format!("no group is called `{word}`"),
                    })
                })
            })
            .collect()
    },
);

/// A local path, made absolute; blank is none.
pub(crate) const PATH: Kind<Option<PathBuf>> =
    Kind::new("path or none", "a path", |text, env| Ok(given(text).map(|p| env.absolute(p))));

/// The text that stands for the folder of agents' notes below the data folder.
const NOTES_DEFAULT: &str = "$XDG_DATA_HOME/ssh-mcp/notes";

/// The folder of agents' notes; blank is none.
pub(crate) const NOTES: Kind<Option<PathBuf>> = Kind::new("path or none", "a path", |text, env| {
    Ok(match given(text) {
        Some(NOTES_DEFAULT) => env.data_dir().map(|dir| dir.join("notes")),
        other => other.map(|p| env.absolute(p)),
    })
});

/// Remote paths that must be absolute, since a relative one would protect nothing.
pub(crate) const ABSOLUTE: Kind<Vec<String>> =
    Kind::new("list", "a list of absolute paths", |text, _| checked_list(text, remote::check_restricted));

/// Patterns of remote paths. They hold on every host, so they must at least be good for POSIX ones.
pub(crate) const GLOBS: Kind<Vec<String>> = Kind::new("list", "a list of patterns", |text, _| {
    checked_list(text, |glob| remote::check_glob(glob, Platform::Posix))
});

/// Folders in which a host looks for programs.
pub(crate) const SEARCH_PATH: Kind<String> =
    Kind::new("paths between colons", "absolute paths between colons", |text, _| {
        let path = text.trim();
        if path.split(':').all(|folder| folder.starts_with('/') && remote::check_absolute(folder).is_ok()) {
            Ok(path.to_owned())
        } else {
            Err(None)
        }
    });

/// How clients reach the server.
pub(crate) const TRANSPORT: Kind<Transport> = Kind::new("stdio", "stdio", |text, _| {
    match text.trim() {
    "stdio" => Ok(Transport::Stdio),
    "http" | "streamable-http" | "sse" => Err(Some(
        "asks for HTTP, which this server does not offer: it has no authentication for it; let the client start it on stdio"
            .to_owned(),
    )),
    _ => Err(None),
}
});

/// A text; blank is none.
pub(crate) const TEXT: Kind<Option<String>> =
    Kind::new("string or none", "a text", |text, _| Ok(given(text).map(str::to_owned)));

/// A text that must not be blank.
pub(crate) const WORDS: Kind<String> =
    Kind::new("string", "a text that is not blank", |text, _| given(text).map(str::to_owned).ok_or(None));

/// A local command that prints a secret; blank is none.
pub(crate) const COMMAND: Kind<Option<LocalCommand>> = Kind {
    label: "string or none",
    accepts: "a command line",
    secret: true,
    read: |text, _| Ok(LocalCommand::new(text)),
};

/// The key of redaction markers; empty is none.
pub(crate) const SALT: Kind<Option<Secret>> = Kind {
    label: "string",
    accepts: "32 characters or more, or nothing",
    secret: true,
    read: |text, _| match (given(text), text.chars().count()) {
        (None, _) => Ok(None),
        (Some(_), 1..=31) => Err(None),
        _ => Ok(Some(Secret::new(text.to_owned()))),
    },
};

/// A policy for raw reads.
pub(crate) const BYPASS: Kind<BypassPolicy> =
    Kind::new("block, warn, audit_only", "block, warn or audit_only", |text, _| word(text, BypassPolicy::from_word));

/// A way into sudo.
pub(crate) const SUDO_MODE: Kind<SudoMode> =
    Kind::new("per-call, persistent-su", "per-call or persistent-su", |text, _| word(text, SudoMode::from_word));

/// A log level, in any case.
pub(crate) const LEVEL: Kind<LogLevel> =
    Kind::new("DEBUG, INFO, WARNING, ERROR, CRITICAL", "DEBUG, INFO, WARNING, ERROR or CRITICAL", |text, _| {
        word(&text.to_ascii_uppercase(), LogLevel::from_word)
    });

/// A log format.
pub(crate) const LOG_FORMAT: Kind<LogFormat> =
    Kind::new("text, json", "text or json", |text, _| word(text, LogFormat::from_word));

/// A profile of tools.
pub(crate) const PROFILE: Kind<ToolProfile> =
    Kind::new("full, core", "full or core", |text, _| word(text, ToolProfile::from_word));

/// A form of answers; blank is the client's own.
pub(crate) const ANSWER_FORM: Kind<Option<AnswerForm>> =
    Kind::new("both, text, structured or none", "both, text or structured", |text, _| match given(text) {
        None => Ok(None),
        Some(text) => word(text, AnswerForm::from_word).map(Some),
    });

/// A login name; blank is none.
pub(crate) const USER: Kind<Option<String>> =
    Kind::new("string or none", super::name::USER_RULE, |text, _| match given(text) {
        None => Ok(None),
        Some(user) if super::name::is_user(user) => Ok(Some(user.to_owned())),
        Some(_) => Err(None),
    });

/// Hostnames and addresses.
pub(crate) const HOSTNAMES: Kind<Vec<String>> =
    Kind::new("list", "a list of hostnames or addresses, compared exactly", |text, _| {
        checked_list(text, |name| super::name::check_hostname(name).map_err(str::to_owned))
    });

/// Anything at all: set and not empty counts.
pub(crate) const ANY: Kind<bool> = Kind::new("any text", "any text", |text, _| Ok(!text.is_empty()));

fn word<T>(text: &str, read: fn(&str) -> Option<T>) -> Result<T, Option<String>> {
    read(text.trim()).ok_or(None)
}

/// The text without surrounding blanks, unless nothing is left.
pub(crate) fn given(text: &str) -> Option<&str> {
    let trimmed = text.trim();
    if trimmed.is_empty() { None } else { Some(trimmed) }
}

/// A list whose entries pass a check; the first that does not is named.
fn checked_list(text: &str, check: fn(&str) -> Result<(), String>) -> Result<Vec<String>, Option<String>> {
    let entries = read_list(text)?;
    match entries.iter().find_map(|entry| check(entry).err().map(|why| format!("`{entry}` {why}"))) {
        Some(why) => Err(Some(why)),
        None => Ok(entries),
    }
}

/// Reads a switch.
pub(crate) fn read_bool(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" | "t" | "y" => Some(true),
        "false" | "0" | "no" | "off" | "f" | "n" => Some(false),
        _ => None,
    }
}

/// Reads a decimal number inside a range, both ends included.
fn read_int(text: &str, least: u64, most: u64) -> Option<u64> {
    let digits = text.trim();
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok().filter(|n| (least..=most).contains(n))
}

/// Reads a list: a JSON array of strings, or words between commas.
pub(crate) fn read_list(text: &str) -> Result<Vec<String>, Option<String>> {
    let text = text.trim();
    if text.starts_with('[') {
        return serde_json::from_str::<Vec<String>>(text)
            .map_err(|e| Some(format!("is not a JSON array of strings ({e})")))
            .map(|items| items.iter().filter_map(|i| given(i)).map(str::to_owned).collect());
    }
    Ok(text.split(',').filter_map(given).map(str::to_owned).collect())
}
