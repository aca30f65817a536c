//! What a log may say about a session: never what a call holds, at any level.

use std::io::Write;
use std::sync::Mutex;

use tracing_subscriber::fmt::MakeWriter;

use super::*;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Log;

    fn make_writer(&self) -> Log {
        self.clone()
    }
}

async fn session_logged_by(subscriber: impl tracing::Subscriber + Send + Sync, log: &Log) -> String {
    let guard = tracing::subscriber::set_default(subscriber);
    let mut client = Client::session("2025-11-25").await;
    client.call(json!("MARKER"), "echo", json!({"command": "MARKER"})).await;
    client.call(json!(2), "MARKER", json!({})).await;
    client.raw(b"{\"MARKER\":1,\"MARKER\":2}\nMARKER\n[\"MARKER\"]\n").await;
    for _ in 0..3 {
        assert!(client.next().await["error"].is_object());
    }
    client
        .send(json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 9, "reason": "MARKER"}}))
        .await;
    client.silence().await;
    client.close();
    client.end().await;
    drop(guard);
    let log = log.0.lock().unwrap().clone();
    String::from_utf8(log).unwrap()
}

#[tokio::test]
async fn nothing_of_a_message_is_logged_at_the_lowest_level() {
    use crate::telemetry::logging::{Format, subscriber};
    use tracing::level_filters::LevelFilter;

    // The filter of the program itself.
    for format in [Format::Text, Format::Json] {
        let log = Log::default();
        let kept = log.clone();
        let filtered = subscriber(LevelFilter::TRACE, format, crate::audit::TARGET, move || kept.clone());
        let said = session_logged_by(filtered, &log).await;
        assert!(!said.contains("MARKER"), "{said}");
    }
    // It is what keeps it out: without it the SDK logs all of it.
    let log = Log::default();
    let free = tracing_subscriber::fmt().with_max_level(LevelFilter::TRACE).with_writer(log.clone()).finish();
    assert!(session_logged_by(free, &log).await.contains("MARKER"));
}
