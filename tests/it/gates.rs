//! Gates through the whole program: they are asked of every tool by what its decoded arguments lead to.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};
use ssh_mcp::internals::model::tier::Tier;

use crate::registry::{arguments, fields, setup};
use crate::server::{Server, Setup};
use crate::sshd::Sshd;

/// A hooks file with one gate, whose program is the shell script `gate`.
pub fn gate(folder: &Path, filter: &str, script: &str) -> String {
    let file = folder.join("hooks.toml");
    let script = serde_json::to_string(script).unwrap();
    let text = format!("[[hook]]\nname = 'g'\nevent = 'gate'\ncommand = ['sh', '-c', {script}]\n{filter}\n");
    std::fs::write(&file, text).unwrap();
    file.to_str().unwrap().to_owned()
}

const NO: &str = "cat > /dev/null; echo '{\"allow\": false, \"reason\": \"closed\"}'";

/// Names of arguments that lead to a host. A new kind of handle has to be named here and in `Targets`.
fn leads_to_a_host(name: &str) -> bool {
    (name.contains("host") && name != "host_path") || name.ends_with("_id") || name == "calls"
}

#[test]
fn every_tool_names_its_hosts_and_whether_it_asks_for_root() {
    let mut wrong = Vec::new();
    for entry in ssh_mcp::internals::tools::all() {
        let tool = entry.spec.name;
        let mut args = arguments(&entry);
        let decode = |args: &serde_json::Map<String, Value>| entry.decode(args.clone()).unwrap().targets;
        let leads: Vec<String> = fields(&entry).keys().filter(|name| leads_to_a_host(name)).cloned().collect();
        let plain = decode(&args);
        if plain.is_about_a_host() == leads.is_empty() {
            wrong.push(format!("{tool}: leads to a host by {leads:?}, and says {plain:?}"));
        }
        // Another value of any of these arguments is another target.
        for name in leads {
            let other = match &args[&name] {
                Value::Array(_) if name == "calls" => {
                    json!([{"tool": "ssh_host_ping", "arguments": {"host": "other"}}])
                }
                Value::Array(_) => json!(["other"]),
                _ => json!("other"),
            };
            let before = args.insert(name.clone(), other).unwrap();
            if decode(&args) == plain {
                wrong.push(format!("{tool}: its targets do not depend on `{name}`"));
            }
            args.insert(name, before);
        }
        if fields(&entry).contains_key("sudo") {
            args.insert("sudo".to_owned(), json!(true));
            if plain.asks_root() || !decode(&args).asks_root() {
                wrong.push(format!("{tool}: `sudo` is not in its targets"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The tools that a gate with this filter refuses, each called with plain arguments, and `sudo: true` where `sudo`.
fn refused_by_gate(filter: &str, sudo: bool) -> (BTreeSet<String>, BTreeSet<String>) {
    let folder = tempfile::tempdir().unwrap();
    let hooks = gate(folder.path(), filter, NO);
    let mut server = setup().env("ALLOW_SUDO", "true").env("SSH_HOOKS_FILE", &hooks).start();
    let (mut refused, mut let_through) = (BTreeSet::new(), BTreeSet::new());
    for entry in ssh_mcp::internals::tools::all() {
        let mut args = arguments(&entry);
        if sudo && fields(&entry).contains_key("sudo") {
            args.insert("sudo".to_owned(), json!(true));
        }
        let answer = server.call(entry.spec.name, Value::Object(args));
        let by_gate = answer.error && answer.text.starts_with("GateRefused");
        if by_gate { &mut refused } else { &mut let_through }.insert(entry.spec.name.to_owned());
    }
    (refused, let_through)
}

#[test]
fn a_gate_on_a_host_is_asked_of_every_tool_that_reaches_it() {
    let all: BTreeSet<String> =
        ssh_mcp::internals::tools::all().iter().map(|entry| entry.spec.name.to_owned()).collect();
    // By alias and by address; the calls name the alias.
    for filter in ["host = 'box'", "host = '127.*'"] {
        let (refused, let_through) = refused_by_gate(filter, false);
        assert_eq!(refused, all, "{filter} let through {let_through:?}");
    }
    // For another host only calls are refused of which nobody knows that they are about none, or about which one.
    let (refused, _) = refused_by_gate("host = 'elsewhere'", false);
    let expected: BTreeSet<String> = ssh_mcp::internals::tools::all()
        .iter()
        .filter(|entry| !fields(entry).keys().any(|name| leads_to_a_host(name) && !name.ends_with("_id")))
        .map(|entry| entry.spec.name.to_owned())
        .collect();
    assert_eq!(refused, expected);
}

#[test]
fn a_call_that_asks_for_root_is_in_the_sudo_tier_for_gates() {
    let (refused, _) = refused_by_gate("tier = 'sudo'", true);
    let (refused_without, _) = refused_by_gate("tier = 'sudo'", false);
    let (mut asking, mut always) = (BTreeSet::new(), BTreeSet::new());
    for entry in ssh_mcp::internals::tools::all() {
        if entry.spec.tier == Tier::Sudo {
            always.insert(entry.spec.name.to_owned());
        }
        if entry.spec.tier == Tier::Sudo || fields(&entry).contains_key("sudo") {
            asking.insert(entry.spec.name.to_owned());
        }
    }
    assert!(asking.len() > always.len());
    assert_eq!((refused, refused_without), (asking, always));
}

#[test]
fn a_gate_sees_the_host_of_a_session() {
    let sshd = Sshd::start();
    let folder = tempfile::tempdir().unwrap();
    let hooks = gate(folder.path(), "host = 'prod'\ntool = ['ssh_shell_exec', 'ssh_shell_close']", NO);
    let keys = "command_allowlist = [\"*\"]\n";
    let setup = Setup::new().host(&sshd, "prod", keys).host(&sshd, "stage", keys);
    let mut server = setup.env("SSH_HOOKS_FILE", &hooks).start();
    let open =
        |server: &mut Server, host: &str| server.ok("ssh_shell_open", json!({"host": host}))["session_id"].clone();
    let (prod, stage) = (open(&mut server, "prod"), open(&mut server, "stage"));
    let run = json!({"session_id": prod, "command": "touch ran-anyway"});
    let text = server.err("ssh_shell_exec", run);
    assert!(text.starts_with("GateRefused"), "{text}");
    let text = server.err("ssh_shell_close", json!({"session_id": prod}));
    assert!(text.starts_with("GateRefused"), "{text}");
    assert_eq!(server.ok("ssh_shell_exec", json!({"session_id": stage, "command": "echo ran"}))["stdout"], "ran\n");
    // A session that nobody knows may have been one of that host.
    let text = server.err("ssh_shell_exec", json!({"session_id": "0123456789abcdef", "command": "true"}));
    assert!(text.starts_with("GateRefused"), "{text}");
    assert!(
        !server.ok("ssh_exec_run", json!({"host": "stage", "command": "ls"}))["stdout"]
            .as_str()
            .unwrap()
            .contains("ran-anyway")
    );
}

#[test]
fn a_gate_on_a_jump_host_is_asked_of_what_goes_through_it() {
    let (near, far) = (Sshd::start(), Sshd::start());
    let folder = tempfile::tempdir().unwrap();
    let told = folder.path().join("told");
    for name in ["near", "127.0.0.*"] {
        let observer = format!(
            "[[hook]]\nname = 'o'\nevent = 'pre_tool_call'\nhost = '{name}'\ncommand = ['sh', '-c', 'cat >> {}']\n",
            told.display()
        );
        let hooks = gate(folder.path(), &format!("host = '{name}'\n{observer}"), NO);
        let keys = "command_allowlist = [\"*\"]\n";
        let hop = format!("[hosts.near]\nhostname = \"127.0.0.1\"\nport = {}\n", near.port);
        let setup = Setup::new().raw("", &hop).host(&far, "plain", keys);
        let setup = setup.raw("", &format!("[hosts.viajump]\nhostname = \"plain\"\nproxy_jump = \"near\"\n{keys}"));
        let mut server = setup.env("SSH_HOOKS_FILE", &hooks).start();
        let text = server.err("ssh_exec_run", json!({"host": "viajump", "command": "true"}));
        assert!(text.starts_with("GateRefused"), "{name}: {text}");
        assert_eq!(server.ok("ssh_exec_run", json!({"host": "plain", "command": "echo ran"}))["stdout"], "ran\n");
    }
    // Observers hear of the hosts that a call acts on.
    assert!(!told.exists());
}

#[test]
fn arguments_are_told_on_request_and_masked() {
    let sshd = Sshd::start();
    for asked in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let told = folder.path().join("told");
        let script = format!("cat > {}; echo '{{\"allow\": true}}'", told.display());
        let hooks = gate(folder.path(), &format!("arguments = {asked}"), &script);
        let setup = Setup::open_box(&sshd).env("SSH_HOOKS_FILE", &hooks);
        let path = setup.root().join("secret").display().to_string();
        let mut server = setup.start();
        let command = "echo mysql --password=hunter2-canary -h db";
        server.exec(command);
        let context: Value = serde_json::from_str(&std::fs::read_to_string(&told).unwrap()).unwrap();
        assert_eq!(context["host"], "box");
        if !asked {
            assert!(context.get("arguments").is_none(), "{context}");
            continue;
        }
        let shown = context["arguments"]["command"].as_str().unwrap();
        assert!(shown.starts_with("echo mysql --password=") && shown.ends_with("-h db"), "{shown}");
        assert!(!context.to_string().contains("hunter2"), "{context}");
        for content in [
            json!({"content_text": "DB_PASSWORD=hunter2-canary\n"}),
            // The same in base64.
            json!({"content_base64": "REJfUEFTU1dPUkQ9aHVudGVyMi1jYW5hcnkK"}),
        ] {
            let mut args = json!({"host": "box", "path": path});
            args.as_object_mut().unwrap().extend(content.as_object().unwrap().clone());
            server.call("ssh_upload", args);
            let text = std::fs::read_to_string(&told).unwrap();
            assert!(text.contains(&path), "{text}");
            assert!(!text.contains("hunter2") && !text.contains("aHVudGVyMi1jYW5hcnk"), "{text}");
        }
    }
}

#[test]
fn calls_that_reach_no_tool_are_audited() {
    let folder = tempfile::tempdir().unwrap();
    let trail = folder.path().join("audit.jsonl");
    let mut server = setup().env("SSH_AUDIT_FILE", trail.to_str().unwrap()).start();
    server.err("ssh_exec_run", json!({"host": "box", "command": "id", "sneaky": 1}));
    server.err("ssh_exec_run", json!({"host": 7, "command": "id"}));
    let unknown = server.request("tools/call", json!({"name": "ssh_no_such_tool", "arguments": {"host": "box"}}));
    assert!(unknown["error"].is_object(), "{unknown}");
    let closed =
        server.request("tools/call", json!({"name": "ssh_sudo_exec", "arguments": {"host": "box", "command": "id"}}));
    assert!(closed["error"].is_object(), "{closed}");
    server.ok("ssh_server_info", json!({}));
    let lines: Vec<Value> = std::fs::read_to_string(&trail)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .filter(|line: &Value| line.get("tool").is_some())
        .collect();
    let seen: Vec<_> = lines
        .iter()
        .map(|l| ["tool", "tier", "host", "result"].map(|key| l[key].as_str().unwrap_or_default()))
        .collect();
    assert_eq!(
        seen,
        [
            ["ssh_exec_run", "dangerous", "?", "error"],
            ["ssh_exec_run", "dangerous", "?", "error"],
            ["ssh_no_such_tool", "?", "?", "error"],
            ["ssh_sudo_exec", "sudo", "box", "error"],
            ["ssh_server_info", "read", "?", "ok"],
        ]
    );
}
