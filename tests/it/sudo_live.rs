//! Root through sudo on a real machine, in every way in which sudo is met: the right answer or the right refusal, and
//! the password nowhere.

use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::containers::{Container, new_systemd_host};
use crate::server::{Answer, Server, Setup, eventually};

/// A password of one test in one run. Others that run beside it, and the set-up of their machines, show theirs in the
/// process lists that are searched here.
fn secret(of: &str) -> String {
    format!("Pw-{of}-{}-battery", std::process::id())
}

/// Accounts of the container, which are also the aliases.
const ACCOUNTS: [&str; 4] = ["agent", "alice", "bob", "carol"];

/// What the operator configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Password {
    Right,
    Wrong,
    None,
}

/// A machine of one test, on which `alice` and `bob` have this password and sudo counts attempts.
fn machine(password: &str) -> Option<Container> {
    let host = new_systemd_host(&[])?;
    root_sh(&host, &format!("printf 'alice:{password}\\nbob:{password}\\n' | chpasswd"));
    sudoers(&host, "00-log", "Defaults logfile=/var/log/sudo.log");
    Some(host)
}

/// Runs a shell line as root inside, past SSH.
fn root_sh(host: &Container, line: &str) -> String {
    host.says(&["sh", "-c", line])
}

/// Writes a file of sudoers rules; a broken one would lock everyone out, so visudo looks first.
fn sudoers(host: &Container, name: &str, text: &str) {
    let line = format!(
        "umask 227; echo '{text}' >/root/rules && visudo -cqf /root/rules && mv -f /root/rules /etc/sudoers.d/{name}"
    );
    root_sh(host, &line);
}

/// Gives `alice` the rules of a way to meet sudo and takes her tickets away.
fn alice_has(host: &Container, rules: &str) {
    sudoers(host, "zz-alice", rules);
    root_sh(host, "rm -rf /run/sudo/ts/alice");
}

/// A server with every account as a host; the file holds what the password command prints.
fn server(host: &Container, password: Option<&str>) -> (Server, tempfile::NamedTempFile) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let mut setup = Setup::new();
    for account in ACCOUNTS {
        setup = setup.raw(
            &host.ssh_config_block(account, account, &[]),
            &format!("[hosts.{account}]\nhostname = \"{account}\"\ncommand_allowlist = [\"*\"]\n"),
        );
    }
    let audit = setup.path("audit.jsonl").display().to_string();
    setup = setup.env("ALLOW_SUDO", "true").env("LOG_LEVEL", "DEBUG").env("SSH_AUDIT_FILE", &audit);
    let Some(password) = password else { return (setup.start(), file) };
    writeln!(file, "{password}").unwrap();
    let command = format!("cat {}", file.path().display());
    (setup.env("SSH_SUDO_PASSWORD_CMD", &command).start(), file)
}

/// A script too long for one write to a pipe: what sudo reads of it would be missed.
fn long_script() -> String {
    format!("id -u\n: {}\necho \"end $#\"\n", "x".repeat(200_000))
}

/// The tools of the matrix with what each must print as root.
fn tools(account: &str) -> [(&'static str, Value, &'static str); 2] {
    [
        ("ssh_sudo_exec", json!({"host": account, "command": "id -u; cat; echo end"}), "0\nend\n"),
        ("ssh_sudo_run_script", json!({"host": account, "script": long_script()}), "0\nend 0\n"),
    ]
}

