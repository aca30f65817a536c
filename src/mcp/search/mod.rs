//! Search mode: a short list of tools, and two that find and call the others.
//!
//! For clients that pay for every tool in the list. The wrapped backend decides all that it decides otherwise: what is
//! hidden is neither found nor callable, and a call by way of `call_tool` is the same call, judged and recorded under
//! its own name.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::server::listed_input;
use crate::model::error::{ErrorName, ToolError};
use crate::skills::Library;
use crate::toolkit::backend::{AnswerForm, Backend, BoxFuture, CallContext, ToolAnswer, ToolDecl, UnknownTool};
use crate::toolkit::ranking::{Index, Text};

const SEARCH: &str = "search_tools";
const CALL: &str = "call_tool";

/// Longest query, in characters.
const MAX_QUERY: usize = 500;

/// A backend with a search in front of its catalogue.
pub(crate) struct Searched {
    inner: Arc<dyn Backend>,
    catalogue: Arc<[ToolDecl]>,
    index: Index,
    listed: Arc<[ToolDecl]>,
    max_results: usize,
}

impl Searched {
    /// Lists only `pinned` (`SSH_BM25_ALWAYS_VISIBLE`) and the two tools of the search, which answers with at most
    /// `max_results` tools (`SSH_BM25_MAX_RESULTS`). The guides of the library help to find their tools.
    pub(crate) fn new(inner: Arc<dyn Backend>, pinned: &[String], max_results: usize, library: &Library) -> Self {
        let catalogue = inner.tools();
        let index = Index::new(&catalogue.iter().map(|tool| Text::of_tool(tool, library)).collect::<Vec<_>>());
        let pinned: HashSet<&str> = pinned.iter().map(String::as_str).collect();
        let listed = catalogue.iter().filter(|tool| pinned.contains(tool.name)).cloned();
        let listed = listed.chain([search_decl(), call_decl()]).collect();
        Searched { inner, catalogue, index, listed, max_results }
    }

    fn search(&self, args: &Map<String, Value>) -> Result<ToolAnswer, ToolError> {
        only(args, &["query"])?;
        let Some(Value::String(query)) = args.get("query") else {
            return Err(ToolError::value("query is missing or not a text.", "Say in a few words what is to be done."));
        };
        if query.chars().count() > MAX_QUERY {
            return Err(ToolError::value(
                format!("query is over {MAX_QUERY} characters."),
                "Say in a few words what is to be done.",
            ));
        }
        let found = self.index.search(query);
        let found: Vec<_> = found.into_iter().filter_map(|n| self.catalogue.get(n)).take(self.max_results).collect();
        let text = if found.is_empty() {
            "No tool fits. Say it in other words: what is to be done, and to what.".to_owned()
        } else {
            found.iter().map(|tool| usage(tool)).collect::<Vec<_>>().join("\n")
        };
        let result: Vec<_> = found.into_iter().map(definition).collect();
        Ok(ToolAnswer { text, structured: Some(json!({"result": result})), ..ToolAnswer::default() })
    }

    async fn relay(&self, args: Map<String, Value>, cx: CallContext) -> Result<ToolAnswer, ToolError> {
        let named = args.get("name").and_then(Value::as_str).unwrap_or(CALL).to_owned();
        let (name, arguments) = wanted(args).inspect_err(|error| self.inner.record(Some(&named), Err(error)))?;
        self.inner.call(&name, arguments, cx).await.map_err(|UnknownTool| {
            ToolError::new(
                ErrorName::ValueError,
                format!("There is no tool {name:.64?}."),
                "Find one with search_tools.",
            )
        })
    }
}

impl Backend for Searched {
    fn tools(&self) -> Arc<[ToolDecl]> {
        Arc::clone(&self.listed)
    }

    fn catalogue(&self) -> Arc<[ToolDecl]> {
        Arc::clone(&self.catalogue)
    }

    fn call(
        &self,
        name: &str,
        args: Map<String, Value>,
        cx: CallContext,
    ) -> BoxFuture<'_, Result<ToolAnswer, UnknownTool>> {
        match name {
            SEARCH => {
                let answer = self.search(&args);
                self.inner.record(Some(SEARCH), answer.as_ref().map(|_| ()));
                let answer = answer.unwrap_or_else(|error| refusal(&error));
                Box::pin(async move { Ok(answer) })
            }
            CALL => Box::pin(async move { Ok(self.relay(args, cx).await.unwrap_or_else(|error| refusal(&error))) }),
            _ => self.inner.call(name, args, cx),
        }
    }

    fn record(&self, tool: Option<&str>, outcome: Result<(), &ToolError>) {
        self.inner.record(tool, outcome);
    }

    fn answer_form(&self) -> Option<AnswerForm> {
        self.inner.answer_form()
    }

    fn lists_briefly(&self) -> bool {
        self.inner.lists_briefly()
    }

    fn server_info(&self) -> Value {
        self.inner.server_info()
    }

    fn completions(&self, argument: &str, prefix: &str, host: Option<&str>) -> Vec<String> {
        self.inner.completions(argument, prefix, host)
    }

    fn version(&self) -> &'static str {
        self.inner.version()
    }
}

