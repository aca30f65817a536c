//! Results of searches, as the managers print them. Pure.

use schemars::JsonSchema;
use serde::Serialize;

use super::manager::Manager;
use super::rows::{apk_name, cell, table};

/// One result.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(super) struct Found {
    name: String,
    short_description: String,
}

fn one(name: &str, description: &str) -> Found {
    Found { name: name.trim().to_owned(), short_description: description.trim().to_owned() }
}

/// Reads the results of a search.
pub(super) fn found(manager: Manager, text: &str) -> Vec<Found> {
    match manager {
        Manager::Apt => text.lines().filter_map(|l| l.split_once(" - ")).map(|(n, d)| one(n, d)).collect(),
        Manager::Dnf | Manager::Yum => text.lines().filter_map(dnf).collect(),
        Manager::Zypper => table(text)
            .map(|row| one(cell(&row, &["Name"]), cell(&row, &["Summary"])))
            .filter(|found| !found.name.is_empty())
            .collect(),
        Manager::Apk => text
            .lines()
            .filter_map(|l| l.split_once(" - "))
            .filter_map(|(full, d)| Some(one(apk_name(full.trim())?.0, d)))
            .collect(),
        Manager::Pacman => pacman(text),
    }
}

/// `name.arch : summary` under headings of `=`; dnf 5 writes a tab.
fn dnf(line: &str) -> Option<Found> {
    let (name, summary) = line.split_once(" : ").or_else(|| line.trim_start().split_once('\t'))?;
    let name = name.trim();
    if name.starts_with('=') || name.contains(' ') || name.is_empty() {
        return None;
    }
    Some(one(name.rsplit_once('.').map_or(name, |(bare, _)| bare), summary))
}

/// `repository/name version [installed]`, and the description on an indented line.
fn pacman(text: &str) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    for line in text.lines() {
        if line.starts_with(' ') {
            if let Some(last) = found.last_mut() {
                line.trim().clone_into(&mut last.short_description);
            }
        } else if let Some(name) = line.split_whitespace().next().and_then(|word| word.split_once('/')) {
            found.push(one(name.1, ""));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// dnf 4.14, zypper 1.14.42 and pacman 6.0.2.
    #[test]
    fn captured_searches() {
        let expected = [one("sample", "sample command"), one("sample-data", "data of the sample command")];
        assert_eq!(found(Manager::Dnf, include_str!("cases/dnf-search.txt")), expected);
        assert_eq!(found(Manager::Zypper, include_str!("cases/zypper-search.txt")), expected);
        assert_eq!(found(Manager::Pacman, include_str!("cases/pacman-ss.txt")), expected);
    }

    #[test]
    fn results_of_every_manager() {
        let apt = "sample-data - data of the sample command\nsample - sample - command\n";
        assert_eq!(
            found(Manager::Apt, apt),
            [one("sample-data", "data of the sample command"), one("sample", "sample - command")]
        );
        let dnf = "======== Name Exactly Matched: nginx ========\nnginx.x86_64 : A high performance web server\n";
        assert_eq!(found(Manager::Dnf, dnf), [one("nginx", "A high performance web server")]);
        let dnf5 = "Matched fields: name (exact)\n nginx.x86_64\tA high performance web server\n";
        assert_eq!(found(Manager::Dnf, dnf5), [one("nginx", "A high performance web server")]);
        let apk = "nginx-mod-http-perl-1.24.0-r7 - Nginx HTTP perl module\n";
        assert_eq!(found(Manager::Apk, apk), [one("nginx-mod-http-perl", "Nginx HTTP perl module")]);
        let pacman = "extra/nginx 1.24.0-3 [installed]\n    Lightweight HTTP server\nextra/b 1\n    B\n";
        assert_eq!(found(Manager::Pacman, pacman), [one("nginx", "Lightweight HTTP server"), one("b", "B")]);
        let zypper =
            "S | Name  | Summary    | Type\n--+-------+------------+--------\n  | nginx | Web server | package\n";
        assert_eq!(found(Manager::Zypper, zypper), [one("nginx", "Web server")]);
    }
}
