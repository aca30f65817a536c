//! This machine: its disk, its clock, its clients, and a second server beside.

use std::io::Write as _;
use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use super::{figures, nothing_left, row, ssh_of, timed, told};
use crate::server::{Server, Setup, eventually, runtime_files};
use crate::sshd::{Sshd, can_check_passwords};

fn verify(file: &str) -> std::process::Output {
    Command::new(env!("CARGO_BIN_EXE_ssh-mcp")).args(["audit", "verify", file]).output().unwrap()
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).filter(|l: &Value| l["tool"].is_string()).collect()
}

#[test]
fn an_audit_file_on_a_disk_that_is_full_or_read_only() {
    if !can_check_passwords() {
        crate::skips::skip("a full disk: this account may not mount");
        return;
    }
    let sshd = Sshd::start();
    let setup = Setup::open_box(&sshd);
    let disk = setup.path("disk");
    std::fs::create_dir(&disk).unwrap();
    let mount = format!("mount -t tmpfs -o size=512k,mode=700 none {} && exec \"$0\"", disk.display());
    let file = disk.join("audit.jsonl");
    let setup = setup.env("SSH_AUDIT_FILE", &file.display().to_string());
    let mut server = setup.through(&["unshare", "-m", "sh", "-c", &mount]).start();
    let seen = format!("/proc/{}/root{}", server.pid(), disk.display());
    let trace = server.dir.path().join("root/trace");
    let change = format!("echo run >>{}", trace.display());
    server.exec(&change);

    // Full.
    let filler = format!("{seen}/filler");
    let _ = std::fs::write(&filler, vec![b'x'; 1024 * 1024]);
    // Room for the lines of what was let through is reserved ahead, so it takes a while.
    let mut done = 1;
    let (refused, took) = loop {
        let (answer, took) = timed(&mut server, &change, 20);
        if answer.error {
            break (answer, took);
        }
        done += 1;
        assert!(done < 1000, "the full disk is not noticed");
    };
    assert!(refused.text.starts_with("AuditUnavailable"), "{refused:?}");
    let read = server.call("ssh_session_list", json!({}));
    assert!(!read.error, "reading goes on: {read:?}");
    std::fs::remove_file(&filler).unwrap();
    server.exec(&change);
    let runs = std::fs::read_to_string(&trace).unwrap().len() / "run\n".len();
    assert_eq!(runs, done + 1, "what was refused was not done, and what was done was answered so");

    let text = std::fs::read_to_string(format!("{seen}/audit.jsonl")).unwrap();
    let lines = lines(&text);
    let recorded = lines.iter().filter(|l| l["tool"] == "ssh_exec_run").count();
    assert_eq!(recorded, done + 2, "every call is there, the refused one too");
    let copy = server.dir.path().join("audit.copy");
    std::fs::write(&copy, &text).unwrap();
    let verified = verify(&copy.display().to_string());
    assert!(verified.status.success(), "{verified:?}");
    row("local disk full, audit file on it", &told(&refused), took, &nothing_left(server, &[&sshd]));

    // Read-only: the server does not start, and says why.
    let setup = Setup::open_box(&sshd);
    let disk = setup.path("disk");
    std::fs::create_dir(&disk).unwrap();
    let mount = format!(
        "mount -t tmpfs -o mode=700 none {0} && touch {0}/audit.jsonl && mount -o remount,ro {0} && exec \"$0\"",
        disk.display()
    );
    let setup = setup.env("SSH_AUDIT_FILE", &disk.join("audit.jsonl").display().to_string());
    let setup = setup.through(&["unshare", "-m", "sh", "-c", &mount]);
    let began = Instant::now();
    let status = setup.command().status().unwrap();
    let said = std::fs::read_to_string(setup.path("stderr")).unwrap();
    assert_eq!(status.code(), Some(2), "{said}");
    assert!(said.contains("SSH_AUDIT_FILE") && said.contains("Read-only"), "{said}");
    row("audit file read-only at start", &said, began.elapsed(), &format!("{:?}", runtime_files(&setup.path(""))));
}

