//! Which commands may run, and the proof that one was allowed.
//!
//! Under a restricted list a command is one program with literal words; nothing a shell could read differently is
//! accepted, and what is sent are our words, quoted again. Under `*` the text goes to the login shell as it is.

pub(crate) mod grammar;
mod harmless;
mod privilege;
#[cfg(test)]
mod tests;

pub(crate) use grammar::NotPlain;

use harmless::Harmless;

use super::{PolicyFault, listed};
use crate::config::Effective;
use crate::model::error::{ErrorName, ToolError};
use crate::model::quote::{Argv, sh_quote};

const LIST: &str = "command_allowlist";

/// One entry of the allowlist.
#[derive(Debug, Clone)]
struct Entry {
    text: String,
    words: Vec<String>,
    /// What may follow the words.
    rest: Rest,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rest {
    /// Nothing: `git status`.
    Nothing,
    /// Anything, written by the operator: `find *`.
    Granted,
    /// The arguments that do no harm: the entry is one word and names a program whose arguments are known.
    Harmless(Harmless),
    /// One word that names any other program: grants nothing.
    Withheld,
}

#[derive(Debug, Clone)]
enum Mode {
    /// `*`, or an empty list with ALLOW_ANY_COMMAND.
    Anything,
    /// These, or nothing at all when empty.
    Listed(Vec<Entry>),
}

/// The command rules of one host, host entries and environment entries already united.
#[derive(Debug, Clone)]
pub struct CommandPolicy {
    mode: Mode,
    path: String,
    allow_scripts: bool,
    sudo_open: bool,
}

/// Default of `SSH_COMMAND_PATH`.
pub(crate) const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A command that the policy allowed. Made only by [`CommandPolicy::judge`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedCommand(Allowed);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Allowed {
    Process {
        argv: Argv,
        path: String,
        /// The operator has named no folders, so those count too that the host was found to have.
        found: bool,
    },
    Shell(String),
}

/// The permission to run a script, whose text nobody judges. Made only by [`CommandPolicy::judge_script`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedScript(());

impl AllowedCommand {
    /// The words of the one process to start; `None` when the text goes to a shell.
    pub fn argv(&self) -> Option<&Argv> {
        match &self.0 {
            Allowed::Process { argv, .. } => Some(argv),
            Allowed::Shell(_) => None,
        }
    }

    /// The text for the login shell, under `*` only.
    pub fn shell_text(&self) -> Option<&str> {
        match &self.0 {
            Allowed::Process { .. } => None,
            Allowed::Shell(text) => Some(text),
        }
    }

    /// A line for a shell that is used for this command alone. One process takes the shell's place: `exec` looks
    /// up programs only, so no alias, function or builtin stands in for it, and only in the fixed folders. Where the operator
    /// has named none, the shell's first parameter may hold more of them, in which only root puts programs.
    pub fn to_sh_line(&self) -> String {
        match &self.0 {
            Allowed::Process { argv, path, found } => {
                let found = if *found { "${1:+:$1}" } else { "" };
                format!("PATH={}{found}; export PATH; exec {}", sh_quote(path), argv.to_shell())
            }
            Allowed::Shell(text) => text.clone(),
        }
    }
}

impl CommandPolicy {
    /// Compiles the list of one host; the texts are warnings for the operator, to be logged at start.
    ///
    /// A bare word grants a program's harmless arguments where they are known, and nothing where they are not: most
    /// programs have an option that starts another program or opens a file. `allow_any` is consulted only when there
    /// is not an entry. `command_path` is `SSH_COMMAND_PATH`.
    pub fn new(
        entries: &[String],
        allow_any: bool,
        command_path: &str,
        allow_scripts: bool,
    ) -> Result<(Self, Vec<String>), PolicyFault> {
        for folder in command_path.split(':') {
            if !folder.starts_with('/') || folder.chars().any(char::is_control) {
                let why = format!("`{folder}` is not an absolute folder");
                return Err(PolicyFault::new("SSH_COMMAND_PATH", command_path, why));
            }
        }
        let mut warnings = Vec::new();
        let anything = entries.iter().any(|e| e == "*") || (entries.is_empty() && allow_any);
        let mut list = Vec::new();
        for text in entries.iter().filter(|e| *e != "*") {
            let entry = entry(text, command_path)?;
            if !anything && entry.rest == Rest::Withheld {
                let text = &entry.text;
                warnings.push(format!(
                    "{LIST} entry `{text}` grants nothing: it is not one of the programs whose arguments can neither \
                     start a program nor name a file. Write `{text} *` to allow it with any arguments, or whole \
                     commands such as `{text} ARGUMENT`"
                ));
            }
            list.push(entry);
        }
        let mode = if anything { Mode::Anything } else { Mode::Listed(list) };
        Ok((CommandPolicy { mode, path: command_path.to_owned(), allow_scripts, sudo_open: false }, warnings))
    }

    /// Compiles the list that holds on one host, with `SSH_COMMAND_PATH`.
    pub fn of(effective: &Effective, command_path: &str) -> Result<(Self, Vec<String>), PolicyFault> {
        let any = effective.allow_any_command;
        Self::new(&effective.command_allowlist, any, command_path, effective.allow_scripts)
    }

    /// Says whether the sudo tier is open. While it is closed, programs that raise privileges are denied even where
    /// the list grants them.
    #[must_use]
    pub fn with_sudo_tier(mut self, open: bool) -> Self {
        self.sudo_open = open;
        self
    }

    /// True when every command may run, as text for the login shell.
    pub fn allows_anything(&self) -> bool {
        matches!(self.mode, Mode::Anything)
    }

    /// A list in which every entry that grants nothing is replaced by the one that grants its program with any
    /// arguments; `None` when there is no such entry.
    pub fn rewrite_withheld(&self, list: &[String]) -> Option<Vec<String>> {
        let Mode::Listed(entries) = &self.mode else { return None };
        let is_withheld =
            |text: &str| entries.iter().any(|e| e.rest == Rest::Withheld && e.text == text.trim_matches([' ', '\t']));
        let rewrite = |text: &String| if is_withheld(text) { format!("{} *", text.trim()) } else { text.clone() };
        list.iter().any(|text| is_withheld(text)).then(|| list.iter().map(rewrite).collect())
    }

    /// Decides on one command text.
    pub fn judge(&self, text: &str) -> Result<AllowedCommand, ToolError> {
        match &self.mode {
            Mode::Anything => self.judge_free(text),
            Mode::Listed(entries) => self.judge_listed(entries, text),
        }
    }

    /// Decides on scripts, which cannot be judged by their text.
    pub fn judge_script(&self) -> Result<AllowedScript, ToolError> {
        if self.allows_anything() || self.allow_scripts {
            return Ok(AllowedScript(()));
        }
        Err(refused(
            "Scripts are refused: this host has a restricted command list, and a script could run anything.",
            "Run listed commands one by one with ssh_exec_run; the operator can allow scripts with `allow_scripts = \
             true` on the host or SSH_ALLOW_SCRIPTS=true.",
        ))
    }

    fn judge_free(&self, text: &str) -> Result<AllowedCommand, ToolError> {
        if text.trim().is_empty() {
            return Err(refused("The command is empty.", "Give a command."));
        }
        if text.len() > grammar::TEXT_MAX {
            return Err(refused(
                format!("The command is {} bytes long.", text.len()),
                format!(
                    "Give at most {} bytes; send longer programs with ssh_exec_script, as root with ssh_sudo_run_script.",
                    grammar::TEXT_MAX
                ),
            ));
        }
        if let Some(c) = text.chars().find(|c| c.is_control() && !matches!(c, '\t' | '\n')) {
            return Err(refused(
                format!("The command holds the control character {c:?}."),
                "Give it without control characters other than tab and newline.",
            ));
        }
        if !self.sudo_open {
            // A hint to honest callers: a shell reaches sudo in ways that no reading of its text sees.
            if let Some(program) = privilege::find_in_text(text) {
                return Err(privilege_refused(&program));
            }
        }
        Ok(AllowedCommand(Allowed::Shell(text.to_owned())))
    }

    fn judge_listed(&self, entries: &[Entry], text: &str) -> Result<AllowedCommand, ToolError> {
        if entries.is_empty() {
            return Err(refused(
                "Every command is refused: this host's command list is empty.",
                "The operator can list commands with `command_allowlist` in hosts.toml or SSH_COMMAND_ALLOWLIST.",
            ));
        }
        let words = grammar::parse(text).map_err(|why| {
            refused(
                format!("The command is refused: {why}."),
                "Under a restricted command list give one program and its words, with quotes around special \
                 characters; no operators, expansions, patterns or redirections. Run several commands in several calls.",
            )
        })?;
        let program = words.first().cloned().unwrap_or_default();
        if privilege::is_privilege(&program) && !self.sudo_open {
            return Err(privilege_refused(&program));
        }
        let hits: Vec<&Entry> = entries.iter().filter(|entry| self.covers(entry, &words)).collect();
        let objections: Vec<Option<Objection<'_>>> = hits.iter().map(|entry| entry.objection(&words)).collect();
        if objections.iter().any(Option::is_none) {
            let argv = Argv::from_words(words)
                .ok_or_else(|| refused("The command is empty.", "Give a program and its words."))?;
            return Ok(AllowedCommand(Allowed::Process {
                argv,
                path: self.path.clone(),
                found: self.path == DEFAULT_PATH,
            }));
        }
        if let (Some(entry), Some(Some(objection))) = (hits.first(), objections.first()) {
            return Err(narrow(entry, objection, &words));
        }
        let known: Vec<&str> = entries.iter().filter(|e| e.rest != Rest::Withheld).map(|e| e.text.as_str()).collect();
        Err(refused(
            format!("`{program}` with these words is not in the command list of this host."),
            if known.is_empty() {
                "No entry grants anything.".to_owned()
            } else {
                format!("Allowed: {}.", listed(&known))
            },
        ))
    }

    fn covers(&self, entry: &Entry, words: &[String]) -> bool {
        let (Some((own, fixed)), Some((program, given))) = (entry.words.split_first(), words.split_first()) else {
            return false;
        };
        if !self.same_program(own, program) {
            return false;
        }
        match entry.rest {
            Rest::Nothing => given == fixed,
            Rest::Granted | Rest::Harmless(_) | Rest::Withheld => given.starts_with(fixed),
        }
    }

    /// A bare name stands for itself and for its absolute paths in the fixed folders; a path only for itself.
    fn same_program(&self, own: &str, program: &str) -> bool {
        own == program
            || (!own.contains('/')
                && program
                    .rsplit_once('/')
                    .is_some_and(|(folder, name)| name == own && self.path.split(':').any(|known| known == folder)))
    }
}

/// Why an entry that names the program does not grant the words behind it.
enum Objection<'w> {
    /// The entry is a bare word of a program that is not known to be harmless.
    Bare,
    /// This word is not one that the bare word grants.
    Word(&'w str),
}

impl Entry {
    fn objection<'w>(&self, words: &'w [String]) -> Option<Objection<'w>> {
        match self.rest {
            Rest::Nothing | Rest::Granted => None,
            Rest::Withheld => Some(Objection::Bare),
            Rest::Harmless(program) => program.objection(words.get(1..).unwrap_or_default()).map(Objection::Word),
        }
    }
}

