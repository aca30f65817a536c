//! Reads the declared variables out of the environment and the file of settings.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::Path;

use super::env::Env;
use super::env_file::Entry;
use super::fault::{Fault, Warning};
use super::kind::Kind;
use super::nearest::nearest;
use super::settings::{DECLARED, Declared, REFUSED, Settings, Source};

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

/// Variables that decide whether and where the file of settings is read.
const READ_FIRST: &[&str] = &["SSH_ENV_FILE", "SSH_MCP_DISABLE_DOTENV"];

/// Reads every setting. Values of the environment win over those of the file.
pub(super) fn read(
    env: &Env,
    file: &[Entry],
    faults: &mut Vec<Fault>,
    warnings: &mut Vec<Warning>,
) -> Option<Settings> {
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
    file: &'a [Entry],
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
        let at = Some((entry.file.as_path(), entry.line));
        if let Some(known) = declared(&entry.name)
            && READ_FIRST.contains(&known)
        {
            let what = format!(
                "{}:{}: {known} has no effect in this file; set it in the environment",
                entry.file.display(),
                entry.line
            );
            warnings.push(Warning::warn(what));
            continue;
        }
        let Some(known) = declared(&entry.name) else {
            warnings.extend(misspelt(&entry.name, at));
            continue;
        };
        match given.get(known) {
            // The environment wins.
            Some(Given { from: None, .. }) => continue,
            Some(earlier) if earlier.value != entry.value => {
                let line = earlier.from.map_or(0, |(_, line)| line);
                let what = format!("is set to another value than in line {line}");
                faults.push(Fault::variable(known, what).at(&entry.file, entry.line));
            }
            _ => {}
        }
        given.insert(known, Given { value: entry.value.clone(), written: entry.name.clone(), from: at });
    }
    given
}

/// The declared name that a written one stands for, in any case.
fn declared(written: &str) -> Option<&'static str> {
    names().find(|name| name.eq_ignore_ascii_case(written))
}

/// True for a variable of this program or of its telemetry (whose headers may hold a token), in any case: one that no
/// program of the operator's needs to see.
pub(crate) fn is_setting(name: &OsStr) -> bool {
    name.to_str().is_some_and(|name| declared(name).is_some() || name.to_ascii_uppercase().starts_with("OTEL_"))
}

fn names() -> impl Iterator<Item = &'static str> {
    DECLARED.iter().map(|row| row.name).chain(REFUSED.iter().map(|row| row.name))
}

/// A warning for a name that looks like one of ours but is none.
///
/// In the environment only names with our prefixes are looked at: `LOGLEVEL` may well be another program's. A file
/// of settings is ours alone, so there a name with our prefix is worth a line even when nothing is near it.
fn misspelt(written: &str, at: Option<(&Path, usize)>) -> Option<Warning> {
    let upper = written.to_ascii_uppercase();
    let ours = ["SSH_", "ALLOW_", "MCP_"].iter().any(|prefix| upper.starts_with(prefix));
    if FOREIGN.contains(&upper.as_str()) || !(ours || at.is_some()) {
        return None;
    }
    // Some names begin with SSH_ and some do not, which is easy to get wrong.
    let other = upper.strip_prefix("SSH_").map_or_else(|| format!("SSH_{upper}"), str::to_owned);
    let near = nearest(&upper, names()).or_else(|| nearest(&other, names()));
    if near.is_none() && !(ours && at.is_some()) {
        return None;
    }
    let place = at.map_or_else(String::new, |(file, line)| format!("{}:{line}: ", file.display()));
    Some(Warning::warn(match near {
        Some(near) => format!("{place}{written} is not a setting and has no effect; did you mean {near}?"),
        None => format!("{place}{written} is not a setting and has no effect"),
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

/// The value of a variable by its name in any case, unless it is empty.
///
/// For the variables that must be known before everything else; the rest is read from the table.
pub(super) fn value_of<'a>(env: &'a Env, name: &str) -> Option<&'a OsStr> {
    env.vars().find(|(k, v)| !v.is_empty() && k.to_str().is_some_and(|k| k.eq_ignore_ascii_case(name))).map(|(_, v)| v)
}
