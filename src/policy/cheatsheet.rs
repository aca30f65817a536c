//! Notices commands that a native tool covers exactly, and says which call that is.
//!
//! Advice, not a boundary: it leads agents to tools that know paths, redaction and limits. It reads only what the strict
//! grammar reads, one program and its words, and only forms that a tool answers with nothing missing; whether the tool
//! may do it on this host is for the caller to ask. What may run is decided by [`super::command`].

#[cfg(test)]
mod tests;

use serde_json::{Map, Value, json};

use super::path::Access;
use crate::model::error::{ErrorName, ToolError};

/// A native tool for a command.
#[derive(Debug, Clone, PartialEq)]
pub struct Advice {
    /// The stable id of the pattern, for the audit line.
    pub pattern_id: &'static str,
    /// The tool to call.
    pub tool: &'static str,
    /// Its arguments, all but `host`.
    pub arguments: Map<String, Value>,
    /// The path that it acts on, and how, where it takes one.
    pub path: Option<(String, Access)>,
}

/// As whom the command would run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunsAs {
    /// The login user (ssh_exec_run).
    LoginUser,
    /// Root (ssh_sudo_exec).
    Root,
}

impl Advice {
    fn new(pattern_id: &'static str, tool: &'static str, arguments: &[(&str, Value)]) -> Self {
        let arguments = arguments.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        Advice { pattern_id, tool, arguments, path: None }
    }

    fn on(mut self, path: &str, access: Access) -> Self {
        self.arguments.insert("path".to_owned(), json!(path));
        self.path = Some((path.to_owned(), access));
        self
    }

    fn call_on(&self, host: &str) -> String {
        let mut arguments = Map::from_iter([("host".to_owned(), json!(host))]);
        arguments.extend(self.arguments.clone());
        format!("{} with {}", self.tool, Value::Object(arguments))
    }

    /// The refusal where the operator wants such commands refused.
    pub fn refusal(&self, called: &str, host: &str) -> ToolError {
        ToolError::new(
            ErrorName::CommandIsCheatsheetMatch,
            format!(
                "{called} does not run this command: it matches the pattern {}, which a tool covers.",
                self.pattern_id
            ),
            format!(
                "Call {}. The operator allows such commands without SSH_EXEC_ALLOW_CHEATSHEET_PATTERNS=false.",
                self.call_on(host)
            ),
        )
    }

    /// The hint for `output_warnings`.
    pub fn hint(&self, host: &str) -> String {
        format!("A tool does the same and knows paths and limits: {}.", self.call_on(host))
    }
}

/// The words behind `sudo`, where nothing but `-n` stands between.
pub(crate) fn strip_sudo(words: &[String]) -> Option<&[String]> {
    let rest = words.split_first().filter(|(program, _)| *program == "sudo")?.1;
    let rest = rest.strip_prefix(&["-n".to_owned()]).unwrap_or(rest);
    rest.first().filter(|program| !program.starts_with('-') && !program.contains('=')).map(|_| rest)
}

