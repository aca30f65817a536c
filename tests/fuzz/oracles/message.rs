//! One line of the protocol: repeated keys are refused, everything else is read as the ordinary parser reads it, and
//! whatever the line, the session goes on.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use serde::de::{MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value, json};
use ssh_mcp::internals::model::error::ToolError;
use ssh_mcp::internals::skills::Library;
use ssh_mcp::internals::toolkit::backend::{Backend, BoxFuture, CallContext, ToolAnswer, ToolDecl, UnknownTool};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio_util::sync::CancellationToken;

use super::feed::Feed;

pub fn check(data: &[u8]) {
    let line = line(data);
    let ours = ssh_mcp::internals::parsers::message(&line);
    let plain = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&line);
    let ordinary = std::str::from_utf8(plain).ok().and_then(|text| serde_json::from_str::<Value>(text).ok());
    let repeated = serde_json::from_slice::<Pairs>(plain).is_ok_and(|pairs| pairs.repeated());
    match (&ours, ordinary) {
        (Ok(_), _) if repeated => panic!("a repeated key was taken: {}", String::from_utf8_lossy(&line)),
        (Ok(ours), ordinary) => assert_eq!(Some(ours), ordinary.as_ref()),
        (Err(why), Some(value)) if !repeated => {
            panic!("refused ({why}): {value}");
        }
        (Err(_), _) => {}
    }
    // Under the id of the ping itself nothing can be told.
    if !String::from_utf8_lossy(&line).contains("still there") {
        session(&line);
    }
}

/// Arbitrary bytes, or something near a message.
fn line(data: &[u8]) -> Vec<u8> {
    let mut feed = Feed::new(data);
    if feed.roll(2) == 0 {
        return feed.rest().iter().copied().filter(|b| *b != b'\n').collect();
    }
    let parts = [
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"id\":",
        "1",
        "\"jsonrpc\":\"2.0\"",
        "\"method\":",
        "\"tools/call\"",
        "\"params\":",
        "\"name\":",
        "\"ssh_exec_run\"",
        "\"arguments\":",
        "\"a\":",
        "\"\\u0061\":",
        "null",
        "true",
        "1e999",
        "-0",
        "\"\\ud800\"",
        "\"x\"",
        "\"tools/list\"",
        "\"ping\"",
        "\"notifications/cancelled\"",
        "\"requestId\":",
        "\"_meta\":",
        "\"progressToken\":",
        "\"initialize\"",
        "\"result\":{}",
        "\"error\":",
        "18446744073709551616",
        "\"resources/read\"",
        "\"uri\":",
        "\"cursor\":",
        " ",
        "\u{feff}",
        "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":",
        "\"prompts/get\"",
        "\"completion/complete\"",
        "\"logging/setLevel\"",
    ];
    feed.text(40, &parts).into_bytes()
}

/// An object with all of its pairs, repeated keys too.
enum Pairs {
    Leaf,
    List(Vec<Pairs>),
    Object(Vec<(String, Pairs)>),
}

impl Pairs {
    fn repeated(&self) -> bool {
        match self {
            Pairs::Leaf => false,
            Pairs::List(items) => items.iter().any(Pairs::repeated),
            Pairs::Object(pairs) => {
                let keys: BTreeSet<&String> = pairs.iter().map(|(key, _)| key).collect();
                keys.len() != pairs.len() || pairs.iter().any(|(_, value)| value.repeated())
            }
        }
    }
}

impl<'de> serde::Deserialize<'de> for Pairs {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Pairs;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Pairs, E> {
        Ok(Pairs::Leaf)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Pairs, E> {
        Ok(Pairs::Leaf)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Pairs, E> {
        Ok(Pairs::Leaf)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Pairs, E> {
        Ok(Pairs::Leaf)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Pairs, E> {
        Ok(Pairs::Leaf)
    }

    fn visit_str<E>(self, _: &str) -> Result<Pairs, E> {
        Ok(Pairs::Leaf)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Pairs, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Pairs::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = map.next_entry()? {
            pairs.push(pair);
        }
        Ok(Pairs::Object(pairs))
    }
}

/// No tools: what is looked at is the stream.
struct Nothing;

impl Backend for Nothing {
    fn tools(&self) -> Arc<[ToolDecl]> {
        Arc::new([])
    }

    fn call(&self, _: &str, _: Map<String, Value>, _: CallContext) -> BoxFuture<'_, Result<ToolAnswer, UnknownTool>> {
        Box::pin(async { Err(UnknownTool) })
    }

    fn record(&self, _: Option<&str>, _: Result<(), &ToolError>) {}

    fn server_info(&self) -> Value {
        json!({})
    }

    fn completions(&self, _: &str, _: &str, _: Option<&str>) -> Vec<String> {
        Vec::new()
    }
}

/// The line between a handshake and a ping: every line that comes back is JSON, and the ping is answered.
fn session(line: &[u8]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    runtime.block_on(async {
        let (ours, theirs) = tokio::io::duplex(1 << 20);
        let (read, write) = tokio::io::split(theirs);
        let library = Arc::new(Library::default());
        let server = tokio::spawn(ssh_mcp::internals::mcp::serve(
            Arc::new(Nothing),
            library,
            read,
            write,
            CancellationToken::new(),
        ));
        let (read, mut write) = tokio::io::split(ours);
        let hello = json!({"jsonrpc": "2.0", "id": "hello", "method": "initialize", "params": {
            "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "f", "version": "1"}}});
        let ready = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        let ping = json!({"jsonrpc": "2.0", "id": "still there", "method": "ping"});
        let mut text = format!("{hello}\n{ready}\n").into_bytes();
        text.extend_from_slice(line);
        text.extend_from_slice(format!("\n{ping}\n").as_bytes());
        write.write_all(&text).await.expect("the stream is open");
        let mut lines = BufReader::new(read).lines();
        let answered = async {
            while let Ok(Some(line)) = lines.next_line().await {
                let message: Value = serde_json::from_str(&line).expect("every line is JSON");
                if message["id"] == "still there" && message.get("result").is_some() {
                    return true;
                }
            }
            false
        };
        let answered = tokio::time::timeout(std::time::Duration::from_secs(20), answered).await;
        assert_eq!(answered, Ok(true), "the session ended with {:?}", String::from_utf8_lossy(line));
        server.abort();
    });
}
