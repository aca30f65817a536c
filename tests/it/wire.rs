//! The protocol over the real binary: both eras, hostile lines, search mode, and the size of the catalogue.

use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use ssh_mcp::model::tier::Tier;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

const PATIENCE: Duration = Duration::from_secs(20);

/// The server in an empty home: no configuration at all.
struct Server {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Lines<BufReader<ChildStdout>>,
    _home: tempfile::TempDir,
}

const ALL_TIERS: [(&str, &str); 3] =
    [("ALLOW_LOW_ACCESS_TOOLS", "true"), ("ALLOW_DANGEROUS_TOOLS", "true"), ("ALLOW_SUDO", "true")];

impl Server {
    fn start(env: &[(&str, &str)]) -> Self {
        let home = tempfile::tempdir().unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_ssh-mcp"))
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", home.path())
            .env("XDG_RUNTIME_DIR", home.path())
            .envs(env.iter().copied())
            .current_dir(home.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Server { stdin: child.stdin.take(), child, lines, _home: home }
    }

    async fn session(env: &[(&str, &str)]) -> Self {
        let mut server = Server::start(env);
        let params =
            json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "it", "version": "1"}});
        let answer = server.ask(json!("init"), "initialize", params).await;
        assert_eq!(answer["result"]["protocolVersion"], "2025-11-25", "{answer}");
        server.raw(b"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}\n").await;
        server
    }

    async fn raw(&mut self, bytes: &[u8]) {
        self.stdin.as_mut().unwrap().write_all(bytes).await.unwrap();
    }

    async fn next(&mut self) -> Value {
        let line = tokio::time::timeout(PATIENCE, self.lines.next_line()).await.expect("an answer").unwrap();
        serde_json::from_str(&line.expect("the stream is open")).unwrap()
    }

    async fn ask(&mut self, id: Value, method: &str, params: Value) -> Value {
        let request = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        self.raw(format!("{request}\n").as_bytes()).await;
        let answer = self.next().await;
        assert_eq!(answer["id"], id, "{answer}");
        answer
    }

    async fn call(&mut self, tool: &str, arguments: Value) -> Value {
        self.ask(json!(tool), "tools/call", json!({"name": tool, "arguments": arguments})).await
    }

    async fn tools(&mut self) -> Vec<Value> {
        let answer = self.ask(json!("list"), "tools/list", json!({})).await;
        answer["result"]["tools"].as_array().unwrap().clone()
    }

    /// Closes its input; the status, what it logged, and how long it took.
    async fn finish(mut self) -> (Option<i32>, String, Duration) {
        self.stdin = None;
        self.wait().await
    }

    async fn wait(mut self) -> (Option<i32>, String, Duration) {
        let start = Instant::now();
        let mut log = String::new();
        let mut stderr = self.child.stderr.take().unwrap();
        let (status, _) =
            tokio::join!(tokio::time::timeout(PATIENCE, self.child.wait()), stderr.read_to_string(&mut log));
        (status.expect("the server ends").unwrap().code(), log, start.elapsed())
    }
}

fn stateless(mut params: Value) -> Value {
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    params
}

fn size(value: &Value) -> usize {
    value.to_string().len()
}

#[tokio::test]
async fn with_no_configuration_it_starts_lists_and_ends_with_its_client() {
    let mut server = Server::session(&[]).await;
    assert!(!server.tools().await.is_empty());
    let info = server.ask(json!(1), "resources/read", json!({"uri": "mcp://ssh-mcp/server-info"})).await;
    let info: Value = serde_json::from_str(info["result"]["contents"][0]["text"].as_str().unwrap()).unwrap();
    let called = server.call("ssh_server_info", json!({})).await["result"].clone();
    assert_eq!(called["structuredContent"], info, "{called}");
    assert_eq!(info["name"], "ssh-mcp");
    let refused = server.call("ssh_host_ping", json!({"host": "web"})).await["result"].clone();
    assert_eq!(refused["isError"], true, "{refused}");
    let (status, log, took) = server.finish().await;
    assert_eq!(status, Some(0));
    assert!(took < Duration::from_secs(2), "{took:?}");
    // What it said of its catalogue at the start: the read tier alone is open.
    let tools = ssh_mcp::tools::all();
    let of = |tier: Tier| tools.iter().filter(|tool| tool.spec.tier == tier).count();
    let read = of(Tier::Read);
    for line in [
        format!("catalogue: {} tools registered, {read} visible", tools.len()),
        format!(
            "catalogue by tier: safe {read}/{read}, low-access 0/{}, dangerous 0/{}",
            of(Tier::LowAccess),
            of(Tier::Dangerous)
        ),
        format!("guides={} runbooks=12", tools.len()),
    ] {
        assert!(log.contains(&line), "{line}: {log}");
    }
}

