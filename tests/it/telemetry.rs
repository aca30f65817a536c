//! Spans and metrics as a collector receives them, over HTTP and gRPC, with the standard variables in a real
//! environment: each case is a process of its own.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use opentelemetry_proto::tonic::metrics::v1::Metric;
use opentelemetry_proto::tonic::trace::v1::{Span as Exported, span::SpanKind};
use prost::Message;
use ssh_mcp::internals::model::error::ErrorName;
use ssh_mcp::internals::model::tier::{Group, Tier};
use ssh_mcp::internals::telemetry::{self, Parent, Span, carry, meters};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

/// Set in the child processes; says what the child does.
const ROLE: &str = "SSH_MCP_TEST_TELEMETRY";

/// What a child does. In the run of all tests this is nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child() {
    let Ok(role) = std::env::var(ROLE) else {
        return;
    };
    let threads = || std::fs::read_dir("/proc/self/task").unwrap().count();
    let before = threads();
    let (exporters, faults) = telemetry::start(&|name| std::env::var(name).ok());
    match role.as_str() {
        "session" => {
            assert_eq!((exporters.is_active(), faults), (true, Vec::new()));
            session().await;
        }
        "off" => {
            assert!(!exporters.is_active());
            session().await;
            assert_eq!(threads(), before, "threads for nothing");
        }
        other => panic!("{other}"),
    }
    let start = Instant::now();
    exporters.stop().await;
    assert!(start.elapsed() < Duration::from_secs(5));
}

/// What a call does, without a host.
async fn session() {
    let traceparent = format!("00-{TRACE}-{PARENT}-01");
    let parent = Parent { traceparent: Some(&traceparent), tracestate: Some("vendor=x"), baggage: Some("a=b") };
    let connection = meters::Gauge::connection("web1");
    let call = Span::call("ssh_exec", Tier::Dangerous, Group::Exec, "0123456789abcdef", parent);
    call.scope(async {
        drop(Span::gate("office-hours"));
        let connect = Span::connect("web1", 22, "deploy", "agent", 1);
        connect.scope(tokio::task::yield_now()).await;
        connect.connected();
        drop(connect);
        // Work in another task hangs below the call too.
        let exec = tokio::spawn(carry(async {
            let _slot = meters::Gauge::slot("web1");
            let exec = Span::exec("web1", "command", 6, Duration::from_secs(30), true);
            exec.executed(Some(3), Duration::from_millis(42), false, 100, 5);
        }));
        exec.await.unwrap();
    })
    .await;
    call.failed(ErrorName::CommandNotAllowed);
    drop(call);
    meters::call_ended("ssh_exec", Tier::Dangerous, Some(ErrorName::CommandNotAllowed), Duration::from_millis(50));
    meters::call_ended("ssh_stat", Tier::Read, None, Duration::from_millis(4));
    meters::bytes("web1", meters::Direction::Received, 105);
    meters::hook("office-hours", "refused");
    drop(connection);
    let alone = Span::call(
        "ssh_stat",
        Tier::Read,
        Group::SftpRead,
        "id",
        Parent { traceparent: Some("nonsense"), ..Parent::default() },
    );
    drop(alone);
}

#[derive(Default)]
struct Received {
    traces: Vec<ExportTraceServiceRequest>,
    metrics: Vec<ExportMetricsServiceRequest>,
    headers: Vec<String>,
}

impl Received {
    fn take(&mut self, path: &str, body: &[u8]) {
        match path {
            "/v1/traces" | "/opentelemetry.proto.collector.trace.v1.TraceService/Export" => {
                self.traces.push(ExportTraceServiceRequest::decode(body).unwrap());
            }
            "/v1/metrics" | "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export" => {
                self.metrics.push(ExportMetricsServiceRequest::decode(body).unwrap());
            }
            other => panic!("{other}"),
        }
    }

    fn spans(&self) -> Vec<Exported> {
        let scopes = self.traces.iter().flat_map(|t| &t.resource_spans).flat_map(|r| &r.scope_spans);
        scopes.flat_map(|s| s.spans.clone()).collect()
    }

    fn metrics(&self) -> Vec<Metric> {
        let scopes = self.metrics.iter().flat_map(|m| &m.resource_metrics).flat_map(|r| &r.scope_metrics);
        scopes.flat_map(|s| s.metrics.clone()).collect()
    }
}

type Shared = Arc<Mutex<Received>>;

/// A small collector on loopback.
async fn collector(grpc: bool) -> (String, Shared) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let received = Shared::default();
    let shared = received.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let shared = shared.clone();
            tokio::spawn(async move {
                if grpc { over_http2(stream, shared).await } else { over_http1(stream, shared).await }
            });
        }
    });
    (address, received)
}

