//! The host: its login shells, floods, full disks, lies and reboots.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{figures, nothing_left, row, short, timed, told};
use crate::containers::new_systemd_host;
use crate::server::{Server, Setup, eventually};
use crate::sshd::{Login, Options, Sshd};

/// A host whose login shell is this script; `exec /bin/sh "$@"` in it runs what the client asked for.
fn host_with_shell(body: &str) -> (Sshd, Server, tempfile::TempDir) {
    let dir = tempfile::Builder::new().prefix("shell-").tempdir().unwrap();
    let shell: PathBuf = dir.path().join("shell");
    std::fs::write(&shell, format!("#!/bin/sh\n{body}\n")).unwrap();
    std::fs::set_permissions(&shell, std::fs::Permissions::from_mode(0o755)).unwrap();
    let sshd = Sshd::with(&Options { login: Login::Shell(shell), ..Options::default() });
    let server = Setup::open_box(&sshd).start();
    (sshd, server, dir)
}

#[test]
fn a_login_shell_that_prints_a_banner() {
    let (sshd, mut server, _dir) =
        host_with_shell("echo 'Welcome to box'; echo 'Unauthorised use is prohibited' >&2; exec /bin/sh \"$@\"");
    let (answer, took) = timed(&mut server, "echo out; echo err >&2", 20);
    assert_eq!((&answer.data["stdout"], &answer.data["stderr"]), (&json!("out\n"), &json!("err\n")), "{answer:?}");
    row("login shell prints a banner", &told(&answer), took, &nothing_left(server, &[&sshd]));
}

#[test]
fn start_up_files_that_take_three_seconds_or_write_garbage() {
    let (sshd, mut server, _dir) = host_with_shell("sleep 3; exec /bin/sh \"$@\"");
    let (answer, took) = timed(&mut server, "echo late", 20);
    assert_eq!(answer.data["stdout"], "late\n", "{answer:?}");
    assert!(took < Duration::from_secs(15), "{took:?}");
    row("start-up files take 3 s, cold call", &told(&answer), took, "-");
    // Standbys pay for it ahead of need.
    std::thread::sleep(Duration::from_millis(3500));
    let (answer, took) = timed(&mut server, "echo ready", 20);
    assert_eq!(answer.data["stdout"], "ready\n", "{answer:?}");
    row("start-up files take 3 s, warm call", &told(&answer), took, &nothing_left(server, &[&sshd]));

    let garbage = "head -c 1000000 /dev/urandom; head -c 300000 /dev/urandom >&2; exec /bin/sh \"$@\"";
    let (sshd, mut server, _dir) = host_with_shell(garbage);
    let (answer, took) = timed(&mut server, "echo clean", 20);
    assert_eq!(
        (&answer.data["stdout"], &answer.data["stderr"]),
        (&json!("clean\n"), &Value::Null),
        "{}",
        short(&answer.data)
    );
    row("start-up files write 1.3 MB of garbage", &told(&answer), took, &nothing_left(server, &[&sshd]));
}

#[test]
fn a_login_shell_that_lets_nobody_in() {
    let (sshd, mut server, _dir) = host_with_shell("echo 'This account is currently not available.'; exit 1");
    let (answer, took) = timed(&mut server, "true", 20);
    assert!(answer.text.starts_with("ConnectError"), "{answer:?}");
    assert!(answer.text.contains("This account is currently not available."), "{answer:?}");
    assert!(took < Duration::from_secs(15), "{took:?}");
    row("login shell is nologin", &told(&answer), took, &nothing_left(server, &[&sshd]));
}

#[test]
fn a_flood_of_output() {
    let megabytes: u64 = if cfg!(feature = "deep") { 1024 } else { 256 };
    let sshd = Sshd::start();
    let mut server = Setup::open_box(&sshd).env("SSH_STDOUT_CAP_BYTES", "1048576").start();
    server.exec("true");
    let (before, _) = figures(server.pid());
    let began = Instant::now();
    let command = format!("yes flood | head -c {}", megabytes << 20);
    let id = server.begin_call("ssh_exec_run", json!({"host": "box", "command": command, "timeout": 300}));
    let mut most = before;
    let answer = loop {
        most = most.max(figures(server.pid()).0);
        if let Some(answer) = server.answer(id, Duration::from_millis(50)) {
            break answer;
        }
        assert!(began.elapsed() < Duration::from_secs(300), "the flood does not end");
    };
    let took = began.elapsed();
    assert_eq!(answer.data["exit_code"], 0, "{}", short(&answer.data));
    let kept = answer.data["stdout"].as_str().unwrap().len();
    assert!(kept < 1_200_000, "{kept} bytes kept");
    assert!(most < before + 24 * 1024, "memory went from {before} KiB to {most} KiB");
    let fault = format!("{megabytes} MiB of `yes` with a cap of 1 MiB (memory {before} to {most} KiB)");
    row(&fault, &short(&answer.data), took, &nothing_left(server, &[&sshd]));
}

