//! The sudo password in the keyring of the desktop: a real keyring on a session bus of the test's own.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::json;

use crate::containers::new_systemd_host;
use crate::server::{Setup, eventually};

/// A Secret Service with an unlocked keyring, and the bus on which it is asked.
struct Keyring {
    dir: tempfile::TempDir,
    address: String,
    daemons: Vec<Child>,
}

impl Keyring {
    /// `None` where the programs are not there, which is said once.
    fn start() -> Option<Self> {
        let programs = ["dbus-daemon", "gnome-keyring-daemon", "secret-tool"];
        let there = |name: &&str| Command::new(name).arg("--version").output().is_ok();
        if let Some(missing) = programs.iter().find(|name| !there(name)) {
            crate::skips::skip(&format!("no {missing} (Debian: dbus-daemon, gnome-keyring, libsecret-tools)"));
            return None;
        }
        let dir = tempfile::Builder::new().prefix("keyring-").tempdir().unwrap();
        let mut bus = Command::new("dbus-daemon")
            .args(["--session", "--nofork", "--nopidfile", "--print-address"])
            .arg(format!("--address=unix:path={}", dir.path().join("bus").display()))
            .env("XDG_RUNTIME_DIR", dir.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut address = String::new();
        BufReader::new(bus.stdout.take().unwrap()).read_line(&mut address).unwrap();
        let mut keyring = Keyring { dir, address: address.trim().to_owned(), daemons: vec![bus] };
        let mut daemon = keyring
            .command("gnome-keyring-daemon")
            .args(["--foreground", "--unlock", "--components=secrets"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        daemon.stdin.take().unwrap().write_all(b"keyring").unwrap();
        keyring.daemons.push(daemon);
        // It takes its name on the bus when the keyring is open.
        let up = eventually(Duration::from_secs(20), || {
            let probe = keyring.command("secret-tool").args(["search", "service", "none"]).output();
            probe.is_ok_and(|done| done.status.success())
        });
        assert!(up, "the keyring does not answer");
        Some(keyring)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("DBUS_SESSION_BUS_ADDRESS", &self.address);
        for name in ["HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR"] {
            command.env(name, self.dir.path());
        }
        command
    }

    /// Stores a password as the operator does.
    fn store(&self, user: &str, password: &str) {
        let mut tool = self
            .command("secret-tool")
            .args(["store", "--label=sudo", "service", "ssh-mcp-sudo", "username", user])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        tool.stdin.take().unwrap().write_all(password.as_bytes()).unwrap();
        assert!(tool.wait().unwrap().success());
    }

    fn clear(&self, user: &str) {
        let words = ["service", "ssh-mcp-sudo", "username", user];
        // Its status is a failure where there was nothing to clear.
        self.command("secret-tool").arg("clear").args(words).status().unwrap();
        assert!(self.command("secret-tool").arg("lookup").args(words).output().unwrap().stdout.is_empty());
    }
}

impl Drop for Keyring {
    fn drop(&mut self) {
        for daemon in self.daemons.iter_mut().rev() {
            let _ = daemon.kill();
            let _ = daemon.wait();
        }
    }
}

#[test]
fn the_sudo_password_comes_from_the_keyring_first() {
    let Some(keyring) = Keyring::start() else { return };
    let Some(host) = new_systemd_host(&[]) else { return };
    let right = format!("Pw-keyring-{}", std::process::id());
    host.says(&["sh", "-c", &format!("echo 'alice:{right}' | chpasswd")]);
    let mut setup = Setup::new().raw(
        &host.ssh_config_block("lab", "alice", &[]),
        "[hosts.lab]\nhostname = \"lab\"\ncommand_allowlist = [\"*\"]\n",
    );
    let printed = setup.path("printed");
    setup = setup
        .env("ALLOW_SUDO", "true")
        .env("DBUS_SESSION_BUS_ADDRESS", &keyring.address)
        .env("SSH_SUDO_PASSWORD_CMD", &format!("cat {}", printed.display()));
    let mut server = setup.start();
    // What the keyring holds for the host and for all hosts, what the command prints, and whether root is reached.
    let rows = [
        (Some(&*right), None, "wrong", true),
        (Some("wrong"), Some(&*right), &*right, false),
        (None, Some("wrong"), &*right, true),
        (None, Some(&*right), "", true),
        (None, None, "", false),
    ];
    for (own, all, command, granted) in rows {
        for (user, entry) in [("lab", own), ("default", all)] {
            match entry {
                Some(password) => keyring.store(user, password),
                None => keyring.clear(user),
            }
        }
        std::fs::write(&printed, command).unwrap();
        let answer = server.call("ssh_sudo_exec", json!({"host": "lab", "command": "id -u"}));
        assert!(!format!("{answer:?}").contains(&right), "{answer:?}");
        assert_eq!(!answer.error, granted, "{own:?}, {all:?}, {command:?}: {}", answer.text);
        if granted {
            assert_eq!(answer.data["stdout"], "0\n");
        } else {
            let why = if own.is_some() { "refused the password" } else { "none is configured" };
            assert!(answer.text.contains(why), "{}", answer.text);
        }
    }
    assert!(!server.stderr().contains(&right));
}
