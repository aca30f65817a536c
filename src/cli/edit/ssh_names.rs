//! The names that ssh_config gives to hosts: `Host` and `Match host` lines without wildcards, in every included file.
//! What a name means is asked of `ssh -G`; only the names are read here, since ssh lists them nowhere.

use std::path::{Path, PathBuf};

use globset::GlobBuilder;

/// Files that include each other are followed this deep (`READCONF_MAX_DEPTH` of OpenSSH).
const MAX_DEPTH: usize = 16;

/// The names in the order of the files, each once.
pub(crate) fn names(config: &Path, home: Option<&Path>) -> Vec<String> {
    let mut found = Vec::new();
    read(config, home, 0, &mut found);
    found
}

fn read(file: &Path, home: Option<&Path>, depth: usize, found: &mut Vec<String>) {
    // What ssh cannot read either names no host.
    let Ok(text) = std::fs::read_to_string(file) else { return };
    for line in text.lines() {
        let mut words = words(line).into_iter();
        let Some(keyword) = words.next() else { continue };
        match keyword.to_ascii_lowercase().as_str() {
            "host" => words.for_each(|name| take(name, found)),
            "match" => {
                let words: Vec<String> = words.collect();
                for pair in words.windows(2) {
                    let [criterion, names] = pair else { continue };
                    if matches!(criterion.to_ascii_lowercase().as_str(), "host" | "originalhost") {
                        names.split(',').for_each(|name| take(name.to_owned(), found));
                    }
                }
            }
            "include" if depth < MAX_DEPTH => {
                for pattern in words {
                    for file in included(&pattern, file, home) {
                        read(&file, home, depth + 1, found);
                    }
                }
            }
            _ => {}
        }
    }
}

fn take(name: String, found: &mut Vec<String>) {
    if !name.is_empty() && !name.contains(['*', '?', '!', '%']) && !found.contains(&name) {
        found.push(name);
    }
}

/// The words of a line: `Keyword value`, `Keyword=value`, double quotes, `#` comments.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let (mut quoted, mut started) = (false, false);
    for c in line.trim().chars() {
        let separates = c.is_whitespace() || (c == '=' && words.len() == 1);
        match c {
            '"' => (quoted, started) = (!quoted, true),
            '#' if !quoted && words.last().is_some_and(String::is_empty) && !started => break,
            _ if separates && !quoted => {
                if words.last().is_some_and(|word| !word.is_empty()) {
                    words.push(String::new());
                }
                started = false;
            }
            _ => words.last_mut().into_iter().for_each(|word| word.push(c)),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// The files of one `Include`, as ssh finds them: `~`, and below `~/.ssh` (`/etc/ssh` for the system's file) where the
/// path is relative; sorted.
fn included(pattern: &str, by: &Path, home: Option<&Path>) -> Vec<PathBuf> {
    let base = match home {
        Some(home) if !by.starts_with("/etc/ssh") => home.join(".ssh"),
        _ => PathBuf::from("/etc/ssh"),
    };
    let path = match (pattern.strip_prefix("~/"), home) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => base.join(pattern),
    };
    let (Some(folder), Some(leaf)) = (path.parent(), path.file_name().and_then(|leaf| leaf.to_str())) else {
        return Vec::new();
    };
    let glob = GlobBuilder::new(leaf).literal_separator(true).build();
    let (Ok(glob), Ok(entries)) = (glob, std::fs::read_dir(folder)) else { return Vec::new() };
    let matcher = glob.compile_matcher();
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|file| file.file_name().is_some_and(|name| matcher.is_match(name)))
        // A shell's pattern does not take hidden files unless it names the dot.
        .filter(|file| leaf.starts_with('.') || !file.file_name().is_some_and(|n| n.to_string_lossy().starts_with('.')))
        .collect();
    files.sort();
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_from_every_file_once_and_in_order() {
        let home = tempfile::tempdir().unwrap();
        let ssh = home.path().join(".ssh");
        std::fs::create_dir_all(ssh.join("conf.d")).unwrap();
        std::fs::write(
            ssh.join("config"),
            "Include conf.d/*.conf ~/.ssh/more\nHost web \"db one\" *.lan !x # c\n  User=me\nHost=git\nMatch host a,b* user x\n\
             host web\nInclude config\n",
        )
        .unwrap();
        std::fs::write(ssh.join("conf.d/2.conf"), "Host two\n").unwrap();
        std::fs::write(ssh.join("conf.d/1.conf"), "HOST one\r\n").unwrap();
        std::fs::write(ssh.join("conf.d/.hidden.conf"), "Host hidden\n").unwrap();
        std::fs::write(ssh.join("more"), "#Host no\n\tHost three\n").unwrap();
        let names = names(&ssh.join("config"), Some(home.path()));
        assert_eq!(names, ["one", "two", "three", "web", "db one", "git", "a"]);
    }

    #[test]
    fn a_file_that_is_not_there_names_no_host() {
        assert!(names(Path::new("/nonexistent/config"), None).is_empty());
    }
}
