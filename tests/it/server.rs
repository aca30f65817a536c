//! The real binary as an MCP server over a private sshd: what a client and its user see.

#![allow(dead_code)] // The bench uses a part of it.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Condvar, LazyLock, Mutex};
use std::time::{Duration, Instant};

use base64::Engine as _;
use serde_json::{Value, json};

use crate::sshd::Sshd;

/// What no server may say, log or record, whatever is asked of it: [`Server`] looks for it in every message, and at its
/// end in the log and the audit. Files that a test closes hold it, and every tree has some of its own ([`Setup::new`]).
const CANARY: &str = "CANARY";

/// As base64 shows it where it repeats, wherever it begins.
static ENCODED: LazyLock<[String; 3]> = LazyLock::new(|| {
    ["CANARY", "ANARYC", "NARYCA"].map(|turned| base64::engine::general_purpose::STANDARD.encode(turned))
});

/// The place of a canary in a text, with what stands around it.
pub fn canary_in(text: &[u8]) -> Option<String> {
    let encoded = ENCODED.iter().map(String::as_bytes);
    let at = std::iter::once(CANARY.as_bytes()).chain(encoded).find_map(|word| memchr::memmem::find(text, word))?;
    let around = text.get(at.saturating_sub(200)..text.len().min(at + 100)).unwrap_or_default();
    Some(String::from_utf8_lossy(around).into_owned())
}

/// Puts a folder into another that tells, by its content and by the name of its file, that somebody was in it.
pub fn plant_canary(dir: &Path) {
    let outside = dir.join("outside-of-all");
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join(CANARY), CANARY.repeat(8)).unwrap();
}

/// How a server is set up.
pub struct Setup {
    dir: tempfile::TempDir,
    env: Vec<(String, String)>,
    ssh_config: String,
    hosts: String,
    through: Vec<String>,
}

/// Everything the operator can open, short of sudo.
const OPEN: [(&str, &str); 2] = [("ALLOW_LOW_ACCESS_TOOLS", "true"), ("ALLOW_DANGEROUS_TOOLS", "true")];

impl Setup {
    /// No host yet; every tier but sudo open. Beside what a test opens there is a canary.
    pub fn new() -> Self {
        let dir = tempfile::Builder::new().prefix("it-").tempdir().unwrap();
        plant_canary(dir.path());
        let env = OPEN.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Setup { dir, env, ssh_config: String::new(), hosts: String::new(), through: Vec::new() }
    }

    /// The usual world: one host `box` on which everything is allowed below its own folder and in commands. A second
    /// folder is open too and holds a closed zone and a secret.
    pub fn open_box(sshd: &Sshd) -> Self {
        let setup = Setup::new();
        let root = setup.root().display().to_string();
        let kept = setup.dir.path().canonicalize().unwrap().join("kept");
        std::fs::create_dir_all(kept.join("zone")).unwrap();
        std::fs::write(kept.join("zone").join(CANARY), CANARY.repeat(8)).unwrap();
        std::fs::write(kept.join(".env"), format!("PASSWORD={}\n", CANARY.repeat(8))).unwrap();
        let kept = kept.display();
        let keys = format!(
            "command_allowlist = [\"*\"]\npath_allowlist = [\"{root}\", \"{kept}\"]\n\
             restricted_paths = [\"{kept}/zone\"]\n"
        );
        setup.host(sshd, "box", &keys)
    }

    /// A folder on the "host" that belongs to this test.
    pub fn root(&self) -> PathBuf {
        let root = self.dir.path().join("root");
        std::fs::create_dir_all(&root).unwrap();
        root.canonicalize().unwrap()
    }

    /// The folder of configuration.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Adds a host of that alias, known to ssh_config by the same name; `keys` are further lines of its entry.
    pub fn host(mut self, sshd: &Sshd, alias: &str, keys: &str) -> Self {
        self.ssh_config.push_str(&sshd.ssh_config_block(alias, &[]));
        self.hosts.push_str(&format!("[hosts.{alias}]\nhostname = \"{alias}\"\n{keys}\n"));
        self
    }

    /// Adds text to ssh_config and to hosts.toml as it stands.
    pub fn raw(mut self, ssh_config: &str, hosts: &str) -> Self {
        self.ssh_config.push_str(ssh_config);
        self.hosts.push_str(hosts);
        self
    }

    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Starts the server through another program, which gets its path as last argument.
    pub fn through(mut self, words: &[&str]) -> Self {
        self.through = words.iter().map(|word| (*word).to_owned()).collect();
        self
    }