#[tokio::test]
async fn the_stateless_era_needs_no_handshake() {
    let mut server = Server::start(&[]);
    let discovered = server.ask(json!(1), "server/discover", stateless(json!({}))).await["result"].clone();
    assert!(discovered["supportedVersions"].as_array().unwrap().contains(&json!("2026-07-28")), "{discovered}");
    let called =
        server.ask(json!(2), "tools/call", stateless(json!({"name": "ssh_server_info"}))).await["result"].clone();
    assert_eq!((&called["resultType"], &called["isError"]), (&json!("complete"), &json!(false)), "{called}");
    assert_eq!(called["_meta"]["io.modelcontextprotocol/serverInfo"]["name"], "ssh-mcp");
    assert_eq!(server.ask(json!(3), "ping", stateless(json!({}))).await["error"]["code"], -32601);
    assert_eq!(server.finish().await.0, Some(0));
}

#[tokio::test]
async fn a_signal_ends_it_in_order() {
    let server = Server::session(&[]).await;
    let pid = nix::unistd::Pid::from_raw(server.child.id().unwrap() as i32);
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
    let (status, _, took) = server.wait().await;
    assert_eq!(status, Some(0));
    assert!(took < Duration::from_secs(2), "{took:?}");
}

#[tokio::test]
async fn hostile_lines_are_answered_and_nothing_of_them_is_logged() {
    let mut server = Server::session(&[("LOG_LEVEL", "DEBUG")]).await;
    for (line, code) in [
        (&b"{\"id\":1,\"method\":\"MARKER\n"[..], -32700),
        (b"[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}]\n", -32600),
        (b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"params\":{\"MARKER\":1,\"MARKER\":2}}\n", -32600),
        (b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"params\":{\"a\":\"MARKER\xff\"}}\n", -32700),
    ] {
        server.raw(line).await;
        assert_eq!(server.next().await["error"]["code"], code);
    }
    server.call("ssh_exec_run", json!({"host": "web", "command": "echo MARKER"})).await;
    server.call("ssh_host_ping", json!({"host": "web", "unknown": "MARKER"})).await;
    let (_, log, _) = server.finish().await;
    assert!(!log.contains("MARKER"), "{log}");
}

#[tokio::test]
async fn the_catalogue_is_small_closed_described_and_always_the_same() {
    let mut server = Server::session(&ALL_TIERS).await;
    let tools = server.tools().await;
    assert_eq!(tools, server.tools().await);
    assert_eq!(tools, Server::session(&ALL_TIERS).await.tools().await);
    let (mut seen, mut whole) = (0, 0);
    for tool in &tools {
        let name = tool["name"].as_str().unwrap();
        let schemas = format!("{} {}", tool["inputSchema"], tool["outputSchema"]);
        // A property may be called `format`; the keyword has a string for its value. Declarations of Gemini and several
        // converters refuse type arrays, choices and `null`.
        let refused = ["\"type\":[", "null,", ",null", "\"null\"", "\"anyOf\"", "\"oneOf\"", "\"allOf\"", "\"not\""];
        for noise in ["\"$ref\"", "\"$defs\"", "\"$schema\"", "\"title\"", "\"format\":\""].iter().chain(&refused) {
            assert!(!schemas.contains(noise), "{name}: {noise}");
        }
        assert!(tool["title"].as_str().is_some_and(|title| (3..=40).contains(&title.len())), "{name}");
        let words = tool["_meta"]["anthropic/searchHint"].as_str().unwrap_or_default();
        assert!((8..=80).contains(&words.len()), "{name}: words for a search: {words:?}");
        let input = &tool["inputSchema"];
        assert_eq!((&input["type"], &input["additionalProperties"]), (&json!("object"), &json!(false)), "{name}");
        assert_eq!(tool["outputSchema"]["type"], "object", "{name}");
        for (field, schema) in input["properties"].as_object().unwrap() {
            let length = schema["description"].as_str().unwrap_or_default().chars().count();
            assert!(schema["type"].is_string(), "{name}.{field}: {schema}");
            // Eighty where defaults and limits are named.
            assert!((1..=80).contains(&length), "{name}.{field}: a description of {length} characters");
        }
        for hint in ["readOnlyHint", "destructiveHint"] {
            assert!(tool["annotations"][hint].is_boolean(), "{name}: {hint}");
        }
        seen += name.len() + tool["description"].as_str().unwrap().len() + size(input);
        whole += size(tool);
    }
    let count = tools.len();
    println!("{count} tools: {} bytes each for a model, {} in all", seen / count, whole / count);
    assert!(seen / count <= 550, "{} bytes each", seen / count);
    assert!(whole / count <= 850, "{} bytes each with outputs", whole / count);
}