/// What must be found nowhere.
struct Secrets<'a>(&'a [&'a str]);

impl Secrets<'_> {
    #[track_caller]
    fn not_in(&self, what: &str, bytes: &[u8]) {
        for password in self.0 {
            let found = bytes.windows(password.len()).any(|window| window == password.as_bytes());
            assert!(!found, "{password} is in {what}: {}", String::from_utf8_lossy(bytes));
        }
    }

    #[track_caller]
    fn not_in_answer(&self, answer: &Answer) {
        self.not_in("an answer", answer.text.as_bytes());
        self.not_in("an answer", answer.data.to_string().as_bytes());
    }

    /// Every file of the server: its log, the audit, its configuration.
    fn not_in_files(&self, folder: &Path) {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let kind = entry.file_type().unwrap();
            if kind.is_dir() {
                self.not_in_files(&entry.path());
            } else if kind.is_file() {
                self.not_in(&entry.path().display().to_string(), &std::fs::read(entry.path()).unwrap());
            }
        }
    }

    /// Files and logs of the machine.
    fn not_on_machine(&self, host: &Container) {
        let places = "/etc /home /root /tmp /var /run";
        for password in self.0 {
            // In two pieces: the search must not find itself.
            let (one, two) = password.split_at(6);
            let found = root_sh(host, &format!("printf '%s%s\\n' {one} {two} | grep -rlaF -D skip -f - {places}; :"));
            assert_eq!(found, "", "files with {password}");
        }
        let journal = root_sh(host, "journalctl --sync; journalctl --no-pager --output=export; :");
        self.not_in("the journal", journal.as_bytes());
    }

    /// Words and environments of all processes on both sides.
    fn not_in_process_lists(&self, host: &Container) {
        let there = root_sh(host, "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null; :");
        self.not_in("a process list", there.as_bytes());
        for process in std::fs::read_dir("/proc").unwrap().flatten() {
            for part in ["cmdline", "environ"] {
                // A process may end meanwhile.
                self.not_in("a process here", &std::fs::read(process.path().join(part)).unwrap_or_default());
            }
        }
    }
}

/// Whether a process of that command line runs on the machine, as root sees it.
fn runs(host: &Container, text: &str) -> bool {
    root_sh(host, "ps -eo args").lines().any(|line| line == text)
}

/// What sudo wrote of failed attempts, one line each.
fn incorrect_attempts(host: &Container) -> Vec<String> {
    // Long lines are folded in this log.
    let log = root_sh(host, "sed -e ':a' -e 'N' -e '$!ba' -e 's/\\n    */ /g' /var/log/sudo.log");
    log.lines().filter(|line| line.contains("incorrect password")).map(str::to_owned).collect()
}

