//! Work that outlives its call: the connection, the daemon, this program and the caller may go.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use crate::containers::new_systemd_host;
use crate::dice::Dice;
use crate::gates::gate;
use crate::scripts::with_sh;
use crate::server::{Server, Setup, eventually};
use crate::sshd::Sshd;

const JOBS: usize = if cfg!(feature = "deep") { 200 } else { 10 };
const LONG: usize = if cfg!(feature = "deep") { 600 } else { 40 };

fn store(sshd: &Sshd) -> PathBuf {
    sshd.path("home/.local/state/ssh-mcp/jobs")
}

fn stored(sshd: &Sshd) -> usize {
    std::fs::read_dir(store(sshd)).map_or(0, Iterator::count)
}

fn start(server: &mut Server, command: &str, wait: u64) -> Value {
    server.ok("ssh_exec_run", json!({"host": "box", "command": command, "wait": wait}))
}

fn id(answer: &Value) -> String {
    answer["job"]["id"].as_str().unwrap_or_else(|| panic!("no job: {answer}")).to_owned()
}

fn read(server: &mut Server, job: &str, more: &Value) -> Value {
    let mut all = json!({"host": "box", "job": job});
    all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    server.ok("ssh_job_read", all)
}

#[test]
fn a_job_that_ends_in_time_is_an_ordinary_answer() {
    let sshd = Sshd::start();
    let mut server = Setup::open_box(&sshd).start();
    for command in
        ["echo out; echo err >&2; exit 3", "true", "kill -9 $$", "cat; printf 'no end'", "cd /; pwd; echo $0"]
    {
        let plain = server.ok("ssh_exec_run", json!({"host": "box", "command": command}));
        let mut job = start(&mut server, command, 20);
        job["duration_ms"] = plain["duration_ms"].clone();
        assert_eq!(job, plain, "{command}");
    }
    let script = json!({"host": "box", "script": "a=1\necho \"$a\" $#\nexit 5\n"});
    let plain = server.ok("ssh_exec_script", script.clone());
    let mut waited = script;
    waited["wait"] = json!(20);
    let job = server.ok("ssh_exec_script", waited);
    assert_eq!((&job["stdout"], &job["exit_code"]), (&plain["stdout"], &plain["exit_code"]));
    let timed = server.ok("ssh_exec_run", json!({"host": "box", "command": "sleep 300", "wait": 20, "timeout": 1}));
    assert_eq!((timed["timed_out"].as_bool(), timed["stop"].as_str()), (Some(true), Some("stopped")), "{timed}");
    assert!(eventually(Duration::from_secs(10), || stored(&sshd) == 0), "nothing stays on the host");
}

#[test]
fn a_job_lives_on_without_server_connection_and_daemon() {
    let mut sshd = Sshd::start();
    let once = sshd.path("once");
    let mut first = Setup::open_box(&sshd).start();
    let command = format!(
        "echo x >>'{}'; i=0; while [ $i -lt {LONG} ]; do i=$((i+1)); echo line $i; sleep 0.2; done; exit 7",
        once.display()
    );
    let answer = start(&mut first, &command, 0);
    let job = id(&answer);
    assert!(answer["hint"].as_str().unwrap().contains("ssh_job_read"));
    first.kill();
    sshd.kill_sessions();
    let mut second = Setup::open_box(&sshd).start();
    let looked = read(&mut second, &job, &json!({"wait": 20, "until_match": "^line 5$"}));
    assert_eq!((looked["matched"].as_str(), looked["state"].as_str()), (Some("line 5"), Some("running")));
    let begun = looked["stdout"].as_str().unwrap().to_owned();
    let after = looked["after"].clone();
    sshd.restart();
    second.kill();
    let mut third = Setup::open_box(&sshd).start();
    let (mut all, mut after) = (begun, after);
    loop {
        let looked = read(&mut third, &job, &json!({"after": after, "wait": 30}));
        all.push_str(looked["stdout"].as_str().unwrap_or_default());
        after = looked["after"].clone();
        if looked["state"] != "running" {
            assert_eq!((looked["state"].as_str(), looked["exit_code"].as_i64()), (Some("exited"), Some(7)), "{looked}");
            break;
        }
    }
    let expected: String = (1..=LONG).map(|at| format!("line {at}\n")).collect();
    assert_eq!(all, expected, "every byte, in order");
    assert_eq!(std::fs::read_to_string(once).unwrap(), "x\n", "it ran once");
    let part = read(&mut third, &job, &json!({"grep": "line 1[0-9]$", "context": 1, "lines": 2}));
    assert_eq!(part["content"], "9-line 9\n10:line 10\n11:line 11\n12:line 12\n");
    assert_eq!(read(&mut third, &job, &json!({"tail_lines": 1}))["content"], format!("line {LONG}\n"));
    let audit = third.stderr();
    assert!(audit.contains(&format!("\"job\":\"{job}\",\"job_state\":\"exited\"")), "{audit}");
    third.ok("ssh_job_forget", json!({"host": "box", "job": job}));
    assert_eq!(stored(&sshd), 0);
}

