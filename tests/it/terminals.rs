//! Accounts whose commands run in a terminal that somebody forced on them: session recorders and the like.

use std::path::Path;
use std::time::{Duration, Instant};

use base64::Engine as _;
use serde_json::{Value, json};

use crate::server::{Server, Setup, eventually};
use crate::sshd::{Login, Options, Sshd};

/// A recorder as people write it: each command in a terminal of `script`.
const RECORDER: &str = "script -qec \"$SSH_ORIGINAL_COMMAND\" /dev/null";

fn recorded(line: &str) -> Sshd {
    Sshd::with(&Options { login: Login::Forced(line.to_owned()), ..Options::default() })
}

fn named(answer: &Value) -> bool {
    answer["output_warnings"].to_string().contains("in a terminal")
}

/// True where `script` is there: it is its own package on some systems.
fn has_script() -> bool {
    let there = std::env::split_paths(&std::env::var_os("PATH").unwrap()).any(|dir| dir.join("script").exists());
    if !there {
        crate::skips::skip("`script` (package bsdutils) is not installed");
    }
    there
}

#[test]
fn a_forced_terminal_is_made_transparent_and_named() {
    if !has_script() {
        return;
    }
    let sshd = recorded(RECORDER);
    let setup = Setup::open_box(&sshd);
    let root = setup.root();
    let mut server = setup.start();
    let done = server.exec("printf 'out\\n'; printf 'err\\n' >&2; exit 3");
    assert_eq!((&done["stdout"], &done["stderr"], &done["exit_code"]), (&json!("out\n"), &json!("err\n"), &json!(3)));
    assert!(named(&done), "{done}");
    let done = server.exec("kill -9 $$");
    assert_eq!(done["killed_by_signal"], "KILL", "{done}");
    let done = server.exec("seq 1 100000; seq 1 20000 >&2");
    assert_eq!((&done["stdout_bytes"], &done["stderr_bytes"]), (&json!(588_895), &json!(108_894)), "{done}");
    let done = server.exec("[ -t 0 ] || [ -t 2 ] || echo no; wc -c");
    assert_eq!(done["stdout"], "no\n0\n", "{done}");
    let done = server.ok("ssh_exec_script", json!({"host": "box", "script": "cat\nread x\necho \"end $x\"\n"}));
    assert_eq!((&done["stdout"], &done["exit_code"]), (&json!("end \n"), &json!(0)), "{done}");
    // Every byte, in both directions; the second file is a stream.
    let bytes: Vec<u8> = (0..=255u8).cycle().take(300_000).collect();
    let path = root.join("bytes");
    let coded = base64::engine::general_purpose::STANDARD.encode(&bytes);
    let put = server.ok("ssh_upload", json!({"host": "box", "path": path, "content_base64": coded}));
    assert!(named(&put) && std::fs::read(&path).unwrap() == bytes, "{put}");
    let part = json!({"host": "box", "path": path, "offset": 100_000, "max_bytes": 4096});
    let read = server.ok("ssh_sftp_download", part);
    let expected = base64::engine::general_purpose::STANDARD.encode(&bytes[100_000..104_096]);
    assert!(read["content_base64"] == json!(expected), "what comes back is what went: {read}");
    let edit = json!({"host": "box", "path": root.join("text"), "old_string": "a\u{4}b", "new_string": "c\u{3}\rd"});
    std::fs::write(root.join("text"), "x\na\u{4}b\ny\n").unwrap();
    server.ok("ssh_edit", edit);
    assert_eq!(std::fs::read_to_string(root.join("text")).unwrap(), "x\nc\u{3}\rd\ny\n");
    let found = server.ok("ssh_find", json!({"host": "box", "path": root}));
    assert_eq!(found["matches"].as_array().unwrap().len(), 2, "{found}");
    let ping = server.ok("ssh_host_ping", json!({"host": "box"}));
    assert_eq!((&ping["reachable"], &ping["auth_ok"]), (&json!(true), &json!(true)), "{ping}");
    stops(&mut server, &root);
    let doctor = doctor(&server);
    assert!(doctor.contains("made transparent"), "{doctor}");
    let seen = [
        ("exec", "works, with a warning"),
        ("sftp-read", "works, with a warning"),
        ("file-ops", "works, with a warning"),
    ];
    crate::kinds::tell("Recorder with a forced terminal", &seen);
    drop(server);
    // Nothing waits on for a word that does not come.
    let left = || sshd.session_processes().into_iter().any(|(_, line)| line.contains("ssh-mcp"));
    assert!(eventually(Duration::from_secs(40), || !left()), "{:?}", sshd.session_processes());
}

