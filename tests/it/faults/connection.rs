//! The connection itself: masters, daemons, keys, agents, names, and the limits of sshd.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;

use super::{World, nothing_left, row, ssh_of, timed, told};
use crate::server::{Setup, eventually};
use crate::sshd::{Agent, Options, Sshd, can_check_passwords};

#[test]
fn a_master_that_is_killed() {
    let mut world = World::new(&Options::default(), &[]);
    let trace = world.server.dir.path().join("root/trace");
    world.server.exec("true");
    let command = format!("echo run >>{}; sleep 9101", trace.display());
    let id = world.server.begin_call("ssh_exec_run", json!({"host": "box", "command": command}));
    let runs = |sshd: &Sshd| sshd.session_processes().iter().any(|(_, line)| line == "sleep 9101");
    assert!(eventually(Duration::from_secs(20), || runs(&world.sshd)));
    let masters = ssh_of(world.server.pid());
    assert_eq!(masters.len(), 1, "{masters:?}");
    let began = Instant::now();
    kill(Pid::from_raw(masters[0].0), Signal::SIGKILL).unwrap();
    let answer = world.server.answer(id, Duration::from_secs(30)).expect("an answer");
    let took = began.elapsed();
    assert!(answer.text.starts_with("ConnectError") && answer.text.contains("may have run"), "{answer:?}");
    assert!(eventually(Duration::from_secs(20), || !runs(&world.sshd)), "the host stops what lost its client");
    world.server.wait_for_no_connection();
    assert_eq!(world.server.exec("echo again")["stdout"], "again\n");
    assert_eq!(std::fs::read_to_string(&trace).unwrap(), "run\n", "nothing runs twice");
    row("master killed while a command runs", &told(&answer), took, &world.end());
}

#[test]
fn a_daemon_that_restarts_and_one_that_is_down() {
    let mut sshd = Sshd::start();
    let mut server = Setup::open_box(&sshd).start();
    server.exec("true");
    sshd.restart();
    let (answer, took) = timed(&mut server, "echo on", 20);
    assert_eq!(answer.data["stdout"], "on\n", "{answer:?}");
    row("sshd restarted, sessions kept by it", &told(&answer), took, "-");
    sshd.stop();
    server.wait_for_no_connection();
    let (answer, took) = timed(&mut server, "echo down", 20);
    assert!(answer.text.starts_with("ConnectError") && answer.text.contains("Connection refused"), "{answer:?}");
    assert!(took < Duration::from_secs(15), "{took:?}");
    sshd.restart();
    let (back, _) = timed(&mut server, "echo back", 20);
    assert_eq!(back.data["stdout"], "back\n", "{back:?}");
    row("sshd stopped with all sessions, then started", &told(&answer), took, &nothing_left(server, &[&sshd]));
}

#[test]
fn an_agent_that_goes_away() {
    let (sshd, agent) = (Sshd::start(), Agent::start());
    let (public, _) = agent.add_new_key("k");
    sshd.authorize(&public);
    let block = sshd.ssh_config_block("box", &["IdentitiesOnly no"]);
    let block: String = block.lines().filter(|line| !line.contains("IdentityFile")).map(|l| format!("{l}\n")).collect();
    let hosts = "[hosts.box]\nhostname = \"box\"\ncommand_allowlist = [\"*\"]\n";
    let socket = agent.socket().display().to_string();
    let mut server = Setup::new().raw(&block, hosts).env("SSH_AUTH_SOCK", &socket).start();
    server.exec("true");
    drop(agent);
    assert_eq!(server.exec("echo on")["stdout"], "on\n", "an open connection needs no agent");
    sshd.drop_connections();
    server.wait_for_no_connection();
    let (answer, took) = timed(&mut server, "true", 20);
    assert!(answer.text.starts_with("AuthenticationFailed") && answer.text.contains("agent"), "{answer:?}");
    assert!(took < Duration::from_secs(15), "{took:?}");
    row("agent gone, new connection", &told(&answer), took, &nothing_left(server, &[&sshd]));
}

#[test]
fn known_hosts_replaced_while_connected() {
    let (sshd, other) = (Sshd::start(), Sshd::start());
    let mut server = Setup::open_box(&sshd).start();
    server.exec("true");
    let id = server.begin_call("ssh_exec_run", json!({"host": "box", "command": "sleep 2; echo kept"}));
    let runs = || sshd.session_processes().iter().any(|(_, line)| line == "sleep 2");
    assert!(eventually(Duration::from_secs(20), runs));
    let wrong = other.known_hosts_text().replace(&other.port.to_string(), &sshd.port.to_string());
    std::fs::write(sshd.known_hosts(), wrong).unwrap();
    let (answer, took) = timed(&mut server, "true", 20);
    assert!(answer.text.starts_with("HostKeyMismatch"), "{answer:?}");
    let running = server.answer(id, Duration::from_secs(30)).expect("an answer");
    assert_eq!(running.data["stdout"], "kept\n", "what runs goes on: {running:?}");
    row("known_hosts replaced while connected", &told(&answer), took, &nothing_left(server, &[&sshd]));
}

