//! Many calls at once, progress, cancellation, and the end.

use std::sync::atomic::Ordering;
use std::time::Instant;

use super::*;

async fn until(condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

fn progress_call(tool: &str, arguments: &Value) -> Value {
    json!({"name": tool, "arguments": arguments, "_meta": {"progressToken": "p-1"}})
}

#[tokio::test]
async fn many_calls_run_at_once_and_the_rest_wait() {
    let mut client = Client::session("2025-11-25").await;
    for id in 0..200 {
        client.request(json!(id), "tools/call", json!({"name": "sleep", "arguments": {"ms": 50}})).await;
    }
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..200 {
        seen.insert(client.next().await["id"].as_u64().unwrap());
    }
    assert_eq!(seen.len(), 200);
    let most = client.stub.most.load(Ordering::SeqCst);
    assert!((50..=64).contains(&most), "{most} at once");
}

#[tokio::test]
async fn lists_do_not_wait_for_calls() {
    let mut client = Client::session("2025-11-25").await;
    for id in 0..100 {
        client.request(json!(id), "tools/call", json!({"name": "wait"})).await;
    }
    assert!(client.ask(json!("list"), "tools/list", json!({})).await["result"]["tools"].is_array());
}

#[tokio::test]
async fn progress_grows_and_comes_before_the_answer() {
    for stateless in [false, true] {
        let mut client = if stateless { Client::new() } else { Client::session("2025-11-25").await };
        let mut params = progress_call("steps", &json!({"n": 20}));
        if stateless {
            params["_meta"].as_object_mut().unwrap().append(meta().as_object_mut().unwrap());
        }
        client.request(json!(1), "tools/call", params).await;
        let mut last = 0.0;
        let mut count = 0;
        loop {
            let message = client.next().await;
            if message["id"] == 1 {
                assert_eq!(message["result"]["structuredContent"]["asked"], true);
                break;
            }
            assert_eq!(message["method"], "notifications/progress");
            let progress = &message["params"];
            assert_eq!((&progress["progressToken"], &progress["total"]), (&json!("p-1"), &json!(20.0)));
            assert!(progress["message"].as_str().unwrap().starts_with("step "));
            assert!(progress["progress"].as_f64().unwrap() > last);
            last = progress["progress"].as_f64().unwrap();
            count += 1;
        }
        assert_eq!((count, last), (20, 20.0));
    }
}

#[tokio::test]
async fn nobody_gets_progress_who_did_not_ask_and_nobody_after_the_answer() {
    let mut client = Client::session("2025-11-25").await;
    assert_eq!(client.call(json!(1), "steps", json!({"n": 5})).await["result"]["structuredContent"]["asked"], false);
    // A tool that keeps the sink and uses it later.
    assert!(client.ask(json!(2), "tools/call", progress_call("keep", &json!({}))).await["result"].is_object());
    client.call(json!(3), "steps", json!({"n": 1})).await;
    client.silence().await;
}

#[tokio::test]
async fn a_cancelled_call_ends_and_is_not_answered() {
    for stateless in [false, true] {
        let mut client = if stateless { Client::new() } else { Client::session("2025-11-25").await };
        let mut params = progress_call("wait", &json!({}));
        if stateless {
            params["_meta"].as_object_mut().unwrap().append(meta().as_object_mut().unwrap());
        }
        client.request(json!("a"), "tools/call", params.clone()).await;
        let stub = client.stub.clone();
        until(|| stub.running.load(Ordering::SeqCst) == 1).await;
        client
            .send(json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "a", "reason": "x"}}))
            .await;
        until(|| stub.cancelled.load(Ordering::SeqCst) == 1).await;
        client.silence().await;
        // The id stays spent, so that no answer can be mistaken.
        let again = client.ask(json!("a"), "tools/call", params).await;
        assert_eq!(again["error"]["code"], -32600);
        let list = if stateless { with_meta(json!({})) } else { json!({}) };
        assert!(client.ask(json!("b"), "tools/list", list).await["result"]["tools"].is_array());
    }
}

#[tokio::test]
async fn a_call_that_waits_for_its_turn_can_be_cancelled() {
    let mut client = Client::session("2025-11-25").await;
    for id in 0..64 {
        client.request(json!(id), "tools/call", json!({"name": "wait"})).await;
    }
    let stub = client.stub.clone();
    until(|| stub.running.load(Ordering::SeqCst) == 64).await;
    client.request(json!("late"), "tools/call", json!({"name": "echo"})).await;
    client.silence().await;
    client.send(json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "late"}})).await;
    client.silence().await;
    client.send(json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 0}})).await;
    assert_eq!(client.call(json!("next"), "echo", json!({})).await["result"]["isError"], false);
}

#[tokio::test]
async fn the_end_of_the_stream_cancels_everything_and_ends_the_server() {
    let mut client = Client::session("2025-11-25").await;
    for id in 0..100 {
        client.request(json!(id), "tools/call", json!({"name": "wait"})).await;
    }
    let stub = client.stub.clone();
    until(|| stub.running.load(Ordering::SeqCst) == 64).await;
    let start = Instant::now();
    client.close();
    assert_eq!(client.end().await, End::ClientGone);
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    assert_eq!(stub.cancelled.load(Ordering::SeqCst), 64);
    assert_eq!(stub.running.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_call_that_will_not_end_does_not_hold_the_server() {
    let mut client = Client::session("2025-11-25").await;
    client.request(json!(1), "tools/call", json!({"name": "wait", "arguments": {"linger": 60_000}})).await;
    let stub = client.stub.clone();
    until(|| stub.running.load(Ordering::SeqCst) == 1).await;
    let start = Instant::now();
    client.close();
    assert_eq!(client.end().await, End::ClientGone);
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    assert_eq!(stub.cancelled.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn the_shutdown_token_does_the_same() {
    for opened in [false, true] {
        let mut client = if opened { Client::session("2025-11-25").await } else { Client::new() };
        if opened {
            client.request(json!(1), "tools/call", json!({"name": "wait"})).await;
            let stub = client.stub.clone();
            until(|| stub.running.load(Ordering::SeqCst) == 1).await;
        }
        client.shutdown.cancel();
        let stub = client.stub.clone();
        assert_eq!(client.end().await, End::Stopped);
        assert_eq!(stub.running.load(Ordering::SeqCst), 0);
    }
}

#[tokio::test]
async fn a_client_that_takes_no_answers_is_gone() {
    let client = Client::session("2025-11-25").await;
    let Client { write, lines, server, .. } = client;
    drop(lines);
    let mut write = write.unwrap();
    write.write_all(b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\n").await.unwrap();
    assert_eq!(tokio::time::timeout(PATIENCE, server).await.unwrap().unwrap(), End::ClientGone);
}

#[tokio::test]
async fn a_stream_that_ends_before_it_begins() {
    let mut client = Client::new();
    client.close();
    assert_eq!(client.end().await, End::ClientGone);
}