/// What the liar plays, what must be told of it, and whether the time limit ends it.
const LIES: [(&str, &str, &str); 9] = [
    (
        "wrong_mark",
        "printf 'ffffffffffffffffffffffffffffffff>out'; printf 'ffffffffffffffffffffffffffffffff>1;' >&2",
        "ConnectError",
    ),
    ("forged", "printf '%s>x<%s' $m $m; printf '%s>1;<%s e=99999999999 z= q= b=0;' $m $m >&2", "ConnectError"),
    ("no_end", "printf '%s>x<%s' $m $m; printf '%s>1;<%s e=0' $m $m >&2; exec cat /dev/zero >&2", "Timeout"),
    ("no_begin", "printf '%s>' $m; printf '%s>' $m >&2; exec tr '\\0' 7 </dev/zero >&2", "Timeout"),
    ("noise", "exec tr '\\0' x </dev/zero", "Timeout"),
    ("exit_255", "exit 255", "ConnectError"),
    ("after_the_end", "printf '%s>1;' $m >&2; printf '%s>x<%s' $m $m; exec cat /dev/zero", "Timeout"),
    ("silent", "exec sleep 9121", "Timeout"),
    ("true_words", "printf '%s>hi<%s' $m $m; printf '%s>1;<%s e=0 z= q= b=0;' $m $m >&2; exec sleep 9122", "hi"),
];

#[test]
fn a_host_that_lies_in_its_frames() {
    let plays: String = LIES.iter().map(|(name, play, _)| format!("{name}) {play};;\n")).collect();
    let dir = tempfile::Builder::new().prefix("liar-").tempdir().unwrap();
    let shell = dir.path().join("shell");
    // It greets as the waiting channel does, and reads the word for foreign shells, the wrapper's four lines, the header.
    let greets = "echo \"[ssh-mcp $$]\"; for n in 1 2 3 4 5; do read -r x; done; read -r m rest";
    let text = format!("#!/bin/sh\n[ \"$LC_PLAY\" = exit_255 ] || {{ {greets}; }}\ncase $LC_PLAY in\n{plays}esac\n");
    std::fs::write(&shell, text).unwrap();
    std::fs::set_permissions(&shell, std::fs::Permissions::from_mode(0o755)).unwrap();
    let sshd = Sshd::with(&Options { login: Login::Shell(shell), ..Options::default() });
    let mut setup = Setup::new();
    for (name, ..) in LIES {
        let hosts = format!("[hosts.{name}]\nhostname = \"{name}\"\ncommand_allowlist = [\"*\"]\n");
        setup = setup.raw(&sshd.ssh_config_block(name, &[&format!("SetEnv LC_PLAY={name}")]), &hosts);
    }
    let mut server = setup.start();
    let (before, _) = figures(server.pid());
    let began = Instant::now();
    let ids: Vec<u64> = LIES
        .iter()
        .map(|(name, ..)| {
            server.begin_call("ssh_exec_run", json!({"host": name, "command": "echo true", "timeout": 3}))
        })
        .collect();
    let mut most = before;
    for (id, (name, _, want)) in ids.into_iter().zip(LIES) {
        let answer = loop {
            most = most.max(figures(server.pid()).0);
            if let Some(answer) = server.answer(id, Duration::from_millis(20)) {
                break answer;
            }
            assert!(began.elapsed() < Duration::from_secs(60), "{name} hangs");
        };
        let right = match want {
            "Timeout" => answer.data["timed_out"] == true,
            "hi" => answer.data["stdout"] == "hi",
            error => answer.text.starts_with(error),
        };
        assert!(right, "{name}: {answer:?}");
        row(&format!("host that lies: {name} (timeout 3)"), &told(&answer), began.elapsed(), "-");
    }
    // What the liar itself leaves running on its own machine is beyond anybody's reach.
    assert!(most < before + 48 * 1024, "memory went from {before} KiB to {most} KiB");
    row(&format!("host that lies: memory {before} to {most} KiB"), "-", began.elapsed(), &nothing_left(server, &[]));
}

#[test]
fn a_machine_that_reboots_and_one_whose_disk_is_full() {
    let Some(host) = new_systemd_host(&["--tmpfs=/small:size=256k,mode=1777"]) else { return };
    let hosts = "[hosts.box]\nhostname = \"box\"\ncommand_allowlist = [\"*\"]\npath_allowlist = [\"/small\"]\n";
    let setup = Setup::new().raw(&host.ssh_config_block("box", "agent", &[]), hosts).env("SSH_CONNECT_TIMEOUT", "5");
    let mut server = setup.start();

    let old = "the old content\n";
    server.ok("ssh_upload", json!({"host": "box", "path": "/small/kept", "content_text": old}));
    let big = "x".repeat(400_000);
    let began = Instant::now();
    let answer = server.call("ssh_upload", json!({"host": "box", "path": "/small/kept", "content_text": big}));
    let took = began.elapsed();
    assert!(answer.error && answer.text.contains("No space left"), "{answer:?}");
    assert_eq!(host.says(&["cat", "/small/kept"]), old, "the file is whole");
    assert_eq!(host.says(&["ls", "-A", "/small"]), "kept\n", "no temporary file stays");
    row("remote disk full, upload over a file", &told(&answer), took, "nothing; the file is as it was");

    let id = server.begin_call("ssh_exec_run", json!({"host": "box", "command": "sleep 9131", "timeout": 120}));
    let runs = || host.inside(&["pgrep", "-f", "^sleep 9131"]).status.success();
    assert!(eventually(Duration::from_secs(20), runs));
    let began = Instant::now();
    host.restart();
    let answer = server.answer(id, Duration::from_secs(120)).expect("an answer");
    assert!(answer.text.starts_with("ConnectError") && answer.text.contains("may have run"), "{answer:?}");
    let back = || !runs() && host.inside(&["systemctl", "is-active", "ssh"]).status.success();
    assert!(eventually(Duration::from_secs(60), back), "the machine comes up");
    let took = began.elapsed();
    server.wait_for_no_connection();
    assert_eq!(server.exec("echo up")["stdout"], "up\n");
    row("host rebooted while a command runs", &told(&answer), took, &nothing_left(server, &[]));
}
