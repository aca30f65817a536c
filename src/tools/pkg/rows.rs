//! Rows of package lists, as the managers print them. Pure.

use schemars::JsonSchema;
use serde::Serialize;

use super::manager::Manager;

/// One package of a list.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct Package {
    /// Its name.
    pub name: String,
    /// Its version; of an upgrade, the new one.
    pub version: String,
    /// Its architecture, empty where the manager does not say.
    pub architecture: String,
    /// What the manager says of it, or nothing.
    pub state: String,
    /// It is on hold, so that upgrades pass it over.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub held: bool,
}

fn package(name: &str, version: &str, architecture: &str, state: &str) -> Package {
    let [name, version, architecture, state] = [name, version, architecture, state].map(str::to_owned);
    Package { name, version, architecture, state, held: false }
}

/// Reads a list.
pub(crate) fn packages(manager: Manager, text: &str) -> Vec<Package> {
    match manager {
        Manager::Apt => text.lines().filter_map(apt).collect(),
        Manager::Dnf | Manager::Yum => triples(text),
        Manager::Zypper if text.contains('|') => zypper(text),
        Manager::Zypper => triples(text),
        Manager::Apk => text.lines().filter_map(apk).collect(),
        Manager::Pacman => text.lines().filter_map(pacman).collect(),
    }
}

/// `name/suite[,suite] version arch [state]`.
fn apt(line: &str) -> Option<Package> {
    let (name, rest) = line.split_once('/')?;
    let mut words = rest.split_whitespace().skip(1);
    let (version, arch) = (words.next()?, words.next()?);
    let state = line.split_once('[').and_then(|(_, state)| state.strip_suffix(']')).unwrap_or_default();
    (!name.contains(' ')).then(|| package(name, version, arch, state))
}

/// `name.arch version repository`, under headings. yum breaks a row in the middle when a name is long, so words are
/// counted and not lines.
fn triples(text: &str) -> Vec<Package> {
    let mut found = Vec::new();
    let mut words: Vec<&str> = Vec::new();
    for line in text.lines() {
        // What is replaced by other names is not an update.
        if line.starts_with("Obsoleting") {
            break;
        }
        if is_heading(line) {
            words.clear();
            continue;
        }
        words.extend(line.split_whitespace());
        if let [name, version, from] = words.as_slice() {
            if let Some((name, arch)) = name.rsplit_once('.') {
                let state = match from.strip_prefix('@') {
                    Some(_) => "installed",
                    None => from,
                };
                found.push(package(name, version, arch, state));
            }
            words.clear();
        } else if words.len() > 3 {
            words.clear();
        }
    }
    found
}

/// Lines of dnf and yum that are not rows.
fn is_heading(line: &str) -> bool {
    let line = line.trim();
    line.is_empty()
        || line.ends_with(':')
        || ["Installed Packages", "Available Packages", "Upgraded Packages", "Available Upgrades", "Updated Packages"]
            .iter()
            .any(|heading| line.eq_ignore_ascii_case(heading))
        || line.starts_with("Last metadata expiration check")
        || line.starts_with("Loaded plugins")
}

/// `name-version-rN arch {origin} (licence) [state]`.
fn apk(line: &str) -> Option<Package> {
    let mut words = line.split_whitespace();
    let (full, arch) = (words.next()?, words.next()?);
    let (name, version) = apk_name(full)?;
    let state = line.rsplit_once('[').and_then(|(_, state)| state.strip_suffix(']')).unwrap_or_default();
    line.contains('{').then(|| package(name, version, arch, state))
}

/// Splits `name-version-rN`.
pub(crate) fn apk_name(full: &str) -> Option<(&str, &str)> {
    let (before, _) = full.rsplit_once('-')?;
    let (name, _) = before.rsplit_once('-')?;
    Some((name, full.get(name.len() + 1..)?))
}

/// `name version`, `name old -> new`, or `repository name version [installed]`.
fn pacman(line: &str) -> Option<Package> {
    let words: Vec<&str> = line.split_whitespace().collect();
    match words.as_slice() {
        [name, version] => Some(package(name, version, "", "installed")),
        [name, old, "->", new, ..] => Some(package(name, new, "", &format!("upgradable from: {old}"))),
        [_, name, version] => Some(package(name, version, "", "")),
        [_, name, version, rest @ ..] => {
            let state = rest.join(" ");
            Some(package(name, version, "", state.trim_matches(|c| c == '[' || c == ']')))
        }
        _ => None,
    }
}