#[test]
fn every_way_to_meet_sudo_ends_right_and_never_shows_the_password() {
    let (right, wrong) = (secret("right"), secret("wrong"));
    let both = Secrets(&[&right, &wrong]);
    let Some(host) = machine(&right) else { return };
    let granted = |server: &mut Server, way: &str, account: &str| {
        for (tool, arguments, expected) in tools(account) {
            let answer = server.call(tool, arguments);
            both.not_in_answer(&answer);
            assert!(!answer.error, "{way}, {tool}: {}", answer.text);
            let data = &answer.data;
            assert_eq!(
                (data["exit_code"].as_i64(), data["stdout"].as_str()),
                (Some(0), Some(expected)),
                "{way}, {tool}"
            );
            assert_eq!(data["stderr"], "", "{way}, {tool}: neither a prompt nor a lecture");
        }
    };
    let refused = |server: &mut Server, way: &str, account: &str, why: &str| {
        for (tool, arguments, _) in tools(account) {
            let answer = server.call(tool, arguments);
            both.not_in_answer(&answer);
            assert!(answer.error, "{way}, {tool}: {}", answer.data);
            let told = answer.text.contains("AuthenticationFailed") && answer.text.contains(why);
            assert!(told, "{way}, {tool}, not `{why}`: {}", answer.text);
        }
    };
    // How long a ticket lives and for whom decides which of its ways the password takes.
    let asking = [
        ("a ticket per session", ""),
        ("a ticket for all sessions", "Defaults:alice timestamp_type=global"),
        ("no tickets", "Defaults:alice timestamp_timeout=0"),
    ];
    for password in [Password::Right, Password::Wrong, Password::None] {
        let configured = match password {
            Password::Right => Some(&*right),
            Password::Wrong => Some(&*wrong),
            Password::None => None,
        };
        let (mut server, _file) = server(&host, configured);
        let server = &mut server;
        granted(server, "NOPASSWD", "agent");
        for (way, rules) in asking {
            alice_has(&host, rules);
            let way = format!("{password:?} password, {way}");
            match password {
                Password::Right => granted(server, &way, "alice"),
                Password::Wrong => refused(server, &way, "alice", "sudo refused the password; one attempt"),
                Password::None => refused(server, &way, "alice", "none is configured"),
            }
            let left = root_sh(&host, "runuser -u alice -- sudo -n id -u 2>&1; :");
            assert_ne!(left, "0\n", "{way}: a ticket is left behind");
        }
        alice_has(&host, "Defaults:alice timestamp_type=global");
        root_sh(&host, &format!("echo {right} | runuser -u alice -- sudo -S -v 2>/dev/null"));
        granted(server, &format!("a ticket from before, {password:?} password"), "alice");
        alice_has(&host, "Defaults:alice requiretty");
        refused(server, "requiretty with a password", "alice", "requiretty");
        refused(server, "requiretty", "carol", "requiretty");
        // With a password to offer sudo says that it is of no use; without one it does not get that far.
        let why = if password == Password::None { "none is configured" } else { "its sudoers file does not allow it" };
        refused(server, &format!("{password:?} password, no sudo"), "bob", why);
        both.not_in("the log", server.stderr().as_bytes());
        assert!(server.stderr().contains("ssh_sudo_run_script"), "the audit is in the log");
        assert!(server.dir.path().join("audit.jsonl").exists());
        both.not_in_files(server.dir.path());
    }
    // Three ways to ask alice, with two tools each.
    let attempts = incorrect_attempts(&host);
    assert_eq!(attempts.len(), 6, "{attempts:#?}");
    assert!(attempts.iter().all(|line| line.contains("1 incorrect password attempt ")), "{attempts:#?}");
    both.not_on_machine(&host);
}

#[test]
fn root_is_stopped_at_the_time_limit_and_when_cancelled() {
    let password = secret("stopped");
    let only = Secrets(&[&password]);
    let Some(host) = machine(&password) else { return };
    let (mut server, _file) = server(&host, Some(&password));
    let ways = [
        ("agent", ""),
        ("alice", "Defaults:alice timestamp_type=global"),
        ("alice", "Defaults:alice timestamp_timeout=0"),
    ];
    for (number, (account, rules)) in ways.into_iter().enumerate() {
        alice_has(&host, rules);
        let way = format!("{account}, {rules}");
        let [child, main, other] = [1, 2, 3].map(|part| format!("sleep 91{number}{part}"));
        let command = format!("echo begun; {child} & trap '' TERM; {main}; {main}");
        let id = server.begin_call("ssh_sudo_exec", json!({"host": account, "command": command, "timeout": 5}));
        assert!(eventually(Duration::from_secs(4), || runs(&host, &main)), "{way}: it does not start");
        only.not_in_process_lists(&host);
        let answer = server.answer(id, Duration::from_secs(30)).unwrap();
        only.not_in_answer(&answer);
        assert!(!answer.error, "{way}: {}", answer.text);
        assert_eq!((answer.data["timed_out"].as_bool(), answer.data["stdout"].as_str()), (Some(true), Some("begun\n")));
        assert_eq!(answer.data["stop"], "stopped", "{way}");
        assert!(!runs(&host, &main) && !runs(&host, &child), "{way}: {}", root_sh(&host, "ps -ef"));

        let script = format!("{other}; {other}\n");
        let id = server.begin_call("ssh_sudo_run_script", json!({"host": account, "script": script}));
        assert!(eventually(Duration::from_secs(20), || runs(&host, &other)), "{way}: it does not start");
        server.cancel(id);
        let gone = eventually(Duration::from_secs(15), || !runs(&host, &other));
        assert!(gone, "{way}: {}", root_sh(&host, "ps -ef"));
    }
    only.not_in("the log", server.stderr().as_bytes());
}
