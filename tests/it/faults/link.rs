//! The link: black-holed, half open, slow.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{IMPATIENT, World, row, timed, told};
use crate::server::eventually;
use crate::sshd::{Options, Sshd};

fn runs(sshd: &Sshd, line: &str) -> bool {
    sshd.session_processes().iter().any(|(_, running)| running == line)
}

#[test]
fn a_link_that_swallows_everything_and_comes_back() {
    // Keep-alives are off the point here: the time limits alone have to hold.
    let mut world = World::new(&Options::default(), &[("SSH_CONNECT_TIMEOUT", "3")]);
    let trace = world.server.dir.path().join("root/trace");
    world.server.exec("true");
    let id = world.server.begin_call("ssh_exec_run", json!({"host": "box", "command": "sleep 9111", "timeout": 3}));
    assert!(eventually(Duration::from_secs(20), || runs(&world.sshd, "sleep 9111")));
    world.proxy.hold();
    let began = Instant::now();
    let answer = world.server.answer(id, Duration::from_secs(60)).expect("an answer");
    let took = began.elapsed();
    assert_eq!((&answer.data["timed_out"], &answer.data["stop"]), (&json!(true), &json!("unknown")), "{answer:?}");
    assert!(took < Duration::from_secs(25), "{took:?}");
    row("link black-holed while a command runs (timeout 3)", &told(&answer), took, "-");

    let (answer, took) = timed(&mut world.server, &format!("echo run >>{}", trace.display()), 3);
    assert!(answer.error, "{answer:?}");
    assert!(took < Duration::from_secs(25), "{took:?}");
    row("link still black-holed, next call", &told(&answer), took, "-");

    world.proxy.release();
    let (answer, took) = timed(&mut world.server, "echo back", 20);
    assert_eq!(answer.data["stdout"], "back\n", "{answer:?}");
    assert!(
        eventually(Duration::from_secs(20), || !runs(&world.sshd, "sleep 9111")),
        "the host stops what was given up"
    );
    let lines = std::fs::read_to_string(&trace).unwrap_or_default().len() / "run\n".len();
    assert!(lines <= 1, "nothing runs twice");
    row("link returned", &told(&answer), took, &world.end());
}

#[test]
fn an_idle_connection_whose_link_died() {
    let mut world = World::new(&Options::default(), &[("SSH_CONNECT_TIMEOUT", "3")]);
    world.server.exec("true");
    world.proxy.hold();
    let (answer, took) = timed(&mut world.server, "echo first", 3);
    assert!(answer.error || answer.data["timed_out"] == true, "{answer:?}");
    assert!(took < Duration::from_secs(25), "{took:?}");
    row("link black-holed while idle, first call (timeout 3)", &told(&answer), took, "-");
    let began = Instant::now();
    let id = world.server.begin_call("ssh_exec_run", json!({"host": "box", "command": "sleep 9112", "timeout": 60}));
    std::thread::sleep(Duration::from_millis(300));
    world.server.cancel(id);
    let ping = world.server.ok("ssh_host_ping", json!({"host": "box"}));
    let took = began.elapsed();
    assert_eq!(ping["reachable"], false, "{ping}");
    assert!(took < Duration::from_secs(20), "{took:?}");
    world.proxy.release();
    row("link black-holed, ping", &ping.to_string(), took, &world.end());
}

#[test]
fn a_connection_of_which_only_one_end_is_left() {
    let mut world = World::new(&Options::default(), &IMPATIENT);
    world.server.exec("true");
    world.proxy.hold();
    world.sshd.drop_connections();
    let (answer, took) = timed(&mut world.server, "true", 3);
    assert!(answer.error || answer.data["timed_out"] == true, "{answer:?}");
    assert!(took < Duration::from_secs(25), "{took:?}");
    world.server.wait_for_no_connection();
    world.proxy.release();
    assert_eq!(world.server.exec("echo back")["stdout"], "back\n");
    row("half-open connection (keep-alive 1 s)", &told(&answer), took, &world.end());
}

#[test]
fn a_link_of_eight_kilobytes_a_second() {
    let mut world = World::new(&Options::default(), &[]);
    world.proxy.slow(8000);
    let (answer, took) = timed(&mut world.server, "echo slow", 30);
    assert_eq!(answer.data["stdout"], "slow\n", "{answer:?}");
    row("link of 8 kB/s, cold call", &told(&answer), took, "-");
    let (answer, took) = timed(&mut world.server, "head -c 16000 /dev/zero | tr '\\0' x", 30);
    assert_eq!(answer.data["stdout"].as_str().unwrap().len(), 16000, "{answer:?}");
    row("link of 8 kB/s, 16 kB of output", &told(&answer), took, "-");
    let (answer, took) = timed(&mut world.server, "yes slow", 2);
    assert_eq!(answer.data["timed_out"], true, "{answer:?}");
    assert!(took < Duration::from_secs(25), "{took:?}");
    assert!(eventually(Duration::from_secs(60), || !runs(&world.sshd, "yes slow")), "it is stopped all the same");
    // What is on its way already need not be waited for.
    world.proxy.slow(0);
    row("link of 8 kB/s, flood with timeout 2", &told(&answer), took, &world.end());
}