/// The call that the arguments of `call_tool` ask for.
fn wanted(mut args: Map<String, Value>) -> Result<(String, Map<String, Value>), ToolError> {
    only(&args, &["name", "arguments"])?;
    let Some(Value::String(name)) = args.shift_remove("name") else {
        return Err(ToolError::value("name is missing or not a text.", "Give a name that search_tools answered."));
    };
    match args.shift_remove("arguments") {
        None | Some(Value::Null) => Ok((name, Map::new())),
        Some(Value::Object(arguments)) => Ok((name, arguments)),
        Some(_) => Err(ToolError::value(
            "arguments is not an object.",
            "Give the tool's arguments as an object, or leave it out.",
        )),
    }
}

fn refusal(error: &ToolError) -> ToolAnswer {
    ToolAnswer { is_error: true, text: error.to_string(), ..ToolAnswer::default() }
}

fn only(args: &Map<String, Value>, known: &[&str]) -> Result<(), ToolError> {
    match args.keys().find(|key| !known.contains(&key.as_str())) {
        None => Ok(()),
        Some(key) => {
            Err(ToolError::value(format!("There is no argument {key:.64?}."), format!("Known: {}.", known.join(", "))))
        }
    }
}

/// All that a call of the tool needs, for clients that show the text of answers alone: a line for the tool, and one for
/// each argument, those that must be given marked with a star.
fn usage(tool: &ToolDecl) -> String {
    let mut text =
        format!("{} ({}): {}", tool.name, if tool.read_only { "reads" } else { "changes" }, tool.description);
    let properties = tool.input_schema.get("properties").and_then(Value::as_object);
    let required = tool.input_schema.get("required").and_then(Value::as_array);
    for (name, schema) in properties.into_iter().flatten() {
        let must = required.is_some_and(|required| required.iter().any(|one| one == name));
        let _ = write!(text, "\n  {name}{} {}", if must { "*" } else { "" }, kind(schema));
        if let Some(default) = schema.get("default").filter(|default| says_something(default)) {
            let _ = write!(text, "={default}");
        }
        if let Some(about) = schema.get("description").and_then(Value::as_str) {
            let _ = write!(text, ": {about}");
        }
    }
    text
}

/// The type of an argument in a word: its words where it has some.
fn kind(schema: &Value) -> String {
    if let Some(words) = schema.get("enum").and_then(Value::as_array) {
        return words.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("|");
    }
    let short = |schema: &Value| match schema.get("type").and_then(Value::as_str) {
        Some("string") => "text",
        Some("integer") => "int",
        Some("boolean") => "bool",
        Some("object") => "object",
        _ => "any",
    };
    let fields = |schema: &Value| {
        let fields = schema.get("properties").and_then(Value::as_object).filter(|fields| !fields.is_empty());
        fields.map(|fields| format!("{{{}}}", fields.keys().cloned().collect::<Vec<_>>().join(", ")))
    };
    match (schema.get("type").and_then(Value::as_str), schema.get("items")) {
        (Some("array"), Some(items)) => {
            format!("[{}]", fields(items).unwrap_or_else(|| short(items).to_owned()))
        }
        _ => fields(schema).unwrap_or_else(|| short(schema).to_owned()),
    }
}

/// That a switch is off and a list empty goes without saying.
fn says_something(default: &Value) -> bool {
    *default != Value::Bool(false) && *default != Value::Array(Vec::new()) && default.as_str() != Some("")
}

/// What a call of the tool needs, for clients that show the structured form.
fn definition(tool: &ToolDecl) -> Value {
    let mut input = listed_input(&tool.input_schema, true);
    // That unknown arguments are refused is told by the refusal.
    input.shift_remove("additionalProperties");
    json!({
        "name": tool.name,
        "description": tool.description,
        "readOnly": tool.read_only,
        "inputSchema": input,
    })
}

fn schema(value: Value) -> Arc<Map<String, Value>> {
    match value {
        Value::Object(schema) => Arc::new(schema),
        _ => Arc::default(),
    }
}

fn search_decl() -> ToolDecl {
    ToolDecl {
        name: SEARCH,
        title: "Search tools",
        always_loaded: true,
        description: "Find tools by what is to be done, best first, with all that a call needs".to_owned(),
        input_schema: schema(json!({
            "type": "object",
            "properties": {"query": {"type": "string", "description": "What is to be done, in a few words"}},
            "required": ["query"],
            "additionalProperties": false,
        })),
        output_schema: schema(json!({
            "type": "object",
            "properties": {"result": {"type": "array", "items": {"type": "object"}}},
        })),
        read_only: true,
        destructive: false,
        idempotent: true,
        ..ToolDecl::default()
    }
}

/// It can do whatever the tools behind it can, so its hints promise nothing.
fn call_decl() -> ToolDecl {
    ToolDecl {
        name: CALL,
        title: "Call a tool",
        always_loaded: true,
        description: "Call a tool that search_tools found".to_owned(),
        input_schema: schema(json!({
            "type": "object",
            "properties": {
                "name": {"type": "string", "description": "Name of the tool"},
                "arguments": {
                    "type": "object",
                    "description": "The tool's arguments",
                    "properties": {"host": {"type": "string"}},
                },
            },
            "required": ["name"],
            "additionalProperties": false,
        })),
        output_schema: schema(json!({"type": "object"})),
        read_only: false,
        destructive: true,
        open_world: true,
        ..ToolDecl::default()
    }
}

#[cfg(test)]
mod tests;