/// The refusal of a command whose program is listed by a bare word that does not reach so far.
fn narrow(entry: &Entry, objection: &Objection<'_>, words: &[String]) -> ToolError {
    let (name, program) = (&entry.text, words.first().map_or("", String::as_str));
    let what = match objection {
        Objection::Bare => format!(
            "`{program}` is refused: the entry `{name}` does not say with which arguments, and this program is not one \
             whose arguments are known to be harmless."
        ),
        Objection::Word(word) => format!(
            "`{program}` with `{word}` is refused: the entry `{name}` grants only arguments that can neither start a \
             program, nor change anything, nor name a file."
        ),
    };
    let whole = words.iter().map(|word| sh_quote(word)).collect::<Vec<_>>().join(" ");
    let whole = if words.len() > 1 { format!(", or list the whole command as `{whole}`") } else { String::new() };
    let without = if matches!(objection, Objection::Word(_)) { "Leave that word out. " } else { "" };
    refused(what, format!("{without}The operator can write `{name} *` in place of `{name}` for any arguments{whole}."))
}

fn refused(what: impl Into<String>, next: impl Into<String>) -> ToolError {
    ToolError::new(ErrorName::CommandNotAllowed, what, next)
}

fn privilege_refused(program: &str) -> ToolError {
    refused(
        format!("`{program}` is refused: it raises privileges, and the sudo tier is closed."),
        "Run the command without it; the operator opens the tier with ALLOW_SUDO=true and ALLOW_DANGEROUS_TOOLS=true, \
         which shows the ssh_sudo_ tools.",
    )
}

