//! Accounts whose login shell is not of the POSIX family, and shell sessions whatever a command does to them.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use crate::files::SCENARIOS;
use crate::server::{Server, Setup, eventually};
use crate::sshd::{Login, Options, Sshd};

/// A daemon whose account has this program as login shell; `None` where it is not installed, which is said.
fn with_login_shell(name: &str) -> Option<Sshd> {
    let own = std::env::var_os("PATH").unwrap();
    let folders = ["/bin", "/usr/bin", "/usr/local/bin", "/opt/homebrew/bin"].map(PathBuf::from);
    let mut folders = folders.into_iter().chain(std::env::split_paths(&own));
    let Some(shell) = folders.find_map(|folder| Some(folder.join(name)).filter(|path| path.exists())) else {
        crate::skips::skip(&format!("{name} is not installed"));
        return None;
    };
    Some(Sshd::with(&Options { login: Login::Shell(shell), ..Options::default() }))
}

fn run(server: &mut Server, session: &Value, command: &str) -> Value {
    server.ok("ssh_shell_exec", json!({"session_id": session, "command": command, "timeout": 20}))
}

/// Everything that is asked of a host whose login shell is this one.
fn serves(name: &str) {
    let Some(sshd) = with_login_shell(name) else { return };
    let mut server = Setup::open_box(&sshd).start();
    // The command is for the account's own shell.
    let done = server.exec("echo out; echo \"q'u o\"te; exit 3");
    assert_eq!((done["stdout"].as_str(), done["exit_code"].as_i64()), (Some("out\nq'u ote\n"), Some(3)), "{done}");
    let own = server.exec(if name == "fish" { "echo $FISH_VERSION" } else { "echo $tcsh" });
    assert!(own["stdout"].as_str().is_some_and(|version| version.starts_with(char::is_numeric)), "{own}");
    let done = server.exec("printf 'a\\377b\\000c'");
    assert_eq!(done["stdout_bytes"], 5, "{done}");
    let done = server.exec("sh -c 'kill -KILL $$'");
    assert!(done["exit_code"] == 137 || done["killed_by_signal"] == "KILL", "{done}");
    let command = format!("echo {}", "x".repeat(60_000));
    assert_eq!(server.exec(&command)["stdout_bytes"], 60_001);
    // A script is for `sh`.
    let script = "if [ $# = 0 ]; then echo \"a!b\\$\"; fi\nexit 4\n";
    let done = server.ok("ssh_exec_script", json!({"host": "box", "script": script}));
    assert_eq!((done["stdout"].as_str(), done["exit_code"].as_i64()), (Some("a!b$\n"), Some(4)), "{done}");
    let info = server.ok("ssh_host_info", json!({"host": "box"}));
    assert!(info["uname"].as_str().is_some_and(|uname| !uname.is_empty()), "{info}");

    let late = server.ok("ssh_exec_run", json!({"host": "box", "command": "sleep 9300", "timeout": 1}));
    assert_eq!((late["timed_out"].as_bool(), late["stop"].as_str()), (Some(true), Some("stopped")), "{late}");
    assert!(eventually(Duration::from_secs(10), || {
        !sshd.session_processes().iter().any(|(_, line)| line.contains("sleep 9300"))
    }));

    // A session's commands are for `sh`, since its state is.
    let session = server.ok("ssh_shell_open", json!({"host": "box"}))["session_id"].clone();
    run(&mut server, &session, "cd /tmp && export KEPT='a  b!'; x() { :; }; x");
    let done = run(&mut server, &session, "printf '%s|%s' \"$PWD\" \"$KEPT\"; exit 5");
    assert_eq!((done["stdout"].as_str(), done["exit_code"].as_i64()), (Some("/tmp|a  b!"), Some(5)), "{done}");

    let keys = "command_allowlist = [\"printf\"]\n";
    let mut narrow = Setup::new().host(&sshd, "box", keys).start();
    let done = narrow.exec("printf '%s|' 'a b' \"c'd\" '$HOME' '!x' '*'");
    assert_eq!(done["stdout"], "a b|c'd|$HOME|!x|*|", "{done}");
    narrow.err("ssh_exec_run", json!({"host": "box", "command": "printf x; id"}));

    for scenario in SCENARIOS {
        scenario(&sshd);
    }
}