#[test]
fn one_session_for_everything() {
    let mut world =
        World::new(&Options { max_sessions: Some(1), ..Options::default() }, &[("SSH_MAX_CONNECTIONS_PER_HOST", "1")]);
    world.server.exec("true");
    let (answer, took) = timed(&mut world.server, "sleep 9102", 1);
    assert_eq!((&answer.data["timed_out"], &answer.data["stop"]), (&json!(true), &json!("stopped")), "{answer:?}");
    assert!(took < Duration::from_secs(15), "{took:?}");
    row("MaxSessions 1: a time limit on the only session", &told(&answer), took, "-");
    let long = world.server.begin_call("ssh_exec_run", json!({"host": "box", "command": "sleep 9103", "timeout": 60}));
    let runs = |sshd: &Sshd| sshd.session_processes().iter().any(|(_, line)| line == "sleep 9103");
    assert!(eventually(Duration::from_secs(20), || runs(&world.sshd)));
    let (answer, took) = timed(&mut world.server, "true", 1);
    assert!(answer.text.starts_with("Timeout") && answer.text.contains("Nothing was run"), "{answer:?}");
    world.server.cancel(long);
    assert!(eventually(Duration::from_secs(20), || !runs(&world.sshd)));
    assert_eq!(world.server.exec("echo free")["stdout"], "free\n");
    row("MaxSessions 1: the only session is taken", &told(&answer), took, &world.end());
}

#[test]
fn logins_that_sshd_does_not_take() {
    let sshd = Sshd::with(&Options { max_startups: Some("1".to_owned()), ..Options::default() });
    let mut server = Setup::open_box(&sshd).start();
    // One connection that never logs in takes the only place.
    let first = TcpStream::connect(("127.0.0.1", sshd.port)).unwrap();
    let full = || sshd.log().contains("drop connection");
    let began = Instant::now();
    let answer = loop {
        let (answer, _) = timed(&mut server, "true", 20);
        if answer.error || began.elapsed() > Duration::from_secs(30) {
            break answer;
        }
        sshd.drop_connections();
        server.wait_for_no_connection();
    };
    let took = began.elapsed();
    assert!(answer.text.starts_with("ConnectError") && answer.text.contains("MaxStartups"), "{answer:?} {}", full());
    // For some seconds it is left alone, and then served.
    let (again, _) = timed(&mut server, "echo in", 20);
    assert!(again.text.contains("was not asked again"), "{again:?}");
    drop(first);
    let freed = Instant::now();
    let served = loop {
        let (served, _) = timed(&mut server, "echo in", 20);
        if !served.error || freed.elapsed() > Duration::from_secs(30) {
            break served;
        }
        std::thread::sleep(Duration::from_millis(500));
    };
    assert_eq!(served.data["stdout"], "in\n", "{served:?}");
    row("MaxStartups full", &told(&answer), took, &nothing_left(server, &[&sshd]));
}

#[test]
fn names_that_do_not_resolve() {
    // A name server of the test's own, in a mount namespace of the server's: one that refuses, one that is silent.
    if !can_check_passwords() {
        crate::skips::skip("names that do not resolve: this account may not mount");
        return;
    }
    let Some((socket, address)) = (9..250).find_map(|n| {
        let address = format!("127.77.0.{n}");
        Some((std::net::UdpSocket::bind((address.as_str(), 53)).ok()?, address))
    }) else {
        crate::skips::skip("names that do not resolve: port 53 cannot be had");
        return;
    };
    let silent = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let mute = silent.clone();
    std::thread::spawn(move || {
        let mut query = [0_u8; 512];
        while let Ok((n, from)) = socket.recv_from(&mut query) {
            if mute.load(std::sync::atomic::Ordering::Relaxed) || n < 12 {
                continue;
            }
            // RFC 1035 4.1.1: the query back, as an answer with code 3, no such name.
            query[2] |= 0x80;
            query[3] = 0x83;
            let _ = socket.send_to(&query[..n], from);
        }
    });
    let sshd = Sshd::start();
    let resolv = sshd.path("resolv.conf");
    std::fs::write(&resolv, format!("nameserver {address}\n")).unwrap();
    let mount = format!("mount --bind {} \"$(readlink -f /etc/resolv.conf)\" && exec \"$0\"", resolv.display());
    let hosts = "[hosts.box]\nhostname = \"nowhere.example\"\ncommand_allowlist = [\"*\"]\n";
    let setup = Setup::new().raw("", hosts).env("SSH_CONNECT_TIMEOUT", "3");
    let mut server = setup.through(&["unshare", "-m", "sh", "-c", &mount]).start();
    let (answer, took) = timed(&mut server, "true", 20);
    assert!(answer.text.starts_with("ConnectError") && answer.text.contains("cannot be resolved"), "{answer:?}");
    row("DNS: no such name", &told(&answer), took, "-");
    silent.store(true, std::sync::atomic::Ordering::Relaxed);
    let (answer, took) = timed(&mut server, "true", 20);
    assert!(answer.text.starts_with("ConnectError"), "{answer:?}");
    assert!(took < Duration::from_secs(12), "{took:?}");
    row("DNS: silent, SSH_CONNECT_TIMEOUT 3", &told(&answer), took, &nothing_left(server, &[&sshd]));
}
