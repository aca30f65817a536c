//! What comes back when a tool calls others that only look. The calls are carried out above, on the one way of every call.

use serde_json::Value;

use super::decl::Shape;

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
