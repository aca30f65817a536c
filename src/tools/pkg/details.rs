//! What a manager knows of one package, as the managers print it. Pure.

use schemars::JsonSchema;
use serde::Serialize;

use super::manager::Manager;

/// One package.
#[derive(Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub(super) struct Details {
    installed_version: Option<String>,
    candidate_version: Option<String>,
    repos: Vec<String>,
    description: Option<String>,
    pre_depends: Vec<String>,
    depends: Vec<String>,
    recommends: Vec<String>,
    suggests: Vec<String>,
    conflicts: Vec<String>,
    breaks: Vec<String>,
    replaces: Vec<String>,
}

impl Details {
    /// True where the manager knows nothing of the package.
    pub(super) fn is_empty(&self) -> bool {
        self.installed_version.is_none() && self.candidate_version.is_none() && self.description.is_none()
    }
}

/// Reads the two parts of an answer.
pub(super) fn details(manager: Manager, first: &str, second: &str) -> Details {
    match manager {
        Manager::Apt => apt(first, second),
        Manager::Dnf | Manager::Yum => dnf(first, second),
        Manager::Zypper => zypper(first),
        Manager::Apk => apk(first, second),
        Manager::Pacman => pacman(first, second),
    }
}

/// The first stanza of `apt-cache show` (deb-control(5)), and `apt-cache policy`.
fn apt(show: &str, policy: &str) -> Details {
    let stanza = show.trim_start_matches('\n').split("\n\n").next().unwrap_or_default();
    let list = |name: &str| match deb_field(stanza, |field| field == name) {
        Some(text) => split(&text, ','),
        None => Vec::new(),
    };
    let version = |label: &str| {
        let line = policy.lines().find_map(|line| line.trim_start().strip_prefix(label))?;
        Some(line.trim().to_owned()).filter(|version| version != "(none)")
    };
    Details {
        installed_version: version("Installed:"),
        candidate_version: version("Candidate:"),
        repos: repos(policy),
        // `Description-en` where descriptions are translated; `Description-md5` is none.
        description: deb_field(stanza, |f| {
            f == "Description" || (f.starts_with("Description-") && f != "Description-md5")
        })
        .map(|text| paragraphs(&text)),
        pre_depends: list("Pre-Depends"),
        depends: list("Depends"),
        recommends: list("Recommends"),
        suggests: list("Suggests"),
        conflicts: list("Conflicts"),
        breaks: list("Breaks"),
        replaces: list("Replaces"),
    }
}

/// A field's text with its continuation lines.
fn deb_field(stanza: &str, is: impl Fn(&str) -> bool) -> Option<String> {
    let mut lines = stanza.lines();
    let first = lines.by_ref().find_map(|line| {
        let (name, value) = line.split_once(':').filter(|_| !line.starts_with(' '))?;
        is(name).then(|| value.trim().to_owned())
    })?;
    let more = lines.take_while(|line| line.starts_with([' ', '\t']));
    Some(more.fold(first, |text, line| format!("{text}\n{}", line.get(1..).unwrap_or_default())))
}

/// A lone dot stands for a blank line.
fn paragraphs(text: &str) -> String {
    text.lines().map(|line| if line == "." { "" } else { line }).collect::<Vec<_>>().join("\n")
}

fn split(text: &str, at: char) -> Vec<String> {
    text.split(at).map(|part| part.split_whitespace().collect::<Vec<_>>().join(" ")).filter(|p| !p.is_empty()).collect()
}

/// Sources in the version table: a priority and an address; the host's own status file is none.
fn repos(policy: &str) -> Vec<String> {
    let mut repos: Vec<String> = Vec::new();
    for line in policy.lines().skip_while(|line| !line.contains("Version table:")) {
        let Some((priority, source)) = line.trim().split_once(' ') else { continue };
        let source = source.trim();
        let is_source = priority.parse::<i32>().is_ok() && source.contains(' ');
        if is_source && !source.starts_with("/var/lib/dpkg/status") && !repos.iter().any(|known| known == source) {
            repos.push(source.to_owned());
        }
    }
    repos
}

/// `Key : value` lines with continuations `: more`, as dnf, yum, zypper and pacman write them.
fn keyed(text: &str) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    for line in text.lines() {
        match line.split_once(" : ").or_else(|| line.split_once(": ")) {
            Some((key, value)) if !key.trim().is_empty() && !key.starts_with("  ") => {
                found.push((key.trim().to_owned(), value.trim().to_owned()));
            }
            _ => {
                let more = line.trim().trim_start_matches(':').trim();
                if let Some((_, value)) = found.last_mut().filter(|_| !more.is_empty() && line.starts_with(' ')) {
                    value.push('\n');
                    value.push_str(more);
                }
            }
        }
    }
    found
}

