//! The spans of a call, from the request to the host and back.

use super::ACTIVE;
use crate::model::error::ErrorName;
use crate::model::tier::{Group, Tier};
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{FutureExt, SpanKind, Status, TraceContextExt, Tracer};
use opentelemetry::{Context, KeyValue, Value};
use opentelemetry_sdk::propagation::{BaggagePropagator, TraceContextPropagator};
use std::collections::HashMap;
use std::future::Future;
use std::time::Duration;

/// A span that ends when it is dropped. Holds nothing while no traces are exported.
#[derive(Debug)]
#[must_use = "a span ends when it is dropped"]
pub struct Span(Option<Context>);

/// The caller's trace context as the request carried it; unchecked text.
#[derive(Debug, Clone, Copy, Default)]
pub struct Parent<'a> {
    /// `traceparent`.
    pub traceparent: Option<&'a str>,
    /// `tracestate`.
    pub tracestate: Option<&'a str>,
    /// `baggage`.
    pub baggage: Option<&'a str>,
}

impl Parent<'_> {
    /// Anything that is not W3C trace context is taken for none.
    fn context(&self) -> Context {
        let mut carrier = HashMap::new();
        for (key, value) in
            [("traceparent", self.traceparent), ("tracestate", self.tracestate), ("baggage", self.baggage)]
        {
            if let Some(value) = value {
                carrier.insert(key.to_owned(), value.to_owned());
            }
        }
        let context = TraceContextPropagator::new().extract_with_context(&Context::new(), &carrier);
        BaggagePropagator::new().extract_with_context(&context, &carrier)
    }
}

impl Span {
    /// A tool call: the server's span, below the caller's.
    pub fn call(tool: &str, tier: Tier, group: Group, correlation_id: &str, parent: Parent<'_>) -> Self {
        if !tracing() {
            return Span(None);
        }
        let attributes = vec![
            KeyValue::new("mcp.method.name", "tools/call"),
            KeyValue::new("gen_ai.operation.name", "execute_tool"),
            KeyValue::new("gen_ai.tool.name", tool.to_owned()),
            KeyValue::new("ssh_mcp.tier", tier.as_str()),
            KeyValue::new("ssh_mcp.group", group.as_str()),
            KeyValue::new("ssh_mcp.correlation_id", correlation_id.to_owned()),
        ];
        start(format!("tools/call {tool}"), SpanKind::Server, attributes, &parent.context())
    }

    /// A connection is made. `tunneled` when it runs through another host.
    pub fn connect(host: &str, port: u16, user: &str, auth_method: &'static str, proxy_hops: usize) -> Self {
        client("ssh.connect", || {
            vec![
                KeyValue::new("ssh.host", host.to_owned()),
                KeyValue::new("ssh.port", i64::from(port)),
                KeyValue::new("ssh.user", user.to_owned()),
                KeyValue::new("ssh.auth_method", auth_method),
                KeyValue::new("ssh.proxy_hops", count(proxy_hops)),
                KeyValue::new("ssh.tunneled", proxy_hops > 0),
            ]
        })
    }

    /// It stands.
    pub fn connected(&self) {
        self.set("ssh.connected", true);
    }

    /// Something runs on a host: a user's command, a tool's own program or script, or a probe, which `kind` says.
    pub fn exec(host: &str, kind: &'static str, argv_len: usize, timeout: Duration, streaming: bool) -> Self {
        client("ssh.exec", || {
            let mut attributes = vec![
                KeyValue::new("ssh.host", host.to_owned()),
                KeyValue::new("ssh.job", kind),
                KeyValue::new("ssh.argv_len", count(argv_len)),
                KeyValue::new("ssh.timeout_s", timeout.as_secs_f64()),
            ];
            if streaming {
                attributes.push(KeyValue::new("ssh.streaming", true));
            }
            attributes
        })
    }

    /// It ended. `exit_code` is `None` when it was stopped by a signal or by its time limit.
    pub fn executed(&self, exit_code: Option<i32>, took: Duration, timed_out: bool, stdout: u64, stderr: u64) {
        if let Some(code) = exit_code {
            self.set("ssh.exit_code", i64::from(code));
        }
        self.set("ssh.duration_ms", i64::try_from(took.as_millis()).unwrap_or(i64::MAX));
        self.set("ssh.timed_out", timed_out);
        self.set("ssh.stdout_bytes", stdout.cast_signed());
        self.set("ssh.stderr_bytes", stderr.cast_signed());
    }

    /// A gate hook is asked.
    pub fn gate(name: &str) -> Self {
        inner("hook.gate", || vec![KeyValue::new("hook.name", name.to_owned())])
    }

    /// Marks it as failed, with the error's name.
    pub fn failed(&self, name: ErrorName) {
        if let Some(context) = &self.0 {
            context.span().set_attribute(KeyValue::new("error.type", name.as_str()));
            context.span().set_status(Status::error(name.as_str()));
        }
    }

    /// Runs a future below this span.
    pub async fn scope<F: Future>(&self, future: F) -> F::Output {
        match &self.0 {
            None => future.await,
            Some(context) => future.with_context(context.clone()).await,
        }
    }

    fn set(&self, key: &'static str, value: impl Into<Value>) {
        if let Some(context) = &self.0 {
            context.span().set_attribute(KeyValue::new(key, value));
        }
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        if let Some(context) = &self.0 {
            context.span().end();
        }
    }
}

/// Takes the running span along into a task that is spawned.
pub fn carry<F: Future>(future: F) -> impl Future<Output = F::Output> {
    let context = tracing().then(Context::current);
    async move {
        match context {
            None => future.await,
            Some(context) => future.with_context(context).await,
        }
    }
}

fn tracing() -> bool {
    ACTIVE.get().is_some_and(|active| active.tracer.is_some())
}

fn count(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

fn inner(name: &'static str, attributes: impl FnOnce() -> Vec<KeyValue>) -> Span {
    below(name, SpanKind::Internal, attributes)
}

fn client(name: &'static str, attributes: impl FnOnce() -> Vec<KeyValue>) -> Span {
    below(name, SpanKind::Client, attributes)
}

fn below(name: &'static str, kind: SpanKind, attributes: impl FnOnce() -> Vec<KeyValue>) -> Span {
    if tracing() { start(name.to_owned(), kind, attributes(), &Context::current()) } else { Span(None) }
}

fn start(name: String, kind: SpanKind, attributes: Vec<KeyValue>, parent: &Context) -> Span {
    let Some(tracer) = ACTIVE.get().and_then(|active| active.tracer.as_ref()) else {
        return Span(None);
    };
    let span = tracer.span_builder(name).with_kind(kind).with_attributes(attributes).start_with_context(tracer, parent);
    Span(Some(parent.with_span(span)))
}