/// zypper's tables: columns by their headings.
pub(crate) fn table(text: &str) -> impl Iterator<Item = Vec<(&str, &str)>> {
    let mut lines = text.lines().filter(|line| line.contains('|'));
    let heading: Vec<&str> = lines.next().unwrap_or_default().split('|').map(str::trim).collect();
    lines.map(move |line| heading.iter().copied().zip(line.split('|').map(str::trim)).collect())
}

/// The cell under the first of these headings that there is.
pub(crate) fn cell<'a>(row: &[(&str, &'a str)], headings: &[&str]) -> &'a str {
    headings.iter().find_map(|h| row.iter().find(|(name, _)| name == h)).map_or("", |(_, value)| *value)
}

fn zypper(text: &str) -> Vec<Package> {
    table(text)
        .filter(|row| matches!(cell(row, &["Type"]), "" | "package"))
        .map(|row| {
            let state = match cell(&row, &["S"]) {
                "i" | "i+" => "installed",
                "v" => "upgradable",
                _ => "",
            };
            let version = cell(&row, &["Available Version", "Version"]);
            package(cell(&row, &["Name"]), version, cell(&row, &["Arch"]), state)
        })
        .filter(|package| !package.name.is_empty())
        .collect()
}

/// A glob of `*` and `?` over a whole name.
pub(crate) fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    // Position behind the last star, and the name's position that it has eaten up to.
    let (mut p, mut n, mut star) = (0, 0, None);
    while let Some(c) = name.get(n) {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p + 1, n));
                p += 1;
            }
            Some(q) if *q == '?' || q == c => {
                p += 1;
                n += 1;
            }
            _ => {
                let Some((behind, eaten)) = star else { return false };
                star = Some((behind, eaten + 1));
                (p, n) = (behind, eaten + 1);
            }
        }
    }
    pattern.iter().skip(p).all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn apt_rows() {
        let captured = "Listing...\nsample-data/unknown,now 1.0 all [installed,automatic]\n\nsample/unknown 2.0 all [upgradable from: 1.0]\nsudo/now 1.9.13p3-1+deb12u4 amd64 [installed,local]\nsample/unknown 1.0 all\n";
        assert_eq!(
            packages(Manager::Apt, captured),
            [
                package("sample-data", "1.0", "all", "installed,automatic"),
                package("sample", "2.0", "all", "upgradable from: 1.0"),
                package("sudo", "1.9.13p3-1+deb12u4", "amd64", "installed,local"),
                package("sample", "1.0", "all", ""),
            ]
        );
    }

    #[test]
    fn dnf_and_yum_rows_broken_ones_too() {
        let text = "Loaded plugins: fastestmirror\nInstalled Packages\nbash.x86_64    4.2.46-34.el7    @base\n\
                    NetworkManager-config-server-with-a-long-name.noarch\n                1:1.18.8-2.el7_9    updates\n\
                    Available Packages\nzsh.x86_64   5.0.2-34.el7   base\nObsoleting Packages\na.noarch 1 base\n";
        assert_eq!(
            packages(Manager::Yum, text),
            [
                package("bash", "4.2.46-34.el7", "x86_64", "installed"),
                package("NetworkManager-config-server-with-a-long-name", "1:1.18.8-2.el7_9", "noarch", "updates"),
                package("zsh", "5.0.2-34.el7", "x86_64", "base"),
            ]
        );
        let rpm = "gpg-pubkey.(none) fd431d51-4ae0493b installed\nglibc.x86_64 2.34-60.el9 installed\n";
        assert_eq!(packages(Manager::Dnf, rpm)[1], package("glibc", "2.34-60.el9", "x86_64", "installed"));
    }

    #[test]
    fn rows_of_the_others() {
        let apk = "WARNING: opening cache: No such file\nlibcrypto3-3.1.4-r5 x86_64 {openssl} (Apache-2.0) [installed]\n\
                   busybox-binsh-1.36.1-r15 x86_64 {busybox} (GPL-2.0-only) [upgradable from: busybox-binsh-1.36.1-r2]\n";
        assert_eq!(
            packages(Manager::Apk, apk),
            [
                package("libcrypto3", "3.1.4-r5", "x86_64", "installed"),
                package("busybox-binsh", "1.36.1-r15", "x86_64", "upgradable from: busybox-binsh-1.36.1-r2"),
            ]
        );
        let pacman = "linux 6.5.3.arch1-1 -> 6.5.4.arch1-1\nzlib 1:1.3-1\ncore acl 2.3.1-3 [installed]\ncore b 1\n";
        assert_eq!(
            packages(Manager::Pacman, pacman),
            [
                package("linux", "6.5.4.arch1-1", "", "upgradable from: 6.5.3.arch1-1"),
                package("zlib", "1:1.3-1", "", "installed"),
                package("acl", "2.3.1-3", "", "installed"),
                package("b", "1", "", ""),
            ]
        );
        let zypper = "S  | Repository | Name | Current Version | Available Version | Arch\n---+------------+------+----\n\
                      v  | Update     | vim  | 9.0-1           | 9.0-2             | x86_64\n";
        assert_eq!(packages(Manager::Zypper, zypper), [package("vim", "9.0-2", "x86_64", "upgradable")]);
    }

    /// dnf 4.14 and rpm 4.18, zypper 1.14.42, pacman 6.0.2: `sample` 1.0 is installed, 2.0 is there.
    #[test]
    fn captured_lists() {
        let (old, data) = (package("sample", "1.0-1", "noarch", "installed"), || {
            package("sample-data", "1.0-1", "noarch", "installed")
        });
        let from_repository = package("sample", "2.0-1", "noarch", "local");
        assert_eq!(packages(Manager::Dnf, include_str!("cases/dnf-check-update.txt")), [from_repository]);
        let listed = packages(Manager::Dnf, include_str!("cases/dnf-list.txt"));
        assert_eq!(listed, [old, data(), package("sample", "2.0-1", "noarch", "local")]);
        let mut installed = packages(Manager::Zypper, include_str!("cases/rpm-qa.txt"));
        installed.sort_by(|a, b| a.name.cmp(&b.name));
        assert_eq!(installed, [package("sample", "1.0-1", "noarch", "installed"), data()]);
        let waiting = packages(Manager::Zypper, include_str!("cases/zypper-list-updates.txt"));
        assert_eq!(waiting, [package("sample", "2.0-1", "noarch", "upgradable")]);
        // The system itself is listed as a product, which is not a package.
        let all = packages(Manager::Zypper, include_str!("cases/zypper-search-s.txt"));
        let states: Vec<_> = all.iter().map(|p| (p.name.as_str(), p.version.as_str(), p.state.as_str())).collect();
        let expected = [
            ("sample", "2.0-1", "upgradable"),
            ("sample", "1.0-1", "installed"),
            ("sample-data", "1.0-1", "installed"),
        ];
        assert_eq!(states, expected);
        let bare = |name: &str, version: &str, state: &str| package(name, version, "", state);
        let installed = packages(Manager::Pacman, include_str!("cases/pacman-q.txt"));
        assert_eq!(installed, [bare("sample", "1.0-1", "installed"), bare("sample-data", "1.0-1", "installed")]);
        let waiting = packages(Manager::Pacman, include_str!("cases/pacman-qu.txt"));
        assert_eq!(waiting, [bare("sample", "2.0-1", "upgradable from: 1.0-1")]);
        let all = packages(Manager::Pacman, include_str!("cases/pacman-sl.txt"));
        assert_eq!(all, [bare("sample", "2.0-1", "installed: 1.0-1"), bare("sample-data", "1.0-1", "installed")]);
    }

    #[test]
    fn globs_match_whole_names() {
        assert!(matches("ngin*", "nginx") && matches("*", "") && matches("a?c*e", "abcdde") && matches("*x", "axbx"));
        assert!(!matches("ngin", "nginx") && !matches("?", "") && !matches("*x", "xa"));
    }
}