    /// Writes the configuration; the value starts the server with it, its standard error in a file.
    pub fn command(&self) -> Command {
        let config = self.dir.path().join("config/ssh-mcp");
        let runtime = self.dir.path().join("r");
        std::fs::create_dir_all(&config).unwrap();
        std::fs::create_dir_all(&runtime).unwrap();
        std::fs::write(config.join("hosts.toml"), &self.hosts).unwrap();
        let ssh_config = self.dir.path().join("ssh_config");
        std::fs::write(&ssh_config, &self.ssh_config).unwrap();
        for private in [&config, &runtime, &ssh_config, &config.join("hosts.toml")] {
            let mode = if private.is_dir() { 0o700 } else { 0o600 };
            std::fs::set_permissions(private, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
        }
        let binary = env!("CARGO_BIN_EXE_ssh-mcp");
        let mut command = match self.through.split_first() {
            None => Command::new(binary),
            Some((program, words)) => {
                let mut command = Command::new(program);
                command.args(words).arg(binary);
                command
            }
        };
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", self.dir.path())
            .env("XDG_CONFIG_HOME", self.dir.path().join("config"))
            .env("XDG_RUNTIME_DIR", &runtime)
            .env("SSH_CONFIG_FILE", &ssh_config)
            .envs(self.env.iter().map(|(k, v)| (k, v)))
            .current_dir(self.dir.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(self.dir.path().join("stderr")).unwrap());
        command
    }

    /// Starts the server and shakes hands.
    pub fn start(self) -> Server {
        Server::started(self.command(), self.dir)
    }
}

impl Server {
    /// Starts a server by a command whose standard error goes into `dir`, and shakes hands.
    pub fn started(mut command: Command, dir: tempfile::TempDir) -> Self {
        let audit = command.get_envs().find(|(name, _)| *name == "SSH_AUDIT_FILE").and_then(|(_, value)| value);
        let audit = audit.map(PathBuf::from);
        let mut child = command.spawn().unwrap();
        let stdin = child.stdin.take();
        let inbox = Arc::new(Inbox::default());
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let reader = inbox.clone();
        std::thread::spawn(move || {
            for line in stdout.lines() {
                let Ok(line) = line else { break };
                let message: Value = serde_json::from_str(&line).expect("every line of stdout is JSON");
                let mut state = reader.state.lock().unwrap();
                state.leaks.extend(canary_in(line.as_bytes()));
                match message["id"].as_u64() {
                    Some(id) => drop(state.answers.insert(id, message)),
                    None => state.notes.push(message),
                }
                reader.changed.notify_all();
            }
            reader.state.lock().unwrap().closed = true;
            reader.changed.notify_all();
        });
        let mut server = Server { child, stdin, inbox, next: 0, dir, audit };
        let hello =
            json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "it", "version": "1"}});
        server.request("initialize", hello);
        server.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
        server
    }
}

#[derive(Default)]
struct Inbox {
    state: Mutex<Messages>,
    changed: Condvar,
}

#[derive(Default)]
struct Messages {
    answers: HashMap<u64, Value>,
    notes: Vec<Value>,
    closed: bool,
    /// Messages that held a canary.
    leaks: Vec<String>,
}

/// A running server.
pub struct Server {
    child: Child,
    stdin: Option<ChildStdin>,
    inbox: Arc<Inbox>,
    next: u64,
    pub dir: tempfile::TempDir,
    audit: Option<PathBuf>,
}

/// What a call answered.
#[derive(Debug, Clone)]
pub struct Answer {
    pub error: bool,
    pub text: String,
    pub data: Value,
}

impl Server {
    pub fn send(&mut self, message: &Value) {
        let stdin = self.stdin.as_mut().unwrap();
        stdin.write_all(format!("{message}\n").as_bytes()).unwrap();
        stdin.flush().unwrap();
    }

    /// Sends a request and does not wait; the value is its id.
    pub fn begin(&mut self, method: &str, params: Value) -> u64 {
        self.next += 1;
        let id = self.next;
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        id
    }

    /// The answer to a request, or nothing when it does not come in time.
    pub fn wait(&self, id: u64, limit: Duration) -> Option<Value> {
        let end = Instant::now() + limit;
        let mut state = self.inbox.state.lock().unwrap();
        loop {
            if let Some(answer) = state.answers.remove(&id) {
                return Some(answer);
            }
            let left = end.checked_duration_since(Instant::now())?;
            if state.closed {
                return None;
            }
            state = self.inbox.changed.wait_timeout(state, left).unwrap().0;
        }
    }

    /// The first answer that comes to any of these requests.
    pub fn wait_any(&self, ids: &[u64], limit: Duration) -> Option<(u64, Value)> {
        let end = Instant::now() + limit;
        let mut state = self.inbox.state.lock().unwrap();
        loop {
            if let Some(id) = ids.iter().find(|id| state.answers.contains_key(id)) {
                return state.answers.remove(id).map(|answer| (*id, answer));
            }
            let left = end.checked_duration_since(Instant::now())?;
            if state.closed {
                return None;
            }
            state = self.inbox.changed.wait_timeout(state, left).unwrap().0;
        }
    }

