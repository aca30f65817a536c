//! All tools over the state of one server: the [`Backend`] of this program.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::backend::{AnswerForm, Backend, BoxFuture, CallContext, ToolAnswer, ToolDecl, UnknownTool};
use super::{completion, pipeline};
use crate::audit::Opening;
use crate::config::kind::ToolProfile;
use crate::model::error::ToolError;
use crate::toolkit::state::ServerState;
use crate::toolkit::state::remembered_names;
use crate::toolkit::state::server_state::{Offer, Parts};
use crate::toolkit::tool::Entry;

/// Stands in the audit for the tool of a call that names none.
const NO_TOOL: &str = "?";

/// The tools of a server. Cheap to clone: clones share everything.
#[derive(Debug, Clone)]
pub struct ToolBackend {
    /// Every registered tool, in the fixed order of lists.
    entries: Arc<[Entry]>,
    state: Arc<ServerState>,
}

impl ToolBackend {
    /// A server of these tools. The faults are those of the rules, one line each.
    pub fn new(mut entries: Vec<Entry>, parts: Parts) -> Result<Self, Vec<String>> {
        entries.sort_by_key(|entry| (group_order(entry.spec.group), entry.spec.name));
        let offer = |entry: &Entry| Offer { name: entry.spec.name, tier: entry.spec.tier, group: entry.spec.group };
        let state = ServerState::new(entries.iter().map(offer).collect(), parts)?;
        Ok(ToolBackend { entries: entries.into(), state })
    }

    /// What lives as long as the server.
    pub fn state(&self) -> &Arc<ServerState> {
        &self.state
    }

    /// Every registered tool, hidden or not, in the fixed order of lists.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The tool of this name, hidden or not.
    pub fn entry(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.spec.name == name)
    }

    /// The visible tools, in order.
    pub fn visible(&self) -> impl Iterator<Item = &Entry> {
        let snapshot = self.state.snapshot();
        self.entries
            .iter()
            .filter(move |entry| snapshot.visibility.allows(entry.spec.tier, entry.spec.group, entry.spec.name).is_ok())
    }
}

fn group_order(group: crate::model::tier::Group) -> usize {
    crate::model::tier::Group::ALL.iter().position(|g| *g == group).unwrap_or(usize::MAX)
}

/// Whether the host knew what the call named: it answered, and with no other status than that of a unit at rest.
fn known(answer: &ToolAnswer) -> bool {
    let status = answer.structured.as_ref().and_then(|data| data.get("exit_code")).and_then(Value::as_i64);
    !answer.is_error && matches!(status, None | Some(0 | 3))
}

impl Backend for ToolBackend {
    fn tools(&self) -> Arc<[ToolDecl]> {
        self.visible().map(|entry| entry.decl().clone()).collect()
    }

    fn call(
        &self,
        name: &str,
        args: Map<String, Value>,
        cx: CallContext,
    ) -> BoxFuture<'_, Result<ToolAnswer, UnknownTool>> {
        let name = name.to_owned();
        Box::pin(async move {
            let named = remembered_names::named(&args);
            let answer = pipeline::call(self, &name, args, cx).await?;
            if known(&answer) {
                self.state.names.remember(named);
            }
            Ok(answer)
        })
    }

    fn record(&self, tool: Option<&str>, outcome: Result<(), &ToolError>) {
        let tool = tool.unwrap_or(NO_TOOL).to_owned();
        self.state.audit.journal(Opening { tool, tier: None, hosts: Vec::new() }).close(outcome);
    }

    fn answer_form(&self) -> Option<AnswerForm> {
        self.state.snapshot().config.settings.ssh_answer_form
    }

    fn lists_briefly(&self) -> bool {
        self.state.snapshot().config.settings.ssh_tool_profile == ToolProfile::Core
    }

    fn server_info(&self) -> Value {
        self.state.server_info()
    }

    fn completions(&self, argument: &str, prefix: &str, host: Option<&str>) -> Vec<String> {
        completion::values(&self.state.snapshot(), &self.state.names, argument, prefix, host)
    }
}
