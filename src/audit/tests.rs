//! The journal and the file, through real files.

use super::chain::{GENESIS, head_path};
use super::digest::link_of;
use super::*;
use crate::model::error::{ErrorName, ToolError};
use crate::model::tier::Tier;
use serde_json::Value;
use std::path::{Path, PathBuf};

fn audit(path: &Path) -> Audit {
    Audit::open(HashKey::derive(b"test"), Some(path)).unwrap()
}

fn opening(tool: &str, tier: Tier, host: Option<&str>) -> Opening {
    Opening { tool: tool.into(), tier: Some(tier), hosts: host.into_iter().map(Into::into).collect() }
}

fn call(audit: &Audit, tool: &str) {
    audit.journal(opening(tool, Tier::Read, Some("web1"))).close(Ok(()));
}

fn place() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("audit.jsonl");
    (dir, path)
}

fn lines(path: &Path) -> Vec<Value> {
    std::fs::read_to_string(path).unwrap().lines().map(|l| serde_json::from_str(l).unwrap()).collect()
}

/// Every line links to the one before it, starting from `prev`.
fn assert_chain(path: &Path, mut prev: String, mut seq: u64) -> (String, u64) {
    for line in std::fs::read_to_string(path).unwrap().lines() {
        let value: Value = serde_json::from_str(line).unwrap();
        assert_eq!(value["prev"], prev, "{line}");
        assert_eq!(value["seq"], seq + 1, "{line}");
        prev = link_of(line.as_bytes());
        seq += 1;
    }
    (prev, seq)
}

#[test]
fn a_line_says_what_the_contract_says() {
    let (_dir, path) = place();
    let audit = audit(&path);
    let journal = audit.journal(opening("ssh_sudo_exec", Tier::Sudo, Some("web1")));
    let id = journal.correlation_id().to_owned();
    assert!(id.len() == 16 && id.bytes().all(|b| b.is_ascii_hexdigit()));
    journal.path("/srv/link");
    journal.path("/srv/b");
    journal.path_resolved("/srv/link", "/srv/a");
    journal.words(["mysql", "-p", "hunter2"]);
    journal.unit("nginx.service");
    journal.exit_code(3);
    journal.sudo();
    journal.redact_bypass();
    journal.cheatsheet("cat-file");
    let receipt = journal.close(Ok(()));
    assert_eq!(receipt.correlation_id(), id);
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(!text.contains("/srv") && !text.contains("hunter2") && !text.contains("nginx"));
    let line: Value = serde_json::from_str(text.trim_end()).unwrap();
    let key = HashKey::derive(b"test");
    assert_eq!(line["correlation_id"], id);
    assert_eq!(line["tool"], "ssh_sudo_exec");
    assert_eq!(line["tier"], "sudo");
    assert_eq!(line["host"], "web1");
    assert_eq!(line["result"], "ok");
    assert!(line["duration_ms"].is_u64() && line["ts"].is_f64());
    assert_eq!(line["path_hash"], key.of("/srv/a"));
    assert_eq!(line["path_hashes"], serde_json::json!([key.of("/srv/a"), key.of("/srv/b")]));
    assert_eq!(line["command_hash"], key.of("mysql -p [secret]"));
    assert_eq!(line["unit_hash"], key.of("nginx.service"));
    assert_eq!(line["exit_code"], 3);
    assert_eq!(line["sudo"], true);
    assert_eq!(line["redact_bypass"], true);
    assert_eq!(line["cheatsheet_pattern_id"], "cat-file");
    assert!(line.get("error").is_none());
    let keys: Vec<&String> = line.as_object().unwrap().keys().collect();
    assert!(keys.is_sorted());
    assert_eq!(text.trim_end(), serde_json::to_string(&line).unwrap());
}

