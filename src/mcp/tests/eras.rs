//! The two eras of the protocol, on the same streams.

use super::*;

const SESSION_VERSIONS: [&str; 4] = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"];

#[tokio::test]
async fn every_session_version_is_agreed_to() {
    for version in SESSION_VERSIONS {
        let mut client = Client::new();
        let answer = client.initialize(version).await;
        let result = &answer["result"];
        assert_eq!(result["protocolVersion"], version);
        assert_eq!(result["serverInfo"]["name"], "ssh-mcp");
        assert_eq!(result["serverInfo"]["version"], env!("CARGO_PKG_VERSION"));
        assert!(result["capabilities"]["tools"].is_object());
        assert!(result["capabilities"]["resources"].is_object());
        for undeclared in ["logging", "tasks", "experimental"] {
            assert!(result["capabilities"].get(undeclared).is_none(), "{undeclared}");
        }
        assert_eq!(client.ask(json!(1), "ping", json!({})).await["result"], json!({}));
        let call = client.call(json!(2), "echo", json!({"a": 1})).await;
        // The older two know no structured answers, and no schemas of them.
        let structured = if version < "2025-06-18" { Value::Null } else { json!({"a": 1}) };
        assert_eq!(call["result"]["structuredContent"], structured);
        assert_eq!(call["result"]["content"], json!([{"type": "text", "text": "done"}]));
        assert!(call["result"].get("resultType").is_none());
        assert!(call["result"]["_meta"].get("io.modelcontextprotocol/serverInfo").is_none());
        let list = client.ask(json!(3), "tools/list", json!({})).await;
        assert!(list["result"].get("ttlMs").is_none());
        assert_eq!(list["result"]["tools"][1].get("outputSchema").is_some(), !structured.is_null());
    }
}

/// What a client shows its model is known by its name: some show the text alone.
#[tokio::test]
async fn a_client_that_shows_only_text_gets_text() {
    for (name, both) in [("gemini-cli-mcp-client", false), ("opencode", false), ("claude-code", true)] {
        let mut client = Client::new();
        let params =
            json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": name, "version": "1"}});
        client.ask(json!(0), "initialize", params).await;
        client.send(json!({"jsonrpc": "2.0", "method": "notifications/initialized"})).await;
        let call = client.call(json!(1), "echo", json!({"a": 1})).await["result"].clone();
        assert_eq!(
            (call["structuredContent"].is_object(), &call["content"][0]["text"]),
            (both, &json!("done")),
            "{name}"
        );
        let list = client.ask(json!(2), "tools/list", json!({})).await["result"].clone();
        assert_eq!(list["tools"][1]["outputSchema"].is_object(), both, "{name}");
    }
}

#[tokio::test]
async fn other_versions_are_answered_with_the_newest_that_has_a_handshake() {
    for version in ["2026-07-28", "2099-01-01", "1.0"] {
        let mut client = Client::new();
        assert_eq!(client.initialize(version).await["result"]["protocolVersion"], "2025-11-25");
        assert_eq!(client.call(json!(2), "echo", json!({})).await["result"]["isError"], false);
    }
}

#[tokio::test]
async fn a_call_needs_no_handshake_in_the_stateless_era() {
    let mut client = Client::new();
    let params = with_meta(json!({"name": "echo", "arguments": {"a": 1}}));
    let result = client.ask(json!(1), "tools/call", params).await["result"].clone();
    assert_eq!(result["resultType"], "complete");
    assert_eq!(result["structuredContent"], json!({"a": 1}));
    assert_eq!(result["content"], json!([{"type": "text", "text": "done"}]));
    assert_eq!(result["_meta"]["ssh-mcp/correlationId"], "0123456789abcdef");
    assert_eq!(result["_meta"]["io.modelcontextprotocol/serverInfo"]["name"], "ssh-mcp");
}

#[tokio::test]
async fn discover_leaves_both_eras_open() {
    let mut client = Client::new();
    for id in 1..=2 {
        let result = client.ask(json!(id), "server/discover", with_meta(json!({}))).await["result"].clone();
        assert_eq!(
            result["supportedVersions"],
            json!(["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"])
        );
        assert_eq!(result["resultType"], "complete");
        assert!(result["ttlMs"].is_u64() && result["cacheScope"].is_string());
        assert_eq!(
            result["capabilities"]["extensions"]["io.modelcontextprotocol/skills"],
            json!({"directoryRead": true})
        );
        assert!(result["capabilities"]["extensions"].get("io.modelcontextprotocol/tasks").is_none());
        assert_eq!(result["_meta"]["io.modelcontextprotocol/serverInfo"]["name"], "ssh-mcp");
    }
    assert_eq!(client.initialize("2025-11-25").await["result"]["protocolVersion"], "2025-11-25");
    assert_eq!(client.call(json!(3), "echo", json!({})).await["result"]["isError"], false);
}

#[tokio::test]
async fn what_left_the_protocol_is_not_there() {
    let mut client = Client::new();
    for (id, method) in
        ["ping", "logging/setLevel", "resources/subscribe", "resources/unsubscribe", "ping"].iter().enumerate()
    {
        let params = with_meta(json!({"uri": "mcp://ssh-mcp/server-info", "level": "info"}));
        let answer = client.ask(json!(id), method, params).await;
        assert_eq!(answer["error"]["code"], -32601, "{answer}");
    }
    let mut client = Client::session("2025-11-25").await;
    for (id, method) in ["logging/setLevel", "resources/subscribe", "tasks/get", "nonsense"].iter().enumerate() {
        let answer = client.ask(json!(id), method, json!({"uri": "x:", "level": "info"})).await;
        assert_eq!(answer["error"]["code"], -32601, "{answer}");
    }
}