#[test]
fn a_clock_that_jumps() {
    if Command::new("faketime").arg("--version").output().is_err() {
        crate::skips::skip("faketime is not installed");
        return;
    }
    let sshd = Sshd::start();
    let setup = Setup::open_box(&sshd);
    let (clock, file) = (setup.path("clock"), setup.path("audit.jsonl"));
    // By a rename: a file that is written in place is empty for a moment, and the library reads it all the time.
    let set = |text: &str| {
        let new = clock.with_extension("new");
        std::fs::write(&new, format!("{text}\n")).unwrap();
        std::fs::rename(&new, &clock).unwrap();
    };
    set("+0");
    let library = Command::new("faketime").args(["-f", "+0", "sh", "-c", "echo $LD_PRELOAD"]).output().unwrap();
    let library = String::from_utf8(library.stdout).unwrap();
    let mut server = setup
        .env("LD_PRELOAD", library.trim())
        .env("FAKETIME_TIMESTAMP_FILE", &clock.display().to_string())
        .env("FAKETIME_NO_CACHE", "1")
        // The system's clock jumps; the one that only counts does not (clock_gettime(2)).
        .env("DONT_FAKE_MONOTONIC", "1")
        .env("SSH_AUDIT_FILE", &file.display().to_string())
        .start();
    server.exec("true");
    let mut slowest = Duration::ZERO;
    let mut last = None;
    for jump in ["+2d", "-3d", "+0"] {
        let id = server.begin_call("ssh_exec_run", json!({"host": "box", "command": "sleep 0.5; echo on"}));
        let began = Instant::now();
        set(jump);
        let answer = server.answer(id, Duration::from_secs(30)).expect("an answer");
        assert_eq!(answer.data["stdout"], "on\n", "{jump}: {answer:?}");
        slowest = slowest.max(began.elapsed());
        let (limited, took) = timed(&mut server, "sleep 9141", 1);
        assert_eq!(
            (&limited.data["timed_out"], &limited.data["stop"]),
            (&json!(true), &json!("stopped")),
            "{limited:?}"
        );
        assert!(took < Duration::from_secs(15), "{jump}: {took:?}");
        last = Some(limited);
    }
    let text = std::fs::read_to_string(&file).unwrap();
    let days: std::collections::BTreeSet<i64> =
        lines(&text).iter().map(|l| l["ts"].as_f64().unwrap() as i64 / 86_400).collect();
    assert!(days.len() >= 2, "the clock did jump: {days:?}");
    assert!(lines(&text).iter().all(|l| l["duration_ms"].as_u64().is_some_and(|ms| ms < 60_000)), "{text}");
    let verified = verify(&file.display().to_string());
    assert!(verified.status.success(), "{verified:?}");
    let fault = "clock jumps two days ahead, three back, and to now (timeout 1)";
    row(fault, &told(&last.unwrap()), slowest, &nothing_left(server, &[&sshd]));
}

#[test]
fn two_servers_on_one_machine() {
    let sshd = Sshd::start();
    let shared = tempfile::Builder::new().prefix("two-").tempdir_in("/tmp").unwrap();
    let file = shared.path().join("audit.jsonl").display().to_string();
    let runtime = shared.path().display().to_string();
    let start = || Setup::open_box(&sshd).env("XDG_RUNTIME_DIR", &runtime).env("SSH_AUDIT_FILE", &file).start();
    let (mut one, mut two) = (start(), start());
    let ids: Vec<(u64, u64)> = (0..20)
        .map(|i| {
            let call = json!({"host": "box", "command": format!("echo {i}")});
            (one.begin_call("ssh_exec_run", call.clone()), two.begin_call("ssh_exec_run", call))
        })
        .collect();
    for (i, (a, b)) in ids.into_iter().enumerate() {
        for (server, id) in [(&one, a), (&two, b)] {
            let answer = server.answer(id, Duration::from_secs(60)).expect("an answer");
            assert_eq!(answer.data["stdout"], format!("{i}\n"), "{answer:?}");
        }
    }
    let id = two.begin_call("ssh_exec_run", json!({"host": "box", "command": "sleep 2; echo kept"}));
    let runs = || sshd.session_processes().iter().any(|(_, line)| line == "sleep 2");
    assert!(eventually(Duration::from_secs(20), runs));
    one.close_stdin();
    let took = one.ended_within(Duration::from_secs(20)).expect("the first ends");
    let answer = two.answer(id, Duration::from_secs(60)).expect("an answer");
    assert_eq!(answer.data["stdout"], "kept\n", "the other goes on: {answer:?}");
    assert!(ssh_of(one.pid()).is_empty());
    let left = nothing_left(two, &[&sshd]);
    let text = std::fs::read_to_string(&file).unwrap();
    assert_eq!(lines(&text).iter().filter(|l| l["tool"] == "ssh_exec_run").count(), 41);
    let verified = verify(&file);
    assert!(verified.status.success(), "one chain of two writers: {verified:?}");
    row("two servers, one of them ends", &told(&answer), took, &left);
}

