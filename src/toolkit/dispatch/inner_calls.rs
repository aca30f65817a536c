//! Calls that a call makes: each takes the one way of every call, with its own gates, policy and line of the audit, and only
//! what looks and changes nothing may be made so.

use std::sync::Arc;

use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;

use super::answer::nested;
use super::backend::{Backend, BoxFuture, CallContext, ToolDecl, UnknownTool};
use super::pipeline;
use super::tool_backend::ToolBackend;
use crate::audit::Opening;
use crate::model::error::{ErrorName, ToolError};
use crate::model::tier::Tier;
use crate::toolkit::call::Call;
use crate::toolkit::call::OtherTools;
use crate::toolkit::other_tools::{Ended, Whole};
use crate::toolkit::targets::asks_root;
use crate::toolkit::tool::Entry;

/// The argument by which a tool writes on the workstation.
const WRITES_HERE: &str = "local_path";

/// Least room of one call for content that is never cut, in bytes.
const CONTENT_MIN: usize = 1024;

impl ToolBackend {
    /// The entry of a tool that the caller may see.
    fn open_entry(&self, call: &Call, tool: &str) -> Option<&Entry> {
        let entry = self.entry(tool)?;
        let spec = entry.spec;
        call.snapshot().visibility.allows(spec.tier, spec.group, spec.name).is_ok().then_some(entry)
    }

    /// A closed tool is unknown to the caller; the operator sees that it was tried.
    fn record_closed(&self, call: &Call, tool: &str) {
        let tier = self.entry(tool).map(|entry| entry.spec.tier);
        let journal = self.state().audit.journal(Opening { tool: tool.to_owned(), tier, hosts: Vec::new() });
        journal.batch(call.journal().correlation_id());
        journal.close(Err(&ToolError::value("There is no tool of this name.", "Call a tool of tools/list.")));
    }

    async fn made(&self, call: &Call, tool: &str, args: Map<String, Value>, cx: CallContext) -> Ended {
        let targets = self.entry(tool).and_then(|entry| entry.decode(args.clone()).ok()).map(|decoded| decoded.targets);
        let hosts = pipeline::hosts_of(self, &targets.unwrap_or_default(), call.snapshot());
        let hosts = hosts.into_iter().map(|host| host.name).collect();
        let answer = match pipeline::call(self, tool, args, cx).await {
            Ok(answer) => answer,
            // It was there when the batch began: a reload has closed it meanwhile.
            Err(UnknownTool) => {
                let name = ErrorName::TierNotAllowed.as_str().to_owned();
                let said = format!("{name}: There is no tool of this name any more.");
                return Ended { hosts, answer: Err((name, said)), whole: None };
            }
        };
        let of_meta = |name: &str| answer.meta.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        match answer.structured {
            Some(data) if !answer.is_error => {
                let shape = self.entry(tool).map(|entry| entry.shape).unwrap_or_default();
                let whole = Whole { id: of_meta("correlation_id"), answer: data.clone(), shape };
                Ended { hosts, answer: Ok(data), whole: Some(whole) }
            }
            _ => Ended { hosts, answer: Err((of_meta("error"), answer.text)), whole: None },
        }
    }
}

impl OtherTools for ToolBackend {
    fn visible(&self) -> Arc<[ToolDecl]> {
        self.tools()
    }

    fn refuses(&self, call: &Call, tool: &str, args: &Map<String, Value>) -> Option<String> {
        let Some(entry) = self.open_entry(call, tool) else {
            self.record_closed(call, tool);
            return Some("there is no tool of this name".to_owned());
        };
        if tool == call.spec().name {
            return Some("a batch holds no batch".to_owned());
        }
        if !entry.spec.observes() {
            return Some("it is not read-only; call it alone".to_owned());
        }
        if args.get(WRITES_HERE).is_some_and(|path| !path.is_null()) {
            return Some(format!("`{WRITES_HERE}` writes a file on the workstation; call it alone"));
        }
        (asks_root(args) && !call.snapshot().visibility.opens(Tier::Sudo))
            .then(|| "`sudo` needs the sudo tier, which is closed".to_owned())
    }

    /// Half of the answer for those whose content is never cut, and a fair share at least.
    fn room(&self, call: &Call, tools: &[&str]) -> usize {
        let uncut = |tool: &&&str| self.open_entry(call, tool).is_some_and(|entry| !entry.shape.whole.is_empty());
        let uncut = tools.iter().filter(uncut).count();
        let room = call.answer_bytes();
        // What stands around the content of an answer needs a tenth.
        let fair = room / tools.len().max(1) / 10 * 9;
        fair.max(room / 2 / uncut.max(1)).max(CONTENT_MIN)
    }

    fn make(
        &self,
        call: Call,
        tool: String,
        args: Map<String, Value>,
        room: usize,
        cancel: CancellationToken,
    ) -> BoxFuture<'static, Ended> {
        let backend = self.clone();
        Box::pin(async move {
            let batch = Some(call.journal().correlation_id().to_owned());
            let cx = CallContext { cancel, answer_bytes: Some(room), batch, ..CallContext::default() };
            backend.made(&call, &tool, args, cx).await
        })
    }

    fn fit(&self, call: &Call, ended: &mut [Ended], room: usize) {
        let whole: Vec<Whole> = ended.iter_mut().filter_map(|one| one.whole.take()).collect();
        let mut fitted = nested::fit(&whole, room).into_iter().zip(&whole);
        for one in ended.iter_mut().filter(|one| one.answer.is_ok()) {
            let Some(((answer, cuts), whole)) = fitted.next() else { break };
            if let Some(missing) = pipeline::keep(call, &whole.id, one.hosts.clone(), &cuts) {
                call.warn(missing);
            }
            one.answer = Ok(answer);
        }
    }
}
