//! What a change would do, as the managers say it when they only simulate. Pure.

use schemars::JsonSchema;
use serde::Serialize;

use super::manager::Manager;

/// What would happen to a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Step {
    /// It would come.
    Install,
    /// It would be replaced by another version.
    Upgrade,
    /// It would go.
    Remove,
    /// It would go with its configuration.
    Purge,
    /// Its version would be kept.
    Hold,
    /// Its version would be free again.
    Unhold,
}

/// One package that would change.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(super) struct Change {
    step: Step,
    name: String,
    from: Option<String>,
    to: Option<String>,
}

fn change(step: Step, name: &str, from: Option<&str>, to: Option<&str>) -> Change {
    Change { step, name: name.to_owned(), from: from.map(str::to_owned), to: to.map(str::to_owned) }
}

/// Reads what a simulated verb printed.
pub(super) fn changes(manager: Manager, verb: &str, text: &str) -> Vec<Change> {
    match manager {
        Manager::Apt => text.lines().filter_map(apt).collect(),
        Manager::Dnf | Manager::Yum => dnf(text),
        Manager::Zypper => zypper(text),
        Manager::Apk => text.lines().filter_map(apk).collect(),
        Manager::Pacman => text.lines().filter_map(|line| pacman(verb, line)).collect(),
    }
}

/// `Inst name [old] (new source [arch])`, `Remv name [old]`, `Purg name [old]`, and the sentences of apt-mark.
fn apt(line: &str) -> Option<Change> {
    if let Some(name) = line.strip_suffix(" set on hold.").filter(|name| !name.ends_with(" already")) {
        return Some(change(Step::Hold, name, None, None));
    }
    if let Some(name) = line.strip_prefix("Canceled hold on ") {
        return Some(change(Step::Unhold, name.trim_end_matches('.'), None, None));
    }
    let (verb, rest) = line.split_once(' ')?;
    let (name, rest) = rest.split_once(' ').unwrap_or((rest, ""));
    let old = rest.strip_prefix('[').and_then(|rest| rest.split(']').next());
    let new = rest.split_once('(').and_then(|(_, rest)| rest.split([' ', ')']).next());
    match (verb, old) {
        ("Inst", None) => Some(change(Step::Install, name, None, new)),
        ("Inst", Some(old)) => Some(change(Step::Upgrade, name, Some(old), new)),
        ("Remv", old) => Some(change(Step::Remove, name, old, None)),
        ("Purg", old) => Some(change(Step::Purge, name, old, None)),
        _ => None,
    }
}

/// The table of a transaction: `name arch version repository size` under headings, up to the summary. Rows are broken
/// where a name is long.
fn dnf(text: &str) -> Vec<Change> {
    let mut found = Vec::new();
    let (mut step, mut words): (Option<Step>, Vec<&str>) = (None, Vec::new());
    for line in text.lines() {
        if line.starts_with("Transaction Summary") {
            break;
        }
        if let Some(heading) = line.strip_suffix(':').filter(|_| !line.starts_with(' ')) {
            let is = |word: &str| heading.to_ascii_lowercase().starts_with(word);
            step = match () {
                () if is("install") => Some(Step::Install),
                () if is("upgrading") || is("updating") || is("downgrading") => Some(Step::Upgrade),
                () if is("remov") => Some(Step::Remove),
                () => None,
            };
            words.clear();
            continue;
        }
        // `replacing name.arch version`
        if !line.starts_with(' ') || line.trim_start().starts_with("replacing ") {
            continue;
        }
        words.extend(line.split_whitespace());
        if let (Some(step), [name, _, version, _, ..]) = (step, words.as_slice()) {
            let version = Some(*version);
            found.push(match step {
                Step::Remove => change(step, name, version, None),
                step => change(step, name, None, version),
            });
        }
        // One word is the name of a row that goes on below.
        if words.len() != 1 {
            words.clear();
        }
    }
    found
}

/// Names under sentences such as `The following 2 NEW packages are going to be installed:`.
fn zypper(text: &str) -> Vec<Change> {
    let mut found = Vec::new();
    let mut step = None;
    for line in text.lines() {
        if line.starts_with("The following") {
            step = match () {
                () if line.contains("going to be installed") => Some(Step::Install),
                () if line.contains("going to be upgraded") || line.contains("going to be downgraded") => {
                    Some(Step::Upgrade)
                }
                () if line.contains("going to be REMOVED") || line.contains("going to be removed") => {
                    Some(Step::Remove)
                }
                () => None,
            };
        } else if line.starts_with("  ") {
            found.extend(
                step.into_iter().flat_map(|s| line.split_whitespace().map(move |name| change(s, name, None, None))),
            );
        } else {
            step = None;
        }
    }
    found
}

/// `(1/3) Installing name (version)`, `Upgrading name (old -> new)`, `Purging name (version)`.
fn apk(line: &str) -> Option<Change> {
    let (_, rest) = line.strip_prefix('(')?.split_once(") ")?;
    let (verb, rest) = rest.split_once(' ')?;
    let (name, versions) = rest.split_once(" (")?;
    let versions = versions.split(')').next()?;
    match (verb, versions.split_once(" -> ")) {
        ("Installing", _) => Some(change(Step::Install, name, None, Some(versions))),
        ("Upgrading" | "Downgrading", Some((old, new))) => Some(change(Step::Upgrade, name, Some(old), Some(new))),
        ("Purging", _) => Some(change(Step::Remove, name, Some(versions), None)),
        _ => None,
    }
}