fn get(pairs: &[(String, String)], key: &str) -> Option<String> {
    pairs.iter().find(|(k, v)| k == key && !v.is_empty()).map(|(_, v)| v.trim().to_owned())
}

/// `info`: a part with installed packages, a part with available ones; `requires`: one a line.
fn dnf(info: &str, requires: &str) -> Details {
    let heading = |line: &str, word: &str| line.to_ascii_lowercase().starts_with(word);
    let part = |word: &str| {
        let lines = info.lines().skip_while(|line| !heading(line, word)).skip(1);
        let lines = lines.take_while(|line| !["installed ", "available "].iter().any(|w| heading(line, w)));
        keyed(&lines.collect::<Vec<_>>().join("\n"))
    };
    let (installed, available) = (part("installed "), part("available "));
    let version = |pairs: &[(String, String)]| {
        let (version, release) = (get(pairs, "Version")?, get(pairs, "Release")?);
        let epoch = get(pairs, "Epoch").filter(|epoch| epoch != "0").map(|e| format!("{e}:")).unwrap_or_default();
        Some(format!("{epoch}{version}-{release}"))
    };
    let repo = |pairs: &[(String, String)]| {
        get(pairs, "From repo").or_else(|| get(pairs, "Repository")).or_else(|| get(pairs, "Repo"))
    };
    let mut repos: Vec<String> = [repo(&available), repo(&installed)].into_iter().flatten().collect();
    repos.dedup();
    Details {
        candidate_version: version(&available).or_else(|| version(&installed)),
        installed_version: version(&installed),
        repos,
        description: get(&available, "Description").or_else(|| get(&installed, "Description")),
        depends: lines(requires),
        ..Details::default()
    }
}

fn lines(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if !found.iter().any(|known| known == line) {
            found.push(line.to_owned());
        }
    }
    found
}

fn zypper(info: &str) -> Details {
    let pairs = keyed(info);
    let version = get(&pairs, "Version");
    let installed = get(&pairs, "Installed").is_some_and(|word| word.starts_with("Yes"));
    // `out-of-date (version 9.0-1 installed)`
    let older = get(&pairs, "Status").and_then(|s| Some(s.split_once("(version ")?.1.split(' ').next()?.to_owned()));
    Details {
        installed_version: if installed { older.or_else(|| version.clone()) } else { None },
        candidate_version: version,
        repos: get(&pairs, "Repository").into_iter().collect(),
        description: get(&pairs, "Description"),
        depends: get(&pairs, "Requires")
            .map(|text| lines(&text).into_iter().filter(|l| !l.starts_with('[')).collect())
            .unwrap_or_default(),
        ..Details::default()
    }
}

/// `apk policy`: versions, newest first, with the places that have them; `apk info`: sections under headings.
fn apk(policy: &str, info: &str) -> Details {
    let mut found = Details::default();
    let mut version = String::new();
    for line in policy.lines().skip(1).filter(|line| !line.trim().is_empty()) {
        let text = line.trim();
        if !line.starts_with("    ") {
            text.trim_end_matches(':').clone_into(&mut version);
        } else if text == "lib/apk/db/installed" {
            found.installed_version = Some(version.clone());
        } else {
            found.candidate_version.get_or_insert_with(|| version.clone());
            if !found.repos.iter().any(|known| known == text) {
                found.repos.push(text.to_owned());
            }
        }
    }
    let section = |heading: &str| {
        let lines = info.lines().skip_while(|line| !line.ends_with(heading)).skip(1);
        lines.take_while(|line| !line.trim().is_empty()).collect::<Vec<_>>().join("\n")
    };
    found.description = Some(section(" description:")).filter(|text| !text.is_empty());
    found.depends = lines(&section(" depends on:"));
    found
}

fn pacman(info: &str, installed: &str) -> Details {
    let pairs = keyed(info);
    let list = |key: &str| match get(&pairs, key) {
        Some(text) if text != "None" => text.split_whitespace().map(str::to_owned).collect(),
        _ => Vec::new(),
    };
    Details {
        installed_version: installed.split_whitespace().nth(1).map(str::to_owned),
        candidate_version: get(&pairs, "Version"),
        repos: get(&pairs, "Repository").into_iter().collect(),
        description: get(&pairs, "Description"),
        depends: list("Depends On"),
        suggests: match get(&pairs, "Optional Deps") {
            Some(text) if text != "None" => lines(&text),
            _ => Vec::new(),
        },
        conflicts: list("Conflicts With"),
        replaces: list("Replaces"),
        ..Details::default()
    }
}

#[cfg(test)]
mod tests;
