//! Old and new logins told apart, and what is remembered of those that failed.

use serde_json::json;

use crate::containers;
use crate::server::Setup;
use crate::sshd::{Login, Options, Sshd};

#[test]
fn a_fresh_ping_sees_what_an_open_connection_hides() {
    let sshd = Sshd::start();
    let mut server = Setup::open_box(&sshd).start();
    let ping = server.ok("ssh_host_ping", json!({"host": "box"}));
    assert_eq!((&ping["connection"], ping.get("connection_age_seconds")), (&json!("new"), None), "{ping}");
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let ping = server.ok("ssh_host_ping", json!({"host": "box"}));
    assert_eq!(ping["connection"], "open", "{ping}");
    assert!(ping["connection_age_seconds"].as_u64().is_some_and(|age| age >= 1), "{ping}");
    let logins = || sshd.log().matches("Accepted publickey").count();
    let before = logins();
    let ping = server.ok("ssh_host_ping", json!({"host": "box", "fresh": true}));
    assert_eq!((&ping["connection"], &ping["auth_ok"]), (&json!("new"), &json!(true)), "{ping}");
    assert_eq!(logins(), before + 1);
    assert_eq!(
        server.ok("ssh_session_list", json!({}))["sessions"].as_array().unwrap().len(),
        1,
        "the fresh login is ended"
    );

    // A change that shuts the door behind us.
    let keys = std::fs::read(sshd.path("authorized_keys")).unwrap();
    std::fs::write(sshd.path("authorized_keys"), "").unwrap();
    let ping = server.ok("ssh_host_ping", json!({"host": "box"}));
    assert_eq!((&ping["connection"], &ping["auth_ok"]), (&json!("open"), &json!(true)), "{ping}");
    let ping = server.ok("ssh_host_ping", json!({"host": "box", "fresh": true}));
    let seen = (&ping["reachable"], &ping["auth_ok"], &ping["problem"]);
    assert_eq!(seen, (&json!(true), &json!(false), &json!("AuthenticationFailed")), "{ping}");
    assert_eq!(ping["output_warnings"].as_array().map(Vec::len), Some(1), "{ping}");
    assert_eq!(server.ok("ssh_host_alerts", json!({"host": "box"}))["connection"], "open");
    let text = server.err("ssh_host_alerts", json!({"host": "box", "fresh": true}));
    assert!(text.starts_with("AuthenticationFailed"), "{text}");
    assert_eq!(server.exec("echo on")["stdout"], "on\n");

    std::fs::write(sshd.path("authorized_keys"), keys).unwrap();
    let alerts = server.ok("ssh_host_alerts", json!({"host": "box", "fresh": true}));
    assert_eq!(alerts["connection"], "new", "{alerts}");
}

/// States of an account that no further call changes, and what they say of themselves.
#[test]
fn an_account_that_runs_nothing_is_told_so_by_every_call() {
    let forced = |line: &str| Options { login: Login::Forced(line.to_owned()), ..Options::default() };
    for (options, part) in [
        (forced("/usr/sbin/nologin"), "nologin"),
        (forced("/bin/false"), "ends by itself"),
        (forced("echo 'fatal: Interactive git shell is not enabled.'; echo 'hint: see docs'"), "for git alone"),
        (forced("echo 'Password change required but no TTY available.'"), "password has expired"),
        (Options { max_sessions: Some(0), ..Options::default() }, "MaxSessions"),
    ] {
        let sshd = Sshd::with(&options);
        let mut server = Setup::open_box(&sshd).start();
        for _ in 0..2 {
            let text = server.err("ssh_exec_run", json!({"host": "box", "command": "touch /tmp/never"}));
            assert!(text.starts_with("ConnectError") && text.contains(part), "{part}: {text}");
            assert!(text.contains("logged in, but") && text.contains("Retrying does not help"), "{text}");
            assert!(text.contains("Nothing was run") && !text.contains("Call again"), "{text}");
        }
        let ping = server.ok("ssh_host_ping", json!({"host": "box"}));
        let seen = (&ping["reachable"], &ping["auth_ok"], &ping["problem"]);
        assert_eq!(seen, (&json!(true), &json!(true), &json!("ConnectError")), "{ping}");
        assert!(ping["problem_detail"].as_str().unwrap().contains(part), "{ping}");
    }
}