#[test]
fn one_line_a_host() {
    let (_dir, path) = place();
    let audit = audit(&path);
    let journal = audit.journal(opening("ssh_broadcast", Tier::Dangerous, None));
    journal.hosts(["a", "b", "c"]);
    journal.command("uptime");
    journal.at("a").exit_code(0);
    journal.at("b").ended(Err(ErrorName::ConnectError));
    journal.at("c").path("/x").exit_code(1);
    journal.close(Ok(()));
    let lines = lines(&path);
    let seen: Vec<_> = lines.iter().map(|l| (l["host"].as_str().unwrap(), l["result"].as_str().unwrap())).collect();
    assert_eq!(seen, [("a", "ok"), ("b", "error"), ("c", "ok")]);
    assert_eq!(lines[1]["error"], "ConnectError");
    assert!(lines.iter().all(|l| l["command_hash"] == lines[0]["command_hash"]));
    assert!(lines.iter().all(|l| l["correlation_id"] == lines[0]["correlation_id"]));
    assert!(lines[0].get("path_hash").is_none() && lines[2].get("path_hash").is_some());
}

#[test]
fn no_end_goes_unrecorded() {
    let (_dir, path) = place();
    let audit = audit(&path);
    drop(audit.journal(opening("ssh_cancelled", Tier::Read, None)));
    let inner = audit.clone();
    let panicked = std::thread::spawn(move || {
        let _journal = inner.journal(opening("ssh_panicked", Tier::Read, None));
        panic!("a defect");
    });
    assert!(panicked.join().is_err());
    let refusal = ToolError::new(ErrorName::PathRestricted, "/etc/secret \u{1b}[2J", "no");
    let receipt = audit.journal(opening("ssh_refused", Tier::Read, Some("h"))).close(Err(&refusal));
    assert_eq!(receipt.error(), Some(ErrorName::PathRestricted));
    assert_eq!(receipt.seal(1).into_parts().1, 1);
    audit.journal(opening("ssh_server_info", Tier::Read, None)).close(Ok(()));
    // A tool that does not exist, by whatever name.
    let unknown = Opening { tool: format!("no_{}", "x".repeat(500)), tier: None, hosts: Vec::new() };
    audit.journal(unknown).close(Err(&ToolError::value("unknown", "no")));
    let seen: Vec<_> =
        lines(&path).iter().map(|l| (l["tool"].clone(), l["error"].clone(), l["host"].clone())).collect();
    let want = [
        ("ssh_cancelled", "Cancelled", "?"),
        ("ssh_panicked", "InternalError", "?"),
        ("ssh_refused", "PathRestricted", "h"),
        ("ssh_server_info", "", "?"),
        (&format!("no_{}", "x".repeat(61)), "ValueError", "?"),
    ];
    assert_eq!(seen.len(), want.len());
    for (seen, want) in seen.iter().zip(want) {
        assert_eq!((&seen.0, &seen.2), (&want.0.into(), &want.2.into()));
        assert_eq!(seen.1.as_str().unwrap_or_default(), want.1);
    }
    assert_eq!(lines(&path)[4]["tier"], "?");
    assert!(!std::fs::read_to_string(&path).unwrap().contains("secret"));
}

