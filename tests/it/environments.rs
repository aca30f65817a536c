//! What an account's login does to us: its environment, what it prints, what it starts in place of a shell, and what we
//! leave in its process list.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::scripts::{SHELLS, program, with_sh};
use crate::server::{Server, Setup, eventually};
use crate::sshd::{Login, Options, Sshd, can_check_passwords};

/// A host where each login runs this line; `$SSH_ORIGINAL_COMMAND` is what was asked for.
fn forced(line: &str, sh: Option<&str>) -> Sshd {
    let sh = sh.map(|name| program(name).unwrap());
    Sshd::with(&Options { login: Login::Forced(line.to_owned()), sh, ..Options::default() })
}

fn limited(server: &mut Server, command: &str, seconds: u64) -> Value {
    server.ok("ssh_exec_run", json!({"host": "box", "command": command, "timeout": seconds}))
}

/// What an account may export. What breaks programs of ours, or shells between them and us.
const ENVIRONMENTS: &[(&str, &str)] = &[
    ("TMOUT", "2"),
    ("SHELLOPTS", "errexit:nounset:noglob:xtrace"),
    ("BASHOPTS", "failglob:nocaseglob"),
    ("POSIXLY_CORRECT", "y"),
    ("ENV", "/nowhere/env"),
    ("IFS", "eosx "),
    ("CDPATH", "/tmp:/usr"),
    ("GREP_OPTIONS", "-v --color=always"),
    ("LS_COLORS", "nonsense"),
    ("QUOTING_STYLE", "c"),
    ("TIME_STYLE", "full-iso"),
    ("BLOCKSIZE", "1M"),
    ("BLOCK_SIZE", "1M"),
    ("DF_BLOCK_SIZE", "1M"),
    ("LC_ALL", "xx_XX.UTF-8"),
    ("TAR_OPTIONS", "--exclude-vcs --exclude=*.log"),
    ("BASH_FUNC_stat%%", "() { echo wrong; }"),
    ("BASH_FUNC_printf%%", "() { echo wrong; }"),
    ("BASH_FUNC_echo%%", "() { :; }"),
    ("BASH_FUNC_read%%", "() { return 1; }"),
    ("BASH_FUNC_kill%%", "() { :; }"),
    ("BASH_FUNC_dd%%", "() { echo wrong; }"),
    ("m", "1"),
    ("n", "2"),
    ("session", "1"),
    ("leader", "nothing"),
    ("mcp_a", "exit 9"),
];

/// Everything that an environment could break.
fn serves(server: &mut Server, root: &Path, what: &str) {
    let at = |name: &str| root.join(name).display().to_string();
    let tree = root.join("tree");
    std::fs::create_dir_all(tree.join(".git")).unwrap();
    for (name, text) in [(".git/HEAD", "ref"), ("app.log", "log\n"), ("a b", "two\n"), ("*", "star\n")] {
        std::fs::write(tree.join(name), text).unwrap();
    }
    let listed = server.ok("ssh_sftp_list", json!({"host": "box", "path": at("tree")}));
    let mut names: Vec<&str> =
        listed["entries"].as_array().unwrap().iter().filter_map(|e| e["name"].as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["*", ".git", "a b", "app.log"], "{what}: {listed}");
    server.ok("ssh_cp", json!({"host": "box", "src": at("tree"), "dst": at("copy")}));
    assert!(root.join("copy/.git/HEAD").exists() && root.join("copy/app.log").exists(), "{what}");
    std::fs::remove_dir_all(root.join("copy")).unwrap();
    server.ok("ssh_upload", json!({"host": "box", "path": at("up"), "content_text": "one\ntwo\n"}));
    assert_eq!(std::fs::read_to_string(root.join("up")).unwrap(), "one\ntwo\n", "{what}");
    let disks = server.ok("ssh_host_disk_usage", json!({"host": "box"}));
    assert!(disks.to_string().contains("\"/\""), "{what}: {disks}");
    let done =
        server.ok("ssh_exec_script", json!({"host": "box", "script": "set +e\nx=1\nprintf '%s\\n' done\nexit 3\n"}));
    assert_eq!(done["exit_code"], 3, "{what}: {done}");
    let done = limited(server, "/bin/sleep 3.5", 20);
    assert_eq!((done["exit_code"].as_i64(), done["timed_out"].as_bool()), (Some(0), None), "{what}: {done}");
    let late = limited(server, "/bin/sleep 9401", 1);
    assert_eq!((late["timed_out"].as_bool(), late["stop"].as_str()), (Some(true), Some("stopped")), "{what}: {late}");
}