#[test]
fn one_server_waits_while_another_stops() {
    let sshd = Sshd::start();
    let mut waits = Setup::open_box(&sshd).start();
    let mut stops = Setup::open_box(&sshd).start();
    let job = id(&start(&mut waits, "trap '' TERM; echo begun; sleep 300", 0));
    read(&mut waits, &job, &json!({"wait": 10, "until_match": "begun"}));
    let waiting = waits.begin_call("ssh_job_read", json!({"host": "box", "job": job, "wait": 50}));
    let stopped = stops.ok("ssh_job_stop", json!({"host": "box", "job": job}));
    assert_eq!((stopped["stop"].as_str(), stopped["state"].as_str()), (Some("stopped"), Some("stopped")), "{stopped}");
    let told = waits.answer(waiting, Duration::from_secs(20)).unwrap();
    assert_eq!(told.data["state"], "stopped");
    let list = stops.ok("ssh_job_list", json!({"host": "box"}));
    assert_eq!((list["running"].as_u64(), list["jobs"][0]["job"].as_str()), (Some(0), Some(job.as_str())));
}

/// Whoever comes to a host is told of its jobs, and hooks of the end, once, from a server that started or followed it.
#[test]
fn running_jobs_are_mentioned_and_their_ends_are_told_to_hooks() {
    let sshd = Sshd::start();
    let dir = tempfile::tempdir().unwrap();
    let told = dir.path().join("told");
    let hooks = dir.path().join("hooks.toml");
    let script = format!("cat >>'{0}'; echo >>'{0}'", told.display());
    std::fs::write(&hooks, format!("[[hook]]\nname = 'o'\nevent = 'job_ended'\ncommand = ['sh', '-c', {script:?}]\n"))
        .unwrap();
    let with = || Setup::open_box(&sshd).env("SSH_HOOKS_FILE", hooks.to_str().unwrap()).start();
    let mut server = with();
    let quiet = server.ok("ssh_host_ping", json!({"host": "box"}));
    assert_eq!((quiet.get("jobs"), server.ok("ssh_host_notes", json!({"host": "box"})).get("jobs")), (None, None));
    let asked =
        json!({"host": "box", "command": "read -r x; exit 4", "wait": 0, "stdin_open": true, "job_label": "mine"});
    let job = id(&server.ok("ssh_exec_run", asked));
    for tool in ["ssh_host_ping", "ssh_host_notes"] {
        let said = server.ok(tool, json!({"host": "box"}));
        assert!(said["jobs"].as_str().is_some_and(|jobs| jobs.starts_with("1 running")), "{tool}: {said}");
    }
    let mut other = with();
    assert!(other.ok("ssh_host_ping", json!({"host": "box"}))["jobs"].as_str().unwrap().starts_with("1 running"));
    assert_eq!(other.ok("ssh_host_notes", json!({"host": "box"})).get("jobs"), None, "it follows none");
    server.ok("ssh_job_input", json!({"host": "box", "job": job, "line": "go"}));
    for _ in 0..2 {
        assert_eq!(read(&mut server, &job, &json!({"wait": 20}))["exit_code"], 4);
        read(&mut other, &job, &json!({}));
    }
    assert!(
        eventually(Duration::from_secs(10), || std::fs::read_to_string(&told).is_ok_and(|text| text.ends_with('\n')))
    );
    std::thread::sleep(Duration::from_millis(300));
    let text = std::fs::read_to_string(&told).unwrap();
    let lines: Vec<Value> =
        text.lines().filter(|line| !line.is_empty()).map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 1, "{text}");
    let payload = &lines[0]["payload"];
    assert_eq!((&lines[0]["event"], &lines[0]["host"]), (&json!("job_ended"), &json!("box")));
    assert_eq!(
        (&payload["job"], &payload["exit_code"], &payload["label"]),
        (&json!(job), &json!(4), &json!("mine")),
        "{text}"
    );
    assert_eq!(server.ok("ssh_host_ping", json!({"host": "box"})).get("jobs"), None);
}

