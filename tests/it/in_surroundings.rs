//! Commands in a folder, with variables and input of the caller's, under each shell that may stand behind `/bin/sh`; what a
//! restricted list grants of them; an account's login environment; and where a program is that was not found.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::scripts::{program, with_sh};
use crate::server::{Server, Setup, eventually};
use crate::sshd::{Login, Options, Sshd};

fn running(sshd: &Sshd, text: &str) -> bool {
    sshd.session_processes().iter().any(|(_, line)| line.contains(text))
}

fn run(server: &mut Server, tool: &str, text: &str, more: Value) -> Value {
    let field = if tool.ends_with("script") { "script" } else { "command" };
    let mut args = json!({"host": "box", field: text, "timeout": 30});
    args.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    server.ok(tool, args)
}

const TOOLS: [&str; 3] = ["ssh_exec_run", "ssh_exec_run_streaming", "ssh_exec_script"];

#[test]
fn folder_variables_and_input_arrive_under_every_shell() {
    // yash reads ASCII only where the locale is C.
    for name in ["dash", "bash", "busybox", "ksh93", "mksh", "zsh"] {
        let Some(sshd) = with_sh(name) else { continue };
        let setup = Setup::open_box(&sshd);
        let folder = setup.root().join("a b'c");
        std::fs::create_dir(&folder).unwrap();
        let folder = folder.to_str().unwrap().to_owned();
        let mut server = setup.start();
        let value = "one 'two' \"three\" $HOME `id`\\n\nnext \u{e4}";
        let around = json!({"cwd": folder, "env": {"APP_VALUE": value, "n": "small"}, "stdin": "x \\n y\n\nlast"});
        for tool in TOOLS {
            let text = "pwd; /bin/pwd; printf '[%s]' \"$APP_VALUE\" \"$n\"; echo; cat; echo end; exit 90";
            let done = run(&mut server, tool, text, around.clone());
            let expected = format!("{folder}\n{folder}\n[{value}][small]\nx \\n y\n\nlastend\n");
            assert_eq!(
                (done["stdout"].as_str(), done["exit_code"].as_i64()),
                (Some(expected.as_str()), Some(90)),
                "{name} {tool}: {done}"
            );
            assert_eq!(done["stderr"].as_str(), None, "{name} {tool}: {done}");
        }
        for status in [0, 89, 91, 94, 125] {
            let done =
                run(&mut server, "ssh_exec_run", &format!("echo said >&2; exit {status}"), json!({"cwd": folder}));
            assert_eq!(
                (done["exit_code"].as_i64(), done["stderr"].as_str()),
                (Some(status), Some("said\n")),
                "{name}: {done}"
            );
        }
    }
}

#[test]
fn a_folder_that_cannot_be_used_is_named_and_nothing_runs() {
    let sshd = Sshd::start();
    let setup = Setup::open_box(&sshd);
    let root = setup.root();
    let (ran, zone) = (root.join("ran"), root.parent().unwrap().canonicalize().unwrap().join("kept/zone"));
    std::fs::write(root.join("file"), "").unwrap();
    std::fs::create_dir(root.join("real")).unwrap();
    std::os::unix::fs::symlink(&zone, root.join("into")).unwrap();
    std::os::unix::fs::symlink(root.join("real"), root.join("link")).unwrap();
    let mut server = setup.start();
    for tool in TOOLS {
        let field = if tool.ends_with("script") { "script" } else { "command" };
        for (folder, name) in [
            (root.join("missing"), "PathNotAllowed"),
            (root.join("file"), "PathNotAllowed"),
            (root.join("into"), "PathRestricted"),
            (zone.clone(), "PathRestricted"),
            (zone.join("below"), "PathRestricted"),
            ("relative".into(), "PathNotAllowed"),
        ] {
            let said =
                server.err(tool, json!({"host": "box", field: format!("touch {}", ran.display()), "cwd": folder}));
            assert!(said.contains(name) && said.contains("Argument `cwd`"), "{}: {said}", folder.display());
            assert!(
                !ran.exists() && (folder.starts_with(&zone) || !said.contains("zone`")),
                "{}: {said}",
                folder.display()
            );
        }
    }
    // A link is entered under its real name, which was judged.
    let done = run(&mut server, "ssh_exec_run", "pwd", json!({"cwd": root.join("link")}));
    assert_eq!(done["stdout"], format!("{}\n", root.join("real").display()));
    assert_eq!(run(&mut server, "ssh_exec_run", "pwd", json!({"cwd": "/"}))["stdout"], "/\n");
}