async fn over_http1(mut stream: TcpStream, received: Shared) {
    let mut bytes = Vec::new();
    let mut buffer = [0; 8192];
    loop {
        let head = loop {
            if let Some(at) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
                break at + 4;
            }
            match stream.read(&mut buffer).await {
                Ok(read @ 1..) => bytes.extend_from_slice(&buffer[..read]),
                _ => return,
            }
        };
        let text = String::from_utf8(bytes[..head].to_vec()).unwrap();
        let length = text.lines().find_map(|l| {
            l.to_ascii_lowercase().strip_prefix("content-length:").map(|n| n.trim().parse::<usize>().unwrap())
        });
        let end = head + length.unwrap();
        while bytes.len() < end {
            let read = stream.read(&mut buffer).await.unwrap();
            bytes.extend_from_slice(&buffer[..read]);
        }
        let path = text.split(' ').nth(1).unwrap().to_owned();
        {
            let mut received = received.lock().unwrap();
            received.take(&path, &bytes[head..end]);
            received.headers.push(text);
        }
        bytes.drain(..end);
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n")
            .await
            .unwrap();
    }
}

async fn over_http2(stream: TcpStream, received: Shared) {
    let mut connection = h2::server::handshake(stream).await.unwrap();
    while let Some(Ok((request, mut respond))) = connection.accept().await {
        let received = received.clone();
        tokio::spawn(async move {
            let (parts, mut body) = request.into_parts();
            let mut bytes = Vec::new();
            while let Some(chunk) = body.data().await {
                let chunk = chunk.unwrap();
                body.flow_control().release_capacity(chunk.len()).unwrap();
                bytes.extend_from_slice(&chunk);
            }
            {
                let mut received = received.lock().unwrap();
                // A gRPC message: one byte of flags, four of length.
                received.take(parts.uri.path(), &bytes[5..]);
                received.headers.push(format!("{:?}", parts.headers));
            }
            let head = http::Response::builder().header("content-type", "application/grpc").body(()).unwrap();
            let mut stream = respond.send_response(head, false).unwrap();
            stream.send_data(vec![0; 5].into(), false).unwrap();
            let mut trailers = http::HeaderMap::new();
            trailers.insert("grpc-status", "0".parse().unwrap());
            stream.send_trailers(trailers).unwrap();
        });
    }
}

async fn run_child(role: &str, variables: &[(&str, &str)]) -> String {
    let mut command = tokio::process::Command::new(std::env::current_exe().unwrap());
    command.args(["telemetry::child", "--exact", "--nocapture", "--test-threads=1"]);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("OTEL_")) {
        command.env_remove(name);
    }
    command.env(ROLE, role).envs(variables.iter().copied()).stdin(Stdio::null());
    let output = tokio::time::timeout(Duration::from_secs(60), command.output()).await.unwrap().unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
    text
}

fn attribute<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a Value> {
    attributes.iter().find(|a| a.key == key)?.value.as_ref()?.value.as_ref()
}

