//! Calls that are silent for long: their caller hears of them, and streams of changes are open as long as they are wanted.

use std::time::Duration;

use serde_json::{Value, json};

use crate::server::{Setup, eventually};
use crate::sshd::Sshd;

/// How long the silent call takes, in seconds.
const SILENT: u64 = if cfg!(feature = "deep") { 91 } else { 11 };

#[test]
fn a_silent_call_is_told_of_every_ten_seconds() {
    let sshd = Sshd::start();
    let mut server = Setup::open_box(&sshd).start();
    let sleep = json!({"host": "box", "command": format!("echo begun; sleep {SILENT}"), "timeout": 300});
    let run = |tool: &str, token: &str| json!({"name": tool, "arguments": sleep, "_meta": {"progressToken": token}});
    let ids = [
        server.begin("tools/call", run("ssh_exec_run", "plain")),
        server.begin("tools/call", run("ssh_exec_run_streaming", "streaming")),
    ];
    for id in ids {
        let answer = server.answer(id, Duration::from_secs(SILENT + 30)).expect("an answer");
        assert_eq!(answer.data["exit_code"], 0, "{}", answer.text);
    }
    for token in ["plain", "streaming"] {
        let notes = server.notes();
        let told: Vec<&Value> =
            notes.iter().map(|note| &note["params"]).filter(|params| params["progressToken"] == token).collect();
        let beats: Vec<&str> = told
            .iter()
            .filter_map(|one| one["message"].as_str())
            .filter(|said| said.starts_with("running for"))
            .collect();
        println!("{token}: {beats:?}");
        assert!(beats.len() as u64 >= SILENT / 10, "{token}: {told:?}");
        let numbers: Vec<f64> = told.iter().map(|one| one["progress"].as_f64().unwrap()).collect();
        assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "{numbers:?}");
    }
    // With what was printed last.
    for (token, last) in [("plain", "; last: begun"), ("streaming", "; last: stdout: begun")] {
        let notes = server.notes();
        let note = notes.iter().rev().find(|note| note["params"]["progressToken"] == token).unwrap();
        assert!(note["params"]["message"].as_str().unwrap().ends_with(last), "{note}");
    }
}

#[test]
fn a_stream_of_changes_is_opened_and_ends_when_it_is_cancelled() {
    let sshd = Sshd::start();
    let mut server = Setup::open_box(&sshd).start();
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": {"name": "it", "version": "1"},
    });
    let wanted = json!({"notifications": {"toolsListChanged": true, "resourceSubscriptions": ["mcp://ssh-mcp/server-info"]},
        "_meta": meta});
    let id = server.begin("subscriptions/listen", wanted);
    let acknowledged = |note: &Value| note["method"] == "notifications/subscriptions/acknowledged";
    assert!(eventually(Duration::from_secs(10), || server.notes().iter().any(acknowledged)), "{:?}", server.notes());
    let note = server.notes().into_iter().find(acknowledged).unwrap();
    // Nothing of what was asked for ever changes, so nothing is promised.
    assert_eq!(note["params"]["notifications"], json!({}), "{note}");
    assert_eq!(note["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"], json!(id), "{note}");
    // Other calls go on, and the stream stays open until it is cancelled.
    server.exec("true");
    assert!(server.wait(id, Duration::from_millis(300)).is_none());
    server.cancel(id);
    server.exec("true");
    assert!(server.wait(id, Duration::from_millis(300)).is_none(), "a cancelled stream has no answer");
    // In a session there is no such method.
    let refused = server.request("subscriptions/listen", json!({"notifications": {}}));
    assert_eq!(refused["error"]["code"], -32601, "{refused}");
    server.close_stdin();
    assert!(server.ended_within(Duration::from_secs(3)).is_some());
}
