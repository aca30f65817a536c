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
pub fn root_sh(host: &Container, line: &str) -> String {
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
            &format!("[hosts.{account}]\nhostname = \"{account}\"\ncommand_allowlist = [\"*\"]\npath_allowlist = [\"{VAULT}\"]\n"),
        );
    }
    let audit = setup.path("audit.jsonl").display().to_string();
    setup = setup.env("ALLOW_SUDO", "true").env("LOG_LEVEL", "DEBUG").env("SSH_AUDIT_FILE", &audit);
    let Some(password) = password else { return (setup.start(), file) };
    writeln!(file, "{password}").unwrap();
    let command = format!("cat {}", file.path().display());
    (setup.env("SSH_SUDO_PASSWORD_CMD", &command).start(), file)
}

/// A script too long for one write to a pipe (what sudo reads of it would be missed), with a program that reads its input.
fn long_script() -> String {
    format!("id -u\ncat\n: {}\necho \"end $#\"\n", "x".repeat(200_000))
}

/// What runs as root shows no word of the call in the process list, and a pattern of the caller's meets nothing of ours.
#[test]
fn no_word_of_a_call_stands_in_the_process_list_of_root() {
    let password = secret("list");
    let Some(host) = machine(&password) else { return };
    alice_has(&host, "alice ALL=(ALL) ALL");
    let (mut server, _file) = server(&host, Some(&password));
    for account in ["agent", "alice"] {
        let listed = "ps -ww -eo args | cat; : zzq-needle";
        let found = "pgrep -f zzq-needle || echo none";
        for (tool, field) in [("ssh_sudo_exec", "command"), ("ssh_sudo_run_script", "script")] {
            let done = server.ok(tool, json!({"host": account, field: listed}));
            let lines: Vec<&str> = done["stdout"].as_str().unwrap().lines().collect();
            let entry: Vec<&&str> =
                lines.iter().filter(|line| line.contains("sudo") && line.contains("ssh-mcp")).collect();
            assert!(!entry.is_empty(), "{account} {tool}: {lines:?}");
            for line in &lines {
                assert!(
                    line.len() <= 200 || !(line.contains("sudo") || line.contains("ssh-mcp")),
                    "{account} {tool}: {line}"
                );
                assert!(!line.contains("zzq-needle") && !line.contains("kill -0"), "{account} {tool}: {line}");
            }
            let done = server.ok(tool, json!({"host": account, field: found}));
            assert_eq!(done["stdout"], "none\n", "{account} {tool}: {done}");
        }
    }
}

/// Where root's files lie, in a folder that the accounts may not enter.
pub const VAULT: &str = "/srv/vault";

/// What `ssh_sudo_edit` finds in its file, and what it shall leave.
pub const EDITED: (&str, &str) = ("a = 1\n", "a = 2\n");

/// Puts root's files as they are before each round.
pub fn fill_vault(host: &Container) {
    let lines = format!(
        "rm -rf {VAULT}; mkdir -m 700 {VAULT} && cd {VAULT} && printf 'plain\\n' >plain && printf 'PASSWORD=hidden-value\\n' >app.env \
         && printf 'old\\n' >written && printf '{}' >edited && chown 1:1 written edited && chmod 640 written edited",
        EDITED.0.replace('\n', "\\n")
    );
    root_sh(host, &lines);
}