#[test]
fn csh_as_login_shell_serves_everything() {
    serves("tcsh");
}

#[test]
fn fish_as_login_shell_serves_everything() {
    serves("fish");
}

/// Shells of which nothing is known here: our scripts do not meet them, and the caller's commands are for `sh`.
fn is_no_obstacle(name: &str) {
    let Some(sshd) = with_login_shell(name) else { return };
    let mut server = Setup::open_box(&sshd).start();
    let done = server.exec("for x in a b; do echo \"$x!\"; done; exit 3");
    assert_eq!((done["stdout"].as_str(), done["exit_code"].as_i64()), (Some("a!\nb!\n"), Some(3)), "{done}");
    let script = "if [ $# = 0 ]; then echo \"a!b\\$\"; fi\nexit 4\n";
    let done = server.ok("ssh_exec_script", json!({"host": "box", "script": script}));
    assert_eq!((done["stdout"].as_str(), done["exit_code"].as_i64()), (Some("a!b$\n"), Some(4)), "{done}");
    let late = server.ok("ssh_exec_run", json!({"host": "box", "command": "sleep 9303", "timeout": 4}));
    assert_eq!((late["timed_out"].as_bool(), late["stop"].as_str()), (Some(true), Some("stopped")), "{late}");
    let session = server.ok("ssh_shell_open", json!({"host": "box"}))["session_id"].clone();
    run(&mut server, &session, "cd /tmp && export KEPT='a  b!'");
    assert_eq!(run(&mut server, &session, "printf '%s|%s' \"$PWD\" \"$KEPT\"")["stdout"], "/tmp|a  b!");
    // One that starts in half a second is not made to do all of them.
    for scenario in SCENARIOS.iter().take(4) {
        scenario(&sshd);
    }
}

#[test]
fn elvish_as_login_shell_is_no_obstacle() {
    is_no_obstacle("elvish");
}

#[test]
fn xonsh_as_login_shell_is_no_obstacle() {
    is_no_obstacle("xonsh");
}

#[test]
fn nothing_that_a_command_does_ends_its_session() {
    let sshd = Sshd::start();
    let mut server = Setup::open_box(&sshd).start();
    let session = server.ok("ssh_shell_open", json!({"host": "box"}))["session_id"].clone();
    run(&mut server, &session, "cd /tmp && export KEPT=yes");
    // What a command does to its shell, and what it prints in the end.
    let rows = [
        ("printf 'no newline'", "no newline"),
        ("echo out; exit 7", "out\n"),
        ("set -e; echo a; false; echo never", "a\n"),
        ("set -eu; echo $nothing", ""),
        ("trap 'echo bye' EXIT; echo hi", "hi\nbye\n"),
        ("trap '' TERM INT HUP; echo hi", "hi\n"),
        ("exec 1>&-", ""),
        ("exec echo other", "other\n"),
        ("cat <<END\nopen", "open\n"),
        ("if true; then", ""),
        ("echo \"unclosed", ""),
        ("(sleep 9301 >/dev/null 2>&1 &) ; echo begun", "begun\n"),
        ("kill -KILL $$", ""),
        ("cat; echo eof", "eof\n"),
        ("unset PATH; echo lost", "lost\n"),
        ("alias pwd='echo wrong'; echo alias", "alias\n"),
        ("readonly KEPT; echo fixed", "fixed\n"),
    ];
    for (command, printed) in rows {
        let done = run(&mut server, &session, command);
        // A shell that cannot read the end of a here-document may say so; others take what is there.
        let fine = done["stdout"] == printed || (command.starts_with("cat <<") && done["stdout"] == "open");
        assert!(fine, "{command}: {done}");
        assert_ne!(done["timed_out"], true, "{command}: {done}");
        let after = run(&mut server, &session, "export PATH=/usr/bin:/bin; printf '%s|%s' \"$PWD\" \"$KEPT\"");
        assert_eq!(after["stdout"], "/tmp|yes", "after {command}: {after}");
    }
    let binary = run(&mut server, &session, "head -c 100000 /dev/urandom; printf '\\000\\377'");
    assert_eq!(binary["stdout_bytes"], 100_002, "{binary}");
    let id = session.as_str().unwrap();
    let late = server.ok("ssh_shell_exec", json!({"session_id": id, "command": "cd /; sleep 9302", "timeout": 1}));
    assert_eq!(late["timed_out"], true, "{late}");
    assert_eq!(run(&mut server, &session, "pwd")["stdout"], "/tmp\n");
    // Commands at once follow one another.
    run(&mut server, &session, "cd \"$HOME\"; echo 0 >count");
    let command = "n=$(cat count); sleep 0.2; echo $((n + 1)) >count";
    let begun: Vec<u64> =
        (0..3).map(|_| server.begin_call("ssh_shell_exec", json!({"session_id": id, "command": command}))).collect();
    for id in begun {
        assert!(!server.answer(id, Duration::from_secs(60)).unwrap().error);
    }
    assert_eq!(run(&mut server, &session, "cat count")["stdout"], "3\n");
}