#[test]
fn values_are_in_no_process_list_and_no_audit() {
    let sshd = Sshd::start();
    let setup = Setup::open_box(&sshd);
    let audit = setup.path("audit.jsonl");
    let mut server = setup.env("SSH_AUDIT_FILE", audit.to_str().unwrap()).start();
    let around = json!({"host": "box", "command": "sleep 9501", "env": {"APP_TOKEN": "needle-in-env"}, "stdin": "needle-in-stdin"});
    let id = server.begin_call("ssh_exec_run", around);
    assert!(eventually(Duration::from_secs(20), || running(&sshd, "sleep 9501")));
    assert!(!running(&sshd, "needle-in"), "{:?}", sshd.session_processes());
    server.cancel(id);
    assert!(eventually(Duration::from_secs(10), || !running(&sshd, "sleep 9501")), "a cancel stops it");
    server.exec("true");
    assert!(!std::fs::read_to_string(audit).unwrap().contains("needle-in"));
}

#[test]
fn input_is_exact_and_need_not_be_read() {
    for name in ["dash", "bash", "busybox"] {
        let Some(sshd) = with_sh(name) else { continue };
        let mut server = Setup::open_box(&sshd).start();
        let big: String = "0123456789abcde\n".repeat(65_536);
        let done = run(&mut server, "ssh_exec_run", "wc -c; cat", json!({"stdin": big}));
        assert_eq!(done["stdout"].as_str().map(str::trim), Some("1048576"), "{name}: {done}");
        // As much comes back as goes in, while it goes in.
        let done =
            run(&mut server, "ssh_exec_script", "tee /dev/stderr | cksum | cut -d' ' -f2", json!({"stdin": big}));
        assert_eq!(
            (done["stdout"].as_str(), done["stderr_bytes"].as_u64()),
            (Some("1048576\n"), Some(1_048_576)),
            "{name}"
        );
        for more in [json!({"stdin": big}), json!({"stdin": ""}), json!({"stdin": "short"})] {
            let done = run(&mut server, "ssh_exec_run", "echo unread", more);
            assert_eq!(done["stdout"], "unread\n", "{name}: {done}");
        }
        assert_eq!(
            run(&mut server, "ssh_exec_run", "cat; echo end", json!({"stdin": ""}))["stdout"],
            "end\n",
            "{name}"
        );
        // What reads none of it is stopped as quickly as any other.
        let began = Instant::now();
        let args = json!({"host": "box", "command": "sleep 9502; true", "stdin": big, "timeout": 1});
        let done = server.ok("ssh_exec_run", args);
        assert_eq!(
            (done["timed_out"].as_bool(), done["stop"].as_str()),
            (Some(true), Some("stopped")),
            "{name}: {done}"
        );
        assert!(
            began.elapsed() < Duration::from_secs(4) && !running(&sshd, "sleep 9502"),
            "{name}: {:?}",
            began.elapsed()
        );
    }
}

#[test]
fn a_restricted_list_grants_folders_and_variables_by_name() {
    let sshd = Sshd::start();
    let setup = Setup::new();
    let root = setup.root();
    for folder in ["app/sub", "written", "elsewhere"] {
        std::fs::create_dir_all(root.join(folder)).unwrap();
    }
    let at = |name: &str| root.join(name).display().to_string();
    std::os::unix::fs::symlink(at("elsewhere"), root.join("app/out")).unwrap();
    let keys = format!(
        "command_allowlist = [\"pwd *\", \"printenv *\", \"cat *\"]\ncwd_allowlist = [\"{}\", \"{}\"]\nenv_allowlist = [\"APP_MODE\"]\n\
         path_allowlist = [\"{}\"]",
        at("app"),
        at("written"),
        at("written")
    );
    let mut server = setup.host(&sshd, "box", &keys).start();
    let done = run(&mut server, "ssh_exec_run", "pwd -P", json!({"cwd": at("app/sub"), "env": {"APP_MODE": "x"}}));
    assert_eq!(done["stdout"], format!("{}\n", at("app/sub")));
    assert_eq!(
        run(&mut server, "ssh_exec_run", "printenv APP_MODE", json!({"env": {"APP_MODE": "x y"}}))["stdout"],
        "x y\n"
    );
    assert_eq!(run(&mut server, "ssh_exec_run", "cat", json!({"stdin": "text"}))["stdout"], "text");
    for (more, word) in [
        (json!({"cwd": at("elsewhere")}), "cwd_allowlist"),
        (json!({"cwd": at("app/out")}), "cwd_allowlist"),
        (json!({"cwd": at("written")}), "tools may write there"),
        (json!({"env": {"LANG": "C"}}), "env_allowlist"),
        (json!({"env": {"LD_PRELOAD": "/x"}}), "env_allowlist"),
        (json!({"env": {"PATH": "/x"}}), "env_allowlist"),
        (json!({"env": {"BASH_FUNC_x%%": "/x"}}), "letters, digits"),
        (json!({"env": {"mcp_a": "/x"}}), "keeps that name"),
    ] {
        let mut args = json!({"host": "box", "command": "pwd -P"});
        args.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let said = server.err("ssh_exec_run", args);
        assert!(said.contains(word), "{more}: {said}");
    }
}