/// `name version`, as the format that was asked for says.
fn pacman(verb: &str, line: &str) -> Option<Change> {
    let (name, version) =
        line.split_once(' ').filter(|(name, version)| !name.starts_with(':') && !version.contains(' '))?;
    Some(match verb {
        "remove" => change(Step::Remove, name, Some(version), None),
        "purge" => change(Step::Purge, name, Some(version), None),
        "upgrade" => change(Step::Upgrade, name, None, Some(version)),
        _ => change(Step::Install, name, None, Some(version)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn apt_simulates_every_verb() {
        let captured = "Reading package lists...\nThe following packages will be upgraded:\n  sample\n\
                        1 upgraded, 1 newly installed, 0 to remove and 0 not upgraded.\n\
                        Inst sample [1.0] (2.0 localhost [all])\nInst sample-serve (1.0 localhost [all])\n\
                        Conf sample (2.0 localhost [all])\nRemv old [3-1] [dep:amd64 ]\nPurg sample [1.0]\n\
                        sample set on hold.\nsample was already set on hold.\nCanceled hold on g++.\n";
        assert_eq!(
            changes(Manager::Apt, "install", captured),
            [
                change(Step::Upgrade, "sample", Some("1.0"), Some("2.0")),
                change(Step::Install, "sample-serve", None, Some("1.0")),
                change(Step::Remove, "old", Some("3-1"), None),
                change(Step::Purge, "sample", Some("1.0"), None),
                change(Step::Hold, "sample", None, None),
                change(Step::Unhold, "g++", None, None),
            ]
        );
    }

    #[test]
    fn the_table_of_dnf() {
        let text = "Dependencies resolved.\n====\n Package      Arch    Version        Repository  Size\n====\nInstalling:\n \
                    nginx        x86_64  2:1.20.1-16.el9  appstream   36 k\nInstalling dependencies:\n \
                    a-very-long-name-of-a-package-of-nginx\n              noarch  2:1.20.1-16.el9  appstream   7 k\n\
                    Removing:\n old          x86_64  1-1  @base  1 k\n\nTransaction Summary\n====\nInstall  2 Packages\n";
        assert_eq!(
            changes(Manager::Dnf, "install", text),
            [
                change(Step::Install, "nginx", None, Some("2:1.20.1-16.el9")),
                change(Step::Install, "a-very-long-name-of-a-package-of-nginx", None, Some("2:1.20.1-16.el9")),
                change(Step::Remove, "old", Some("1-1"), None),
            ]
        );
    }

    /// dnf 4.14, zypper 1.14.42 and pacman 6.0.2, simulating on packages `sample` and `sample-data`.
    #[test]
    fn captured_plans() {
        let coming = |to: Option<&str>, data: Option<&str>| {
            [change(Step::Install, "sample", None, to), change(Step::Install, "sample-data", None, data)]
        };
        let names_only = coming(None, None);
        let versions = coming(Some("2.0-1"), Some("1.0-1"));
        let dnf = changes(Manager::Dnf, "install", include_str!("cases/dnf-install.txt"));
        assert_eq!(dnf, versions);
        assert_eq!(changes(Manager::Zypper, "install", include_str!("cases/zypper-install.txt")), names_only);
        let mut pacman = changes(Manager::Pacman, "install", include_str!("cases/pacman-install.txt"));
        pacman.sort_by(|a, b| a.name.cmp(&b.name));
        assert_eq!(pacman, versions);
        let newer = |to| [change(Step::Upgrade, "sample", None, to)];
        assert_eq!(changes(Manager::Dnf, "upgrade", include_str!("cases/dnf-upgrade.txt")), newer(Some("2.0-1")));
        assert_eq!(changes(Manager::Zypper, "upgrade", include_str!("cases/zypper-upgrade.txt")), newer(None));
        assert_eq!(changes(Manager::Pacman, "upgrade", include_str!("cases/pacman-upgrade.txt")), newer(Some("2.0-1")));
        let gone = |from| change(Step::Remove, "sample", from, None);
        let dnf = changes(Manager::Dnf, "remove", include_str!("cases/dnf-remove.txt"));
        assert_eq!(dnf, [gone(Some("1.0-1")), change(Step::Remove, "sample-data", Some("1.0-1"), None)]);
        assert_eq!(changes(Manager::Zypper, "remove", include_str!("cases/zypper-remove.txt")), [gone(None)]);
        assert_eq!(changes(Manager::Pacman, "remove", include_str!("cases/pacman-remove.txt")), [gone(Some("1.0-1"))]);
    }

    #[test]
    fn the_others() {
        let apk = "(1/2) Installing pcre (8.45-r3)\n(2/2) Upgrading nginx (1.24.0-r6 -> 1.24.0-r7)\nOK: 10 MiB in 20 packages\n(1/1) Purging x (1-r0)\n";
        assert_eq!(
            changes(Manager::Apk, "install", apk),
            [
                change(Step::Install, "pcre", None, Some("8.45-r3")),
                change(Step::Upgrade, "nginx", Some("1.24.0-r6"), Some("1.24.0-r7")),
                change(Step::Remove, "x", Some("1-r0"), None),
            ]
        );
        let zypper =
            "The following 2 NEW packages are going to be installed:\n  vim vim-data\n\n2 new packages to install.\n";
        assert_eq!(
            changes(Manager::Zypper, "install", zypper),
            [change(Step::Install, "vim", None, None), change(Step::Install, "vim-data", None, None)]
        );
        assert_eq!(
            changes(Manager::Pacman, "remove", "nginx 1.24.0-3\n:: note\n"),
            [change(Step::Remove, "nginx", Some("1.24.0-3"), None)]
        );
    }
}
