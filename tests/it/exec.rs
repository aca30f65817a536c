//! Commands on a real host: true ends, true stops, and nothing left behind.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use nix::unistd::Pid;
use serde_json::{Value, json};
use ssh_mcp::internals::ssh::wrapper;

use crate::server::{Setup, eventually};
use crate::sshd::{Agent, Options, Sshd};

/// Commands of the host's sessions whose command line contains this text.
fn running(sshd: &Sshd, text: &str) -> bool {
    sshd.session_processes().iter().any(|(_, line)| line.contains(text))
}

#[test]
fn ends_are_told_as_they_were() {
    let sshd = Sshd::start();
    let mut server = Setup::open_box(&sshd).start();
    let done = server.exec("echo out; echo err >&2; exit 3");
    assert_eq!(
        (done["exit_code"].as_i64(), done["stdout"].as_str(), done["stderr"].as_str()),
        (Some(3), Some("out\n"), Some("err\n"))
    );
    let done = server.exec("kill -KILL $$");
    assert_eq!((done["exit_code"].as_i64(), done["killed_by_signal"].as_str()), (Some(-1), Some("KILL")));
    let done = server.exec("exit 137");
    assert_eq!((done["exit_code"].as_i64(), done["killed_by_signal"].as_str()), (Some(137), None));
    let done = server.exec("no-such-program");
    assert_eq!(done["exit_code"], 127);
    let done = server.exec("cat; echo after");
    assert_eq!(done["stdout"], "after\n", "standard input is closed");
    let done = server.exec("printf 'a\\377b\\000c'");
    assert_eq!(done["stdout_bytes"], 5);
    assert!(done["stdout"].as_str().unwrap().starts_with("a\u{fffd}b"));
}

#[test]
fn output_is_capped_while_it_is_read() {
    let sshd = Sshd::start();
    let mut server = Setup::open_box(&sshd).env("SSH_STDOUT_CAP_BYTES", "1000").start();
    let done = server.exec("head -c 5000000 /dev/zero | tr '\\0' x; echo; echo END");
    assert_eq!(done["stdout_bytes"], 5_000_005);
    assert_eq!(done["stdout_truncated"], true);
    let text = done["stdout"].as_str().unwrap();
    assert!(text.len() < 1100 && text.ends_with("\nEND\n") && text.contains("bytes left out"), "{text}");
}

#[test]
fn a_time_limit_stops_the_whole_session_and_looks() {
    let sshd = Sshd::start();
    let mut server = Setup::open_box(&sshd).start();
    server.exec("true");
    let began = Instant::now();
    let command = "echo begun; (sleep 9001 &) ; sleep 9002";
    let done = server.ok("ssh_exec_run", json!({"host": "box", "command": command, "timeout": 2}));
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    assert_eq!((done["timed_out"].as_bool(), done["exit_code"].as_i64()), (Some(true), Some(-1)));
    assert_eq!(done["stop"], "stopped", "{done}");
    assert_eq!(done["stdout"], "begun\n", "what it printed is kept");
    assert!(!running(&sshd, "sleep 900"), "{:?}", sshd.session_processes());
}

#[test]
fn a_command_that_ignores_term_is_killed() {
    let sshd = Sshd::start();
    let mut server = Setup::open_box(&sshd).start();
    let command = "trap '' TERM; while :; do sleep 9003; done";
    let done = server.ok("ssh_exec_run", json!({"host": "box", "command": command, "timeout": 1}));
    assert_eq!(done["stop"], "stopped", "{done}");
    assert!(!running(&sshd, "9003"));
}

/// What a session of its own does, or somebody else who was asked to, no stop can look for: the answer says so.
#[test]
fn what_a_stop_cannot_see_is_named() {
    let sshd = Sshd::start();
    let mut server = Setup::open_box(&sshd).start();
    let command = "setsid sh -c 'sleep 4; :' & wait";
    let done = server.ok("ssh_exec_run", json!({"host": "box", "command": command, "timeout": 1}));
    assert_eq!((&done["timed_out"], &done["stop"]), (&json!(true), &json!("unknown")), "{done}");
    assert!(done["hint"].as_str().unwrap().contains("What `setsid` started"), "{done}");
}