#[test]
fn a_list_that_could_lead_elsewhere_is_no_configuration() {
    let sshd = Sshd::start();
    for (commands, starts) in [("uptime", false), ("*", true)] {
        let keys = format!("command_allowlist = [\"{commands}\"]\nenv_allowlist = [\"LD_PRELOAD\"]");
        let setup = Setup::new().host(&sshd, "box", &keys);
        let mut command = setup.command();
        command.arg("check").stdin(std::process::Stdio::null()).stderr(std::process::Stdio::piped());
        let done = command.output().unwrap();
        let said = String::from_utf8_lossy(&[done.stdout, done.stderr].concat()).into_owned();
        assert_eq!(!said.contains("env_allowlist entry `LD_PRELOAD`"), starts, "{commands}: {said}");
    }
}

/// A home whose start-up file holds these lines, and a host that logs in to it by bash.
fn at_home(lines: &str) -> (tempfile::TempDir, Sshd) {
    let home = tempfile::tempdir().unwrap();
    let bin = home.path().join("tools/bin");
    std::fs::create_dir_all(&bin).unwrap();
    std::fs::write(bin.join("mytool"), "#!/bin/sh\necho tool ran\n").unwrap();
    std::fs::set_permissions(bin.join("mytool"), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    std::fs::write(home.path().join(".bash_profile"), lines).unwrap();
    let line = format!(
        "export HOME={} SHELL={}; exec sh -c \"$SSH_ORIGINAL_COMMAND\"",
        home.path().display(),
        program("bash").unwrap().display()
    );
    let sshd = Sshd::with(&Options { login: Login::Forced(line), ..Options::default() });
    (home, sshd)
}

#[test]
fn a_login_environment_is_read_once_and_decides_on_no_listed_word() {
    let lines =
        "echo welcome; echo >>\"$HOME/read\"; case $- in *i*) export PATH=$HOME/tools/bin:$PATH MY_TOOLS=yes;; esac\n";
    for (keys, restricted) in
        [("command_allowlist = [\"*\"]", false), ("command_allowlist = [\"mytool *\", \"printenv *\"]", true)]
    {
        let (home, sshd) = at_home(lines);
        let mut server = Setup::new().host(&sshd, "box", &format!("{keys}\nlogin_environment = true")).start();
        for _ in 0..2 {
            let done = run(&mut server, "ssh_exec_run", "mytool x", json!({}));
            let expected = if restricted { Some(127) } else { Some(0) };
            assert_eq!(done["exit_code"].as_i64(), expected, "{done}");
            for more in [json!({}), json!({"wait": 20})] {
                assert_eq!(run(&mut server, "ssh_exec_run", "printenv MY_TOOLS", more)["stdout"], "yes\n");
            }
        }
        assert_eq!(std::fs::read_to_string(home.path().join("read")).unwrap().len(), 1, "read once");
        if !restricted {
            let done =
                run(&mut server, "ssh_exec_script", "mytool; printenv MY_TOOLS", json!({"env": {"MY_TOOLS": "mine"}}));
            assert_eq!(done["stdout"], "tool ran\nmine\n");
        }
    }
    let (_home, sshd) = at_home(lines);
    let mut server = Setup::open_box(&sshd).start();
    assert_eq!(
        run(&mut server, "ssh_exec_run", "mytool x", json!({}))["exit_code"],
        127,
        "only where the operator wants it"
    );
}

#[test]
fn a_start_up_file_that_hangs_or_leaves_costs_a_warning() {
    for (lines, word) in [("exit 0\n", "ended the shell"), ("exec cat\n", "ended the shell")] {
        let (_home, sshd) = at_home(lines);
        let keys = "command_allowlist = [\"*\"]\nlogin_environment = true";
        let mut server = Setup::new().host(&sshd, "box", keys).start();
        let done = run(&mut server, "ssh_exec_run", "echo still", json!({}));
        assert_eq!(done["stdout"], "still\n");
        assert!(done["output_warnings"].to_string().contains(word), "{done}");
    }
}

#[test]
fn a_program_that_is_not_found_is_looked_for() {
    let (home, sshd) = at_home("");
    let local = home.path().join(".local/bin");
    std::fs::create_dir_all(&local).unwrap();
    std::fs::copy(home.path().join("tools/bin/mytool"), local.join("mytool")).unwrap();
    let mut server = Setup::open_box(&sshd).start();
    for (tool, text) in
        [("ssh_exec_run", "mytool -x"), ("ssh_exec_script", "echo a\nmytool\n"), ("ssh_exec_run", "true && mytool")]
    {
        let done = run(&mut server, tool, text, json!({}));
        let hint = done["hint"].as_str().unwrap();
        assert!(hint.contains(local.join("mytool").to_str().unwrap()), "{text}: {hint}");
    }
    // The way that the answer names is one that works.
    let done = run(&mut server, "ssh_exec_run", &format!("export PATH={}:$PATH; mytool", local.display()), json!({}));
    assert_eq!(done["stdout"], "tool ran\n");
    let done = run(&mut server, "ssh_exec_run", "no-such-program-anywhere", json!({}));
    assert!(done["hint"].as_str().unwrap().contains("not installed"), "{done}");
}
