//! Names of things on hosts that calls of this process have used, for completion.

use std::collections::VecDeque;
use std::sync::Mutex;

use serde_json::{Map, Value};

use crate::model::lock::LockAlways as _;

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
pub(crate) fn named(args: &Map<String, Value>) -> Vec<Name> {
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
        let mut names = self.0.lock_always();
        for name in named {
            names.retain(|known| *known != name);
            names.push_front(name);
            names.truncate(NAMES_MAX);
        }
    }

    /// The names of one kind on hosts that are of concern, latest first.
    pub(in crate::toolkit) fn of(&self, argument: &str, concerns: impl Fn(&str) -> bool) -> Vec<String> {
        let names = self.0.lock_always();
        let wanted = names.iter().filter(|name| name.argument == argument && concerns(&name.host));
        wanted.map(|name| name.value.clone()).collect()
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
}