    pub fn request(&mut self, method: &str, params: Value) -> Value {
        let id = self.begin(method, params);
        self.wait(id, Duration::from_secs(60)).unwrap_or_else(|| panic!("no answer to {method}: {}", self.stderr()))
    }

    pub fn begin_call(&mut self, tool: &str, arguments: Value) -> u64 {
        self.begin("tools/call", json!({"name": tool, "arguments": arguments}))
    }

    pub fn answer(&self, id: u64, limit: Duration) -> Option<Answer> {
        let message = self.wait(id, limit)?;
        let result = &message["result"];
        assert!(result.is_object(), "a protocol error: {message}");
        let answer = Answer {
            error: result["isError"] == true,
            text: result["content"][0]["text"].as_str().unwrap_or_default().to_owned(),
            data: result["structuredContent"].clone(),
        };
        if !answer.error {
            crate::read_back::same_facts(&answer.text, &answer.data);
        }
        Some(answer)
    }

    /// Calls a tool and waits for its answer.
    pub fn call(&mut self, tool: &str, arguments: Value) -> Answer {
        let id = self.begin_call(tool, arguments);
        self.answer(id, Duration::from_secs(90)).unwrap_or_else(|| panic!("no answer to {tool}: {}", self.stderr()))
    }

    /// Calls a tool that must succeed.
    pub fn ok(&mut self, tool: &str, arguments: Value) -> Value {
        let answer = self.call(tool, arguments);
        assert!(!answer.error, "{tool}: {}", answer.text);
        answer.data
    }

    /// Calls a tool that must be refused or fail; the value is the text.
    pub fn err(&mut self, tool: &str, arguments: Value) -> String {
        let answer = self.call(tool, arguments);
        assert!(answer.error, "{tool} was expected to fail: {}", answer.data);
        answer.text
    }

    pub fn exec(&mut self, command: &str) -> Value {
        self.ok("ssh_exec_run", json!({"host": "box", "command": command}))
    }

    /// Waits until the server knows of no open connection.
    pub fn wait_for_no_connection(&mut self) {
        let end = Instant::now() + Duration::from_secs(30);
        while self.ok("ssh_session_list", json!({}))["sessions"] != json!([]) {
            assert!(Instant::now() < end, "a connection is still listed");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub fn cancel(&mut self, id: u64) {
        self.send(&json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": id}}));
    }

    pub fn notes(&self) -> Vec<Value> {
        self.inbox.state.lock().unwrap().notes.clone()
    }

    pub fn close_stdin(&mut self) {
        self.stdin = None;
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn signal(&self, signal: nix::sys::signal::Signal) {
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(self.child.id() as i32), signal).unwrap();
    }

    /// The most memory the server ever held, in kB.
    pub fn most_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    /// Waits for the process to end; the value is how long it took.
    pub fn ended_within(&mut self, limit: Duration) -> Option<Duration> {
        let began = Instant::now();
        while began.elapsed() < limit {
            if self.child.try_wait().unwrap().is_some() {
                return Some(began.elapsed());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        None
    }

    pub fn stderr(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("stderr")).unwrap_or_default()
    }

    /// Ends the process without a word.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Files and sockets of this server's own; the lock of the shared folder is not a server's.
    pub fn runtime_files(&self) -> Vec<PathBuf> {
        runtime_files(self.dir.path())
    }
}

/// Files and sockets of the servers whose configuration is in a folder.
pub fn runtime_files(of: &Path) -> Vec<PathBuf> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            if entry.path().is_dir() {
                walk(&entry.path(), found);
            } else if entry.path().parent() != Some(folder) || !entry.path().ends_with("ssh-mcp/lock") {
                found.push(entry.path());
            }
        }
    }
    let mut found = Vec::new();
    walk(&of.join("r"), &mut found);
    found
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stdin = None;
        if self.ended_within(Duration::from_secs(5)).is_none() {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
        if std::thread::panicking() {
            return;
        }
        let mut leaks = std::mem::take(&mut self.inbox.state.lock().unwrap().leaks);
        for file in [Some(&self.dir.path().join("stderr")), self.audit.as_ref()].into_iter().flatten() {
            leaks.extend(std::fs::read(file).ok().and_then(|text| canary_in(&text)));
        }
        assert!(leaks.is_empty(), "what nobody may see was said: {leaks:?}");
    }
}

/// Waits until something holds; false when it does not in time.
pub fn eventually(limit: Duration, holds: impl Fn() -> bool) -> bool {
    let end = Instant::now() + limit;
    while Instant::now() < end {
        if holds() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    holds()
}
