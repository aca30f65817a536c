//! A machine with only BusyBox and Dropbear, with and without an SFTP server: what a router is.

use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::time::Duration;

use serde_json::{Value, json};

use crate::containers::{Container, Sftp, busybox_host};
use crate::files::{Place, SCENARIOS, account};
use crate::over_sftp::{files_alone, hex};
use crate::server::{Server, Setup, eventually};
use crate::sshd::Sshd;
use crate::transfers::temporaries;

/// A server for the machine as `box`, logged in as an account.
fn server(host: &Container, account: &str) -> Server {
    let keys = "command_allowlist = [\"*\"]\n";
    Setup::new()
        .raw(&host.ssh_config_block("box", account, &[]), &format!("[hosts.box]\nhostname = \"box\"\n{keys}"))
        .start()
}

/// Both machines, or none without an engine.
fn machines() -> Vec<&'static Container> {
    [Sftp::There, Sftp::Missing].into_iter().filter_map(busybox_host).collect()
}

/// Whether a process of that command line runs on the machine.
fn runs(host: &Container, text: &str) -> bool {
    host.says(&["ps", "-o", "args"]).lines().any(|line| line.trim_end() == text)
}

#[test]
fn the_host_tools_read_what_busybox_shows() {
    for host in machines() {
        let mut server = server(host, "user");
        let on_box = json!({"host": "box"});
        let ping = server.ok("ssh_host_ping", on_box.clone());
        assert_eq!((&ping["reachable"], &ping["auth_ok"]), (&json!(true), &json!(true)), "{ping}");
        assert!(ping["server_banner"].as_str().is_some_and(|banner| banner.contains("dropbear")), "{ping}");

        let info = server.ok("ssh_host_info", on_box.clone());
        assert!(info["uname"].as_str().is_some_and(|uname| uname.starts_with("Linux ")), "{info}");
        assert!(info["uptime"].as_str().is_some_and(|uptime| uptime.contains("load average")), "{info}");
        assert!(info["cpu_count"].as_u64().is_some_and(|count| count > 0), "{info}");
        assert!(info["hostname_fqdn"].as_str().is_some_and(|name| !name.is_empty()), "{info}");
        assert_eq!(info["os_release"], Value::Null, "this machine does not say what it is");

        let disk = server.ok("ssh_host_disk_usage", on_box.clone());
        let root = disk["entries"].as_array().unwrap().iter().find(|row| row.to_string().contains("\"/\""));
        assert!(root.is_some(), "{disk}");

        let processes = server.ok("ssh_host_processes", json!({"host": "box", "top": 200}));
        let rows = processes["entries"].as_array().unwrap();
        let daemon = rows.iter().find(|row| row["pid"] == 1).unwrap();
        assert_eq!((daemon["user"].as_str(), daemon["command"].as_str()), (Some("root"), Some("dropbear")), "{daemon}");
        assert!(rows.iter().any(|row| row["user"] == "user"), "{processes}");

        let network = server.ok("ssh_host_network", on_box.clone());
        let interfaces = network["interfaces"].as_array().unwrap();
        let loopback = interfaces.iter().find(|row| row["name"] == "lo").unwrap();
        assert!(loopback.to_string().contains("127.0.0.1"), "{network}");

        let alerts = server.ok("ssh_host_alerts", on_box);
        assert_eq!(alerts["not_measured"], Value::Null, "{alerts}");
        assert!(alerts["metrics"]["mem_free_percent"].as_f64().is_some_and(|free| free > 0.0), "{alerts}");

        let user = server.ok("ssh_user_info", json!({"host": "box"}));
        let named = server.ok("ssh_user_info", json!({"host": "box", "username": "root"}));
        assert_eq!((user["username"].as_str(), user["uid"].as_u64()), (Some("user"), Some(1000)), "{user}");
        assert_eq!(
            (user["home"].as_str(), user["primary_group"].as_str()),
            (Some("/home/user"), Some("user")),
            "{user}"
        );
        assert_eq!((named["uid"].as_u64(), named["home"].as_str()), (Some(0), Some("/root")), "{named}");
        assert!(server.err("ssh_user_info", json!({"host": "box", "username": "nobody-here"})).contains("nobody-here"));
    }
}