#[test]
fn no_environment_of_the_account_reaches_our_own_scripts() {
    for sh in ["dash", "bash"] {
        if !can_check_passwords() {
            println!("skipped: {sh} as /bin/sh: this account may not mount");
            continue;
        }
        let words: Vec<String> = ENVIRONMENTS.iter().map(|(name, value)| format!("'{name}={value}'")).collect();
        let line =
            format!("exec env KEPT=\"a'b  c\" SHELL=/bin/{sh} {} sh -c \"$SSH_ORIGINAL_COMMAND\"", words.join(" "));
        let sshd = forced(&line, Some(sh));
        let setup = Setup::open_box(&sshd);
        let root = setup.root();
        let mut server = setup.start();
        serves(&mut server, &root, sh);
        // The caller's own commands see what the account exported.
        let env = limited(&mut server, "env", 20);
        let env = env["stdout"].as_str().unwrap();
        for seen in ["KEPT=a'b  c", "TMOUT=2", "TAR_OPTIONS=--exclude-vcs --exclude=*.log", "LC_ALL=xx_XX.UTF-8", "n=2"]
        {
            assert!(env.lines().any(|line| line == seen), "{sh}: {seen} in {env}");
        }
        assert!(!env.contains("mcp_o") && !env.contains("mcp_i="), "{env}");
    }
}

#[test]
fn a_start_up_file_that_prints_or_ignores_signals_changes_nothing() {
    for sh in SHELLS {
        let Some(plain) = with_sh(sh) else { continue };
        drop(plain);
        // The usual home-made recorder.
        let line = "echo welcome; echo beware >&2; trap '' INT TERM HUP TSTP; eval \"$SSH_ORIGINAL_COMMAND\"";
        let sshd = forced(line, Some(sh));
        let mut server = Setup::open_box(&sshd).start();
        server.exec("true");
        let began = Instant::now();
        let done = limited(&mut server, "echo out; echo err >&2", 15);
        assert_eq!((done["stdout"].as_str(), done["stderr"].as_str()), (Some("out\n"), Some("err\n")), "{sh}: {done}");
        assert_ne!(done["timed_out"], true, "{sh}: {done}");
        assert!(began.elapsed() < Duration::from_secs(10), "{sh}: {:?}", began.elapsed());
        let late = limited(&mut server, "echo x; sleep 9402", 1);
        assert_eq!(late["stop"], "stopped", "{sh}: {late}");
    }
}

/// A recorder (tlog without a terminal) or a start-up file that joins both streams: they are told apart all the same.
#[test]
fn a_login_that_makes_one_of_both_streams_mixes_nothing() {
    for sh in ["dash", "bash", "busybox"] {
        let Some(plain) = with_sh(sh) else { continue };
        drop(plain);
        // What copies the input is killed where nobody reads on, and loses what it has not copied of the output.
        let line = "cat | sh -c \"$SSH_ORIGINAL_COMMAND\" 2>&1 | cat";
        let sshd = forced(line, Some(sh));
        let setup = Setup::open_box(&sshd);
        let root = setup.root();
        let mut server = setup.start();
        let done = limited(&mut server, "echo err >&2; echo out; echo more >&2; exit 3", 20);
        let seen = (&done["stdout"], &done["stderr"], &done["exit_code"]);
        assert_eq!(seen, (&json!("out\n"), &json!("err\nmore\n"), &json!(3)), "{sh}: {done}");
        let done = limited(&mut server, "seq 1 30000 >&2; seq 1 100000", 20);
        assert_eq!((&done["stdout_bytes"], &done["stderr_bytes"]), (&json!(588_895), &json!(168_894)), "{sh}: {done}");
        let late = limited(&mut server, "echo x; sleep 9403", 1);
        assert_eq!((&late["stdout"], &late["stop"]), (&json!("x\n"), &json!("stopped")), "{sh}: {late}");
        let path = root.join("f");
        for _ in 0..5 {
            let put = json!({"host": "box", "path": path, "content_text": "one\ntwo\n"});
            let done = server.call("ssh_upload", put);
            assert!(!done.error, "{sh}: {}", done.text);
        }
        let edit = json!({"host": "box", "path": path, "old_string": "one", "new_string": "1"});
        let done = server.call("ssh_edit", edit);
        assert!(!done.error, "{sh}: {}", done.text);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "1\ntwo\n", "{sh}");
    }
}

