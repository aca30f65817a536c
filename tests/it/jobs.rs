//! Work that outlives its call: the connection, the daemon, this program and the caller may go.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use crate::containers::new_systemd_host;
use crate::dice::Dice;
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
    for tool in ["ssh_job_read", "ssh_job_stop", "ssh_job_forget"] {
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
    let hosts = "[hosts.box]\nhostname = \"box\"\ncommand_allowlist = [\"*\"]\n";
    let with = |sudo: &str| {
        Setup::new().raw(&host.ssh_config_block("box", "agent", &[]), hosts).env("ALLOW_SUDO", sudo).start()
    };
    let mut server = with("true");
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
}
