//! What a front end serves: a set of tools to list and to call, and the few facts around them.
//!
//! The protocol layer knows only this trait, so that it can be served over any backend: the real one, the one that
//! puts a search in front of the catalogue, and the small ones of the tests. Nothing here knows a wire format.

use std::sync::Arc;

use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;

use super::answer::client;
pub(crate) use crate::config::kind::AnswerForm;
use crate::model::error::ToolError;
pub(crate) use crate::toolkit::call::ProgressSink;
pub use crate::toolkit::decl::{BoxFuture, ToolDecl};

/// Who calls, as the client named itself in the request or, where the request names nobody, when the session opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientName {
    /// The client's name for itself.
    pub name: String,
    /// Its version, as written.
    pub version: String,
}

impl ClientName {
    /// The form in which answers reach this client.
    pub fn answer_form(client: Option<&Self>, set: Option<AnswerForm>, revision: Option<&str>) -> AnswerForm {
        client::form(set, client, revision)
    }
}

/// W3C trace context as the request carried it. Unchecked text of the client's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TraceParent {
    /// `traceparent`.
    pub traceparent: Option<String>,
    /// `tracestate`.
    pub tracestate: Option<String>,
    /// `baggage`.
    pub baggage: Option<String>,
}

/// What surrounds one call.
#[derive(Clone, Default)]
pub struct CallContext {
    /// Fires when the client cancels the call, when its stream ends, and when the server shuts down. The future of the
    /// call is *not* dropped then: it stops the remote work and ends by itself.
    pub cancel: CancellationToken,
    /// Where progress goes, if the caller asked for it.
    pub progress: Option<Arc<dyn ProgressSink>>,
    /// Who calls.
    pub client: Option<ClientName>,
    /// Most bytes of the answer in either form, in place of the operator's limit.
    pub answer_bytes: Option<usize>,
    /// The id of the batch that makes the call: its answer is not shortened, since the batch shares out the room.
    pub batch: Option<String>,
    /// The caller's trace context.
    pub trace: TraceParent,
}

impl std::fmt::Debug for CallContext {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CallContext")
            .field("cancelled", &self.cancel.is_cancelled())
            .field("progress", &self.progress.is_some())
            .field("client", &self.client)
            .field("answer_bytes", &self.answer_bytes)
            .field("batch", &self.batch)
            .field("trace", &self.trace)
            .finish()
    }
}

/// What a call answers, refusals and failures included. Sealed: cleaned, bounded and on record.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ToolAnswer {
    /// The call was refused or failed; `text` says why and what to do.
    pub is_error: bool,
    /// A short rendering for a model to read.
    pub text: String,
    /// What the output schema describes; absent on errors.
    pub structured: Option<Value>,
    /// Metadata of the result (`_meta`), such as the correlation id.
    pub meta: Map<String, Value>,
}

/// There is no such tool, or it is hidden, which the caller cannot tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownTool;

/// The tools behind a front end.
pub trait Backend: Send + Sync + 'static {
    /// The listed tools, in a fixed order.
    fn tools(&self) -> Arc<[ToolDecl]>;

    /// All tools that may be called, in a fixed order; a search may list fewer.
    fn catalogue(&self) -> Arc<[ToolDecl]> {
        self.tools()
    }

    /// One call, start to end. Bad arguments are an answer with `is_error`, which the model can read and correct.
    fn call(
        &self,
        name: &str,
        args: Map<String, Value>,
        cx: CallContext,
    ) -> BoxFuture<'_, Result<ToolAnswer, UnknownTool>>;

    /// Records a call that a front end answered or refused by itself. `tool` is what the caller wrote, where there is a
    /// text for it.
    fn record(&self, tool: Option<&str>, outcome: Result<(), &ToolError>);

    /// The form of answers that the operator set, if any.
    fn answer_form(&self) -> Option<AnswerForm> {
        None
    }

    /// Lists leave out what only some clients read of a tool: the schema of its answer, and words for a search.
    fn lists_briefly(&self) -> bool {
        false
    }

    /// The payload of `ssh_server_info` and of its resource.
    fn server_info(&self) -> Value;

    /// Values for an argument of a prompt that begin with `prefix`, best first, from the live configuration. `host` is
    /// the one that the same prompt was already given.
    fn completions(&self, argument: &str, prefix: &str, host: Option<&str>) -> Vec<String>;

    /// This program's version.
    fn version(&self) -> &'static str {
        env!("CARGO_PKG_VERSION")
    }
}
