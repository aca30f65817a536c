//! Lines that are not messages: each is answered, and the session lives.

use super::*;
use crate::mcp::wire::MAX_LINE_BYTES;

async fn still_alive(client: &mut Client) {
    assert_eq!(client.call(json!("alive"), "echo", json!({})).await["result"]["isError"], false);
}

#[tokio::test]
async fn broken_lines_are_answered_with_their_id_where_it_can_be_read() {
    let mut client = Client::session("2025-11-25").await;
    for (line, id, code) in [
        (&b"{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"tools/call\",\"params\":{\n"[..], json!(7), -32700),
        (b"nonsense\n", json!(null), -32700),
        (b"{\"jsonrpc\":\"2.0\",\"id\":8,\"method\":\"ping\",\"params\":{\"x\":\"\xff\xfe\"}}\n", json!(8), -32700),
        (b"{\"jsonrpc\":\"2.0\",\"id\":9,\"method\":\"ping\",\"method\":\"tools/list\"}\n", json!(9), -32600),
        (b"{\"jsonrpc\":\"2.0\",\"id\":1,\"id\":2,\"method\":\"ping\"}\n", json!(null), -32600),
        (
            b"{\"jsonrpc\":\"2.0\",\"id\":10,\"method\":\"tools/call\",\"params\":{\"name\":\"echo\",\"arguments\":{\"host\":\"a\",\"host\":\"b\"}}}\n",
            json!(10),
            -32600,
        ),
        (b"[{\"jsonrpc\":\"2.0\",\"id\":11,\"method\":\"ping\"}]\n", json!(11), -32600),
        (b"[]\n", json!(null), -32600),
        (b"42\n", json!(null), -32600),
        (b"{\"id\":12,\"method\":\"ping\"}\n", json!(12), -32600),
        (b"{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"ping\"}\n", json!(null), -32600),
        (b"{\"jsonrpc\":\"2.0\",\"id\":13,\"method\":\"tools/call\",\"params\":[1]}\n", json!(13), -32602),
    ] {
        client.raw(line).await;
        let answer = client.next().await;
        let shown = String::from_utf8_lossy(line);
        assert_eq!(answer.get("id").cloned().unwrap_or_default(), id, "{shown}: {answer}");
        assert_eq!(answer["error"]["code"], code, "{shown}: {answer}");
        assert!(!answer["error"]["message"].as_str().unwrap().is_empty());
        still_alive(&mut client).await;
    }
    assert_eq!(client.stub.most.load(std::sync::atomic::Ordering::SeqCst), 1);
}

#[tokio::test]
async fn broken_lines_before_the_handshake_do_not_end_the_stream() {
    let mut client = Client::new();
    client.raw(b"nonsense\n\n  \r\n[]\n").await;
    assert_eq!(client.next().await["error"]["code"], -32700);
    assert_eq!(client.next().await["error"]["code"], -32600);
    client.initialize("2025-11-25").await;
    still_alive(&mut client).await;
}

#[tokio::test]
async fn a_line_over_the_limit_is_answered_under_the_id_at_its_end() {
    let mut client = Client::session("2025-11-25").await;
    client.raw(b"{\"method\":\"tools/call\",\"params\":{\"name\":\"echo\",\"arguments\":{\"content\":\"").await;
    let piece = vec![b'a'; 1024 * 1024];
    for _ in 0..=MAX_LINE_BYTES / piece.len() {
        client.raw(&piece).await;
    }
    client.raw(b"\"}},\"jsonrpc\":\"2.0\",\"id\":\"big\"}\n").await;
    let answer = client.next().await;
    assert_eq!((&answer["id"], &answer["error"]["code"]), (&json!("big"), &json!(-32600)));
    still_alive(&mut client).await;
}

#[tokio::test]
async fn a_line_within_the_limit_arrives_whole() {
    let mut client = Client::session("2025-11-25").await;
    let content = "a".repeat(11 * 1024 * 1024);
    let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": {"name": "sleep", "arguments": {"ms": 0, "content": content}}});
    client.send(message).await;
    assert_eq!(client.next().await["result"]["isError"], false);
}