/// A line is told as soon as it is there: a tenth of a second on the host, and the call.
#[test]
fn a_line_that_is_waited_for_is_told_at_once() {
    let sshd = Sshd::start();
    let mut server = Setup::open_box(&sshd).start();
    let go = sshd.path("go");
    let command = format!("until [ -e '{}' ]; do sleep 0.05; done; echo ready; sleep 60", go.display());
    let job = id(&start(&mut server, &command, 0));
    let waiting =
        server.begin_call("ssh_job_read", json!({"host": "box", "job": job, "wait": 30, "until_match": "rea?dy"}));
    std::thread::sleep(Duration::from_secs(1));
    std::fs::write(&go, "").unwrap();
    let began = Instant::now();
    let told = server.answer(waiting, Duration::from_secs(20)).unwrap();
    println!("told after {:?}", began.elapsed());
    assert_eq!(told.data["matched"], "ready");
    assert!(began.elapsed() < Duration::from_secs(3));
    let quiet = read(&mut server, &job, &json!({"wait": 20, "silence": 1}));
    assert_eq!(quiet["state"], "running", "silence ends the wait");
    server.ok("ssh_job_stop", json!({"host": "box", "job": job}));
}

/// Folder, variables and input of a job are those of a command; no value of them is in a file or in a process list.
#[test]
fn surroundings_of_a_job_are_those_of_a_command() {
    for name in ["dash", "bash", "busybox"] {
        let Some(sshd) = with_sh(name) else { continue };
        let setup = Setup::open_box(&sshd);
        let folder = setup.root().join("a b'c");
        std::fs::create_dir(&folder).unwrap();
        std::os::unix::fs::symlink(&folder, setup.root().join("link")).unwrap();
        let ran = setup.root().join("ran");
        let mut server = setup.start();
        let value = "needle 'two' \"three\" $HOME `id`\\n\n\nnext \u{e4}";
        let text = "pwd; /bin/pwd; printf '[%s]' \"$APP_VALUE\" \"$OLDPWD\" $#; echo; cat; echo end; exit 90";
        for tool in ["ssh_exec_run", "ssh_exec_run_streaming", "ssh_exec_script"] {
            let field = if tool.ends_with("script") { "script" } else { "command" };
            for cwd in [folder.clone(), folder.parent().unwrap().join("link")] {
                let mut asked = json!({"host": "box", field: text, "cwd": cwd, "env": {"APP_VALUE": value},
                    "stdin": "x \\n y\n\nlast"});
                let plain = server.ok(tool, asked.clone());
                asked["wait"] = json!(20);
                let mut job = server.ok(tool, asked);
                job["duration_ms"] = plain["duration_ms"].clone();
                assert_eq!(job, plain, "{name} {tool}");
            }
            let missing = json!({"host": "box", field: format!("touch '{}'", ran.display()), "wait": 20,
                "cwd": folder.join("none")});
            let said = server.err(tool, missing);
            assert!(said.contains("Argument `cwd`") && said.contains("Nothing was run") && !ran.exists(), "{said}");
        }
        assert!(eventually(Duration::from_secs(10), || stored(&sshd) == 0), "nothing is left of a refusal");
        let job = id(&server.ok(
            "ssh_exec_run",
            json!({"host": "box", "command": "sleep 4720; echo $APP_TOKEN", "wait": 0, "cwd": folder,
                "env": {"APP_TOKEN": "needle-in-env"}, "stdin": "needle-in-stdin"}),
        ));
        let sleeps = || sshd.session_processes().iter().any(|(_, line)| line.contains("sleep 4720"));
        assert!(eventually(Duration::from_secs(10), sleeps));
        let seen: Vec<String> = sshd.session_processes().into_iter().map(|(_, line)| line).collect();
        assert!(!seen.iter().any(|line| line.contains("needle")), "{seen:?}");
        for file in std::fs::read_dir(store(&sshd).join(&job)).unwrap() {
            let bytes = std::fs::read(file.unwrap().path()).unwrap();
            assert!(!String::from_utf8_lossy(&bytes).contains("needle"));
        }
        assert_eq!(server.ok("ssh_job_stop", json!({"host": "box", "job": job}))["stop"], "stopped");
    }
}

