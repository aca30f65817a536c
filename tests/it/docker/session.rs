//! One server with one host, spoken to as an MCP client does.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

use crate::server::{canary_in, plant_canary};

/// A running server and what it was set up with.
pub struct Session {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
    next: u64,
    pub dir: tempfile::TempDir,
}

/// What a call answered.
pub struct Answer {
    pub error: bool,
    pub text: String,
    pub data: Value,
}

impl Answer {
    fn of(result: &Value) -> Self {
        let answer = Answer {
            error: result["isError"] == true,
            text: result["content"][0]["text"].as_str().unwrap_or_default().to_owned(),
            data: result["structuredContent"].clone(),
        };
        if !answer.error {
            crate::read_back::same_facts(&answer.text, &answer.data);
        }
        answer
    }
}

impl Session {
    /// A server for the hosts of `ssh_config` and `hosts`, in a folder of its own.
    pub fn start(dir: tempfile::TempDir, ssh_config: &str, hosts: &str, env: &[(&str, &str)]) -> Self {
        let config = dir.path().join("config/ssh-mcp");
        let runtime = dir.path().join("r");
        std::fs::create_dir_all(&config).unwrap();
        std::fs::create_dir_all(&runtime).unwrap();
        let (ssh_file, hosts_file) = (dir.path().join("ssh_config"), config.join("hosts.toml"));
        std::fs::write(&ssh_file, ssh_config).unwrap();
        std::fs::write(&hosts_file, hosts).unwrap();
        for (path, mode) in [(&config, 0o700), (&runtime, 0o700), (&ssh_file, 0o600), (&hosts_file, 0o600)] {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        }
        let mut child = Command::new(env!("CARGO_BIN_EXE_ssh-mcp"))
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", dir.path())
            .env("XDG_CONFIG_HOME", dir.path().join("config"))
            .env("XDG_RUNTIME_DIR", &runtime)
            .env("SSH_CONFIG_FILE", &ssh_file)
            .env("ALLOW_LOW_ACCESS_TOOLS", "true")
            .env("ALLOW_DANGEROUS_TOOLS", "true")
            .envs(env.iter().copied())
            .current_dir(dir.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(dir.path().join("stderr")).unwrap())
            .spawn()
            .unwrap();
        let stdin = child.stdin.take();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let mut session = Session { child, stdin, stdout, next: 0, dir };
        let hello =
            json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "it", "version": "1"}});
        session.request("initialize", &hello);
        session.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
        session
    }

    fn send(&mut self, message: &Value) {
        self.stdin.as_mut().unwrap().write_all(format!("{message}\n").as_bytes()).unwrap();
    }

    fn request(&mut self, method: &str, params: &Value) -> Value {
        self.next += 1;
        let id = self.next;
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        loop {
            let mut line = String::new();
            let read = self.stdout.read_line(&mut line).unwrap();
            assert!(read > 0, "the server ended: {}", self.stderr());
            assert_eq!(canary_in(line.as_bytes()), None, "what nobody may see was said");
            let message: Value = serde_json::from_str(&line).unwrap();
            if message["id"] == id {
                return message;
            }
        }
    }

    /// Begins a call on the host `box`; its answer is one of [`Session::ended`].
    pub fn begin(&mut self, tool: &str, mut arguments: Value) {
        arguments["host"] = json!("box");
        self.next += 1;
        let params = json!({"name": tool, "arguments": arguments, "_meta": {"progressToken": self.next}});
        self.send(
            &json!({"jsonrpc": "2.0", "id": format!("{tool} {}", self.next), "method": "tools/call", "params": params}),
        );
    }

    /// The tool whose call ended next, and its answer.
    pub fn ended(&mut self) -> (String, Answer) {
        loop {
            let mut line = String::new();
            let read = self.stdout.read_line(&mut line).unwrap();
            assert!(read > 0, "the server ended: {}", self.stderr());
            let message: Value = serde_json::from_str(&line).unwrap();
            if let (Some(id), true) = (message["id"].as_str(), message.get("result").is_some()) {
                return (id.split(' ').next().unwrap_or_default().to_owned(), Answer::of(&message["result"]));
            }
        }
    }

    /// Calls a tool on the host `box`.
    pub fn call(&mut self, tool: &str, mut arguments: Value) -> Answer {
        arguments["host"] = json!("box");
        let message = self.request("tools/call", &json!({"name": tool, "arguments": arguments}));
        let result = &message["result"];
        assert!(result.is_object(), "a protocol error: {message}");
        Answer::of(result)
    }

    /// Calls a tool that must succeed with exit status 0.
    pub fn done(&mut self, tool: &str, arguments: Value) -> Value {
        let shown = arguments.to_string();
        let answer = self.call(tool, arguments);
        assert!(!answer.error && answer.data["exit_code"] == 0, "{tool} {shown}: {} {}", answer.text, answer.data);
        answer.data
    }

    /// Calls a tool that must be refused; the text of the refusal.
    pub fn refused(&mut self, tool: &str, arguments: Value) -> String {
        let shown = arguments.to_string();
        let answer = self.call(tool, arguments);
        assert!(answer.error, "{tool} {shown} was not refused: {}", answer.data);
        answer.text
    }

    pub fn stderr(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("stderr")).unwrap_or_default()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.stdin.take();
        let _ = self.child.wait();
        if !std::thread::panicking() {
            assert_eq!(canary_in(self.stderr().as_bytes()), None, "what nobody may see was logged or recorded");
        }
    }
}

/// A folder for a session, below a short path: control sockets have few bytes. What no session may show lies in it.
pub fn folder() -> tempfile::TempDir {
    let folder = tempfile::Builder::new().prefix("dk-").tempdir().unwrap();
    plant_canary(folder.path());
    folder
}