/// What runs is stopped at its time limit, and what a client cancels.
fn stops(server: &mut Server, root: &Path) {
    let began = Instant::now();
    let command = format!("echo $$ >{}; sleep 61", root.join("pid").display());
    let done = server.ok("ssh_exec_run", json!({"host": "box", "command": command, "timeout": 2}));
    assert_eq!((&done["timed_out"], &done["stop"]), (&json!(true), &json!("stopped")), "{done}");
    assert!(began.elapsed() < Duration::from_secs(7), "{:?}", began.elapsed());
    let pid = std::fs::read_to_string(root.join("pid")).unwrap();
    assert!(!Path::new("/proc").join(pid.trim()).exists(), "it lives");
}

/// What doctor says of the hosts of a server.
pub fn doctor(server: &Server) -> String {
    let at = |name: &str| server.dir.path().join(name);
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_ssh-mcp"))
        .args(["doctor", "box"])
        .env("HOME", server.dir.path())
        .env("XDG_CONFIG_HOME", at("config"))
        .env("XDG_RUNTIME_DIR", at("r"))
        .env("SSH_CONFIG_FILE", at("ssh_config"))
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn a_terminal_that_stays_one_is_named_and_nothing_is_run() {
    if !has_script() {
        return;
    }
    // A host without stty, and a recorder whose own terminal turns every line end.
    let dir = tempfile::tempdir().unwrap();
    let without = dir.path().join("bin");
    std::fs::create_dir(&without).unwrap();
    let path = std::env::var("PATH").unwrap();
    let which = |name: &str| path.split(':').map(|dir| Path::new(dir).join(name)).find(|path| path.exists()).unwrap();
    for name in ["sh", "script"] {
        std::os::unix::fs::symlink(which(name), without.join(name)).unwrap();
    }
    let no_stty = format!("PATH={} SHELL=/bin/sh {RECORDER}", without.display());
    let turned = format!("{RECORDER} | sed -u 's/$/\\r/'");
    for line in [no_stty, turned] {
        let sshd = recorded(&line);
        let setup = Setup::open_box(&sshd);
        let ran = setup.root().join("ran");
        let mut server = setup.start();
        for _ in 0..2 {
            let began = Instant::now();
            let command = json!({"host": "box", "command": format!("echo x >>{}", ran.display())});
            let said = server.err("ssh_exec_run", command);
            assert!(said.contains("in a terminal") && said.contains("Nothing was run"), "{said}");
            assert!(!said.contains("Call again"), "{said}");
            assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
        }
        let upload = json!({"host": "box", "path": ran, "content_text": "x"});
        assert!(server.err("ssh_upload", upload).contains("in a terminal"));
        assert!(!ran.exists(), "nothing ran");
        let ping = server.ok("ssh_host_ping", json!({"host": "box"}));
        assert_eq!((&ping["reachable"], &ping["auth_ok"]), (&json!(true), &json!(true)), "{ping}");
        assert!(ping["problem_detail"].as_str().unwrap().contains("in a terminal"), "{ping}");
        let doctor = doctor(&server);
        assert!(doctor.contains("in a terminal"), "{doctor}");
    }
}

#[test]
fn a_terminal_that_the_users_configuration_asks_for_is_not_taken() {
    let sshd = Sshd::start();
    let hosts = "[hosts.box]\nhostname = \"box\"\ncommand_allowlist = [\"*\"]\n";
    let mut server = Setup::new().raw(&sshd.ssh_config_block("box", &["RequestTTY force"]), hosts).start();
    let done = server.exec("[ -t 0 ] || [ -t 1 ] || [ -t 2 ] || echo none; printf 'e\\n' >&2");
    assert_eq!((&done["stdout"], &done["stderr"]), (&json!("none\n"), &json!("e\n")), "{done}");
    assert!(!named(&done), "{done}");
}
