//! Where a program is that a command did not find: asked of the host once a command has ended with status 127.

use std::time::Duration;

use crate::model::quote::sh_quote;
use crate::toolkit::{Host, Job, Script};

const MISSING: Script = Script::new(include_str!("missing.sh"));

/// Longest time for the look.
const LOOK: Duration = Duration::from_secs(5);

/// Longest name that is looked for, in bytes.
const NAME_MAX: usize = 64;

/// What shells say of a program that they do not find, in front of its name and behind it.
const SAID: &[(&str, &str)] = &[
    ("", ": command not found"),
    ("", ": inaccessible or not found"),
    ("", ": not found"),
    ("command not found: ", ""),
    ("Unknown command: ", ""),
    ("env: ", ": No such file or directory"),
];

/// A sentence that says where the program is and how to call it, or that it is in no usual place. `None` where no name is
/// known, or the host could not be asked.
pub(super) async fn place(host: &Host, command: &str, stderr: &str) -> Option<String> {
    // A command may also end with 127 by its own will.
    let complains = ["not found", "No such file", "nknown command"].iter().any(|words| stderr.contains(words));
    let name = named(stderr).or_else(|| first_word(command).filter(|_| complains))?;
    let job = Job::script(&MISSING, [name.as_str()]).timeout(Some(LOOK)).caps(8 * 1024, 1024);
    let found = host.run(job).await.ok()?.within_time("The look for a program").ok()?;
    let text = found.stdout_text();
    let places: Vec<&str> = text.lines().filter(|place| host.guard_closed(place).is_ok()).collect();
    Some(said(&name, &places, host.entry().surroundings.is_restricted()))
}

fn said(name: &str, places: &[&str], restricted: bool) -> String {
    let Some((first, rest)) = places.split_first() else {
        return format!(
            "`{name}` is in none of the folders where programs usually are on this host: it is probably not installed."
        );
    };
    let also = if rest.is_empty() { String::new() } else { format!(" (also {})", rest.join(", ")) };
    let how = if restricted {
        format!("The operator can list `{first}` with its arguments in command_allowlist.")
    } else {
        let folder = first.rsplit_once('/').map_or("", |(folder, _)| folder);
        format!("Call it as {}, or put `export PATH={folder}:$PATH; ` in front of the command.", sh_quote(first))
    };
    format!("`{name}` is not in the search path; it is {first}{also}. {how}")
}

/// The name in the last complaint about a program.
fn named(stderr: &str) -> Option<String> {
    stderr.lines().rev().take(20).find_map(|line| {
        SAID.iter().find_map(|(before, behind)| {
            let line = line.trim_end().strip_suffix(behind)?;
            let rest = if before.is_empty() { line } else { line.split_once(before)?.1 };
            let name = rest.rsplit([':', ' ']).next()?.trim_matches(['\'', '"', '`', '\u{2018}', '\u{2019}']);
            usable(name)
        })
    })
}

fn first_word(command: &str) -> Option<String> {
    usable(command.split_ascii_whitespace().next()?)
}

/// A bare name of a program; a path was not searched for.
fn usable(name: &str) -> Option<String> {
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || "._+-".contains(c));
    (plain && !name.is_empty() && name.len() <= NAME_MAX && !name.starts_with(['-', '.'])).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_read_from_what_shells_say() {
        for said in [
            "bash: line 1: sysctl: command not found\n",
            "bash: sysctl: command not found",
            "sh: 1: sysctl: not found\n",
            "sh: sysctl: not found",
            "zsh:1: command not found: sysctl",
            "sh: sysctl: inaccessible or not found",
            "fish: Unknown command: sysctl\n",
            "env: \u{2018}sysctl\u{2019}: No such file or directory",
            "env: 'sysctl': No such file or directory",
            "warning\nash: sysctl: not found\n",
        ] {
            assert_eq!(named(said).as_deref(), Some("sysctl"), "{said}");
        }
        for said in ["", "cat: x: No such file or directory", "sh: 1: /opt/x: not found", "sh: 1: $(id): not found"] {
            assert_eq!(named(said), None, "{said}");
        }
        assert_eq!(first_word("sysctl -a").as_deref(), Some("sysctl"));
        assert_eq!(first_word("./sysctl"), None);
    }

    #[test]
    fn it_says_how_to_call_it() {
        let free = said("node", &["/home/a/.nvm/versions/node/v20/bin/node", "/opt/n/bin/node"], false);
        assert!(
            free.contains("PATH=/home/a/.nvm/versions/node/v20/bin:$PATH") && free.contains("also /opt/n/bin/node")
        );
        assert!(said("node", &["/opt/n/bin/node"], true).contains("command_allowlist"));
        assert!(said("node", &[], false).contains("not installed"));
    }
}
