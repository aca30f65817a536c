//! Tools that do what the protocol has to carry.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::model::error::ToolError;
use crate::toolkit::backend::{Backend, BoxFuture, CallContext, ProgressSink, ToolAnswer, ToolDecl, UnknownTool};

#[derive(Default)]
pub(super) struct Stub {
    pub(super) running: AtomicUsize,
    pub(super) most: AtomicUsize,
    pub(super) cancelled: AtomicUsize,
    pub(super) refused: Mutex<Vec<String>>,
    kept: Mutex<Option<Arc<dyn ProgressSink>>>,
}

fn object(value: Value) -> Arc<Map<String, Value>> {
    let Value::Object(object) = value else { panic!() };
    Arc::new(object)
}

fn answer(structured: Value) -> ToolAnswer {
    ToolAnswer { text: "done".into(), structured: Some(structured), ..ToolAnswer::default() }
}

impl Backend for Stub {
    fn tools(&self) -> Arc<[ToolDecl]> {
        ["bulk", "echo", "keep", "panic", "sleep", "steps", "wait", "who"]
            .map(|name| ToolDecl {
                name,
                description: format!("Does {name}"),
                input_schema: object(json!({"type": "object", "properties": {}, "additionalProperties": false})),
                output_schema: object(json!({"type": "object"})),
                read_only: true,
                destructive: false,
                idempotent: true,
                open_world: name != "who",
                ..ToolDecl::default()
            })
            .into()
    }

    fn record(&self, tool: Option<&str>, _: Result<(), &ToolError>) {
        self.refused.lock().unwrap().push(tool.unwrap_or("?").to_owned());
    }

    fn call(
        &self,
        name: &str,
        args: Map<String, Value>,
        cx: CallContext,
    ) -> BoxFuture<'_, Result<ToolAnswer, UnknownTool>> {
        let name = name.to_owned();
        Box::pin(async move {
            let running = self.running.fetch_add(1, Ordering::SeqCst) + 1;
            self.most.fetch_max(running, Ordering::SeqCst);
            let number = |key: &str| args.get(key).and_then(Value::as_u64).unwrap_or_default();
            let answer = match name.as_str() {
                "bulk" => Ok(ToolAnswer { text: "x".repeat(number("bytes") as usize), ..ToolAnswer::default() }),
                "echo" => {
                    let mut echo = answer(Value::Object(args));
                    echo.meta.insert("ssh-mcp/correlationId".into(), json!("0123456789abcdef"));
                    Ok(echo)
                }
                "keep" => {
                    *self.kept.lock().unwrap() = cx.progress;
                    Ok(answer(json!({})))
                }
                "panic" => panic!("on purpose"),
                "sleep" => {
                    tokio::time::sleep(Duration::from_millis(number("ms"))).await;
                    Ok(answer(json!({})))
                }
                "steps" => {
                    let steps = number("n");
                    for n in 1..=steps {
                        if let Some(progress) = &cx.progress {
                            progress.send(n, Some(steps), format!("step {n}"));
                        }
                        tokio::task::yield_now().await;
                    }
                    if let Some(kept) = &*self.kept.lock().unwrap() {
                        kept.send(99, None, "too late".into());
                    }
                    Ok(answer(json!({"asked": cx.progress.is_some()})))
                }
                "wait" => {
                    cx.cancel.cancelled().await;
                    self.cancelled.fetch_add(1, Ordering::SeqCst);
                    if let Some(progress) = &cx.progress {
                        progress.send(1, None, "stopped".into());
                    }
                    tokio::time::sleep(Duration::from_millis(number("linger"))).await;
                    Ok(ToolAnswer { is_error: true, text: "Cancelled: stopped".into(), ..ToolAnswer::default() })
                }
                "who" => Ok(answer(json!({
                    "client": cx.client.map(|c| format!("{} {}", c.name, c.version)),
                    "traceparent": cx.trace.traceparent,
                    "tracestate": cx.trace.tracestate,
                    "baggage": cx.trace.baggage,
                }))),
                _ => Err(UnknownTool),
            };
            self.running.fetch_sub(1, Ordering::SeqCst);
            answer
        })
    }

    fn server_info(&self) -> Value {
        json!({"name": "ssh-mcp", "total_tools": 8})
    }

    fn completions(&self, argument: &str, prefix: &str, _host: Option<&str>) -> Vec<String> {
        let hosts = (0..150).map(|n| format!("web-{n}")).chain(["db-1".into()]);
        if argument == "host" { hosts.filter(|host| host.starts_with(prefix)).collect() } else { Vec::new() }
    }
}