/// What a folder of a job holds, without its pipe.
fn kept(sshd: &Sshd, job: &str) -> String {
    let files = std::fs::read_dir(store(sshd).join(job)).unwrap().flatten();
    let files = files.filter(|file| file.file_type().unwrap().is_file());
    files.map(|file| String::from_utf8_lossy(&std::fs::read(file.path()).unwrap()).into_owned()).collect()
}

#[test]
fn lines_reach_a_job_whole_from_any_server_and_no_file() {
    for name in ["dash", "bash", "busybox"] {
        let Some(sshd) = with_sh(name) else { continue };
        let setup = Setup::open_box(&sshd);
        let audit = setup.path("audit.jsonl");
        let mut server = setup.env("SSH_AUDIT_FILE", audit.to_str().unwrap()).start();
        let begin = |server: &mut Server, command: &str| {
            let asked = json!({"host": "box", "command": command, "wait": 0, "stdin_open": true});
            id(&server.ok("ssh_exec_run", asked))
        };
        let job = begin(&mut server, "while read -r l; do echo \"got ${#l}\"; done; echo at the end; exit 5");
        let line = "needle  \"two\" $HOME 'x' \\n \u{e4}";
        let told = server.ok("ssh_job_input", json!({"host": "box", "job": job, "line": line}));
        assert_eq!((told["state"].as_str(), told["after"].as_str()), (Some("running"), Some("0.0")), "{name}: {told}");
        let expected = format!("^got ({}|{})$", line.len(), line.chars().count());
        let looked = read(&mut server, &job, &json!({"wait": 20, "until_match": expected, "after": told["after"]}));
        assert!(looked["matched"].is_string(), "{name}: {looked}");
        assert!(!kept(&sshd, &job).contains("needle"), "{name}");
        let mut other = Setup::open_box(&sshd).start();
        let long = "y".repeat(4095);
        let told = other.ok("ssh_job_input", json!({"host": "box", "job": job, "line": long, "end": true}));
        assert_eq!(told["written_bytes"], 4096);
        let looked = read(&mut other, &job, &json!({"wait": 20}));
        assert_eq!((looked["state"].as_str(), looked["exit_code"].as_i64()), (Some("exited"), Some(5)), "{name}");
        assert!(looked["stdout"].as_str().unwrap().ends_with("got 4095\nat the end\n"), "{name}: {looked}");
        let refused = other.err("ssh_job_input", json!({"host": "box", "job": job, "line": "late"}));
        assert!(refused.contains("its state is exited"), "{refused}");
        let audit = std::fs::read_to_string(&audit).unwrap();
        assert!(audit.contains(&job) && audit.contains("ssh_job_input") && !audit.contains("needle"), "{audit}");
    }
}

