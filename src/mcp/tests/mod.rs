//! Raw JSON-RPC over in-memory pipes, against a backend of a few made-up tools.

mod eras;
mod hostile;
mod life;
mod logs;
mod reading;
mod stub;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, Lines};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{End, serve};
use crate::skills::{Library, Sources};
use stub::Stub;

const PATIENCE: Duration = Duration::from_secs(10);

/// Long enough to see what must not come.
const A_MOMENT: Duration = Duration::from_millis(150);

struct Client {
    write: Option<DuplexStream>,
    lines: Lines<BufReader<DuplexStream>>,
    server: JoinHandle<End>,
    shutdown: CancellationToken,
    stub: Arc<Stub>,
}

impl Client {
    fn new() -> Self {
        Self::over(Library::open(&Sources::default()).0)
    }

    fn over(library: Library) -> Self {
        let stub = Arc::new(Stub::default());
        let (write, server_reads) = tokio::io::duplex(64 * 1024);
        let (server_writes, read) = tokio::io::duplex(64 * 1024);
        let shutdown = CancellationToken::new();
        let server =
            tokio::spawn(serve(stub.clone(), Arc::new(library), server_reads, server_writes, shutdown.clone()));
        Client { write: Some(write), lines: BufReader::new(read).lines(), server, shutdown, stub }
    }

    /// A session that has been opened by the handshake.
    async fn session(version: &str) -> Self {
        let mut client = Client::new();
        client.initialize(version).await;
        client
    }

    async fn initialize(&mut self, version: &str) -> Value {
        let params =
            json!({"protocolVersion": version, "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}});
        let answer = self.ask(json!("init"), "initialize", params).await;
        self.send(json!({"jsonrpc": "2.0", "method": "notifications/initialized"})).await;
        answer
    }

    async fn raw(&mut self, bytes: &[u8]) {
        let write = self.write.as_mut().unwrap();
        write.write_all(bytes).await.unwrap();
        write.flush().await.unwrap();
    }

    async fn send(&mut self, message: Value) {
        self.raw(format!("{message}\n").as_bytes()).await;
    }

    async fn request(&mut self, id: Value, method: &str, params: Value) {
        self.send(json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})).await;
    }

    async fn next(&mut self) -> Value {
        let line = tokio::time::timeout(PATIENCE, self.lines.next_line()).await.expect("an answer").unwrap();
        let value: Value = serde_json::from_str(&line.expect("the stream is open")).unwrap();
        assert_eq!(value["jsonrpc"], "2.0");
        value
    }

    async fn silence(&mut self) {
        if let Ok(line) = tokio::time::timeout(A_MOMENT, self.lines.next_line()).await {
            panic!("unexpected: {line:?}");
        }
    }

    async fn ask(&mut self, id: Value, method: &str, params: Value) -> Value {
        self.request(id.clone(), method, params).await;
        let answer = self.next().await;
        assert_eq!(answer["id"], id, "{answer}");
        answer
    }

    async fn call(&mut self, id: Value, tool: &str, arguments: Value) -> Value {
        self.ask(id, "tools/call", json!({"name": tool, "arguments": arguments})).await
    }

    fn close(&mut self) {
        self.write = None;
    }

    async fn end(self) -> End {
        tokio::time::timeout(PATIENCE, self.server).await.expect("the server ends").unwrap()
    }
}

/// The `_meta` of a request of the stateless era.
fn meta() -> Value {
    json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": {"name": "stateless", "version": "2"},
    })
}

/// Parameters with that `_meta`.
fn with_meta(mut params: Value) -> Value {
    params["_meta"] = meta();
    params
}
