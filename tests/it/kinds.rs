//! docs/hosts.md: the kinds of hosts that the tests meet, and what works there. Each test tells what it has seen; what the
//! file says otherwise is a fault of the file, and with `SSH_MCP_WRITE_HOSTS=1` the tests write it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::path::PathBuf;

use nix::fcntl::{Flock, FlockArg};
use serde_json::{Value, json};

use crate::server::Server;

/// The columns.
pub const GROUPS: [&str; 6] = ["exec", "shell", "sftp-read", "file-ops", "host", "sudo"];

/// What stands in a cell that no test has filled.
const UNTRIED: &str = "not tried";

const HEAD: &str = "# Hosts that are tested\n\n\
    Written by the tests: each row is a kind of host that a test runs on, each cell is what came of it. `works` means that\n\
    the tools of the group did there what they do on Debian; a refusal names its cause before anything is done.\n\
    `SSH_MCP_WRITE_HOSTS=1 cargo test --locked --test it` writes this file anew.\n\n";

fn file() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/hosts.md"))
}

type Table = BTreeMap<String, BTreeMap<String, String>>;

/// The rows of the file: kind, then group, then cell.
pub fn table(text: &str) -> Table {
    let mut rows = Table::new();
    for line in text.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| Host |")) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let groups = GROUPS.iter().zip(cells.iter().skip(1));
        rows.insert(cells[0].to_owned(), groups.map(|(g, c)| ((*g).to_owned(), (*c).to_owned())).collect());
    }
    rows
}

fn shown(rows: &Table) -> String {
    let mut text = format!("{HEAD}| Host | {} |\n|---{}|\n", GROUPS.join(" | "), "|---".repeat(GROUPS.len()));
    for (kind, cells) in rows {
        let cells: Vec<&str> = GROUPS.iter().map(|group| cells.get(*group).map_or(UNTRIED, String::as_str)).collect();
        writeln!(text, "| {kind} | {} |", cells.join(" | ")).unwrap();
    }
    text
}

/// A test on this kind of host has seen this of a group of tools.
pub fn tell(kind: &str, seen: &[(&str, &str)]) {
    assert!(seen.iter().all(|(group, cell)| GROUPS.contains(group) && !cell.contains(['|', '\n'])), "{seen:?}");
    if std::env::var_os("SSH_MCP_WRITE_HOSTS").is_some() {
        let lock = File::create(std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("hosts.lock")).unwrap();
        let _lock = Flock::lock(lock, FlockArg::LockExclusive).unwrap();
        let mut rows = table(&std::fs::read_to_string(file()).unwrap_or_default());
        let row = rows.entry(kind.to_owned()).or_default();
        for (group, cell) in seen {
            row.insert((*group).to_owned(), (*cell).to_owned());
        }
        std::fs::write(file(), shown(&rows)).unwrap();
        return;
    }
    let rows = table(&std::fs::read_to_string(file()).unwrap_or_default());
    for (group, cell) in seen {
        let written = rows.get(kind).and_then(|row| row.get(*group)).map(String::as_str);
        assert_eq!(
            written,
            Some(*cell),
            "docs/hosts.md, {kind}, {group}: it says otherwise than this run; SSH_MCP_WRITE_HOSTS=1 cargo test --locked --test it \
             writes it anew"
        );
    }
}

#[test]
fn the_table_is_as_the_tests_write_it() {
    let text = std::fs::read_to_string(file()).unwrap();
    let rows = table(&text);
    assert_eq!(shown(&rows), text);
    assert!(rows.len() >= 14, "{} kinds of hosts", rows.len());
    for (kind, cells) in &rows {
        assert!(cells.values().any(|cell| cell != UNTRIED), "{kind} has nothing that a test saw");
    }
}

/// Commands on the host `box`: output, status, signal, empty input, a script, and a time limit.
pub fn exec(server: &mut Server) -> String {
    let done = server.exec("echo out; sh -c 'echo err >&2'; exit 3");
    let three = (done["stdout"].as_str(), done["stderr"].as_str(), done["exit_code"].as_i64());
    assert_eq!(three, (Some("out\n"), Some("err\n"), Some(3)), "{done}");
    let done = server.exec("sh -c 'kill -KILL $$'");
    assert!(done["exit_code"] == 137 || done["killed_by_signal"] == "KILL", "{done}");
    assert_eq!(server.exec("cat; echo after")["stdout"], "after\n");
    let done = server.ok("ssh_exec_script", json!({"host": "box", "script": "cat\necho \"end $#\"\nexit 4\n"}));
    assert_eq!((done["stdout"].as_str(), done["exit_code"].as_i64()), (Some("end 0\n"), Some(4)), "{done}");
    let late = server.ok("ssh_exec_run", json!({"host": "box", "command": "sleep 61 & sleep 62; true", "timeout": 1}));
    assert_eq!(late["timed_out"], true, "{late}");
    match late["stop"].as_str() {
        Some("stopped") => "works".to_owned(),
        Some("unknown") => "works; what a stop leaves is unknown".to_owned(),
        other => panic!("{other:?}: {late}"),
    }
}

/// A session with a folder and a variable.
pub fn shell(server: &mut Server) -> String {
    let id = server.ok("ssh_shell_open", json!({"host": "box"}))["session_id"].clone();
    let mut run =
        |command: &str| server.ok("ssh_shell_exec", json!({"session_id": id, "command": command, "timeout": 20}));
    run("cd / && export KEPT='a  b'");
    let done = run("printf '%s|%s' \"$PWD\" \"$KEPT\"; exit 5");
    assert_eq!((done["stdout"].as_str(), done["exit_code"].as_i64()), (Some("/|a  b"), Some(5)), "{done}");
    "works".to_owned()
}

/// The facts of a host; each tool answers with something in it, or refuses.
pub fn host(server: &mut Server) -> String {
    type Filled = fn(&Value) -> bool;
    let filled: [(&str, Filled); 6] = [
        ("ssh_host_info", |data| data["uname"].is_string() && data["uptime"].is_string() && data["cpu_count"].is_u64()),
        ("ssh_host_disk_usage", |data| data["entries"].as_array().is_some_and(|rows| !rows.is_empty())),
        ("ssh_host_processes", |data| data["entries"].as_array().is_some_and(|rows| !rows.is_empty())),
        ("ssh_host_network", |data| data["interfaces"].as_array().is_some_and(|rows| !rows.is_empty())),
        ("ssh_host_alerts", |data| data["metrics"].as_object().is_some_and(|rows| !rows.is_empty())),
        ("ssh_user_info", |data| data["username"].is_string() && data["home"].is_string()),
    ];
    let mut refused = Vec::new();
    for (tool, filled) in filled {
        let answer = server.call(tool, json!({"host": "box"}));
        if answer.error {
            assert!(answer.text.starts_with("PlatformNotSupported"), "{tool}: {}", answer.text);
            refused.push(tool);
        } else {
            assert!(filled(&answer.data), "{tool}: {}", answer.text);
        }
    }
    if refused.is_empty() { "works".to_owned() } else { format!("works; refused: {}", refused.join(", ")) }
}