#[test]
fn a_line_is_refused_where_nobody_can_take_it() {
    let sshd = Sshd::start();
    let mut server = Setup::open_box(&sshd).start();
    let closed = id(&start(&mut server, "sleep 4721", 0));
    let open = json!({"host": "box", "command": "sleep 4722", "wait": 0, "stdin_open": true});
    let open = id(&server.ok("ssh_exec_run", open));
    let line = |job: &str, line: &str| json!({"host": "box", "job": job, "line": line});
    let refused = server.err("ssh_job_input", line(&closed, "x"));
    assert!(refused.contains("is not open"), "{refused}");
    for bad in ["a\nb", "a\0b", &"x".repeat(4096)] {
        assert!(server.err("ssh_job_input", line(&open, bad)).contains("Argument `line`"));
    }
    assert!(server.err("ssh_job_input", json!({"host": "box", "job": open})).contains("both left out"));
    // A pipe that is full is no reason to wait for it.
    let long = "z".repeat(4095);
    for _ in 0..16 {
        server.ok("ssh_job_input", line(&open, &long));
    }
    let refused = server.err("ssh_job_input", line(&open, &long));
    assert!(refused.contains("does not read"), "{refused}");
    // What stands in its place is not written to.
    let (pipe, aside) = (store(&sshd).join(&open).join("in"), sshd.path("aside"));
    for link in [true, false] {
        let _ = std::fs::remove_file(&pipe);
        std::fs::write(&aside, "mine").unwrap();
        if link {
            std::os::unix::fs::symlink(&aside, &pipe).unwrap();
        } else {
            std::fs::write(&pipe, "mine").unwrap();
        }
        let refused = server.err("ssh_job_input", line(&open, "x"));
        assert!(refused.contains("is not open"), "{refused}");
        assert_eq!(std::fs::read_to_string(&pipe).unwrap(), "mine");
    }
    for arguments in [json!({"stdin_open": true}), json!({"stdin_open": true, "wait": 0, "stdin": "x"})] {
        let mut asked = json!({"host": "box", "command": "cat"});
        asked.as_object_mut().unwrap().extend(arguments.as_object().unwrap().clone());
        assert!(server.err("ssh_exec_run", asked).contains("stdin_open"));
    }
    let mut few = Setup::new().host(&sshd, "box", "command_allowlist = [\"sleep *\"]").start();
    let refused = few.err("ssh_job_input", line(&open, "x"));
    assert!(refused.starts_with("CommandNotAllowed"), "{refused}");
    for job in [open, closed] {
        assert_eq!(server.ok("ssh_job_stop", json!({"host": "box", "job": job}))["stop"], "stopped");
    }
}

/// Where programs are is told to a job too.
#[test]
fn a_job_under_a_list_runs_what_a_command_under_it_runs() {
    let sshd = Sshd::start();
    let mut server = Setup::new().host(&sshd, "box", "command_allowlist = [\"printf *\"]").start();
    let asked = json!({"host": "box", "command": "printf '%s.' 'a b' c", "wait": 20});
    assert_eq!(server.ok("ssh_exec_run", asked)["stdout"], "a b.c.");
}

/// What the store keeps is the masked command; scripts and what they hold are in no file and in no process list.
#[test]
fn secrets_of_commands_and_scripts_are_not_written() {
    let sshd = Sshd::start();
    let mut server = Setup::open_box(&sshd).start();
    let job = id(&start(&mut server, "sleep 60; : --password=hunter2hunter2", 0));
    let script = "x=tophat9tophat9\nread y\nsleep 60\n";
    let other =
        id(&server.ok("ssh_exec_script", json!({"host": "box", "script": script, "wait": 0, "job_label": "quiet"})));
    let mut kept = String::new();
    for folder in [&job, &other] {
        for file in std::fs::read_dir(store(&sshd).join(folder)).unwrap() {
            kept.push_str(&String::from_utf8_lossy(&std::fs::read(file.unwrap().path()).unwrap()));
        }
    }
    assert!(kept.contains("[secret]") && kept.contains("quiet") && kept.contains("ssh_exec_script"), "{kept}");
    assert!(!kept.contains("hunter2hunter2") && !kept.contains("tophat9tophat9"), "{kept}");
    let seen: Vec<String> = sshd.session_processes().into_iter().map(|(_, line)| line).collect();
    assert!(!seen.iter().any(|line| line.contains("tophat9")), "{seen:?}");
    for job in [job, other] {
        server.ok("ssh_job_stop", json!({"host": "box", "job": job}));
    }
}