#[tokio::test]
async fn notifications_are_never_answered() {
    let mut client = Client::session("2025-11-25").await;
    for note in [
        json!({"jsonrpc": "2.0", "method": "notifications/unheard-of", "params": {}}),
        json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": {}}}),
        json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "no such"}}),
        json!({"jsonrpc": "2.0", "method": "tools/list"}),
        json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": [1]}),
        json!({"jsonrpc": "2.0", "id": 77, "result": {"x": 1}}),
        json!({"jsonrpc": "2.0", "id": 78, "error": {"code": 1, "message": "x"}}),
    ] {
        client.send(note).await;
    }
    client.silence().await;
    still_alive(&mut client).await;
}

#[tokio::test]
async fn an_id_in_flight_is_not_answered_twice() {
    let mut client = Client::session("2025-11-25").await;
    client.request(json!(1), "tools/call", json!({"name": "sleep", "arguments": {"ms": 200}})).await;
    client.request(json!(1), "tools/call", json!({"name": "echo"})).await;
    client.raw(b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\n").await;
    for code in [-32600, -32700] {
        let answer = client.next().await;
        assert!(answer.get("id").is_none(), "{answer}");
        assert_eq!(answer["error"]["code"], code);
    }
    let answer = client.next().await;
    assert_eq!((&answer["id"], &answer["result"]["isError"]), (&json!(1), &json!(false)));
    assert_eq!(client.call(json!(1), "echo", json!({})).await["result"]["isError"], false);
}

#[tokio::test]
async fn a_client_that_does_not_read_is_not_read_from_and_loses_nothing() {
    const CALLS: u64 = 1200;
    let mut client = Client::session("2025-11-25").await;
    let mut writer = client.write.take().unwrap();
    // Six times as much as may wait unread, so that answers are still to come however fast requests are read; the requests
    // are padded beyond what the pipe holds.
    let feeder = tokio::spawn(async move {
        for id in 0..CALLS {
            let call = json!({"jsonrpc": "2.0", "id": id, "method": "tools/call",
                "params": {"name": "bulk", "arguments": {"bytes": 160 * 1024, "pad": "x".repeat(1024)}}});
            writer.write_all(format!("{call}\n").as_bytes()).await.unwrap();
        }
        writer
    });
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(!feeder.is_finished());
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..CALLS {
        let line = tokio::time::timeout(PATIENCE, client.lines.next_line()).await.unwrap().unwrap().unwrap();
        let (head, _) = line.split_once(",\"result\"").expect("an answer");
        seen.insert(head.rsplit_once(':').unwrap().1.parse::<u64>().unwrap());
    }
    assert_eq!(seen.len() as u64, CALLS);
    drop(feeder.await.unwrap());
}

#[tokio::test]
async fn a_call_that_reaches_no_tool_is_recorded_by_whoever_refuses_it() {
    let mut client = Client::session("2025-11-25").await;
    // An id in flight, and one that was cancelled.
    client.request(json!(1), "tools/call", json!({"name": "wait"})).await;
    client.request(json!(1), "tools/call", json!({"name": "twin"})).await;
    assert_eq!(client.next().await["error"]["code"], -32600);
    client.send(json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}})).await;
    client.request(json!(1), "tools/call", json!({"name": "again"})).await;
    assert_eq!(client.next().await["error"]["code"], -32600);
    // A version that nobody knows is refused by the SDK.
    let mut unknown = meta();
    unknown["io.modelcontextprotocol/protocolVersion"] = json!("2031-01-01");
    client.ask(json!(2), "tools/call", json!({"name": "late", "_meta": unknown})).await;
    client.call(json!(3), "echo", json!({})).await;
    assert_eq!(*client.stub.refused.lock().unwrap(), ["twin", "again", "late"]);
}

#[tokio::test]
async fn a_call_that_was_cancelled_before_its_turn_is_recorded() {
    let mut client = Client::session("2025-11-25").await;
    for id in 0..64 {
        client.request(json!(id), "tools/call", json!({"name": "wait"})).await;
    }
    client.request(json!("late"), "tools/call", json!({"name": "never"})).await;
    client.send(json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "late"}})).await;
    let recorded = async {
        while *client.stub.refused.lock().unwrap() != ["never"] {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, recorded).await.expect("a line");
}
