//! What a tool may ask of the other tools: which there are, and calls of those that only look. The calls are carried out
//! above, on the one way of every call.

use std::sync::Arc;

use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;

use super::call::Call;
use super::decl::{BoxFuture, ToolDecl};
use super::tool::Shape;

/// How an inner call ended.
#[derive(Debug)]
pub struct Ended {
    /// Its hosts, by alias.
    pub hosts: Vec<String>,
    /// Its answer, or the name of the error and what it says.
    pub answer: Result<Value, (String, String)>,
    /// The answer before anything was left out of it.
    pub(super) whole: Option<Whole>,
}

/// The complete answer of a call.
#[derive(Debug, Clone)]
pub(super) struct Whole {
    /// The id of its call.
    pub(super) id: String,
    /// The answer, in its form.
    pub(super) answer: Value,
    /// Which fields of it are treated apart.
    pub(super) shape: Shape,
}

/// The tools of the server, for one of them.
pub trait OtherTools: Send + Sync {
    /// The tools that the caller may see, in the order of lists.
    fn visible(&self) -> Arc<[ToolDecl]>;

    /// Why `call` may not make this call, whatever the host says: for the middle of a sentence. Only what looks and changes
    /// nothing may be called so.
    fn refuses(&self, call: &Call, tool: &str, args: &Map<String, Value>) -> Option<String>;

    /// Bytes of content that each of these tools may answer, so that all find room in one answer.
    fn room(&self, call: &Call, tools: &[&str]) -> usize;

    /// Makes a call that [`OtherTools::refuses`] lets pass. `room` is what its tool may answer of content; all else comes
    /// back whole. `cancel` ends it.
    fn make(
        &self,
        call: Call,
        tool: String,
        args: Map<String, Value>,
        room: usize,
        cancel: CancellationToken,
    ) -> BoxFuture<'static, Ended>;

    /// Brings the answers into `room` bytes together. What is left out is kept.
    fn fit(&self, call: &Call, ended: &mut [Ended], room: usize);
}
