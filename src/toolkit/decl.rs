//! A tool as its clients see it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use serde_json::{Map, Value};

/// A future on the heap, as a trait object's methods return it.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A tool as a client sees it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ToolDecl {
    /// The stable name.
    pub name: &'static str,
    /// What a person calls it.
    pub title: &'static str,
    /// What it does, in a sentence or two.
    pub description: String,
    /// Words by which a search of the client's finds it.
    pub search_words: &'static str,
    /// Worth keeping at hand when a client loads tools on demand.
    pub always_loaded: bool,
    /// The caller chooses how much it answers.
    pub large_answers: bool,
    /// JSON Schema of the arguments: an object that refuses unknown properties.
    pub input_schema: Arc<Map<String, Value>>,
    /// JSON Schema of the structured answer.
    pub output_schema: Arc<Map<String, Value>>,
    /// Observes only.
    pub read_only: bool,
    /// May lose or overwrite something.
    pub destructive: bool,
    /// A second call with the same arguments changes nothing more.
    pub idempotent: bool,
    /// Reaches beyond this process.
    pub open_world: bool,
}

/// Fields of an answer that are treated apart.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Shape {
    /// Never shortened: their tool ends them where the next call goes on.
    pub(super) whole: &'static [&'static str],
    /// They hold answers of other calls, which have their form already.
    pub(super) formed: &'static [&'static str],
}