#[test]
fn the_chain_goes_on_across_restarts_rotations_and_other_servers() {
    use std::os::unix::fs::PermissionsExt;
    let (dir, path) = place();
    let first = audit(&path);
    first.started("startup", "config").unwrap();
    call(&first, "t");
    let second = audit(&path);
    call(&second, "t");
    call(&first, "t");
    assert_eq!(assert_chain(&path, GENESIS.into(), 0).1, 4);
    for file in [&path, &head_path(&path)] {
        assert_eq!(std::fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let old = dir.path().join("audit.jsonl.1");
    std::fs::rename(&path, &old).unwrap();
    call(&first, "t");
    call(&second, "t");
    let (prev, seq) = assert_chain(&old, GENESIS.into(), 0);
    assert_eq!(assert_chain(&path, prev, seq).1, 7);
    assert_eq!(lines(&path)[0]["event"], "continued");
    // `copytruncate`: the same file, emptied.
    let copied = std::fs::read(&path).unwrap();
    std::fs::write(&path, b"").unwrap();
    call(&second, "t");
    std::fs::write(dir.path().join("copied"), copied).unwrap();
    let (prev, seq) = assert_chain(&dir.path().join("copied"), assert_chain(&old, GENESIS.into(), 0).0, 4);
    assert_chain(&path, prev, seq);
}

#[test]
fn every_host_of_a_refused_call_gets_a_line() {
    let (_dir, path) = place();
    let hosts = |count: usize| (0..count).map(|n| format!("h{n}")).collect::<Vec<_>>();
    let audit = audit(&path);
    let refusal = ToolError::new(ErrorName::GateRefused, "no", "no");
    let opening = |count| Opening { tool: "t".into(), tier: Some(Tier::Dangerous), hosts: hosts(count) };
    audit.journal(opening(3)).close(Err(&refusal));
    let seen: Vec<_> = lines(&path).iter().map(|l| l["host"].as_str().unwrap().to_owned()).collect();
    assert_eq!(seen, hosts(3));
    // A caller may name any number.
    audit.journal(opening(10_000)).close(Err(&refusal));
    assert_eq!(lines(&path).len(), 3 + 64);
}

#[test]
fn a_trail_that_is_changed_while_the_server_runs_refuses_changes() {
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: &Path, mode| std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    let refused = |audit: &Audit, says: &str| {
        let error = audit.admit(Tier::LowAccess).unwrap_err();
        assert_eq!(error.name, ErrorName::AuditUnavailable);
        assert!(error.what.contains(says), "{error}");
        assert!(audit.admit(Tier::Read).is_ok());
    };
    let (dir, path) = place();
    let audit = audit(&path);
    call(&audit, "t");
    assert!(audit.admit(Tier::LowAccess).is_ok());
    // Others may read it: nothing is wrong with that at a start, but it was not so.
    for other in [0o644, 0o666, 0o400] {
        mode(&path, other);
        refused(&audit, &format!("mode was 0600 and is {other:04o}"));
    }
    call(&audit, "kept");
    mode(&path, 0o600);
    assert!(audit.admit(Tier::LowAccess).is_ok());
    assert_eq!(lines(&path).last().unwrap()["tool"], "kept", "what waited is written");
    if nix::unistd::geteuid().is_root() {
        let owner = |uid, gid| std::os::unix::fs::chown(&path, uid, gid).unwrap();
        owner(Some(65534), None);
        refused(&audit, "owner was 0 and is 65534");
        owner(Some(0), Some(65534));
        refused(&audit, "group was 0 and is 65534");
        owner(None, Some(0));
        assert!(audit.admit(Tier::LowAccess).is_ok());
    }
    // Replaced by a copy of itself, whose chain is whole.
    let copy = dir.path().join("copy");
    std::fs::copy(&path, &copy).unwrap();
    mode(&copy, 0o600);
    std::fs::rename(&copy, &path).unwrap();
    refused(&audit, "replaced by another file");
    assert_chain(&path, GENESIS.into(), 0);
    // A new start takes it as it is.
    let audit = self::audit(&path);
    assert!(audit.admit(Tier::LowAccess).is_ok());
    std::fs::remove_file(&path).unwrap();
    refused(&audit, "deleted");
    std::fs::write(&path, "").unwrap();
    mode(&path, 0o600);
    refused(&audit, "replaced by another file");
}

#[test]
fn a_trail_that_is_moved_away_may_be_followed_by_an_empty_file_only() {
    use std::os::unix::fs::PermissionsExt;
    let (dir, path) = place();
    let audit = audit(&path);
    call(&audit, "t");
    let old = dir.path().join("old");
    // As logrotate with `create` does.
    std::fs::rename(&path, &old).unwrap();
    std::fs::write(&path, "").unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
    assert!(audit.admit(Tier::LowAccess).is_ok());
    call(&audit, "t");
    assert_eq!(lines(&path)[0]["event"], "continued");
    std::fs::rename(&path, dir.path().join("newer")).unwrap();
    std::fs::copy(&old, &path).unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
    let error = audit.admit(Tier::LowAccess).unwrap_err();
    assert!(error.what.contains("replaced by another file"), "{error}");
}

#[test]
fn servers_that_write_at_once_keep_one_chain() {
    let (_dir, path) = place();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let audit = audit(&path);
                for _ in 0..50 {
                    call(&audit, "t");
                }
            });
        }
    });
    assert_eq!(assert_chain(&path, GENESIS.into(), 0).1, 200);
}