/// A refusal is answered again without knocking, until something changes or some seconds have gone by.
#[test]
fn a_refusal_is_remembered_and_a_fresh_ping_asks_all_the_same() {
    let sshd = Sshd::start();
    let knocks = || sshd.log().matches("Connection from").count();
    let pinned = std::fs::read(sshd.known_hosts()).unwrap();
    let mut server = Setup::open_box(&sshd).start();
    let ping = |server: &mut crate::server::Server, fresh: bool| {
        let ping = server.ok("ssh_host_ping", json!({"host": "box", "fresh": fresh}));
        (ping["problem"].as_str().map(str::to_owned), ping["problem_detail"].as_str().unwrap_or_default().to_owned())
    };
    std::fs::write(sshd.known_hosts(), "").unwrap();
    let before = knocks();
    let began = std::time::Instant::now();
    for _ in 0..20 {
        assert_eq!(ping(&mut server, false).0.as_deref(), Some("UnknownHost"));
    }
    // One at once, and one for each three seconds that a loaded machine takes.
    let allowed = 1 + began.elapsed().as_secs() as usize / 3;
    assert!((1..=allowed).contains(&(knocks() - before)), "{} knocks", knocks() - before);
    let (_, detail) = ping(&mut server, false);
    assert!(detail.contains("was not asked again") && detail.contains("fresh"), "{detail}");
    let before = knocks();
    assert_eq!(ping(&mut server, true).0.as_deref(), Some("UnknownHost"));
    assert_eq!(knocks(), before + 1);

    // What is put right here counts at once.
    std::fs::write(sshd.known_hosts(), &pinned).unwrap();
    assert_eq!(ping(&mut server, false), (None, String::new()));

    // A refused login, and one that is accepted again: a fresh ping makes the others forget.
    let keys = std::fs::read(sshd.path("authorized_keys")).unwrap();
    std::fs::write(sshd.path("authorized_keys"), "").unwrap();
    sshd.drop_connections();
    server.wait_for_no_connection();
    let (before, began) = (knocks(), std::time::Instant::now());
    for _ in 0..10 {
        assert_eq!(ping(&mut server, false).0.as_deref(), Some("AuthenticationFailed"));
    }
    let allowed = 1 + began.elapsed().as_secs() as usize / 6;
    assert!((1..=allowed).contains(&(knocks() - before)), "{} knocks", knocks() - before);
    std::fs::write(sshd.path("authorized_keys"), keys).unwrap();
    assert_eq!(ping(&mut server, true), (None, String::new()));
    assert_eq!(server.exec("echo in")["stdout"], "in\n");
}

/// A host that hangs up after refusals: it is left alone, and the refusal stays in the answer.
#[test]
fn the_cause_does_not_disappear_behind_a_ban() {
    let mut sshd = Sshd::start();
    std::fs::write(sshd.path("authorized_keys"), "").unwrap();
    let mut server = Setup::open_box(&sshd).start();
    let mut detail = |fresh: bool| {
        let ping = server.ok("ssh_host_ping", json!({"host": "box", "fresh": fresh}));
        (ping["problem"].as_str().unwrap().to_owned(), ping["problem_detail"].as_str().unwrap().to_owned())
    };
    assert_eq!(detail(false).0, "AuthenticationFailed");
    sshd.stop();
    let door = std::net::TcpListener::bind(("127.0.0.1", sshd.port)).unwrap();
    let (count, counted) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        while let Ok((caller, _)) = door.accept() {
            drop(caller);
            let _ = count.send(());
        }
    });
    let (problem, text) = detail(true);
    assert_eq!(problem, "ConnectError");
    for part in ["refused the login", "PerSourcePenalties", "fail2ban", "authorized_keys"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(counted.try_iter().count(), 1, "one knock for one call");
    for _ in 0..5 {
        let (problem, text) = detail(false);
        assert!(problem == "ConnectError" && text.contains("refused the login"), "{text}");
    }
    assert!(counted.try_iter().count() <= 1);
}