#[test]
fn a_foreign_shell_runs_nothing_of_ours() {
    for shell in [
        "zsh -f",
        "bash --norc",
        "dash",
        "mksh",
        "tcsh -f",
        "fish",
        "elvish",
        "xonsh",
        "cat",
        "sh -c 'read x; echo \"$x?\"'",
    ] {
        let name = shell.split(' ').next().unwrap();
        if program(name).is_none() {
            println!("skipped: {name} out of a start-up file: it is not installed");
            continue;
        }
        let sshd = forced(&format!("exec {shell}"), None);
        let setup = Setup::open_box(&sshd);
        let root = setup.root();
        let mut server = setup.start();
        let ran = root.join("ran");
        let call = json!({"host": "box", "command": format!("touch '{}'", ran.display()), "timeout": 60});
        let began = Instant::now();
        let said = server.err("ssh_exec_run", call);
        assert!(said.contains("Nothing was run") && !said.contains("Call again"), "{shell}: {said}");
        assert!(said.starts_with("ConnectError") && said.contains("logged in, but"), "{shell}: {said}");
        assert!(began.elapsed() < Duration::from_secs(30), "{shell}: {:?}", began.elapsed());
        if began.elapsed() > Duration::from_secs(10) {
            // It reads all of its input before it runs any, and had nothing to read yet.
            std::thread::sleep(Duration::from_millis(200));
            assert!(!ran.exists(), "{shell}");
            continue;
        }
        server.err("ssh_exec_script", json!({"host": "box", "script": format!("touch '{}'\n", ran.display())}));
        std::thread::sleep(Duration::from_millis(200));
        assert!(!ran.exists(), "{shell}");
    }
}

#[test]
fn an_account_without_a_shell_is_named_at_once() {
    let rows = [
        ("/usr/sbin/nologin", "nologin"),
        ("exit 0", "ends by itself"),
        ("/bin/false", "ends by itself"),
        ("git-shell -c \"$SSH_ORIGINAL_COMMAND\"", "git"),
        ("bash -r -c \"$SSH_ORIGINAL_COMMAND\"", "restricted"),
        ("internal-sftp", "file transfer"),
        ("rrsync -ro /srv", "file transfer"),
        ("echo 1 list; echo 2 quit; read x; echo \"no such choice: $x\"; exit 1", "no such choice: exit"),
    ];
    for (line, what) in rows {
        let first = line.split(' ').next().unwrap();
        if ["git-shell", "rrsync"].contains(&first) && program(first).is_none()
            || first.starts_with('/') && !Path::new(first).exists()
        {
            println!("skipped: {first} as login: it is not installed");
            continue;
        }
        let sshd = forced(line, None);
        let mut server = Setup::open_box(&sshd).start();
        let began = Instant::now();
        let said = server.err("ssh_exec_run", json!({"host": "box", "command": "true", "timeout": 60}));
        assert!(said.contains(what) && said.contains("Nothing was run"), "{line}: {said}");
        assert!(!said.contains("Call again"), "{line}: {said}");
        assert!(began.elapsed() < Duration::from_secs(10), "{line}: {:?}", began.elapsed());
        let kind = match first {
            "/usr/sbin/nologin" => "Account with nologin",
            "bash" => "Account with a restricted bash",
            "echo" => "Menu in place of a shell",
            "internal-sftp" => "SFTP only",
            _ => continue,
        };
        crate::kinds::tell(kind, &[("exec", &format!("refused: {what}"))]);
    }
}

#[test]
fn waiting_channels_are_short_in_the_process_list() {
    let sshd = Sshd::with(&Options { login: Login::Recorded, ..Options::default() });
    let mut server = Setup::open_box(&sshd).start();
    server.exec("true");
    let ours = || -> Vec<String> { sshd.session_processes().into_iter().map(|(_, line)| line).collect() };
    // Three channels of four processes each.
    assert!(eventually(Duration::from_secs(20), || ours().len() >= 12), "{:?}", ours());
    std::thread::sleep(Duration::from_millis(500));
    let lines = ours();
    let bytes: usize = lines.iter().map(|line| line.len() + 1).sum();
    assert!(bytes < 1000, "{bytes} bytes: {lines:?}");
    assert!(lines.iter().all(|line| line.contains("ssh-mcp")), "{lines:?}");
    let longest = sshd.recorded().iter().map(String::len).max().unwrap();
    assert!(longest <= 200, "{longest}");
    // A pattern of the caller's meets nothing of ours. Only looked for: the host is this machine, whose other processes
    // are not ours to signal.
    let waiting: Vec<i32> = sshd.session_processes().into_iter().map(|(pid, _)| pid).collect();
    for word in ["sleep", "read", "kill", "dd "] {
        let found = server.exec(&format!("pgrep -f '{word}'"));
        let found: Vec<i32> = found["stdout"].as_str().unwrap().lines().filter_map(|pid| pid.parse().ok()).collect();
        assert!(!waiting.iter().any(|pid| found.contains(pid)), "{word}: {found:?}");
    }
    let done = server.exec("pgrep -f mcp-test-word");
    assert_eq!((done["exit_code"].as_i64(), done["stdout"].as_str()), (Some(1), Some("")), "{done}");
}

