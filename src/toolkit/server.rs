//! The tools behind a front end: the [`Backend`] over the engine.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::backend::{AnswerForm, Backend, BoxFuture, CallContext, ToolAnswer, ToolDecl, UnknownTool};
use super::engine::Engine;
use super::{completion, pipeline};
use crate::audit::Opening;
use crate::model::error::ToolError;
use crate::model::tier::Tier;

/// Stands in the audit for the tool of a call that names none.
const NO_TOOL: &str = "?";

/// The engine as a front end sees it.
#[derive(Debug, Clone)]
pub struct Server(pub Arc<Engine>);

/// The payload of `ssh_server_info` and its resource.
pub fn server_info(engine: &Engine) -> Value {
    let snapshot = engine.snapshot();
    let tiers: Vec<&str> = Tier::ALL.iter().filter(|t| snapshot.visibility.opens(**t)).map(|t| t.as_str()).collect();
    let groups: Vec<&str> = snapshot.config.settings.ssh_enabled_groups.iter().map(|g| g.as_str()).collect();
    let mut info = json!({
        "name": "ssh-mcp",
        "version": env!("CARGO_PKG_VERSION"),
        "total_tools": engine.visible().count(),
        "enabled_tiers": tiers,
    });
    // None is named where all are enabled; an answer leaves out what is empty.
    if let (false, Some(info)) = (groups.is_empty(), info.as_object_mut()) {
        info.insert("enabled_groups".to_owned(), json!(groups));
    }
    info
}

/// Whether the host knew what the call named: it answered, and with no other status than that of a unit at rest.
fn known(answer: &ToolAnswer) -> bool {
    let status = answer.structured.as_ref().and_then(|data| data.get("exit_code")).and_then(Value::as_i64);
    !answer.is_error && matches!(status, None | Some(0 | 3))
}

impl Backend for Server {
    fn tools(&self) -> Arc<[ToolDecl]> {
        self.0.visible().map(|entry| entry.decl().clone()).collect()
    }

    fn call(
        &self,
        name: &str,
        args: Map<String, Value>,
        cx: CallContext,
    ) -> BoxFuture<'_, Result<ToolAnswer, UnknownTool>> {
        let name = name.to_owned();
        Box::pin(async move {
            let named = completion::named(&args);
            let answer = pipeline::call(&self.0, &name, args, cx).await?;
            if known(&answer) {
                self.0.names.remember(named);
            }
            Ok(answer)
        })
    }

    fn record(&self, tool: Option<&str>, outcome: Result<(), &ToolError>) {
        let tool = tool.unwrap_or(NO_TOOL).to_owned();
        self.0.audit.journal(Opening { tool, tier: None, hosts: Vec::new() }).close(outcome);
    }

    fn answer_form(&self) -> Option<AnswerForm> {
        self.0.snapshot().config.settings.ssh_answer_form
    }

    fn server_info(&self) -> Value {
        server_info(&self.0)
    }

    fn completions(&self, argument: &str, prefix: &str, host: Option<&str>) -> Vec<String> {
        completion::values(&self.0.snapshot(), &self.0.names, argument, prefix, host)
    }
}