/// A client that is gone from one moment to the next: both of its pipes close.
fn killed_after(sshd: &Sshd, wait: Duration) -> (Duration, Vec<String>) {
    let setup = Setup::open_box(sshd);
    let root = setup.root();
    let mut child = setup.command().spawn().unwrap();
    let (mut stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let hello =
        json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "k", "version": "1"}});
    let mut requests = vec![
        json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello}),
        json!({"jsonrpc": "2.0", "method": "notifications/initialized"}),
    ];
    let path = root.join("written").display().to_string();
    for (id, (tool, arguments)) in [
        ("ssh_exec_run", json!({"host": "box", "command": "sleep 9151"})),
        ("ssh_upload", json!({"host": "box", "path": path, "content_text": "y".repeat(200_000)})),
        ("ssh_exec_run", json!({"host": "box", "command": "yes", "timeout": 30})),
        ("ssh_exec_script", json!({"host": "box", "script": "sleep 9152 | cat"})),
        ("ssh_host_info", json!({"host": "box"})),
    ]
    .into_iter()
    .enumerate()
    {
        let params = json!({"name": tool, "arguments": arguments});
        requests.push(json!({"jsonrpc": "2.0", "id": id + 2, "method": "tools/call", "params": params}));
    }
    for request in requests {
        let _ = stdin.write_all(format!("{request}\n").as_bytes());
    }
    std::thread::sleep(wait);
    drop((stdin, stdout));
    let began = Instant::now();
    let mut gone = || child.try_wait().unwrap().is_some();
    while !gone() {
        assert!(began.elapsed() < Duration::from_secs(20), "the server lives on, {wait:?} after its start");
        std::thread::sleep(Duration::from_millis(5));
    }
    let took = began.elapsed();
    let dir = root.parent().unwrap().to_owned();
    let pid = child.id();
    let look = || {
        let mut left: Vec<String> = runtime_files(&dir).iter().map(|file| file.display().to_string()).collect();
        left.extend(ssh_of(pid).into_iter().map(|(_, line)| line));
        left.extend(super::temporaries(&root));
        left
    };
    eventually(Duration::from_secs(10), || look().is_empty());
    let mut left = look();
    if let Ok(text) = std::fs::read(root.join("written")) {
        if text.len() != 200_000 {
            left.push(format!("a file of {} bytes", text.len()));
        }
    }
    (took, left)
}

#[test]
fn a_client_that_is_killed_at_any_moment() {
    let moments: u64 = if cfg!(feature = "deep") { 200 } else { 16 };
    let sshd = Sshd::start();
    let mut slowest = Duration::ZERO;
    for n in 0..moments {
        // Close together while the connection comes up, then further apart.
        let wait = Duration::from_millis(n * n * 2000 / (moments * moments));
        let (took, left) = killed_after(&sshd, wait);
        assert_eq!(left, Vec::<String>::new(), "left behind when killed after {wait:?}");
        slowest = slowest.max(took);
    }
    let remote = || sshd.session_processes();
    eventually(Duration::from_secs(20), || remote().is_empty());
    assert_eq!(remote(), Vec::new(), "left on the host");
    row(&format!("client killed at {moments} moments (slowest end)"), "nobody is there to be told", slowest, "nothing");
}

#[test]
fn a_server_that_is_killed() {
    let sshd = Sshd::start();
    let shared = tempfile::Builder::new().prefix("killed-").tempdir_in("/tmp").unwrap();
    let runtime = shared.path().display().to_string();
    let start = || Setup::open_box(&sshd).env("XDG_RUNTIME_DIR", &runtime).start();
    let mut server = start();
    server.begin_call("ssh_exec_run", json!({"host": "box", "command": "sleep 9161"}));
    let runs = || sshd.session_processes().iter().any(|(_, line)| line == "sleep 9161");
    assert!(eventually(Duration::from_secs(20), runs));
    let pid = server.pid();
    let began = Instant::now();
    server.signal(Signal::SIGKILL);
    assert!(eventually(Duration::from_secs(20), || !runs()), "its commands are stopped");
    let took = began.elapsed();
    server.ended_within(Duration::from_secs(10)).expect("it is gone");
    // Its master goes with the next server, or by itself after a minute.
    let next: Server = start();
    assert!(eventually(Duration::from_secs(20), || ssh_of(pid).is_empty()), "{:?}", ssh_of(pid));
    row(
        "server killed (SIGKILL), another one starts",
        "nobody is there to be told",
        took,
        &nothing_left(next, &[&sshd]),
    );
}

#[test]
fn sessions_opened_and_abandoned() {
    let sshd = Sshd::start();
    let mut server = Setup::open_box(&sshd).start();
    server.exec("true");
    let (memory, descriptors) = figures(server.pid());
    let began = Instant::now();
    let mut refused = None;
    for n in 0..100 {
        let answer = server.call("ssh_shell_open", json!({"host": "box"}));
        if answer.error {
            refused = Some(answer);
        } else if n % 10 == 0 {
            let call = json!({"session_id": answer.data["session_id"], "command": "cd /tmp; echo $PWD", "timeout": 20});
            assert_eq!(server.ok("ssh_shell_exec", call)["stdout"], "/tmp\n");
        }
    }
    let took = began.elapsed();
    let refused = refused.expect("there is a limit");
    assert_eq!(server.exec("echo on")["stdout"], "on\n");
    let (now, open) = figures(server.pid());
    assert!(
        now < memory + 8 * 1024 && open <= descriptors + 16,
        "{memory} KiB, {descriptors} fds; then {now} KiB, {open} fds"
    );
    let fault =
        format!("100 sessions opened and abandoned ({memory} to {now} KiB, {descriptors} to {open} descriptors)");
    row(&fault, &told(&refused), took, &nothing_left(server, &[&sshd]));
}