#[test]
fn commands_end_on_ash_as_they_were() {
    for host in machines() {
        for account in ["user", "root"] {
            let mut server = server(host, account);
            let ended =
                |done: &Value| (done["exit_code"].as_i64(), done["killed_by_signal"].as_str().map(str::to_owned));
            let done = server.exec("echo out; echo err >&2; exit 3");
            assert_eq!((done["stdout"].as_str(), done["stderr"].as_str()), (Some("out\n"), Some("err\n")), "{done}");
            assert_eq!(ended(&done), (Some(3), None));
            assert_eq!(ended(&server.exec("kill -KILL $$")), (Some(-1), Some("KILL".to_owned())));
            assert_eq!(ended(&server.exec("exit 137")), (Some(137), None));
            assert_eq!(ended(&server.exec("no-such-program")), (Some(127), None));
            assert_eq!(server.exec("cat; echo after")["stdout"], "after\n", "standard input is closed");
            assert_eq!(server.exec("printf 'a\\377b\\000c'")["stdout_bytes"], 5);
            // More than Dropbear takes as the command of a session.
            let done = server.exec(&format!(": {}; echo long", "x".repeat(60_000)));
            assert_eq!(done["stdout"], "long\n", "{done}");
            let done = server.exec("head -c 3000000 /dev/zero | tr '\\0' x; echo END");
            assert_eq!(done["stdout_bytes"], 3_000_004);
            let script = format!("id -un\n: {}\necho \"end $#\"\nexit 4\n", "x".repeat(300_000));
            let done = server.ok("ssh_exec_script", json!({"host": "box", "script": script}));
            assert_eq!(
                (done["stdout"].as_str(), done["exit_code"].as_i64()),
                (Some(&*format!("{account}\nend 0\n")), Some(4))
            );
        }
    }
}

#[test]
fn a_time_limit_and_a_cancellation_leave_nothing_on_busybox() {
    for host in machines() {
        let mut server = server(host, "user");
        let command = "echo begun; (sleep 9201 &) ; trap '' TERM; sleep 9202; sleep 9202";
        let done = server.ok("ssh_exec_run", json!({"host": "box", "command": command, "timeout": 2}));
        assert_eq!((done["timed_out"].as_bool(), done["stdout"].as_str()), (Some(true), Some("begun\n")), "{done}");
        assert_eq!(done["stop"], "stopped", "{done}");
        assert!(!runs(host, "sleep 9201") && !runs(host, "sleep 9202"), "{}", host.says(&["ps"]));
        let id = server.begin_call("ssh_exec_run", json!({"host": "box", "command": "sleep 9203; sleep 9203"}));
        assert!(eventually(Duration::from_secs(20), || runs(host, "sleep 9203")));
        server.cancel(id);
        assert!(eventually(Duration::from_secs(10), || !runs(host, "sleep 9203")), "{}", host.says(&["ps"]));
        assert_eq!(server.exec("echo alive")["stdout"], "alive\n");
    }
}

#[test]
fn many_calls_at_once_are_served_by_dropbear() {
    for host in machines() {
        let mut server = server(host, "user");
        let begun: Vec<(u64, usize)> = (0..20)
            .map(|i| (server.begin_call("ssh_exec_run", json!({"host": "box", "command": format!("echo {i}")})), i))
            .collect();
        for (id, i) in begun {
            let answer = server.answer(id, Duration::from_secs(60)).unwrap();
            // This Dropbear ends a connection by an assertion of its own where a channel ends while another is being
            // opened, so the one waits for the other.
            assert!(!answer.error, "{}", answer.text);
            assert_eq!(answer.data["stdout"], format!("{i}\n"));
        }
    }
}

#[test]
fn a_shell_session_on_ash_keeps_its_place() {
    for host in machines() {
        let mut server = server(host, "user");
        let opened = server.ok("ssh_shell_open", json!({"host": "box"}));
        let id = opened["session_id"].as_str().unwrap().to_owned();
        let run = |server: &mut Server, command: &str| {
            server.ok("ssh_shell_exec", json!({"session_id": id, "command": command, "timeout": 3}))
        };
        assert_eq!(run(&mut server, "pwd")["stdout"], "/home/user\n");
        let moved = run(&mut server, "cd /tmp && export KEPT='a b'");
        assert_eq!((moved["cwd"].as_str(), moved["exit_code"].as_i64()), (Some("/tmp"), Some(0)), "{moved}");
        assert_eq!(run(&mut server, "printf %s \"$PWD $KEPT\"")["stdout"], "/tmp a b");
        assert_eq!(run(&mut server, "cat; exit 5")["exit_code"], 5);
        let late = run(&mut server, "sleep 9204");
        assert_eq!(late["timed_out"], true, "{late}");
        assert!(!runs(host, "sleep 9204"));
        assert_eq!(run(&mut server, "echo \"$KEPT\"")["stdout"], "a b\n", "the session outlives a time limit");
        assert_eq!(server.ok("ssh_shell_close", json!({"session_id": id}))["closed"], true);
    }
}

