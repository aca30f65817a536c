//! The audit around real processes: a disk that is full, and the program from the command line.

use serde_json::Value;
use ssh_mcp::internals::audit::verify::verify;
use ssh_mcp::internals::audit::{Audit, HashKey, Opening};
use ssh_mcp::internals::model::error::ErrorName;
use ssh_mcp::internals::model::tier::Tier;
use std::process::Command;

/// Names the audit file of a child process that may not let it grow.
const FILE: &str = "SSH_MCP_TEST_AUDIT";

/// What the child does. In the run of all tests this is nothing.
#[test]
fn child() {
    let Ok(file) = std::env::var(FILE) else {
        return;
    };
    let audit = Audit::open(HashKey::derive(b"k"), Some(file.as_ref())).unwrap();
    let call = || audit.journal(Opening { tool: "t".into(), tier: Some(Tier::Read), hosts: Vec::new() }).close(Ok(()));
    let written = (0..1000).take_while(|_| call().file_failed().is_none()).count();
    assert!((1..100).contains(&written), "{written} lines before the limit");
    assert_eq!(audit.admit(Tier::LowAccess).unwrap_err().name, ErrorName::AuditUnavailable);
    audit.admit(Tier::Read).unwrap();
    let report = verify(&[file.into()]).unwrap();
    assert!(report.is_whole(), "{:?}", report.faults);
    assert_eq!(report.lines, written as u64);
}

#[test]
fn a_full_disk_leaves_whole_lines_and_refuses_changes() {
    let dir = tempfile::tempdir().unwrap();
    // A limit on the size of files stands for the disk: the write that crosses it is cut in the middle of a line.
    let output = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 8; exec \"$0\" audit::child --exact --test-threads=1"])
        .arg(std::env::current_exe().unwrap())
        .env(FILE, dir.path().join("audit.jsonl"))
        .output()
        .unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

#[test]
fn a_gates_refusal_is_audited_and_hooks_do_not_see_our_settings() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path();
    let hooks = "[[hook]]\nname = 'never'\nevent = 'gate'\ntool = 'ssh_host_*'\n\
                 command = ['sh', '-c', '''env > environment; echo '{\"allow\": false, \"reason\": \"try later\"}' ''']\n";
    std::fs::write(home.join("hooks.toml"), hooks).unwrap();
    let file = home.join("audit.jsonl");
    let call = |level: &str, tool: &str| {
        Command::new(env!("CARGO_BIN_EXE_ssh-mcp"))
            .args(["call", tool])
            .env_clear()
            .env("PATH", std::env::var("PATH").unwrap())
            .env("HOME", home)
            .env("XDG_RUNTIME_DIR", home)
            .env("SSH_HOOKS_FILE", home.join("hooks.toml"))
            .env("SSH_AUDIT_FILE", &file)
            .env("LOG_LEVEL", level)
            .env("MINE", "stays")
            .current_dir(home)
            .output()
            .unwrap()
    };
    let output = call("CRITICAL", "ssh_host_list");
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(answer["error"].as_str().unwrap().contains("`never` refused this call: try later"), "{answer}");

    let text = std::fs::read_to_string(&file).unwrap();
    let line: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert_eq!((&line["error"], &line["gate"]), (&"GateRefused".into(), &"never".into()));
    assert_eq!(line["correlation_id"], answer["_meta"]["correlation_id"]);
    // The level silences the log and not the audit.
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains(&format!("INFO ssh_mcp.audit: {}", text.lines().last().unwrap())), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");

    // The key of the digests is made once and kept.
    let key = std::fs::read(home.join(".local/share/ssh-mcp/marker.key")).unwrap();
    call("INFO", "ssh_server_info");
    assert_eq!(std::fs::read(home.join(".local/share/ssh-mcp/marker.key")).unwrap(), key);

    let environment = std::fs::read_to_string(home.join("environment")).unwrap();
    assert!(environment.lines().any(|l| l == "MINE=stays"), "{environment}");
    assert!(!environment.contains("SSH_AUDIT_FILE") && !environment.contains("LOG_LEVEL"), "{environment}");
    assert!(verify(&[file]).unwrap().is_whole());
}