fn text(value: &str) -> Option<Value> {
    Some(Value::StringValue(value.to_owned()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().flat_map(|b| [b >> 4, b & 15]).map(|n| char::from_digit(n.into(), 16).unwrap()).collect()
}

#[tokio::test]
async fn a_collector_gets_the_spans_and_metrics_of_a_session() {
    for (protocol, grpc) in [("http/protobuf", false), ("grpc", true)] {
        let (endpoint, received) = collector(grpc).await;
        run_child(
            "session",
            &[
                ("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint),
                ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol),
                ("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=blue"),
                ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test"),
            ],
        )
        .await;
        let received = received.lock().unwrap();
        assert!(
            received.headers.iter().all(|h| h.contains("x-tenant") && h.contains("blue")),
            "{:?}",
            received.headers
        );

        let resource = received.traces[0].resource_spans[0].resource.as_ref().unwrap();
        assert_eq!(attribute(&resource.attributes, "service.name").cloned(), text("ssh-mcp"));
        assert_eq!(attribute(&resource.attributes, "service.version").cloned(), text(env!("CARGO_PKG_VERSION")));
        assert_eq!(attribute(&resource.attributes, "deployment.environment.name").cloned(), text("test"));

        let spans = received.spans();
        let span =
            |name: &str| spans.iter().find(|s| s.name == name).unwrap_or_else(|| panic!("no {name} over {protocol}"));
        let call = span("tools/call ssh_exec");
        assert_eq!((hex(&call.trace_id).as_str(), hex(&call.parent_span_id).as_str()), (TRACE, PARENT));
        assert_eq!((call.trace_state.as_str(), call.kind), ("vendor=x", SpanKind::Server as i32));
        assert_eq!(attribute(&call.attributes, "error.type").cloned(), text("CommandNotAllowed"));
        assert_eq!(attribute(&call.attributes, "ssh_mcp.correlation_id").cloned(), text("0123456789abcdef"));
        for name in ["hook.gate", "ssh.connect", "ssh.exec"] {
            assert_eq!(span(name).parent_span_id, call.span_id, "{name}");
            assert_eq!(hex(&span(name).trace_id), TRACE, "{name}");
        }
        for (name, keys) in [
            (
                "ssh.connect",
                &[
                    "ssh.host",
                    "ssh.port",
                    "ssh.user",
                    "ssh.auth_method",
                    "ssh.proxy_hops",
                    "ssh.tunneled",
                    "ssh.connected",
                ][..],
            ),
            (
                "ssh.exec",
                &[
                    "ssh.host",
                    "ssh.argv_len",
                    "ssh.timeout_s",
                    "ssh.streaming",
                    "ssh.exit_code",
                    "ssh.duration_ms",
                    "ssh.timed_out",
                    "ssh.stdout_bytes",
                    "ssh.stderr_bytes",
                ],
            ),
            ("hook.gate", &["hook.name"]),
        ] {
            for key in keys {
                assert!(attribute(&span(name).attributes, key).is_some(), "{name} has no {key}");
            }
        }
        assert_eq!(attribute(&span("ssh.exec").attributes, "ssh.exit_code"), Some(&Value::IntValue(3)));
        // A caller without a usable trace context starts a new trace.
        let alone = span("tools/call ssh_stat");
        assert!(alone.parent_span_id.is_empty() && hex(&alone.trace_id) != TRACE);

        let metrics = received.metrics();
        let mut names: Vec<&str> = metrics.iter().map(|m| m.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names, meters::NAMES.map(|(name, _)| name));
    }
}

#[tokio::test]
async fn nothing_runs_unless_an_exporter_is_configured() {
    run_child("off", &[]).await;
    run_child("off", &[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9"), ("OTEL_ENABLED", "false")]).await;
    run_child("off", &[("OTEL_EXPORTER_OTLP_ENDPOINT", "https://127.0.0.1:9")]).await;
}

#[tokio::test]
async fn a_collector_that_does_not_answer_holds_up_nothing() {
    // Accepts, and never says a word.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", silent.local_addr().unwrap());
    for protocol in ["http/protobuf", "grpc"] {
        run_child("session", &[("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint), ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)])
            .await;
    }
}

/// The real server, its real protocol: what a collector sees of a client's call.
#[tokio::test]
async fn a_call_to_the_server_hangs_below_the_clients_trace() {
    let dir = tempfile::tempdir().unwrap();
    let (endpoint, received) = collector(false).await;
    let mut server = tokio::process::Command::new(env!("CARGO_BIN_EXE_ssh-mcp"))
        .env_clear()
        .envs([("PATH", std::env::var("PATH").unwrap()), ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)])
        .env("HOME", dir.path())
        .env("XDG_RUNTIME_DIR", dir.path())
        .current_dir(dir.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut stdin = server.stdin.take().unwrap();
    let mut stdout = tokio::io::AsyncBufReadExt::lines(tokio::io::BufReader::new(server.stdout.take().unwrap()));
    let client = serde_json::json!({"name": "test", "version": "1"});
    let initialize = serde_json::json!({"jsonrpc": "2.0", "id": 1, "method": "initialize",
        "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": client}});
    let initialized = serde_json::json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    let call = serde_json::json!({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {
        "name": "ssh_host_list", "arguments": {}, "_meta": {"traceparent": format!("00-{TRACE}-{PARENT}-01")}}});
    let mut last = String::new();
    for message in [initialize, initialized, call] {
        let answered = message.get("id").is_some();
        stdin.write_all(format!("{message}\n").as_bytes()).await.unwrap();
        if answered {
            let line = tokio::time::timeout(Duration::from_secs(20), stdout.next_line()).await.unwrap();
            last = line.unwrap().unwrap();
        }
    }
    drop(stdin);
    let status = tokio::time::timeout(Duration::from_secs(20), server.wait()).await.unwrap().unwrap();
    assert!(status.success());
    let received = received.lock().unwrap();
    let spans = received.spans();
    let span = spans.iter().find(|s| s.name == "tools/call ssh_host_list").expect("the call's span");
    assert_eq!((hex(&span.trace_id).as_str(), hex(&span.parent_span_id).as_str()), (TRACE, PARENT));
    let Some(Value::StringValue(id)) = attribute(&span.attributes, "ssh_mcp.correlation_id") else { panic!("no id") };
    assert!(last.contains(id.as_str()), "{last}");
    assert!(received.metrics().iter().any(|m| m.name == "ssh_mcp.calls"));
}