#[test]
fn sessions_obey_the_limit_and_the_list_of_commands() {
    let sshd = Sshd::start();
    let mut server = Setup::new().host(&sshd, "box", "command_allowlist = [\"echo\", \"pwd\"]\n").start();
    let ids: Vec<Value> =
        (0..20).map(|_| server.ok("ssh_shell_open", json!({"host": "box"}))["session_id"].clone()).collect();
    let said = server.err("ssh_shell_open", json!({"host": "box"}));
    assert!(said.contains("20 open sessions") && said.contains("ssh_shell_close"), "{said}");
    server.ok("ssh_shell_close", json!({"session_id": ids[0]}));
    let session = server.ok("ssh_shell_open", json!({"host": "box"}))["session_id"].clone();
    assert_eq!(run(&mut server, &session, "echo fine")["stdout"], "fine\n");
    for command in ["id", "echo a; id", "echo $(id)", "echo a\nid", "cd /tmp", "/tmp/echo x", "X=1 echo"] {
        let said = server.err("ssh_shell_exec", json!({"session_id": session, "command": command}));
        assert!(said.contains("CommandNotAllowed"), "{command}: {said}");
    }
    assert!(server.err("ssh_shell_exec", json!({"session_id": ids[0], "command": "pwd"})).contains("no session"));
}

#[test]
fn a_session_whose_folder_is_gone_runs_nothing() {
    let sshd = Sshd::start();
    let setup = Setup::open_box(&sshd);
    let root = setup.root();
    let mut server = setup.start();
    let session = server.ok("ssh_shell_open", json!({"host": "box"}))["session_id"].clone();
    let folder = root.join("w");
    run(&mut server, &session, &format!("mkdir '{0}' && cd '{0}' && export KEPT=yes", folder.display()));
    std::fs::remove_dir(&folder).unwrap();
    let command = format!("touch '{}'; pwd", root.join("ran").display());
    for _ in 0..2 {
        let said = server.err("ssh_shell_exec", json!({"session_id": session, "command": command}));
        assert!(said.contains("Nothing was run") && said.contains(&*folder.to_string_lossy()), "{said}");
        assert!(!root.join("ran").exists());
    }
    std::fs::create_dir(&folder).unwrap();
    let done = run(&mut server, &session, "printf '%s|%s' \"$PWD\" \"$KEPT\"");
    assert_eq!(done["stdout"], format!("{}|yes", folder.display()), "{done}");
}

#[test]
fn a_state_that_is_not_handed_back_is_a_warning() {
    let sshd = Sshd::start();
    let mut server = Setup::open_box(&sshd).start();
    let session = server.ok("ssh_shell_open", json!({"host": "box"}))["session_id"].clone();
    run(&mut server, &session, "cd /tmp");
    for (command, lost) in [
        ("cd /; trap 'echo bye' EXIT", true),
        ("cd /; exec true", true),
        ("cd /; kill -KILL $$", true),
        ("cd /tmp; true", false),
        ("exit 3", false),
    ] {
        let done = run(&mut server, &session, command);
        let warned = done["output_warnings"].to_string().contains("hand its state back");
        assert_eq!(warned, lost, "{command}: {done}");
        assert_eq!(run(&mut server, &session, "pwd")["stdout"], "/tmp\n", "{command}");
    }
}
