//! Reads the declared variables out of the environment and the file of settings.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::Path;

use super::env::Env;
use super::fault::{Fault, Warning};
use super::kind::Kind;
use super::nearest::nearest;
use super::settings::{DECLARED, Declared, REFUSED, Settings, Source};

/// One line of the file of settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileEntry {
    /// The file.
    pub file: std::path::PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// The name as written.
    pub name: String,
    /// The value without quotes.
    pub value: String,
}

/// Variables of OpenSSH and of programs around it, which must not be taken for misspelt ones of ours.
const FOREIGN: &[&str] = &[
    "SSH_AGENT_LAUNCHER",
    "SSH_AGENT_PID",
    "SSH_ASKPASS",
    "SSH_ASKPASS_REQUIRE",
    "SSH_AUTH_SOCK",
    "SSH_CLIENT",
    "SSH_CONNECTION",
    "SSH_ORIGINAL_COMMAND",
    "SSH_PKCS11_HELPER",
    "SSH_SK_HELPER",
    "SSH_SK_PROVIDER",
    "SSH_TTY",
    "SSH_TUNNEL",
    "SSH_USER_AUTH",
];

/// Reads every setting. Values of the environment win over those of the file.
pub fn read(env: &Env, file: &[FileEntry], faults: &mut Vec<Fault>, warnings: &mut Vec<Warning>) -> Option<Settings> {
    let given = gather(env, file, faults, warnings);
    let set = |name: &str| given.get(name).is_some_and(|g| !g.value.trim().is_empty());
    let settings = Settings::read(&mut Reader { env, given: &given, faults });
    for refused in REFUSED {
        let applies = refused.name != "SSH_SUDO_PASSWORD" || settings.as_ref().is_some_and(|s| s.allow_sudo);
        if applies && set(refused.name) {
            faults.push(fault(given.get(refused.name), refused.name, format!("is set: {}", refused.instead)));
        }
    }
    settings
}

/// A value and where it came from.
struct Given<'a> {
    value: String,
    /// The name as written.
    written: String,
    from: Option<(&'a Path, usize)>,
}

fn fault(given: Option<&Given<'_>>, name: &str, what: String) -> Fault {
    let fault = Fault::variable(name, what);
    match given.and_then(|g| g.from) {
        Some((file, line)) => fault.at(file, line),
        None => fault,
    }
}

/// The declared variables that are set, by their declared names.
fn gather<'a>(
    env: &Env,
    file: &'a [FileEntry],
    faults: &mut Vec<Fault>,
    warnings: &mut Vec<Warning>,
) -> BTreeMap<&'static str, Given<'a>> {
    let mut given: BTreeMap<&'static str, Given<'a>> = BTreeMap::new();
    for (name, value) in env.vars() {
        let Some(written) = name.to_str() else { continue };
        let Some(known) = declared(written) else {
            warnings.extend(misspelt(written, None));
            continue;
        };
        let Some(value) = value.to_str() else {
            faults.push(Fault::variable(known, "is not UTF-8"));
            continue;
        };
        if let Some(other) = given.get(known)
            && other.value != value
        {
            let what = format!("is set twice with different values, as {} and as {written}", other.written);
            faults.push(Fault::variable(known, what));
        }
        given.insert(known, Given { value: value.to_owned(), written: written.to_owned(), from: None });
    }
    for entry in file {
        let Some(known) = declared(&entry.name) else {
            warnings.extend(misspelt(&entry.name, Some((&entry.file, entry.line))));
            continue;
        };
        if given.get(known).is_some_and(|g| g.from.is_none()) {
            continue;
        }
        let from = Some((entry.file.as_path(), entry.line));
        given.insert(known, Given { value: entry.value.clone(), written: entry.name.clone(), from });
    }
    given
}

/// The declared name that a written one stands for, in any case.
fn declared(written: &str) -> Option<&'static str> {
    names().find(|name| name.eq_ignore_ascii_case(written))
}

fn names() -> impl Iterator<Item = &'static str> {
    DECLARED.iter().map(|row| row.name).chain(REFUSED.iter().map(|row| row.name))
}

/// A warning for a name that looks like one of ours but is none.
fn misspelt(written: &str, at: Option<(&Path, usize)>) -> Option<Warning> {
    let upper = written.to_ascii_uppercase();
    let ours = ["SSH_", "ALLOW_", "MCP_"].iter().any(|prefix| upper.starts_with(prefix));
    if FOREIGN.contains(&upper.as_str()) {
        return None;
    }
    let near = nearest(&upper, names());
    // A file of settings is ours alone, so there a foreign name with our prefix is worth a line too.
    if near.is_none() && !(ours && at.is_some()) {
        return None;
    }
    let place = at.map_or_else(String::new, |(file, line)| format!("{}:{line}: ", file.display()));
    Some(Warning::warning(match near {
        Some(near) => format!("{place}{written} is no setting and has no effect; did you mean {near}?"),
        None => format!("{place}{written} is no setting and has no effect"),
    }))
}

struct Reader<'a, 'b> {
    env: &'a Env,
    given: &'a BTreeMap<&'static str, Given<'b>>,
    faults: &'a mut Vec<Fault>,
}

impl Source for Reader<'_, '_> {
    fn value<T>(&mut self, row: &Declared, kind: &Kind<T>) -> Option<T> {
        let default = |env| (kind.read)(row.default, env).ok();
        let Some(given) = self.given.get(row.name) else { return default(self.env) };
        match (kind.read)(&given.value, self.env) {
            Ok(value) => Some(value),
            Err(why) => {
                let shown = if kind.secret { String::new() } else { format!("`{}` ", given.value) };
                let what = match why {
                    Some(why) => format!("{why}; accepted: {}", kind.accepts),
                    None => format!("{shown}is not accepted; accepted: {}", kind.accepts),
                };
                self.faults.push(fault(Some(given), row.name, what));
                default(self.env)
            }
        }
    }
}

/// True when a variable of this name, in any case, is set to something in the environment itself.
pub fn is_set(env: &Env, name: &str) -> bool {
    value_of(env, name).is_some()
}

/// The value of a variable by its name in any case, unless it is empty.
pub fn value_of<'a>(env: &'a Env, name: &str) -> Option<&'a OsStr> {
    env.vars().find(|(k, v)| !v.is_empty() && k.to_str().is_some_and(|k| k.eq_ignore_ascii_case(name))).map(|(_, v)| v)
}
