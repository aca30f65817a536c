//! hooks.toml.

use super::command::CommandHook;
use super::event::{DEFAULT_TIMEOUT, Event};
use super::filter::{Filter, Patterns};
use crate::config::Fault;
use crate::model::file_access;
use serde::Deserialize;
use std::path::Path;
use std::time::Duration;

/// The longest time limit a hook may ask for.
pub(crate) const MAX_TIMEOUT: Duration = Duration::from_secs(60);

/// Longest name of a hook, in characters: it stands in logs, audit lines and refusals.
const NAME_MAX: usize = 64;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    hook: Vec<toml::Spanned<Entry>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    event: OneOrMore<Event>,
    command: Vec<String>,
    tool: Option<OneOrMore<String>>,
    tier: Option<OneOrMore<String>>,
    group: Option<OneOrMore<String>>,
    host: Option<OneOrMore<String>>,
    result: Option<OneOrMore<String>>,
    /// Seconds.
    timeout: Option<f64>,
    /// Whether the hook is told the arguments of calls.
    #[serde(default)]
    arguments: bool,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a word or a list of words")]
enum OneOrMore<T> {
    One(T),
    More(Vec<T>),
}

impl<T> OneOrMore<T> {
    fn into_vec(self) -> Vec<T> {
        match self {
            OneOrMore::One(item) => vec![item],
            OneOrMore::More(items) => items,
        }
    }
}

/// Reads a hooks file that must exist.
///
/// The file and its folder must be the user's or root's, and writable by nobody else: whoever can write them runs
/// programs as this user.
pub fn read(path: &Path) -> Result<Vec<CommandHook>, Vec<Fault>> {
    let fault = |what: String| vec![Fault::file(path, what)];
    let text =
        std::fs::read_to_string(path).map_err(|error| fault(format!("the hooks file cannot be read: {error}")))?;
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    for place in [path, folder] {
        private(place).map_err(fault)?;
    }
    let folder = folder.canonicalize().map_err(|error| fault(error.to_string()))?;
    parse(&text, path, &folder)
}

fn private(path: &Path) -> Result<(), String> {
    let meta = std::fs::metadata(path).map_err(|error| error.to_string())?;
    let open =
        (file_access::group_writes(&meta) || file_access::everybody_writes(&meta)) && !file_access::is_sticky(&meta);
    if open || !file_access::is_own_or_roots(&meta) {
        return Err(format!(
            "{} can be changed by other users; it names programs to run, so make it yours alone (chmod go-w)",
            path.display()
        ));
    }
    Ok(())
}

/// Reads the text of a hooks file. `folder` is where its relative programs are, and where hooks run.
pub fn parse(text: &str, path: &Path, folder: &Path) -> Result<Vec<CommandHook>, Vec<Fault>> {
    let line_of = |at: usize| text.get(..at).unwrap_or(text).matches('\n').count() + 1;
    let file: File = toml::from_str(text).map_err(|error| {
        let line = error.span().map_or(1, |span| line_of(span.start));
        vec![Fault::file(path, error.message().to_owned()).at(path, line)]
    })?;
    let mut hooks: Vec<CommandHook> = Vec::new();
    let mut faults = Vec::new();
    for spanned in file.hook {
        let line = line_of(spanned.span().start);
        let entry = spanned.into_inner();
        let name = entry.name.clone();
        let mut fault = |key: &str, what: String| {
            faults.push(Fault::variable(format!("hook `{name}`, {key}"), what).at(path, line));
        };
        if hooks.iter().any(|hook| hook.is_named(&entry.name)) {
            fault("name", "is used twice".to_owned());
        }
        match entry.check(folder) {
            Ok(hook) => hooks.push(hook),
            Err((key, what)) => fault(key, what),
        }
    }
    if faults.is_empty() { Ok(hooks) } else { Err(faults) }
}

impl Entry {
    fn check(self, folder: &Path) -> Result<CommandHook, (&'static str, String)> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if self.name.is_empty() || self.name.len() > NAME_MAX || !self.name.chars().all(plain) {
            return Err(("name", format!("must be 1 to {NAME_MAX} letters, digits, `-`, `_` or `.`")));
        }
        let events = self.event.into_vec();
        if events.is_empty() {
            return Err(("event", format!("names no event; accepted: {}", Event::ALL.map(Event::as_str).join(", "))));
        }
        if self.command.first().is_none_or(String::is_empty) || self.command.iter().any(|word| word.contains('\0')) {
            return Err(("command", "must be a list of words, the program first".to_owned()));
        }
        let timeout = match self.timeout {
            None => DEFAULT_TIMEOUT,
            Some(seconds) => Duration::try_from_secs_f64(seconds)
                .ok()
                .filter(|t| (Duration::from_millis(1)..=MAX_TIMEOUT).contains(t))
                .ok_or_else(|| {
                    ("timeout", format!("must be seconds, above 0 and at most {}", MAX_TIMEOUT.as_secs()))
                })?,
        };
        let filter = Filter::new(Patterns {
            tool: self.tool.map(OneOrMore::into_vec),
            tier: self.tier.map(OneOrMore::into_vec),
            group: self.group.map(OneOrMore::into_vec),
            host: self.host.map(OneOrMore::into_vec),
            result: self.result.map(OneOrMore::into_vec),
        })?;
        for event in &events {
            if filter.concerns_calls() && !event.concerns_a_call() {
                return Err((
                    "event",
                    format!("`{event}` is about no call, so tool, tier, group and host never match"),
                ));
            }
            if filter.concerns_results() && *event != Event::PostToolCall {
                return Err(("result", format!("is known at post_tool_call only, not at `{event}`")));
            }
        }
        if self.arguments && !events.iter().any(|event| event.concerns_a_call()) {
            return Err(("arguments", "belongs to events about a call".to_owned()));
        }
        let hook = CommandHook::new(self.name, events, filter, self.command, folder.to_owned(), timeout);
        Ok(hook.with_arguments(self.arguments))
    }
}