#[test]
fn files_on_busybox() {
    std::thread::scope(|scope| {
        for host in machines() {
            for scenario in SCENARIOS {
                scope.spawn(move || scenario(host));
            }
        }
    });
    if !machines().is_empty() {
        crate::kinds::tell("BusyBox and Dropbear", &[("sftp-read", "works"), ("file-ops", "works")]);
    }
}

/// An account of a machine whose key may only speak to the SFTP server.
struct FilesOnly(&'static Container);

/// What its login says to all else.
const ONLY_FILES: &str = "This account may only transfer files";

impl FilesOnly {
    fn new(host: &'static Container) -> Self {
        let (uid, gid) = (nix::unistd::geteuid(), nix::unistd::getegid());
        let key = std::fs::read_to_string(host.key().with_extension("pub")).unwrap();
        let made = format!(
            "set -e; h=/home/files; mkdir -p $h/.ssh; grep -q ^files: /etc/passwd || \
             echo \"files:x:{uid}:{gid}::$h:/bin/ash\" >>/etc/passwd\n\
             echo 'command=\"/home/files/login\" {}' >$h/.ssh/authorized_keys\n\
             printf '%s\\n' '#!/bin/sh' 'case $SSH_ORIGINAL_COMMAND in */sftp-server) exec $SSH_ORIGINAL_COMMAND;; esac' \
             'echo \"{ONLY_FILES}.\" >&2; exit 1' >$h/login\n\
             chmod 755 $h $h/login; chmod 700 $h/.ssh; chmod 600 $h/.ssh/*; chown -R {uid}:{gid} $h",
            key.trim()
        );
        host.says(&["sh", "-c", &made]);
        FilesOnly(host)
    }
}

impl Place for FilesOnly {
    fn add(&self, setup: Setup, keys: &str) -> Setup {
        let entry = format!("[hosts.box]\nhostname = \"box\"\n{keys}\n");
        setup.raw(&self.0.ssh_config_block("box", "files", &[]), &entry)
    }
}

#[test]
fn files_alone_on_dropbear() {
    let Some(host) = busybox_host(Sftp::There) else { return };
    files_alone(&FilesOnly::new(host), ONLY_FILES);
}

#[test]
fn neither_a_shell_nor_an_sftp_server_is_said() {
    let Some(host) = busybox_host(Sftp::Missing) else { return };
    let setup = Setup::new();
    let root = setup.root();
    std::fs::write(root.join("f"), "old").unwrap();
    let keys = format!("path_allowlist = [\"{}\"]", root.display());
    let mut server = FilesOnly::new(host).add(setup, &keys).start();
    for (tool, args) in [
        ("ssh_sftp_download", json!({"host": "box", "path": root.join("f")})),
        ("ssh_upload", json!({"host": "box", "path": root.join("f"), "content_text": "new"})),
    ] {
        let said = server.err(tool, args);
        assert!(said.starts_with("SFTPSubsystemUnavailable"), "{said}");
    }
    assert_eq!(std::fs::read(root.join("f")).unwrap(), b"old");
}

#[test]
fn files_go_between_busybox_and_others() {
    let (Some(with), Some(without)) = (busybox_host(Sftp::There), busybox_host(Sftp::Missing)) else { return };
    let gnu = Sshd::start();
    FilesOnly::new(with);
    let setup = Setup::new();
    let root = setup.root();
    let keys = format!("path_allowlist = [\"{0}\"]\nrestricted_paths = [\"{0}/zone\"]", root.display());
    let mut setup = setup.host(&gnu, "gnu", &keys);
    for (alias, host, name) in [("with", with, account()), ("without", without, account()), ("files", with, "files")] {
        let entry = format!("[hosts.{alias}]\nhostname = \"{alias}\"\n{keys}\n");
        setup = setup.raw(&host.ssh_config_block(alias, name, &[]), &entry);
    }
    let mut server = setup.start();
    let large: Vec<u8> = (0..3_000_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let contents: [&[u8]; 3] = [b"", b"small\xff\r\n", &large];
    std::fs::create_dir(root.join("zone")).unwrap();
    std::fs::write(root.join("zone/inner"), "CANARY").unwrap();
    symlink("zone/inner", root.join("way")).unwrap();
    symlink("/etc", root.join("out")).unwrap();
    let go = |from: &str, src: &str, to: &str, dst: &str, overwrite: bool| {
        json!({"src_host": from, "src_path": root.join(src), "dst_host": to, "dst_path": root.join(dst),
            "overwrite": overwrite})
    };
    for (from, to) in [
        ("gnu", "with"),
        ("gnu", "without"),
        ("with", "gnu"),
        ("without", "gnu"),
        ("with", "without"),
        ("without", "with"),
        ("gnu", "files"),
        ("files", "gnu"),
        ("files", "without"),
        ("without", "files"),
    ] {
        let (src, dst) = (root.join("src"), root.join("dst"));
        for content in contents {
            let _ = std::fs::remove_file(&dst);
            std::fs::write(&src, content).unwrap();
            std::fs::set_permissions(&src, Permissions::from_mode(0o600)).unwrap();
            let done = server.ok("ssh_transfer", go(from, "src", to, "dst", false));
            let told = (done["size"].as_u64(), done["sha256"].as_str());
            assert_eq!(told, (Some(content.len() as u64), Some(&*hex(content))), "{from} to {to}");
            assert!(std::fs::read(&dst).unwrap() == content, "{from} to {to}: {} bytes", content.len());
            let mode = std::fs::metadata(&dst).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, 0o600, "{from} to {to}: what only its owner may read stays so");
            std::fs::write(&dst, "old").unwrap();
            let said = server.err("ssh_transfer", go(from, "src", to, "dst", false));
            assert!(said.contains(&format!("exists on `{to}`")), "{from} to {to}: {said}");
            assert_eq!(std::fs::read(&dst).unwrap(), b"old");
            server.ok("ssh_transfer", go(from, "src", to, "dst", true));
            assert!(std::fs::read(&dst).unwrap() == content, "{from} to {to}: {} bytes over", content.len());
        }
        for (src, dst, name) in
            [("way", "n", "PathRestricted"), ("out/passwd", "n", "PathNotAllowed"), ("src", "out/n", "PathNotAllowed")]
        {
            let said = server.err("ssh_transfer", go(from, src, to, dst, true));
            assert!(said.contains(name) && !said.contains("CANARY"), "{from} to {to}: {said}");
        }
        assert!(!root.join("n").exists() && temporaries(&root).is_empty(), "{from} to {to}");
    }
}

#[test]
fn many_servers_log_in_at_once_though_dropbear_takes_five() {
    let Some(host) = busybox_host(Sftp::There) else { return };
    // Time is not what is tried here.
    let patient = || {
        let setup = Setup::new().env("SSH_CONNECT_TIMEOUT", "120").raw(
            &host.ssh_config_block("box", "user", &[]),
            "[hosts.box]\nhostname = \"box\"\ncommand_allowlist = [\"*\"]\n",
        );
        setup.start()
    };
    let mut servers: Vec<Server> = (0..12).map(|_| patient()).collect();
    let begun: Vec<u64> = servers
        .iter_mut()
        .map(|server| server.begin_call("ssh_exec_run", json!({"host": "box", "command": "echo in"})))
        .collect();
    for (server, id) in servers.iter().zip(begun) {
        let answer = server.answer(id, Duration::from_secs(150)).unwrap();
        assert_eq!(answer.data["stdout"], "in\n", "{}", answer.text);
    }
}

#[test]
fn a_broadcast_reaches_both_machines() {
    let (Some(with), Some(without)) = (busybox_host(Sftp::There), busybox_host(Sftp::Missing)) else { return };
    let mut setup = Setup::new();
    for (alias, host) in [("with", with), ("without", without)] {
        setup = setup.raw(
            &host.ssh_config_block(alias, "user", &[]),
            &format!("[hosts.{alias}]\nhostname = \"{alias}\"\ncommand_allowlist = [\"*\"]\n"),
        );
    }
    let mut server = setup.start();
    let done = server.ok("ssh_broadcast", json!({"hosts": ["with", "without"], "command": "id -un"}));
    assert_eq!(done["succeeded"].as_array().map(Vec::len), Some(2), "{done}");
    assert_eq!(done["results"]["without"]["stdout"], "user\n", "{done}");
}