#[tokio::test]
async fn an_unknown_version_is_named_with_those_that_are_known() {
    let mut unknown = meta();
    unknown["io.modelcontextprotocol/protocolVersion"] = json!("2031-01-01");
    let params = json!({"name": "echo", "_meta": unknown});
    for mut client in [Client::new(), Client::session("2025-06-18").await] {
        let error = client.ask(json!(1), "tools/call", params.clone()).await["error"].clone();
        assert_eq!(error["code"], -32022);
        assert_eq!(error["data"]["requested"], "2031-01-01");
        assert!(error["data"]["supported"].as_array().unwrap().contains(&json!("2026-07-28")));
    }
}

#[tokio::test]
async fn a_request_of_neither_era_is_refused_and_the_stream_lives() {
    let mut client = Client::new();
    assert_eq!(client.ask(json!(1), "tools/list", json!({})).await["error"]["code"], -32602);
    let params = json!({"_meta": {"io.modelcontextprotocol/protocolVersion": "2026-07-28"}});
    assert_eq!(client.ask(json!(2), "tools/list", params).await["error"]["code"], -32602);
    // Whatever comes before the session is open must not end it.
    client.send(json!({"jsonrpc": "2.0", "method": "notifications/initialized"})).await;
    client.send(json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}})).await;
    client.send(json!({"jsonrpc": "2.0", "id": 5, "result": {}})).await;
    assert_eq!(client.ask(json!(3), "tools/list", with_meta(json!({}))).await["result"]["resultType"], "complete");
}

#[tokio::test]
async fn a_handshake_and_calls_may_arrive_in_one_write() {
    let mut client = Client::new();
    let mut lines = String::new();
    for message in [
        json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params":
            {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}}),
        json!({"jsonrpc": "2.0", "method": "notifications/initialized"}),
        json!({"jsonrpc": "2.0", "id": 2, "method": "tools/list"}),
    ] {
        lines.extend([message.to_string().as_str(), "\n"]);
    }
    client.raw(lines.as_bytes()).await;
    client.close();
    assert_eq!(client.next().await["id"], 1);
    assert_eq!(client.next().await["result"]["tools"].as_array().unwrap().len(), 8);
    assert_eq!(client.end().await, End::ClientGone);
}

#[tokio::test]
async fn the_list_of_tools_is_the_backends_in_its_order_and_says_no_more() {
    let mut client = Client::session("2025-11-25").await;
    let first = client.ask(json!(1), "tools/list", json!({})).await["result"].clone();
    assert_eq!(first, client.ask(json!(2), "tools/list", json!({"cursor": null})).await["result"]);
    let names: Vec<_> = first["tools"].as_array().unwrap().iter().map(|tool| tool["name"].clone()).collect();
    assert_eq!(names, ["bulk", "echo", "keep", "panic", "sleep", "steps", "wait", "who"]);
    assert_eq!(
        first["tools"][1],
        json!({
            "name": "echo", "description": "Does echo",
            "inputSchema": {"type": "object", "properties": {}, "additionalProperties": false},
            "outputSchema": {"type": "object"},
            "annotations": {"readOnlyHint": true, "destructiveHint": false},
        })
    );
    assert_eq!(client.ask(json!(3), "tools/list", json!({"cursor": "x"})).await["error"]["code"], -32602);
    let stateless = client.ask(json!(4), "tools/list", with_meta(json!({}))).await["result"].clone();
    assert_eq!(stateless["tools"], first["tools"]);
    assert!(stateless["ttlMs"].is_u64() && stateless["cacheScope"] == "private");
}

#[tokio::test]
async fn who_calls_and_under_which_trace_comes_from_the_request() {
    let mut client = Client::session("2025-11-25").await;
    let who = client.call(json!(1), "who", json!({})).await["result"]["structuredContent"].clone();
    assert_eq!(who["client"], "test 1");
    let mut params = with_meta(json!({"name": "who"}));
    params["_meta"]["traceparent"] = json!("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    params["_meta"]["tracestate"] = json!("a=b");
    params["_meta"]["baggage"] = json!("x".repeat(9000));
    let who = client.ask(json!(2), "tools/call", params).await["result"]["structuredContent"].clone();
    assert_eq!(who["client"], "stateless 2");
    assert_eq!(who["traceparent"], "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    assert_eq!(who["tracestate"], "a=b");
    assert_eq!(who["baggage"], Value::Null);
    // A session without a handshake has no name to fall back on.
    let mut client = Client::new();
    let mut params = with_meta(json!({"name": "who"}));
    params["_meta"].as_object_mut().unwrap().remove("io.modelcontextprotocol/clientInfo");
    let who = client.ask(json!(1), "tools/call", params).await["result"]["structuredContent"].clone();
    assert_eq!(who["client"], Value::Null);
}

#[tokio::test]
async fn errors_of_the_tool_are_answers_and_errors_of_the_request_are_not() {
    let mut client = Client::session("2025-11-25").await;
    let unknown = client.call(json!(1), "nope\n", json!({})).await;
    assert_eq!(unknown["error"]["code"], -32602);
    assert_eq!(unknown["error"]["message"], "Unknown tool: nope?");
    let malformed = client.ask(json!(2), "tools/call", json!({"arguments": {}})).await;
    assert_eq!(malformed["error"]["code"], -32602);
    let defect = client.call(json!(3), "panic", json!({})).await;
    assert_eq!(defect["error"]["code"], -32603);
    assert_eq!(client.call(json!(4), "echo", json!({})).await["result"]["isError"], false);
}