/// Some servers take few bytes of a command: Dropbear 1,024 or 9,000. Ours has at most 200, whatever the call is.
#[test]
fn a_server_that_takes_short_commands_is_served() {
    let line = "[ \"${#SSH_ORIGINAL_COMMAND}\" -le 200 ] || { echo too long >&2; exit 1; }; exec sh -c \"$SSH_ORIGINAL_COMMAND\"";
    let sshd = forced(line, None);
    let setup = Setup::open_box(&sshd);
    let path = setup.root().join("f");
    let mut server = setup.start();
    let long = format!("printf %s '{}' | wc -c", "x".repeat(20_000));
    assert_eq!(server.exec(&long)["stdout"], "20000\n");
    let script = format!("# {}\necho done\n", "y".repeat(20_000));
    assert_eq!(server.ok("ssh_exec_script", json!({"host": "box", "script": script}))["stdout"], "done\n");
    server.ok("ssh_upload", json!({"host": "box", "path": path, "content_text": "z".repeat(20_000)}));
    server.ok(
        "ssh_edit",
        json!({"host": "box", "path": path, "old_string": "z", "new_string": "a", "occurrence": "all"}),
    );
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "a".repeat(20_000));
}

/// Stands for the client of an engine: keeps what it was given, and knows nothing.
const CLIENT: &str = "#!/bin/sh\n{ echo \"called $*\"; env; echo end; } >>\"${0%/*}/seen\"\necho '[]'\n";

#[test]
fn the_account_configures_its_clients_of_engines() {
    let given = [
        ("DOCKER_HOST", "unix:///srv/engine.sock"),
        ("DOCKER_CONTEXT", "far"),
        ("DOCKER_CONFIG", "/srv/docker"),
        ("CONTAINER_HOST", "ssh://far/run/podman.sock"),
        ("CONTAINERS_CONF", "/srv/containers.conf"),
        ("REGISTRY_AUTH_FILE", "/srv/auth.json"),
        ("COMPOSE_PROFILES", "a,b"),
        ("XDG_RUNTIME_DIR", "/run/user/77"),
        ("TAG", "1.2"),
    ];
    let kept_out =
        [("TAR_OPTIONS", "--exclude=*"), ("GREP_OPTIONS", "-v"), ("CDPATH", "/usr"), ("TMOUT", "2"), ("L", "9")];
    let words: Vec<String> = given.iter().chain(&kept_out).map(|(name, value)| format!("'{name}={value}'")).collect();
    let sshd = forced(&format!("exec env {} sh -c \"$SSH_ORIGINAL_COMMAND\"", words.join(" ")), None);
    let setup = Setup::open_box(&sshd);
    let root = setup.root();
    let client = root.join("docker");
    std::fs::write(&client, CLIENT).unwrap();
    std::fs::set_permissions(&client, std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::write(root.join("compose.yml"), "services: {w: {image: \"w:${TAG}\"}}\n").unwrap();
    let mut server = setup.env("SSH_DOCKER_CMD", client.to_str().unwrap()).start();
    server.call("ssh_docker_ps", json!({"host": "box"}));
    for verb in ["ps", "up"] {
        let file = root.join("compose.yml");
        server.call(&format!("ssh_docker_compose_{verb}"), json!({"host": "box", "compose_file": file}));
    }
    let seen = std::fs::read_to_string(root.join("seen")).unwrap();
    let calls: Vec<&str> = seen.split("called ").skip(1).collect();
    for word in ["ps ", "compose "] {
        assert!(calls.iter().any(|call| call.starts_with(word)), "{word}: {seen}");
    }
    for call in calls {
        for (name, value) in given {
            assert!(call.lines().any(|line| line == format!("{name}={value}")), "{name}: {call}");
        }
        for (name, _) in kept_out {
            assert!(!call.lines().any(|line| line.starts_with(&format!("{name}="))), "{name}: {call}");
        }
    }
}
