//! Values for arguments of prompts, from what is known here: the configuration in force, and names that calls of this
//! process have used. No host is asked, so completing a word opens no connection and is in no audit.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use serde_json::{Map, Value};

use super::snapshot::Snapshot;

/// Most names that are remembered, over all hosts.
const NAMES_MAX: usize = 512;

/// Longest name that is remembered, in bytes.
const NAME_MAX: usize = 512;

/// Arguments of tools whose values are names of things on a host.
const REMEMBERED: [&str; 6] = ["unit", "container", "image", "compose_file", "path", "package"];

/// What calls have named, latest first.
#[derive(Debug, Default)]
pub struct Names(Mutex<VecDeque<Name>>);

/// A thing on a host, as a call named it.
#[derive(Debug, PartialEq, Eq)]
pub struct Name {
    host: String,
    argument: &'static str,
    value: String,
}

/// What a call names.
pub fn named(args: &Map<String, Value>) -> Vec<Name> {
    let Some(host) = args.get("host").and_then(Value::as_str) else { return Vec::new() };
    let name = |argument: &'static str| {
        let value = args.get(argument)?.as_str()?;
        let fits = value.len() <= NAME_MAX && !value.chars().any(char::is_control);
        fits.then(|| Name { host: host.to_owned(), argument, value: value.to_owned() })
    };
    REMEMBERED.into_iter().filter_map(name).collect()
}

impl Names {
    /// Remembers what a call named that the host knew.
    pub fn remember(&self, named: Vec<Name>) {
        let mut names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for name in named {
            names.retain(|known| *known != name);
            names.push_front(name);
            names.truncate(NAMES_MAX);
        }
    }

    fn of(&self, argument: &str, concerns: impl Fn(&str) -> bool) -> Vec<String> {
        let names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted = names.iter().filter(|name| name.argument == argument && concerns(&name.host));
        wanted.map(|name| name.value.clone()).collect()
    }
}

/// Values for `argument`, best first; with `host` those of this host only.
pub fn values(snapshot: &Snapshot, names: &Names, argument: &str, prefix: &str, host: Option<&str>) -> Vec<String> {
    let concerns = |alias: &str, hostname: &str| host.is_none_or(|host| host == alias || host == hostname);
    let configs = || snapshot.hosts().iter().map(|h| &h.config).filter(|c| concerns(&c.alias, &c.hostname));
    let mut all: Vec<String> = match argument {
        "host" | "alias" => snapshot.hosts().iter().map(|h| h.config.alias.clone()).collect(),
        // Of a list the last word is completed.
        "hosts" => {
            let done = prefix.rsplit_once(',').map_or("", |(done, _)| done);
            let before = if done.is_empty() { String::new() } else { format!("{done},") };
            let free =
                snapshot.hosts().iter().map(|h| &h.config.alias).filter(|a| done.split(',').all(|d| d.trim() != *a));
            free.map(|alias| format!("{before}{alias}")).collect()
        }
        "mount" => configs().flat_map(|c| c.alerts.disk_mounts.clone()).collect(),
        _ => names.of(argument, |used| host.is_none_or(|host| host == used)),
    };
    match argument {
        "unit" => all.extend(configs().flat_map(|c| c.command_allowlist.iter().filter_map(|entry| listed_unit(entry)))),
        "path" => {
            all.extend(configs().flat_map(|c| c.path_allowlist.iter().filter(|p| *p != "*" && *p != "/").cloned()));
        }
        _ => {}
    }
    let mut seen = std::collections::HashSet::new();
    all.retain(|value| value.starts_with(prefix) && seen.insert(value.clone()));
    all
}

/// The unit of an allowlist entry such as `systemctl restart nginx`.
fn listed_unit(entry: &str) -> Option<String> {
    let words: Vec<&str> = entry.split_whitespace().collect();
    match words.as_slice() {
        ["systemctl", verb, unit] if !unit.starts_with(['*', '-']) && *verb != "*" => Some((*unit).to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn used(names: &Names, args: Value) {
        names.remember(named(args.as_object().unwrap()));
    }

    #[test]
    fn the_latest_name_comes_first_and_once() {
        let names = Names::default();
        used(&names, json!({"host": "a", "unit": "nginx"}));
        used(&names, json!({"host": "b", "unit": "sshd"}));
        used(&names, json!({"host": "a", "unit": "cron", "container": 7}));
        used(&names, json!({"host": "a", "unit": "nginx", "command": "secret"}));
        used(&names, json!({"unit": "nowhere"}));
        used(&names, json!({"host": "a", "unit": "two\nlines"}));
        assert_eq!(names.of("unit", |host| host == "a"), ["nginx", "cron"]);
        assert_eq!(names.of("unit", |_| true), ["nginx", "cron", "sshd"]);
        assert_eq!(names.of("command", |_| true), [""; 0]);
    }

    #[test]
    fn memory_is_bounded() {
        let names = Names::default();
        for n in 0..NAMES_MAX + 50 {
            used(&names, json!({"host": "a", "path": format!("/{n}")}));
        }
        let kept = names.of("path", |_| true);
        assert_eq!((kept.len(), kept.first().unwrap().as_str()), (NAMES_MAX, "/561"));
    }

    #[test]
    fn units_of_the_command_list_are_known() {
        assert_eq!(listed_unit("systemctl restart nginx.service").as_deref(), Some("nginx.service"));
        for entry in ["systemctl *", "systemctl restart *", "systemctl daemon-reload", "service nginx restart"] {
            assert_eq!(listed_unit(entry), None, "{entry}");
        }
    }
}
