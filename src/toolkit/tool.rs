//! The trait every tool implements, and the table entry made from it.

use std::future::Future;
use std::sync::{Arc, OnceLock};

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::call::Call;
use super::decl::{BoxFuture, Shape, ToolDecl};
use super::spec::{Effect, Spec};
use super::targets::Targets;
use super::{forgiving, schema};
use crate::model::error::{ErrorName, ToolError};

/// One tool. Implemented by an empty struct in a file of its own.
pub trait Tool: 'static {
    /// The arguments. Derive with `deny_unknown_fields`; describe each field in at most 40 characters.
    type Args: DeserializeOwned + JsonSchema + Send;
    /// The structured answer.
    type Reply: Serialize + JsonSchema + Send;
    /// What it says of itself.
    const SPEC: Spec;
    /// Fields of the answer that are never shortened: the tool itself ends them where the next call goes on.
    const WHOLE: &'static [&'static str] = &[];
    /// Fields of the answer that hold answers of other calls, which have their form already.
    const FORMED: &'static [&'static str] = &[];

    /// The hosts that a call with these arguments is about, by name or by handle, and whether it asks for root. Gates
    /// and the audit believe it, so every argument that leads to a host is named here.
    fn hosts(args: &Self::Args) -> Targets;

    /// Carries out one call.
    fn run(call: &Call, args: Self::Args) -> impl Future<Output = Result<Self::Reply, ToolError>> + Send;
}

type Run = Box<dyn FnOnce(Call) -> BoxFuture<'static, Result<Value, ToolError>> + Send>;

/// A call whose arguments were read.
pub struct Decoded {
    /// What it is about.
    pub targets: Targets,
    /// Carries it out.
    pub(super) run: Run,
}

/// Reads the arguments, as given and by the schema that describes them.
type Decode = fn(Map<String, Value>, &Map<String, Value>) -> Result<Decoded, ToolError>;

/// A tool in the table: its declaration with the types erased.
pub struct Entry {
    /// What it says of itself.
    pub spec: Spec,
    decode: Decode,
    /// Which fields of its answer are treated apart.
    pub(super) shape: Shape,
    input: fn() -> Arc<Map<String, Value>>,
    output: fn() -> Arc<Map<String, Value>>,
    decl: OnceLock<ToolDecl>,
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entry").field("spec", &self.spec).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Decoded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decoded").field("targets", &self.targets).finish_non_exhaustive()
    }
}

impl Entry {
    /// The entry of a tool.
    pub fn of<T: Tool>() -> Self {
        Entry {
            spec: T::SPEC,
            decode: |args, schema| {
                let args = decode::<T::Args>(args, schema)?;
                Ok(Decoded { targets: T::hosts(&args), run: Box::new(|call| Box::pin(run::<T>(call, args))) })
            },
            shape: Shape { whole: T::WHOLE, formed: T::FORMED },
            input: schema::input::<T::Args>,
            output: schema::output::<T::Reply>,
            decl: OnceLock::new(),
        }
    }

    /// What a client sees of it. Made once, on first use: start-up does not wait for a hundred schemas.
    pub fn decl(&self) -> &ToolDecl {
        self.decl.get_or_init(|| ToolDecl {
            name: self.spec.name,
            title: self.spec.title,
            search_words: self.spec.search_words,
            always_loaded: self.spec.always_loaded,
            large_answers: self.spec.large_answers,
            description: self.spec.summary.to_owned(),
            input_schema: (self.input)(),
            output_schema: (self.output)(),
            read_only: self.spec.observes(),
            destructive: matches!(self.spec.effect, Effect::Destroys),
            idempotent: self.spec.idempotent,
            open_world: !self.spec.local,
        })
    }

    /// Reads the arguments. Touches nothing else. An argument that is `null` counts as absent: no schema holds `null`, but
    /// clients that fill in every property send it. An unknown name stays one.
    pub fn decode(&self, args: Map<String, Value>) -> Result<Decoded, ToolError> {
        (self.decode)(self.forgive(args), &self.decl().input_schema)
    }

    /// The arguments as they are meant, where a near miss has one reading only. Hooks are shown these.
    pub(crate) fn forgive(&self, mut args: Map<String, Value>) -> Map<String, Value> {
        let schema = &self.decl().input_schema;
        let known = schema.get("properties").and_then(Value::as_object);
        args.retain(|name, value| !value.is_null() || known.is_none_or(|known| !known.contains_key(name)));
        forgiving::forgive(&mut args, schema);
        args
    }
}

async fn run<T: Tool>(call: Call, args: T::Args) -> Result<Value, ToolError> {
    let reply = T::run(&call, args).await?;
    serde_json::to_value(reply).map_err(|e| {
        ToolError::new(
            ErrorName::InternalError,
            format!("The answer could not be written as JSON: {e}."),
            "This is a defect of ssh-mcp; report it with the correlation id.",
        )
    })
}

/// Whether an argument, or an entry of it, is a list where its schema has an object.
fn is_list_for_object(schema: &Map<String, Value>, name: &str, value: &Value) -> bool {
    let Some(property) = schema.get("properties").and_then(|all| all.get(name)) else { return false };
    let is_object = |schema: Option<&Value>| schema.and_then(|s| s.get("type")).is_some_and(|kind| kind == "object");
    let Value::Array(entries) = value else { return false };
    is_object(Some(property)) || (is_object(property.get("items")) && entries.iter().any(Value::is_array))
}

/// Decodes arguments; the error names the field and what it accepts.
fn decode<A: DeserializeOwned>(args: Map<String, Value>, schema: &Map<String, Value>) -> Result<A, ToolError> {
    // serde takes a list for the fields of a struct in their order, which no schema says.
    if let Some(name) = args.iter().find_map(|(name, value)| is_list_for_object(schema, name, value).then_some(name)) {
        return Err(ToolError::value(
            format!("Argument `{name}`: a list stands where an object belongs."),
            forgiving::takes(name, schema).unwrap_or_else(|| "Name the fields of the object.".to_owned()),
        ));
    }
    serde_path_to_error::deserialize(Value::Object(args)).map_err(|error| {
        let path = error.path().to_string();
        let reason = forgiving::plain(&error.into_inner().to_string());
        let what =
            if path == "." { format!("The arguments: {reason}.") } else { format!("Argument `{path}`: {reason}.") };
        let takes = forgiving::takes(&path, schema);
        ToolError::value(
            what,
            takes.unwrap_or_else(|| "Correct the arguments as the tool's input schema says.".to_owned()),
        )
    })
}