#[test]
fn a_command_that_is_too_long_is_refused_before_anything_is_sent() {
    let sshd = Sshd::start();
    let mut server = Setup::open_box(&sshd).start();
    assert_eq!(server.exec(&format!(": {}; echo ran", "x".repeat(65_000)))["stdout"], "ran\n");
    let said = server.err("ssh_exec_run", json!({"host": "box", "command": format!(": {}", "x".repeat(140_016))}));
    assert!(said.starts_with("CommandNotAllowed") && said.contains("140018 bytes"), "{said}");
    assert!(said.contains("ssh_exec_script") && said.contains("ssh_sudo_run_script"), "{said}");
}

#[test]
fn a_cancelled_call_is_stopped_and_never_answered() {
    let sshd = Sshd::start();
    let mut server = Setup::open_box(&sshd).start();
    let id = server.begin_call("ssh_exec_run", json!({"host": "box", "command": "sleep 9004"}));
    assert!(eventually(Duration::from_secs(20), || running(&sshd, "sleep 9004")));
    server.cancel(id);
    assert!(eventually(Duration::from_secs(10), || !running(&sshd, "sleep 9004")));
    assert!(server.wait(id, Duration::from_secs(1)).is_none(), "a cancelled call is not answered");
    assert_eq!(server.exec("echo alive")["stdout"], "alive\n");
}

#[test]
fn the_end_of_stdin_and_sigterm_end_everything() {
    for by_signal in [false, true] {
        let sshd = Sshd::start();
        let mut server = Setup::open_box(&sshd).start();
        server.begin_call("ssh_exec_run", json!({"host": "box", "command": "sleep 9005"}));
        assert!(eventually(Duration::from_secs(20), || running(&sshd, "sleep 9005")));
        if by_signal {
            server.signal(Signal::SIGTERM);
        } else {
            server.close_stdin();
        }
        let took = server.ended_within(Duration::from_secs(10)).expect("the server ends");
        assert!(took < Duration::from_secs(6), "{took:?}");
        assert!(eventually(Duration::from_secs(5), || !running(&sshd, "sleep 9005")), "{:?}", sshd.session_processes());
        assert_eq!(server.runtime_files(), Vec::<std::path::PathBuf>::new(), "no socket stays");
    }
}

/// What a broken connection or a cancelled call leaves of a script.
#[test]
fn a_script_that_arrives_in_part_is_not_run() {
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    let folder = tempfile::tempdir().unwrap();
    let ran = folder.path().join("ran");
    for lines in [1, 400] {
        let script = format!("echo ran >>'{}'; :\n", ran.display()).repeat(lines);
        let mut sent = [wrapper::FIRST_WORD, &wrapper::preamble()].concat();
        let wrapper = sent.len();
        sent.extend_from_slice(&wrapper::header("0123456789abcdef0123456789abcdef", &script, "-", 0));
        let ends = [
            60,
            wrapper / 2,
            wrapper,
            wrapper + 60,
            wrapper + (sent.len() - wrapper) / 2,
            sent.len() - 40,
            sent.len() - 1,
            sent.len(),
        ];
        for end in ends.into_iter().filter(|end| *end <= sent.len()) {
            let mut shell = Command::new("sh");
            shell.args(["-c", &wrapper::command_line()]).stdin(Stdio::piped());
            let mut shell = shell.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
            shell.stdin.take().unwrap().write_all(&sent[..end]).unwrap();
            let output = shell.wait_with_output().unwrap();
            let whole = end == sent.len();
            // The end of the input also stops the script, so a whole one may be cut short but does begin.
            let began = String::from_utf8_lossy(&output.stderr).contains("0123456789abcdef>");
            assert_eq!((began, whole || !ran.exists()), (whole, true), "{end} of {} bytes", sent.len());
            let _ = std::fs::remove_file(&ran);
        }
    }
}

/// Calls at once that take every standby, and the channel or two that are opened beside them.
const EVERY_STANDBY: usize = 5;

fn waits((pid, line): &(i32, String)) -> bool {
    let leads = nix::unistd::getsid(Some(Pid::from_raw(*pid))).is_ok_and(|session| session.as_raw() == *pid);
    line == "sh -c eval \"$mcp_i\" ssh-mcp" && leads
}

