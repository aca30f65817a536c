//! Many calls in a row: nothing grows.

use std::time::Instant;

use serde_json::json;

use super::{figures, nothing_left, row};
use crate::server::Setup;
use crate::sshd::Sshd;

#[test]
fn many_calls_in_a_row() {
    let calls: usize = if cfg!(feature = "deep") { 10_000 } else { 500 };
    let sshd = Sshd::start();
    let setup = Setup::open_box(&sshd);
    let file = setup.path("audit.jsonl");
    let mut server = setup.env("SSH_AUDIT_FILE", &file.display().to_string()).start();
    let mut call = |n: usize| {
        let done = server.ok("ssh_exec_run", json!({"host": "box", "command": format!("echo {n}")}));
        assert_eq!(done["stdout"], format!("{n}\n"));
    };
    (0..100).for_each(&mut call);
    let began = Instant::now();
    (100..200).for_each(&mut call);
    let pid = server.pid();
    let (memory, descriptors) = figures(pid);
    let mut call = |n: usize| {
        let done = server.ok("ssh_exec_run", json!({"host": "box", "command": format!("echo {n}")}));
        assert_eq!(done["stdout"], format!("{n}\n"));
    };
    (200..calls).for_each(&mut call);
    let took = began.elapsed();
    let (now, open) = figures(pid);
    assert!(
        now < memory + 6 * 1024 && open <= descriptors + 16,
        "{memory} KiB, {descriptors} fds; then {now} KiB, {open} fds"
    );
    let written = std::fs::read_to_string(&file).unwrap();
    assert_eq!(written.lines().filter(|line| line.contains("\"tool\"")).count(), calls, "a line for each call");
    let fault = format!("{calls} calls in a row ({memory} to {now} KiB, {descriptors} to {open} descriptors)");
    row(&fault, "every call answered", took, &nothing_left(server, &[&sshd]));
}