fn entry(text: &str, command_path: &str) -> Result<Entry, PolicyFault> {
    let fault = |why: String| PolicyFault::new(LIST, text, why);
    let trimmed = text.trim_matches([' ', '\t']);
    let (fixed, granted) = match trimmed.strip_suffix('*').filter(|before| before.ends_with([' ', '\t'])) {
        Some(before) => (before, true),
        None => (trimmed, false),
    };
    let words = match grammar::parse(fixed) {
        // In an entry a keyword is the program of that name (`time`).
        Err(NotPlain::Keyword(_)) => grammar::parse(&format!("\\{fixed}")),
        read => read,
    }
    .map_err(|why| fault(format!("{why}; `*` may only stand alone or as the last word")))?;
    let program = words.first().map_or("", String::as_str);
    if program.is_empty() || program.starts_with('-') {
        return Err(fault("a program's name is not empty and does not begin with `-`".to_owned()));
    }
    if program.contains('/') && !program.starts_with('/') {
        return Err(fault("a relative path names another file in every folder; write the absolute path".to_owned()));
    }
    if program.split('/').any(|part| matches!(part, "." | "..")) || program.contains("//") || program.ends_with('/') {
        return Err(fault("write the program's path without `.`, `..` and empty components".to_owned()));
    }
    let rest = match (granted, words.len()) {
        (true, _) => Rest::Granted,
        (false, 1) => known_harmless(program, command_path).map_or(Rest::Withheld, Rest::Harmless),
        (false, _) => Rest::Nothing,
    };
    Ok(Entry { text: trimmed.to_owned(), words, rest })
}

/// What a bare word or an absolute path grants. A file of the same name in another folder may be another program.
fn known_harmless(program: &str, command_path: &str) -> Option<Harmless> {
    match program.rsplit_once('/') {
        None => Harmless::named(program),
        Some((folder, name)) if command_path.split(':').any(|known| known == folder) => Harmless::named(name),
        Some(_) => None,
    }
}