#[test]
fn output_belongs_to_the_tier_and_the_commands_that_start_jobs() {
    let sshd = Sshd::start();
    let mut open = Setup::open_box(&sshd).start();
    let job = id(&start(&mut open, "echo of the job; sleep 60", 1));
    let mut reads = Setup::open_box(&sshd).env("ALLOW_DANGEROUS_TOOLS", "false").start();
    let list = reads.ok("ssh_job_list", json!({"host": "box"}));
    assert_eq!(list["jobs"][0]["state"], "running");
    assert!(!list.to_string().contains("of the job"), "{list}");
    for tool in ["ssh_job_read", "ssh_job_input", "ssh_job_stop", "ssh_job_forget"] {
        let id = reads.begin_call(tool, json!({"host": "box", "job": job}));
        let refused = reads.wait(id, Duration::from_secs(20)).unwrap();
        assert!(refused["error"]["code"].is_i64(), "{tool}: {refused}");
    }
    let mut few = Setup::new().host(&sshd, "box", "command_allowlist = [\"uptime\"]").start();
    let refused = few.err("ssh_job_read", json!({"host": "box", "job": job}));
    assert!(refused.contains("CommandNotAllowed") && !refused.contains("of the job"), "{refused}");
    let list = few.ok("ssh_job_list", json!({"host": "box"}));
    assert!(!list.to_string().contains("of the job"), "{list}");
    let closed = open.err("ssh_sftp_list", json!({"host": "box", "path": store(&sshd).display().to_string()}));
    assert!(closed.contains("Path"), "{closed}");
    // Stopping needs the tier, and no command list.
    assert_eq!(few.ok("ssh_job_stop", json!({"host": "box", "job": job}))["stop"], "stopped");
}

/// Without a host all connected ones are asked at once, each as gates and audit were told, and none holds up the others.
#[test]
fn jobs_of_all_connected_hosts_are_listed_in_one_call() {
    let (one, mut two, three) = (Sshd::start(), Sshd::start(), Sshd::start());
    let all = "command_allowlist = [\"*\"]";
    let setup = || Setup::new().host(&one, "one", all).host(&two, "two", all).host(&three, "three", all);
    let dir = tempfile::tempdir().unwrap();
    let hooks = gate(dir.path(), "host = 'two'\ntool = 'ssh_job_list'", "cat >/dev/null; echo '{\"allow\": false}'");
    let mut gated = setup().env("SSH_HOOKS_FILE", &hooks).start();
    let mut server = setup().start();
    let none = server.ok("ssh_job_list", json!({}));
    assert!(none["jobs"].as_array().is_none_or(Vec::is_empty) && none.to_string().contains("No connection"), "{none}");
    let begin = |server: &mut Server, host: &str| {
        let asked = json!({"host": host, "command": "echo said; sleep 4730", "wait": 0});
        id(&server.ok("ssh_exec_run", asked))
    };
    let jobs =
        [("one", begin(&mut server, "one")), ("two", begin(&mut server, "two")), ("one", begin(&mut server, "one"))];
    let listed = server.ok("ssh_job_list", json!({}));
    assert_eq!((listed["running"].as_u64(), &listed["hosts"]), (Some(3), &json!(["one", "two"])), "{listed}");
    for (host, job) in &jobs {
        let rows = listed["jobs"].as_array().unwrap();
        assert!(rows.iter().any(|row| row["job"] == *job && row["host"] == *host), "{listed}");
    }
    // A gate for one of them is asked about the call.
    gated.ok("ssh_exec_run", json!({"host": "one", "command": "true"}));
    assert_eq!(gated.ok("ssh_job_list", json!({}))["running"], 2);
    gated.ok("ssh_exec_run", json!({"host": "two", "command": "true"}));
    let refused = gated.err("ssh_job_list", json!({}));
    assert!(refused.starts_with("GateRefused"), "{refused}");
    for (host, job) in &jobs {
        assert_eq!(server.ok("ssh_job_stop", json!({"host": host, "job": job}))["stop"], "stopped");
    }
    two.stop();
    let listed = server.ok("ssh_job_list", json!({}));
    assert_eq!(listed["jobs"].as_array().map(Vec::len), Some(2), "{listed}");
    let audit = server.stderr();
    assert!(audit.lines().filter(|line| line.contains("ssh_job_list") && line.contains("\"one\"")).count() >= 2);
}