/// The tool that does exactly what these words do.
pub fn advise(words: &[String], runs_as: RunsAs) -> Option<Advice> {
    if let Some(inner) = strip_sudo(words) {
        return advise(inner, RunsAs::Root);
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (program, args) = words.split_first()?;
    match runs_as {
        RunsAs::Root => as_root(program, args),
        RunsAs::LoginUser => files(program, args)
            .or_else(|| systemctl(program, args))
            .or_else(|| journalctl(program, args))
            .or_else(|| docker(program, args)),
    }
}

fn is_path(word: &str) -> bool {
    word.starts_with('/')
}

fn as_root(program: &str, args: &[&str]) -> Option<Advice> {
    match (program, args) {
        ("cat", [path]) if is_path(path) => {
            Some(Advice::new("sudo-read-single", "ssh_sudo_read", &[]).on(path, Access::Read))
        }
        ("ls", [path]) if is_path(path) => {
            Some(Advice::new("sudo-list-single", "ssh_sudo_sftp_list", &[]).on(path, Access::Read))
        }
        _ => None,
    }
}

fn files(program: &str, args: &[&str]) -> Option<Advice> {
    let text = json!(true);
    let number = |word: &str| number(word, 100_000).map(|n| json!(n));
    let read = |pairs: &[(&str, Value)], path: &str| {
        let advice = Advice::new("read-single", "ssh_sftp_download", pairs);
        is_path(path).then(|| advice.on(path, Access::Read))
    };
    let digest = |algorithm: &str, path: &str| {
        let advice = Advice::new("digest-single", "ssh_file_hash", &[("algorithm", json!(algorithm))]);
        is_path(path).then(|| advice.on(path, Access::Read))
    };
    match (program, args) {
        ("cat", [path]) => read(&[("as_text", text)], path),
        ("tail", ["-n", lines, path]) => read(&[("tail_lines", number(lines)?), ("as_text", text)], path),
        ("tail", [lines, path]) => {
            let lines = lines.strip_prefix("-n").or_else(|| lines.strip_prefix('-'))?;
            read(&[("tail_lines", number(lines)?), ("as_text", text)], path)
        }
        ("ls", [path]) if is_path(path) => {
            Some(Advice::new("list-single", "ssh_sftp_list", &[]).on(path, Access::Read))
        }
        ("stat", [path]) if is_path(path) => {
            Some(Advice::new("stat-single", "ssh_sftp_stat", &[]).on(path, Access::Read))
        }
        ("md5sum", [path]) => digest("md5", path),
        ("sha1sum", [path]) => digest("sha1", path),
        ("sha256sum", [path]) => digest("sha256", path),
        ("sha512sum", [path]) => digest("sha512", path),
        ("mkdir", [path]) if is_path(path) => {
            Some(Advice::new("single-fileop", "ssh_mkdir", &[]).on(path, Access::Write))
        }
        ("rm", [path]) if is_path(path) => {
            Some(Advice::new("single-fileop", "ssh_delete", &[]).on(path, Access::Write))
        }
        _ => None,
    }
}

/// Verbs whose tool acts, as the login user, as the verb alone does.
const VERBS: &[(&str, &str)] = &[
    ("is-active", "ssh_systemctl_is_active"),
    ("is-enabled", "ssh_systemctl_is_enabled"),
    ("is-failed", "ssh_systemctl_is_failed"),
    ("status", "ssh_systemctl_status"),
    ("cat", "ssh_systemctl_cat"),
    ("start", "ssh_systemctl_start"),
    ("stop", "ssh_systemctl_stop"),
    ("restart", "ssh_systemctl_restart"),
    ("reload", "ssh_systemctl_reload"),
    ("reset-failed", "ssh_systemctl_reset_failed"),
];

fn systemctl(program: &str, args: &[&str]) -> Option<Advice> {
    let ("systemctl", [verb, unit]) = (program, args) else { return None };
    let (_, tool) = VERBS.iter().find(|(name, _)| name == verb)?;
    is_name(unit).then(|| Advice::new("systemctl", tool, &[("unit", json!(unit))]))
}

/// `journalctl -u UNIT -n LINES`, in this order or the other, with `--no-pager` anywhere.
fn journalctl(program: &str, args: &[&str]) -> Option<Advice> {
    if program != "journalctl" {
        return None;
    }
    let args: Vec<&str> = args.iter().copied().filter(|arg| *arg != "--no-pager").collect();
    let (["-u", unit, "-n", lines] | ["-n", lines, "-u", unit]) = args.as_slice() else { return None };
    let lines = number(lines, 1000)?;
    let pairs = [("unit", json!(unit)), ("lines", json!(lines))];
    is_name(unit).then(|| Advice::new("journalctl", "ssh_journalctl", &pairs))
}

fn docker(program: &str, args: &[&str]) -> Option<Advice> {
    if program != "docker" {
        return None;
    }
    let found = |tool, pairs: &[(&str, Value)]| Some(Advice::new("docker", tool, pairs));
    match args {
        ["ps"] => found("ssh_docker_ps", &[]),
        ["ps", "-a"] => found("ssh_docker_ps", &[("all_", json!(true))]),
        ["images"] => found("ssh_docker_images", &[]),
        ["stats", "--no-stream"] => found("ssh_docker_stats", &[]),
        ["system", "df"] => found("ssh_docker_system_df", &[]),
        ["start", container] if is_name(container) => found("ssh_docker_start", &[("container", json!(container))]),
        ["stop", container] if is_name(container) => found("ssh_docker_stop", &[("container", json!(container))]),
        ["restart", container] if is_name(container) => found("ssh_docker_restart", &[("container", json!(container))]),
        _ => None,
    }
}

/// A count of digits alone: `+5` means something else to `tail`.
fn number(word: &str, most: u64) -> Option<u64> {
    let digits = word.bytes().all(|b| b.is_ascii_digit());
    word.parse().ok().filter(|n| digits && (1..=most).contains(n))
}

/// A name of a unit or container: no option, no path, no pattern.
fn is_name(word: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-@:".contains(c);
    word.starts_with(|c: char| c.is_ascii_alphanumeric()) && word.chars().all(plain)
}

/// Programs that read, copy or change the content of the files among their words. Of the second, the first operand is a
/// text to look for or a program of their own.
const READERS: &[&str] = &[
    "base32",
    "base64",
    "bzcat",
    "bzip2",
    "cat",
    "cmp",
    "column",
    "comm",
    "cp",
    "csplit",
    "cut",
    "dd",
    "diff",
    "ed",
    "emacs",
    "expand",
    "file",
    "fmt",
    "fold",
    "gzip",
    "hd",
    "head",
    "hexdump",
    "install",
    "iconv",
    "join",
    "less",
    "ln",
    "md5sum",
    "more",
    "mv",
    "nano",
    "nl",
    "od",
    "openssl",
    "paste",
    "pr",
    "rev",
    "rsync",
    "scp",
    "sha1sum",
    "sha256sum",
    "sha512sum",
    "shuf",
    "sort",
    "split",
    "strings",
    "tac",
    "tail",
    "tar",
    "tee",
    "truncate",
    "uniq",
    "vi",
    "view",
    "vim",
    "wc",
    "xxd",
    "xz",
    "xzcat",
    "zcat",
    "zip",
];
const FILTERS: &[&str] = &["awk", "egrep", "fgrep", "gawk", "grep", "jq", "mawk", "sed", "yq", "zgrep"];

/// Programs that do nothing with the content of the files among their words.
const NAMERS: &[&str] = &[
    "basename", "chgrp", "chmod", "chown", "dirname", "echo", "find", "ls", "mkdir", "printf", "readlink", "realpath",
    "rm", "rmdir", "stat", "test", "touch",
];

/// The first word by which the command would read or write a redact-listed file in clear. A relative word counts for
/// programs of which it is known that they take files.
pub fn redact_listed<'w>(words: &'w [String], redact_lists: &dyn Fn(&str) -> bool) -> Option<&'w str> {
    if let Some(inner) = strip_sudo(words) {
        return redact_listed(inner, redact_lists);
    }
    let (program, args) = words.split_first()?;
    let program = program.rsplit('/').next().unwrap_or(program);
    if NAMERS.contains(&program) {
        return None;
    }
    let (reads, filters) = (READERS.contains(&program), FILTERS.contains(&program));
    let has_own = args.iter().any(|arg| arg.starts_with("-e") || arg.starts_with("-f"));
    let mut skip = usize::from(filters && !has_own);
    for arg in args {
        let is_option = arg.starts_with('-') && arg.len() > 1;
        if !is_option && skip > 0 {
            skip -= 1;
            continue;
        }
        // `if=/x`, `--file=/x` and `@/x` name files too.
        let named = arg.split_once('=').map_or(arg.as_str(), |(_, value)| value).trim_start_matches('@');
        if (is_path(named) || ((reads || filters) && !is_option)) && redact_lists(named) {
            return Some(arg.as_str());
        }
    }
    None
}