#[test]
fn a_torn_line_and_a_lagging_head_are_survived() {
    let (_dir, path) = place();
    let audit = audit(&path);
    call(&audit, "t");
    let head = std::fs::read(head_path(&path)).unwrap();
    call(&audit, "t");
    // Ended between the two writes.
    std::fs::write(head_path(&path), head).unwrap();
    call(&audit, "t");
    assert_eq!(assert_chain(&path, GENESIS.into(), 0).1, 3);
    // Ended within a write.
    let mut text = std::fs::read(&path).unwrap();
    text.extend_from_slice(b"{\"corre");
    std::fs::write(&path, &text).unwrap();
    call(&audit, "t");
    let text = std::fs::read_to_string(&path).unwrap();
    let rest: Vec<&str> = text.lines().collect();
    assert_eq!(rest[3], "{\"corre");
    let torn: Value = serde_json::from_str(rest[4]).unwrap();
    assert_eq!((&torn["event"], &torn["prev"]), (&"torn".into(), &link_of(rest[2].as_bytes()).into()));
}

#[test]
fn a_failing_file_refuses_changes_and_catches_up_later() {
    let (dir, path) = place();
    let audit = audit(&path);
    call(&audit, "before");
    let away = dir.path().join("away");
    std::fs::rename(&path, &away).unwrap();
    std::fs::create_dir(&path).unwrap();
    let refusal = audit.admit(Tier::LowAccess).unwrap_err();
    assert_eq!(refusal.name, ErrorName::AuditUnavailable);
    assert!(audit.admit(Tier::Read).is_ok());
    let receipt = audit.journal(opening("during", Tier::Read, Some("h"))).close(Ok(()));
    assert!(receipt.file_failed().is_some());
    std::fs::remove_dir(&path).unwrap();
    std::fs::rename(&away, &path).unwrap();
    audit.admit(Tier::Sudo).unwrap();
    call(&audit, "after");
    assert_chain(&path, GENESIS.into(), 0);
    let tools: Vec<_> = lines(&path).iter().map(|l| l["tool"].as_str().unwrap().to_owned()).collect();
    assert_eq!(tools, ["before", "during", "after"]);
}

#[test]
fn files_that_others_could_change_are_refused() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let (dir, path) = place();
    let open = |path: &Path| Audit::open(HashKey::derive(b"k"), Some(path)).map(|_| ()).unwrap_err();
    std::fs::write(&path, b"").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o620)).unwrap();
    assert!(matches!(open(&path), AuditError::Shared(_)));
    let link = dir.path().join("link");
    symlink(dir.path().join("target"), &link).unwrap();
    assert!(matches!(open(&link), AuditError::Io { .. }));
    assert!(!dir.path().join("target").exists());
    let pipe = dir.path().join("pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::from_bits_truncate(0o600)).unwrap();
    assert!(matches!(open(&pipe), AuditError::NotAFile(_) | AuditError::Io { .. }));
    let foreign = dir.path().join("notes.txt");
    std::fs::write(&foreign, "my notes\n").unwrap();
    assert!(matches!(open(&foreign), AuditError::Foreign(_)));
    assert_eq!(std::fs::read_to_string(&foreign).unwrap(), "my notes\n");
}