#[test]
fn a_flood_and_bytes_that_are_no_text_come_through() {
    let sshd = Sshd::start();
    let mut server = Setup::open_box(&sshd).start();
    let answer = start(&mut server, "seq 1 300000; printf 'end without a line break'", 30);
    assert_eq!(answer["exit_code"], 0, "{}", answer["hint"]);
    let job = id(&answer);
    let counted = read(&mut server, &job, &json!({"count_only": true}));
    assert_eq!(
        (counted["state"].as_str(), counted["lines_total"].as_u64()),
        (Some("exited"), Some(300_001)),
        "{counted}"
    );
    assert_eq!(read(&mut server, &job, &json!({"from_line": 250_000, "lines": 1}))["content"], "250000\n");
    let binary = start(&mut server, "printf 'a\\000\\377b'", 20);
    assert_eq!(binary["stdout_bytes"].as_u64().unwrap_or(4), 4, "{binary}");
}

/// Kills of everything that may be killed; each job is told as what it was, and nothing ran twice.
#[test]
fn whatever_is_killed_every_job_is_told_as_what_it_was() {
    let mut dice = Dice(0x6a6f_6273);
    let mut sshd = Sshd::start();
    let mut server = Setup::open_box(&sshd).start();
    for at in 0..JOBS {
        let once = sshd.path(&format!("once-{at}"));
        let command =
            format!("echo x >>'{}'; i=0; while [ $i -lt 12 ]; do i=$((i+1)); echo $i; sleep 0.1; done", once.display());
        let job = id(&start(&mut server, &command, 0));
        std::thread::sleep(Duration::from_millis(dice.roll(1000) as u64));
        let what = dice.roll(4);
        match what {
            0 => server.kill(),
            1 => sshd.kill_sessions(),
            2 => sshd.restart(),
            _ => {
                let who = std::fs::read_to_string(store(&sshd).join(&job).join("who")).unwrap();
                let runner = who.split(' ').next().unwrap().parse().unwrap();
                let _ = kill(Pid::from_raw(runner), Signal::SIGKILL);
            }
        }
        if what == 0 {
            server = Setup::open_box(&sshd).start();
        }
        let told = read(&mut server, &job, &json!({"wait": 20}));
        let whole: String = (1..=12).map(|at| format!("{at}\n")).collect();
        if what == 3 && told["state"] == "lost" {
            assert!(told["reason"].as_str().unwrap().contains("runner was killed"), "{told}");
            let written = || std::fs::read_to_string(store(&sshd).join(&job).join("out")).unwrap() == whole;
            assert!(eventually(Duration::from_secs(10), written), "a killed runner costs no byte");
        } else {
            assert_eq!(
                (told["state"].as_str(), told["exit_code"].as_i64()),
                (Some("exited"), Some(0)),
                "{what}: {told}"
            );
            assert_eq!(told["stdout"], whole, "{what}");
        }
        assert_eq!(std::fs::read_to_string(once).unwrap(), "x\n", "{what}");
        server.ok("ssh_job_stop", json!({"host": "box", "job": job}));
        server.ok("ssh_job_forget", json!({"host": "box", "job": job}));
    }
}