/// A server that penalises failures lets us in when the cause is gone: we have not knocked it shut.
#[test]
fn a_server_with_penalties_is_not_knocked_shut() {
    let Some(host) = containers::new_trixie_host() else { return };
    let folder = tempfile::tempdir().unwrap();
    let known = folder.path().join("known_hosts");
    std::fs::write(&known, "").unwrap();
    let config = host.ssh_config_block("box", "agent", &[&format!("UserKnownHostsFile {}", known.display())]);
    let mut server = Setup::new().raw(&config, "[hosts.box]\nhostname = \"box\"\n").start();
    for _ in 0..60 {
        let ping = server.ok("ssh_host_ping", json!({"host": "box"}));
        assert_eq!(ping["problem"], "UnknownHost", "{ping}");
        std::thread::sleep(std::time::Duration::from_millis(150));
    }
    std::fs::write(&known, host.known_hosts_text()).unwrap();
    let ping = server.ok("ssh_host_ping", json!({"host": "box"}));
    assert_eq!((&ping["auth_ok"], ping.get("problem")), (&json!(true), None), "{ping}");
    assert!(ping["server_banner"].as_str().is_some_and(|banner| banner.contains("OpenSSH_10")), "{ping}");
}

/// Servers that end what is idle: what they end is told as theirs, the next call works, and nothing runs twice.
#[test]
fn a_server_that_ends_idle_channels_and_connections_is_served() {
    let Some(host) = containers::new_trixie_host() else { return };
    host.set_sshd("ChannelTimeout session:command=3s\nUnusedConnectionTimeout 5s\nRekeyLimit 1M\nClientAliveInterval 1\nClientAliveCountMax 2\n");
    let hosts = "[hosts.box]\nhostname = \"box\"\ncommand_allowlist = [\"*\"]\n";
    let mut server = Setup::new()
        .raw(&host.ssh_config_block("box", "agent", &[]), hosts)
        .env("ALLOW_DANGEROUS_TOOLS", "true")
        .start();
    let run = |server: &mut crate::server::Server, command: &str| {
        server.call("ssh_exec_script", json!({"host": "box", "script": command, "timeout": 40}))
    };
    let first = run(&mut server, "echo x >>/tmp/ran; sleep 9; echo end >>/tmp/ended");
    assert!(first.error && first.text.contains("the server ended the command's channel"), "{first:?}");
    assert!(first.text.contains("may have run"), "{first:?}");
    // From now on a quiet command lives.
    let second = run(&mut server, "echo x >>/tmp/ran; sleep 9; echo quiet");
    assert_eq!(second.data["stdout"], "quiet\n", "{second:?}");
    assert_eq!(host.says(&["cat", "/tmp/ran"]), "x\nx\n");
    // Standbys and the connection have gone meanwhile, more than once.
    for n in 0..3 {
        std::thread::sleep(std::time::Duration::from_secs(8));
        let next = run(&mut server, &format!("echo {n} >>/tmp/once; echo there"));
        assert_eq!(next.data["stdout"], "there\n", "{next:?}");
    }
    assert_eq!(host.says(&["cat", "/tmp/once"]), "0\n1\n2\n");
    let large = run(
        &mut server,
        "head -c 5000000 /dev/zero | tr '\\0' x | wc -c; head -c 5000000 /dev/zero | tr '\\0' x | cksum",
    );
    assert!(large.data["stdout"].as_str().is_some_and(|out| out.starts_with("5000000\n")), "{large:?}");
}
