//! A small MCP client on standard input and output, for the subcommands that look at the server as clients do.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// Longest wait for one answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// Longest wait for the server to end once its input is closed; it promises 2 s.
const END: Duration = Duration::from_secs(10);

/// The protocol revision that it speaks.
const REVISION: &str = "2025-11-25";

/// How the server is started.
#[derive(Debug, Default)]
pub(super) struct Start {
    /// Begins with an empty environment instead of this process's.
    pub clear: bool,
    /// Variables set for it.
    pub env: Vec<(OsString, OsString)>,
    /// Where its log goes; `None` is this process's standard error.
    pub log: Option<std::fs::File>,
}

impl Start {
    /// Sets a variable.
    pub(super) fn set(&mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> &mut Self {
        self.env.push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }
}

/// A session with a server of this program's own file.
#[derive(Debug)]
pub(super) struct Client {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Lines<BufReader<ChildStdout>>,
    next: u64,
    early: HashMap<u64, Value>,
    /// What the server said of itself when the session opened.
    pub server: Value,
}

impl Client {
    /// Starts `ssh-mcp serve` and opens a session with it.
    pub(super) async fn start(start: Start) -> Result<Self, String> {
        let program = std::env::current_exe().map_err(|e| format!("this program's own file: {e}"))?;
        let mut command = Command::new(&program);
        if start.clear {
            command.env_clear();
        }
        command.arg("serve").envs(start.env).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        command.stderr(start.log.map_or_else(Stdio::inherit, Stdio::from));
        let mut child = command.spawn().map_err(|e| format!("{}: {e}", program.display()))?;
        let stdout = child.stdout.take().ok_or("the server has no output")?;
        let stdin = child.stdin.take();
        let lines = BufReader::new(stdout).lines();
        let mut client = Client { child, stdin, lines, next: 0, early: HashMap::new(), server: Value::Null };
        let hello = json!({
            "protocolVersion": REVISION,
            "capabilities": {},
            "clientInfo": {"name": "ssh-mcp command line", "version": env!("CARGO_PKG_VERSION")},
        });
        let answer = client.ask("initialize", hello).await?;
        client.server = answer.get("serverInfo").cloned().unwrap_or_default();
        client.write(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"})).await?;
        Ok(client)
    }

    /// The process.
    pub(super) fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    async fn write(&mut self, message: &Value) -> Result<(), String> {
        let stdin = self.stdin.as_mut().ok_or("the session is closed")?;
        let line = format!("{message}\n");
        stdin.write_all(line.as_bytes()).await.map_err(|e| format!("the server takes no more requests: {e}"))
    }

    /// Sends a request; its answer is fetched by the number.
    pub(super) async fn send(&mut self, method: &str, params: Value) -> Result<u64, String> {
        self.next += 1;
        let id = self.next;
        self.write(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})).await?;
        Ok(id)
    }

    /// The result of an earlier request; answers to others that come before it are kept.
    pub(super) async fn answer(&mut self, id: u64) -> Result<Value, String> {
        let answer = loop {
            if let Some(answer) = self.early.remove(&id) {
                break answer;
            }
            let line = tokio::time::timeout(PATIENCE, self.lines.next_line())
                .await
                .map_err(|_| format!("no answer within {} s", PATIENCE.as_secs()))?
                .map_err(|e| e.to_string())?
                .ok_or("the server ended; its log says why")?;
            let message: Value = serde_json::from_str(&line).map_err(|e| format!("no JSON from the server: {e}"))?;
            if let Some(id) = message.get("id").and_then(Value::as_u64) {
                self.early.insert(id, message);
            }
        };
        match (answer.get("result"), answer.get("error")) {
            (Some(result), _) => Ok(result.clone()),
            (None, error) => Err(format!("protocol error: {}", error.cloned().unwrap_or_default())),
        }
    }

    /// A request and its result.
    pub(super) async fn ask(&mut self, method: &str, params: Value) -> Result<Value, String> {
        let id = self.send(method, params).await?;
        self.answer(id).await
    }

    /// Every tool of `tools/list`, all pages.
    pub(super) async fn tools(&mut self) -> Result<Vec<Value>, String> {
        let mut all = Vec::new();
        let mut params = json!({});
        loop {
            let page = self.ask("tools/list", params).await?;
            all.extend(page.get("tools").and_then(Value::as_array).cloned().unwrap_or_default());
            match page.get("nextCursor").and_then(Value::as_str) {
                Some(cursor) => params = json!({"cursor": cursor}),
                None => return Ok(all),
            }
        }
    }

    /// Closes the session and waits for the server to end.
    pub(super) async fn finish(mut self) -> Result<ExitStatus, String> {
        drop(self.stdin.take());
        tokio::time::timeout(END, self.child.wait())
            .await
            .map_err(|_| "the server did not end with its client".to_owned())?
            .map_err(|e| e.to_string())
    }
}