/// Stops one of the waiting shells.
fn stop_a_standby(sshd: &Sshd) -> Pid {
    // Those that wait for their header: in each channel it is the leader of a session of its own.
    let waiting = || sshd.session_processes().iter().filter(|one| waits(one)).count() >= 3;
    assert!(eventually(Duration::from_secs(20), waiting), "{:?}", sshd.session_processes());
    let all = sshd.session_processes();
    let newest = Pid::from_raw(all.iter().filter(|one| waits(one)).map(|(pid, _)| *pid).max().unwrap());
    nix::sys::signal::kill(newest, Signal::SIGSTOP).unwrap();
    newest
}

#[test]
fn a_channel_that_gives_no_sign_is_left_for_another() {
    let sshd = Sshd::start();
    let setup = Setup::open_box(&sshd);
    let root = setup.root();
    std::fs::write(root.join("here"), "").unwrap();
    let mut server = setup.start();
    server.exec("true");
    stop_a_standby(&sshd);
    let began = Instant::now();
    let calls: Vec<u64> =
        (0..EVERY_STANDBY).map(|_| server.begin_call("ssh_sftp_list", json!({"host": "box", "path": root}))).collect();
    for id in calls {
        let listed = server.answer(id, Duration::from_secs(60)).expect("an answer");
        assert!(!listed.error && listed.data.to_string().contains("here"), "{listed:?}");
    }
    assert!((9..50).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
}

#[test]
fn a_command_that_gave_no_sign_is_told_from_one_that_ran() {
    let sshd = Sshd::start();
    let mut server = Setup::open_box(&sshd).start();
    server.exec("true");
    let stopped = stop_a_standby(&sshd);
    let calls: Vec<u64> = (0..EVERY_STANDBY)
        .map(|_| server.begin_call("ssh_exec_run", json!({"host": "box", "command": "true", "timeout": 5})))
        .collect();
    let answers: Vec<Value> =
        calls.into_iter().map(|id| server.answer(id, Duration::from_secs(60)).expect("an answer").data).collect();
    let late: Vec<&Value> = answers.iter().filter(|done| done["timed_out"] == true).collect();
    let [done] = late.as_slice() else { panic!("one of them met the stopped standby: {answers:#?}") };
    assert_eq!(done["stop"], "unknown", "{done}");
    assert!(done["hint"].as_str().unwrap().contains("gave no sign"), "{done}");
    nix::sys::signal::kill(stopped, Signal::SIGCONT).unwrap();
}

#[test]
fn background_children_live_on_and_are_told() {
    let sshd = Sshd::start();
    let mut server = Setup::open_box(&sshd).start();
    let done = server.exec("sleep 9006 & echo started");
    assert_eq!((done["exit_code"].as_i64(), done["background"].as_bool()), (Some(0), Some(true)));
    assert!(running(&sshd, "sleep 9006"));
}

#[test]
fn few_sessions_serve_many_calls() {
    for limit in [1, 2] {
        let sshd = Sshd::with(&Options { max_sessions: Some(limit), ..Options::default() });
        let mut server = Setup::open_box(&sshd).start();
        let ids: Vec<(u64, usize)> = (0..30)
            .map(|i| (server.begin_call("ssh_exec_run", json!({"host": "box", "command": format!("echo {i}")})), i))
            .collect();
        for (id, i) in ids {
            let answer = server.answer(id, Duration::from_secs(90)).expect("every call answers");
            assert!(!answer.error, "MaxSessions {limit}: {}", answer.text);
            assert_eq!(answer.data["stdout"], format!("{i}\n"));
        }
    }
}

#[test]
fn a_restricted_list_starts_one_process_and_no_shell() {
    let sshd = Sshd::start();
    let mut server = Setup::new().host(&sshd, "box", "command_allowlist = [\"echo\"]\n").start();
    assert_eq!(server.exec("echo 'a  b' \"c\"")["stdout"], "a  b c\n");
    for bad in [
        "echo a; id",
        "echo $(id)",
        "echo `id`",
        "echo a > /tmp/x",
        "echo a\nid",
        "echo a | cat",
        "/tmp/echo a",
        "A=1 echo",
        "id",
    ] {
        let text = server.err("ssh_exec_run", json!({"host": "box", "command": bad}));
        assert!(text.starts_with("CommandNotAllowed"), "{bad}: {text}");
    }
    let text = server.err("ssh_exec_script", json!({"host": "box", "script": "id"}));
    assert!(text.starts_with("CommandNotAllowed"), "{text}");
}

#[test]
fn streaming_tells_progress_before_the_answer() {
    let sshd = Sshd::start();
    let mut server = Setup::open_box(&sshd).start();
    let params = json!({"name": "ssh_exec_run_streaming", "arguments": {"host": "box", "command": "for i in 1 2 3; do echo step $i; sleep 0.3; done"}, "_meta": {"progressToken": "p"}});
    let id = server.begin("tools/call", params);
    assert!(server.wait(id, Duration::from_secs(60)).is_some());
    let messages: Vec<String> = server
        .notes()
        .iter()
        .filter(|n| n["method"] == "notifications/progress")
        .map(|n| n["params"]["message"].as_str().unwrap_or_default().to_owned())
        .collect();
    assert!(messages.iter().any(|m| m == "stdout: step 1"), "{messages:?}");
}

#[test]
fn a_shell_session_keeps_directory_and_exports() {
    let sshd = Sshd::start();
    let mut server = Setup::open_box(&sshd).start();
    let session = server.ok("ssh_shell_open", json!({"host": "box"}))["session_id"].clone();
    let mut run =
        |command: &str| server.ok("ssh_shell_exec", json!({"session_id": session, "command": command, "timeout": 20}));
    run("cd /tmp && export GREETING='hello  there'; false");
    let done = run("printf '%s' \"$GREETING\"; exit 4");
    assert_eq!(
        (done["stdout"].as_str(), done["exit_code"].as_i64(), done["cwd"].as_str()),
        (Some("hello  there"), Some(4), Some("/tmp"))
    );
    for command in [
        "set -e; false; echo no",
        "trap 'true' EXIT; cd /",
        "sleep 9007 & true",
        "cat <<X\nopen",
        "printf 'a\\000\\377'",
    ] {
        run(command);
    }
    assert_eq!(run("pwd; echo $GREETING")["stdout"], "/tmp\nhello there\n");
    assert_eq!(server.ok("ssh_shell_close", json!({"session_id": session}))["closed"], true);
}

#[test]
fn a_broadcast_answers_per_host_and_groups_equal_answers() {
    let sshd = Sshd::start();
    let keys = "command_allowlist = [\"*\"]\n";
    let mut server = Setup::new()
        .host(&sshd, "a", keys)
        .host(&sshd, "b", keys)
        .raw(
            "Host down\n  HostName 127.0.0.1\n  Port 1\n",
            "[hosts.down]\nhostname = \"down\"\ncommand_allowlist = [\"*\"]\n",
        )
        .start();
    let done = server.ok("ssh_broadcast", json!({"hosts": ["a", "b", "down", "a"], "command": "echo same"}));
    assert_eq!(done["succeeded"], json!(["a", "b"]));
    assert_eq!(done["failed"], json!(["down"]));
    assert_eq!(done["same_answer"], json!([["a", "b"]]));
    assert_eq!(done["errors"]["down"], "ConnectError", "{done}");
    let text = server.err("ssh_broadcast", json!({"hosts": ["a", "nobody"], "command": "touch /tmp/never"}));
    assert!(text.contains("nobody"), "{text}");
}

#[test]
fn a_blocked_name_is_not_reached_under_another_name_or_as_a_jump_host() {
    let sshd = Sshd::start();
    let text = format!("{}Host via\n  HostName 127.0.0.2\n  ProxyJump box\n", sshd.ssh_config_block("box", &[]));
    let hosts = "[hosts.box]\nhostname = \"box\"\ncommand_allowlist = [\"*\"]\n[hosts.via]\nhostname = \"via\"\n";
    let connections = || sshd.log().matches("Connection from").count();
    let before = connections();
    let mut server = Setup::new().raw(&text, hosts).env("SSH_HOSTS_BLOCKLIST", "127.0.0.1").start();
    let text = server.err("ssh_exec_run", json!({"host": "box", "command": "true"}));
    assert!(text.starts_with("HostBlocked") && text.contains("127.0.0.1"), "{text}");
    let ping = server.ok("ssh_host_ping", json!({"host": "via"}));
    assert_eq!((ping["reachable"].as_bool(), ping["problem"].as_str()), (Some(false), Some("HostBlocked")), "{ping}");
    assert_eq!(connections(), before, "no connection was made: {}", sshd.log());
}

#[test]
fn a_wrong_key_no_key_and_a_wrong_user_are_told_apart() {
    let (sshd, other) = (Sshd::start(), Sshd::start());
    let wrong = other.known_hosts_text().replace(&other.port.to_string(), &sshd.port.to_string());
    let known = |name: &str, text: &str| {
        let path = sshd.path(name);
        std::fs::write(&path, text).unwrap();
        format!("UserKnownHostsFile {}", path.display())
    };
    let (changed, unknown) = (known("kh_wrong", &wrong), known("kh_none", ""));
    let config = [
        sshd.ssh_config_block("changed", &[changed.as_str()]),
        sshd.ssh_config_block("unknown", &[unknown.as_str()]),
        sshd.ssh_config_block("nobody", &["User no-such-user"]),
    ]
    .concat();
    let hosts: String = ["changed", "unknown", "nobody"]
        .map(|h| format!("[hosts.{h}]\nhostname = \"{h}\"\ncommand_allowlist = [\"*\"]\n"))
        .concat();
    let mut server = Setup::new().raw(&config, &hosts).start();
    let live = sshd.host_fingerprints().remove(0);
    let pinned = other.host_fingerprints().remove(0);
    let began = Instant::now();
    let text = server.err("ssh_exec_run", json!({"host": "changed", "command": "true"}));
    assert!(text.starts_with("HostKeyMismatch") && text.contains(&live) && text.contains(&pinned), "{text}");
    let text = server.err("ssh_exec_run", json!({"host": "unknown", "command": "true"}));
    assert!(text.starts_with("UnknownHost") && text.contains(&live), "{text}");
    let text = server.err("ssh_exec_run", json!({"host": "nobody", "command": "true"}));
    assert!(text.starts_with("AuthenticationFailed") && text.contains("no-such-user"), "{text}");
    assert!(began.elapsed() < Duration::from_secs(30));
    let ping = server.ok("ssh_host_ping", json!({"host": "changed"}));
    assert_eq!((ping["reachable"].as_bool(), ping["auth_ok"].as_bool()), (Some(true), Some(false)), "{ping}");
    assert_eq!(std::fs::read_to_string(sshd.path("kh_none")).unwrap(), "", "no key is ever added");
}

#[test]
fn a_hostile_project_folder_changes_nothing() {
    let sshd = Sshd::start();
    let setup = Setup::open_box(&sshd);
    // The server starts in this folder, as clients start servers inside whatever project is open.
    std::fs::write(setup.path(".env"), "ALLOW_SUDO=true\nSSH_COMMAND_ALLOWLIST=id\n").unwrap();
    std::fs::write(setup.path("hosts.toml"), "[hosts.evil]\nhostname = \"evil\"\n").unwrap();
    std::fs::write(
        setup.path("hooks.toml"),
        "[[hook]]\nname = \"x\"\nevent = \"startup\"\ncommand = [\"touch\", \"owned\"]\n",
    )
    .unwrap();
    std::fs::create_dir_all(setup.path("skills/evil")).unwrap();
    std::fs::write(setup.path("skills/evil/SKILL.md"), "---\nname: evil\ndescription: x\n---\n").unwrap();
    let owned = setup.path("owned");
    let mut server = setup.start();
    let list = server.ok("ssh_host_list", json!({}));
    assert_eq!(list["hosts"].as_array().unwrap().len(), 1, "{list}");
    let info = server.ok("ssh_server_info", json!({}));
    assert!(!info["enabled_tiers"].as_array().unwrap().contains(&json!("sudo")), "{info}");
    let resources = server.request("resources/list", json!({}));
    assert!(!resources.to_string().contains("evil"), "{resources}");
    assert!(!owned.exists());
}

#[test]
fn ssh_config_alone_says_how_to_get_there() {
    let (jump, target) = (Sshd::start(), Sshd::start());
    let config =
        format!("{}{}", jump.ssh_config_block("gate", &[]), target.ssh_config_block("box", &["ProxyJump gate"]));
    let hosts = "[hosts.box]\nhostname = \"box\"\ncommand_allowlist = [\"*\"]\n";
    let mut server = Setup::new().raw(&config, hosts).start();
    let ping = server.ok("ssh_host_ping", json!({"host": "box"}));
    assert_eq!((ping["reachable"].as_bool(), ping["auth_ok"].as_bool()), (Some(true), Some(true)), "{ping}");
    assert_eq!(server.exec("echo there")["stdout"], "there\n");
    assert!(jump.log().contains("Accepted publickey"), "the way leads over the jump host");
    let sessions = server.ok("ssh_session_list", json!({}));
    assert_eq!(sessions["sessions"].as_array().unwrap().len(), 2, "{sessions}");
}

#[test]
fn a_connection_that_went_away_is_made_anew_and_nothing_runs_twice() {
    let sshd = Sshd::start();
    let setup = Setup::open_box(&sshd);
    let trace = setup.root().join("trace");
    let mut server = setup.start();
    server.exec("true");
    sshd.drop_connections();
    // Sent before its end is known, a command may have run; the promise is for those that come after.
    server.wait_for_no_connection();
    assert_eq!(server.exec("echo again")["stdout"], "again\n");
    let command = format!("echo run >> {}; sleep 9008", trace.display());
    let id = server.begin_call("ssh_exec_run", json!({"host": "box", "command": command}));
    assert!(eventually(Duration::from_secs(20), || running(&sshd, "sleep 9008")));
    sshd.drop_connections();
    let answer = server.answer(id, Duration::from_secs(60)).expect("an answer");
    assert!(answer.error && answer.text.starts_with("ConnectError"), "{answer:?}");
    assert!(answer.text.contains("may have run"), "{}", answer.text);
    assert_eq!(std::fs::read_to_string(&trace).unwrap(), "run\n");
    server.wait_for_no_connection();
    assert_eq!(server.exec("echo alive")["stdout"], "alive\n");
}

#[test]
fn every_call_leaves_a_line_and_the_caller_gets_its_id() {
    let sshd = Sshd::start();
    let setup = Setup::open_box(&sshd);
    let file = setup.path("audit.jsonl");
    let mut server =
        setup.env("SSH_AUDIT_FILE", &file.display().to_string()).env("SSH_REDACT_PATHS_GLOBS", "**/.env").start();
    server.exec("echo secret-word-7");
    server.err("ssh_exec_run", json!({"host": "nowhere", "command": "true"}));
    server.err("ssh_exec_run", json!({"host": "box", "command": "cat /srv/app/.env"}));
    let id = server.begin_call("ssh_exec_run", json!({"host": "box", "command": "sleep 9009"}));
    assert!(eventually(Duration::from_secs(20), || running(&sshd, "sleep 9009")));
    server.cancel(id);
    let lines = || -> Vec<Value> {
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).filter(|l: &Value| l["tool"].is_string()).collect()
    };
    assert!(eventually(Duration::from_secs(15), || lines().len() >= 4), "{:?}", lines());
    let errors: Vec<_> = lines().iter().map(|l| l["error"].as_str().unwrap_or("-").to_owned()).collect();
    assert_eq!(errors, ["-", "HostNotAllowed", "RedactBypassBlocked", "Cancelled"]);
    assert!(!std::fs::read_to_string(&file).unwrap().contains("secret-word-7"), "no argument in clear");
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let verified = std::process::Command::new(env!("CARGO_BIN_EXE_ssh-mcp"))
        .args(["audit", "verify"])
        .arg(&file)
        .output()
        .unwrap();
    assert!(verified.status.success(), "{verified:?}");
}

#[test]
fn a_pinned_key_that_the_agent_lacks_is_told_at_start() {
    let (sshd, agent) = (Sshd::start(), Agent::start());
    agent.add_new_key("other");
    let hosts = "[hosts.box]\nhostname = \"box\"\n[hosts.box.auth]\nidentity_fingerprint = \
                 \"SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"\nidentities_only = true\n";
    let socket = agent.socket().display().to_string();
    let server = Setup::new().raw(&sshd.ssh_config_block("box", &[]), hosts).env("SSH_AUTH_SOCK", &socket).start();
    assert!(
        eventually(Duration::from_secs(15), || server.stderr().contains("AgentFingerprintNotFound")),
        "{}",
        server.stderr()
    );
}