#[test]
fn jobs_of_root_are_roots() {
    let Some(host) = new_systemd_host(&[]) else { return };
    let hosts = "[hosts.box]\nhostname = \"box\"\ncommand_allowlist = [\"*\"]\npath_allowlist = [\"/root\"]\n";
    let with = |sudo: &str| {
        Setup::new().raw(&host.ssh_config_block("box", "agent", &[]), hosts).env("ALLOW_SUDO", sudo).start()
    };
    let mut server = with("true");
    host.says(&["sh", "-c", "mkdir -p /root/closed && chmod 700 /root/closed"]);
    for (tool, field) in [("ssh_sudo_exec", "command"), ("ssh_sudo_run_script", "script")] {
        let asked = json!({"host": "box", field: "pwd; id -u; printf '%s' \"$A\" $#; cat", "wait": 20,
            "cwd": "/root/closed", "env": {"A": "b c"}, "stdin": "\nlast\n"});
        assert_eq!(server.ok(tool, asked)["stdout"], "/root/closed\n0\nb c0\nlast\n", "{tool}");
    }
    let plain = server.ok("ssh_sudo_exec", json!({"host": "box", "command": "id -u", "wait": 20}));
    assert_eq!((plain["stdout"].as_str(), plain.get("job")), (Some("0\n"), None), "{plain}");
    let script = "trap '' TERM\n(setsid sh -c \"trap '' TERM; sleep 4711\" &)\necho begun\nsleep 4712\n";
    let begun =
        server.ok("ssh_sudo_run_script", json!({"host": "box", "script": script, "wait": 1, "job_label": "of root"}));
    assert_eq!(begun["stdout"], "begun\n", "{begun}");
    let job = id(&begun);
    assert!(job.ends_with("-root"));
    assert_eq!(
        host.says(&["stat", "-c", "%U %a", &format!("/root/.local/state/ssh-mcp/jobs/{job}")]).trim(),
        "root 700"
    );
    let own = server.ok("ssh_job_list", json!({"host": "box"}));
    assert!(!own.to_string().contains(&job), "{own}");
    let roots = server.ok("ssh_job_list", json!({"host": "box", "sudo": true}));
    assert_eq!((roots["running"].as_u64(), roots["jobs"][0]["label"].as_str()), (Some(1), Some("of root")), "{roots}");
    server.kill();
    let mut closed = with("false");
    for (tool, arguments) in
        [("ssh_job_read", json!({"host": "box", "job": job})), ("ssh_job_list", json!({"host": "box", "sudo": true}))]
    {
        let refused = closed.err(tool, arguments);
        assert!(refused.starts_with("TierNotAllowed"), "{refused}");
    }
    let mut again = with("true");
    let looked = again.ok("ssh_job_read", json!({"host": "box", "job": job, "tail_lines": 5}));
    assert_eq!((looked["state"].as_str(), looked["content"].as_str()), (Some("running"), Some("begun\n")), "{looked}");
    let stopped = again.ok("ssh_job_stop", json!({"host": "box", "job": job}));
    assert_eq!((stopped["stop"].as_str(), stopped["state"].as_str()), (Some("stopped"), Some("stopped")), "{stopped}");
    assert!(!host.inside(&["pgrep", "-f", "sleep 471[12]"]).status.success());
    // Where the tier is closed by now, the account that started a job may still stop it, by a file of its own and by no other.
    let begin =
        json!({"host": "box", "command": "trap '' TERM; sleep 4713; sleep 4714", "wait": 0, "cwd": "/root/closed"});
    let job = id(&again.ok("ssh_sudo_exec", begin));
    let lives = || host.inside(&["pgrep", "-f", "sleep 471[34]"]).status.success();
    assert!(eventually(Duration::from_secs(10), lives));
    let ask = format!("~agent/.local/state/ssh-mcp/jobs/stop.{job}");
    closed.ok("ssh_exec_run", json!({"host": "box", "command": "true", "wait": 20}));
    for bad in ["ln -s /etc/passwd", "install -o nobody -m 600 /dev/null", "ln -s ~agent/.profile"] {
        host.says(&["sh", "-c", &format!("{bad} {ask}")]);
        std::thread::sleep(Duration::from_millis(1300));
        assert!(lives(), "{bad}");
        host.says(&["sh", "-c", &format!("rm {ask}")]);
    }
    let stopped = closed.ok("ssh_job_stop", json!({"host": "box", "job": job}));
    assert_eq!((stopped["stop"].as_str(), stopped["state"].as_str()), (Some("stopped"), Some("stopped")), "{stopped}");
    assert!(!lives());
    let looked = again.ok("ssh_job_read", json!({"host": "box", "job": job}));
    assert_eq!(looked["state"], "stopped", "{looked}");
    assert!(!host.inside(&["sh", "-c", &format!("[ -e {ask} ]")]).status.success(), "the request is taken away");
}