#[tokio::test]
async fn search_mode_finds_and_calls_through_the_same_gates() {
    let search = [("SSH_ENABLE_BM25", "true"), ("SSH_BM25_MAX_RESULTS", "3")];
    let mut server = Server::session(&search).await;
    let names: Vec<Value> = server.tools().await.iter().map(|tool| tool["name"].clone()).collect();
    assert!(names.ends_with(&[json!("search_tools"), json!("call_tool")]), "{names:?}");
    assert!(names.contains(&json!("ssh_host_ping")) && names.len() <= 6, "{names:?}");
    let info = server.call("call_tool", json!({"name": "ssh_server_info"})).await["result"].clone();
    assert_eq!(info["structuredContent"]["name"], "ssh-mcp", "{info}");
    // A tier that is closed is neither found nor callable.
    let found =
        server.call("search_tools", json!({"query": "run a command"})).await["result"]["structuredContent"].clone();
    assert!(found["result"].as_array().unwrap().iter().all(|tool| tool["name"] != "ssh_exec_run"), "{found}");
    let hidden = server.call("call_tool", json!({"name": "ssh_exec_run", "arguments": {}})).await["result"].clone();
    assert_eq!(hidden["isError"], true, "{hidden}");
}

#[tokio::test]
async fn plain_words_find_the_real_tools() {
    let search = [("SSH_ENABLE_BM25", "true"), ("SSH_BM25_MAX_RESULTS", "3")];
    let tools = Server::session(&ALL_TIERS).await.tools().await;
    let known: Vec<&str> = tools.iter().map(|tool| tool["name"].as_str().unwrap()).collect();
    let env: Vec<_> = ALL_TIERS.into_iter().chain(search).collect();
    let mut server = Server::session(&env).await;
    let all = [
        include_str!("../cases/search/queries.tsv"),
        include_str!("../cases/search/more_queries.tsv"),
        include_str!("../cases/search/late_queries.tsv"),
    ];
    for cases in all {
        let (mut asked, mut missed) = (0, Vec::new());
        for line in cases.lines() {
            let (query, right) = line.split_once('\t').unwrap();
            let right: Vec<&str> = right.split(' ').filter(|name| known.contains(name)).collect();
            if right.is_empty() {
                continue;
            }
            asked += 1;
            let found =
                server.call("search_tools", json!({"query": query})).await["result"]["structuredContent"].clone();
            let found: Vec<&str> =
                found["result"].as_array().unwrap().iter().map(|t| t["name"].as_str().unwrap()).collect();
            if !right.iter().any(|name| found.contains(name)) {
                missed.push(format!("{query}: {found:?}, wanted {right:?}"));
            }
        }
        println!("{} of {asked} queries", asked - missed.len());
        assert!(missed.len() * 10 <= asked, "{} of {asked} missed: {missed:#?}", missed.len());
    }
}

/// Some clients stop at 40 tools.
#[tokio::test]
async fn the_core_profile_lists_few_tools_that_exist() {
    let open = [
        ("SSH_TOOL_PROFILE", "core"),
        ("ALLOW_LOW_ACCESS_TOOLS", "true"),
        ("ALLOW_DANGEROUS_TOOLS", "true"),
        ("ALLOW_SUDO", "true"),
    ];
    let mut server = Server::session(&open).await;
    let listed = server.ask(json!("list"), "tools/list", json!({})).await["result"]["tools"].clone();
    let names: Vec<&str> = listed.as_array().unwrap().iter().filter_map(|tool| tool["name"].as_str()).collect();
    let mut expected = ssh_mcp::policy::tier::CORE.to_vec();
    expected.sort_unstable();
    let mut sorted = names.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, expected);
    let bytes = listed.to_string().len();
    println!("core: {} tools, {bytes} bytes", names.len());
    assert!(bytes <= 40_000, "{bytes}");
    let full: Vec<(&str, &str)> = open[1..].to_vec();
    let mut all = Server::session(&full).await;
    let all = all.ask(json!("list"), "tools/list", json!({})).await["result"].to_string().len();
    println!("full: {all} bytes");
    assert!(all <= 85_000, "{all}");
    let hidden =
        server.ask(json!(5), "tools/call", json!({"name": "ssh_docker_stats", "arguments": {"host": "x"}})).await;
    assert!(hidden["error"]["code"].is_i64(), "{hidden}");
}