/// The tools of the matrix: name, arguments without the host, and what of the answer must be what.
pub fn tools() -> [(&'static str, Value, Value); 7] {
    let at = |name: &str| format!("{VAULT}/{name}");
    [
        (
            "ssh_sudo_exec",
            json!({"command": "id -u; cat; echo end"}),
            json!({"exit_code": 0, "stdout": "0\nend\n", "stderr": ""}),
        ),
        (
            "ssh_sudo_run_script",
            json!({"script": long_script()}),
            json!({"exit_code": 0, "stdout": "0\nend 0\n", "stderr": ""}),
        ),
        ("ssh_sudo_read", json!({"path": at("plain"), "as_text": true}), json!({"content_text": "plain\n", "size": 6})),
        ("ssh_sudo_read_redacted", json!({"path": at("app.env")}), json!({"size_original": 22})),
        ("ssh_sudo_write", json!({"path": at("written"), "content_text": "new\n"}), json!({"bytes_written": 4})),
        (
            "ssh_sudo_edit",
            json!({"path": at("edited"), "old_string": "= 1", "new_string": "= 2"}),
            json!({"bytes_written": 6}),
        ),
        ("ssh_sudo_sftp_list", json!({"path": VAULT}), json!({"path": VAULT, "has_more": false})),
    ]
}

/// Calls all tools at once, as an agent may: none may cost another its ticket, or get another's input.
pub fn all_at_once(server: &mut Server, account: &str) -> Vec<(&'static str, Value, Answer)> {
    let begun: Vec<(&'static str, Value, u64)> = tools()
        .into_iter()
        .map(|(tool, mut arguments, expected)| {
            arguments["host"] = json!(account);
            (tool, expected, server.begin_call(tool, arguments))
        })
        .collect();
    let wait = |id| server.answer(id, Duration::from_secs(120)).expect("an answer");
    begun.into_iter().map(|(tool, expected, id)| (tool, expected, wait(id))).collect()
}

/// The two files that are changed, with mode and owner.
pub fn vault(host: &Container) -> String {
    root_sh(host, &format!("cd {VAULT} && stat -c '%n %a %u:%g' written edited && cat written edited && ls -A"))
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
        fill_vault(&host);
        for (tool, expected, answer) in all_at_once(server, account) {
            both.not_in_answer(&answer);
            assert!(!answer.error, "{way}, {tool}: {}", answer.text);
            for (field, value) in expected.as_object().unwrap() {
                // What is empty is left out.
                let empty = json!("");
                assert_eq!(answer.data.get(field).unwrap_or(&empty), value, "{way}, {tool}, {field}");
            }
            if tool == "ssh_sudo_read_redacted" {
                let content = answer.data["content"].as_str().unwrap();
                assert!(content.starts_with("PASSWORD=") && !content.contains("hidden"), "{way}: {content}");
            }
        }
        let kept = format!("written 640 1:1\nedited 640 1:1\nnew\n{}app.env\nedited\nplain\nwritten\n", EDITED.1);
        assert_eq!(vault(&host), kept, "{way}");
    };
    let refused = |server: &mut Server, way: &str, account: &str, why: &str| {
        fill_vault(&host);
        let before = vault(&host);
        for (tool, _, answer) in all_at_once(server, account) {
            both.not_in_answer(&answer);
            assert!(answer.error, "{way}, {tool}: {}", answer.data);
            let told = answer.text.contains("AuthenticationFailed") && answer.text.contains(why);
            assert!(told, "{way}, {tool}, not `{why}`: {}", answer.text);
            assert!(!answer.text.contains("lecture"), "{way}, {tool}: {}", answer.text);
        }
        assert_eq!(vault(&host), before, "{way}");
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
        let kept = root_sh(&host, "runuser -u alice -- sudo -n id -u 2>&1; :");
        assert_eq!(kept, "0\n", "the account's own ticket is gone");
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
    // Three ways to ask alice, with each tool once.
    let attempts = incorrect_attempts(&host);
    assert_eq!(attempts.len(), 3 * tools().len(), "{attempts:#?}");
    assert!(attempts.iter().all(|line| line.contains("1 incorrect password attempt ")), "{attempts:#?}");
    both.not_on_machine(&host);
    crate::kinds::tell("Debian 12", &[("sudo", "works")]);
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

/// Folder, variables and input reach what runs as root, with and without a password, and values are in no process list.
#[test]
fn a_root_command_has_its_surroundings() {
    let password = secret("around");
    let Some(host) = machine(&password) else { return };
    alice_has(&host, "alice ALL=(ALL) ALL");
    root_sh(&host, "mkdir -p /root/closed && chmod 700 /root/closed");
    let (mut server, _file) = server(&host, Some(&password));
    for account in ["agent", "alice"] {
        for (tool, field) in [("ssh_sudo_exec", "command"), ("ssh_sudo_run_script", "script")] {
            let text = "id -u; pwd; printf '[%s]\n' \"$APP_TOKEN\" \"$n\"; cat; ps -ww -eo args | grep -c 'needle-[i]n'; exit 91";
            let around = json!({
                "host": account, field: text, "cwd": "/root/closed", "stdin": "one\ntwo\n",
                "env": {"APP_TOKEN": "needle-in 'x'\ny", "n": "2"},
            });
            let done = server.ok(tool, around);
            let expected = "0\n/root/closed\n[needle-in 'x'\ny]\n[2]\none\ntwo\n0\n";
            assert_eq!(
                (done["stdout"].as_str(), done["exit_code"].as_i64()),
                (Some(expected), Some(91)),
                "{account} {tool}: {done}"
            );
            let said = server.err(tool, json!({"host": account, field: "touch /tmp/ran-around", "cwd": "/root/none"}));
            assert!(said.contains("Argument `cwd`") && said.contains("Nothing was run"), "{said}");
            assert_eq!(root_sh(&host, "ls /tmp/ran-around 2>/dev/null || echo none").trim(), "none");
            // As much input as goes, unread.
            let big = "x".repeat(1 << 20);
            let done = server.ok(tool, json!({"host": account, field: "echo unread", "stdin": big}));
            assert_eq!(done["stdout"], "unread\n", "{account} {tool}: {done}");
            let done = server.ok(tool, json!({"host": account, field: "sleep 9503; true", "stdin": big, "timeout": 2}));
            assert_eq!(
                (done["timed_out"].as_bool(), done["stop"].as_str()),
                (Some(true), Some("stopped")),
                "{account} {tool}: {done}"
            );
            assert!(!runs(&host, "sleep 9503"), "{account} {tool}");
        }
    }
}
