//! Small, closed JSON Schemas from Rust types.
//!
//! A catalogue of a hundred tools is read by a model in every conversation, so each schema carries what the caller
//! needs and nothing else: no `$ref`, no titles, no number formats, no nested bounds that the type implies. Inputs are
//! closed (`additionalProperties: false`) and keep their descriptions; outputs keep names and types, and a description
//! only where the field says so itself with `#[schemars(extend("x-note" = "..."))]`.
//!
//! Each property has one plain type: `null` is in no schema. Declarations of Gemini and several converters refuse type
//! arrays and `null` in an `enum`, and one refused tool fails the whole session of such a client. An argument that is
//! sent as `null` counts as absent ([`super::tool`]), and an answer leaves out what is `null`.

use std::sync::Arc;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

/// The key under which an output field asks to keep a description.
pub(crate) const NOTE: &str = "x-note";

/// Deeper than any type of the catalogue; what lies below is left open, so that a recursive type ends.
const MAX_DEPTH: usize = 24;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Input,
    Output,
}

/// The schema of a tool's arguments: an object that refuses unknown properties.
pub(crate) fn input<T: JsonSchema>() -> Arc<Map<String, Value>> {
    let settings = SchemaSettings::draft2020_12().for_deserialize();
    Arc::new(shape(settings.into_generator().into_root_schema_for::<T>().to_value(), Side::Input))
}

/// The schema of a tool's structured answer: names and types.
pub(crate) fn output<T: JsonSchema>() -> Arc<Map<String, Value>> {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    Arc::new(shape(settings.into_generator().into_root_schema_for::<T>().to_value(), Side::Output))
}

fn shape(root: Value, side: Side) -> Map<String, Value> {
    let Value::Object(mut root) = root else { return Map::new() };
    let defs = match root.remove("$defs") {
        Some(Value::Object(defs)) => defs,
        _ => Map::new(),
    };
    root.remove("description");
    let mut shaped = Shaper { defs, side }.schema(root, 0);
    // Clients and the protocol want an object at the root, with its properties named even when there are none.
    if !shaped.contains_key("type") {
        shaped.insert("type".into(), json!("object"));
    }
    if side == Side::Input {
        shaped.entry("properties").or_insert_with(|| json!({}));
        shaped.insert("additionalProperties".into(), json!(false));
    }
    shaped
}

struct Shaper {
    defs: Map<String, Value>,
    side: Side,
}

impl Shaper {
    fn value(&self, value: Value, depth: usize) -> Value {
        match value {
            Value::Object(schema) if depth < MAX_DEPTH => Value::Object(self.schema(schema, depth)),
            Value::Object(_) => json!({}),
            other => other,
        }
    }

    fn schema(&self, mut schema: Map<String, Value>, depth: usize) -> Map<String, Value> {
        self.inline(&mut schema, depth);
        for part in schema.get_mut("anyOf").and_then(Value::as_array_mut).into_iter().flatten() {
            if let Value::Object(part) = part {
                self.inline(part, depth);
            }
        }
        flatten_choice(&mut schema);
        drop_null(&mut schema);
        let open = schema.get("additionalProperties") == Some(&Value::Bool(true));
        let unsigned = schema.get("format").and_then(Value::as_str).is_some_and(|f| f.starts_with("uint"));
        let mut out = Map::new();
        for (key, value) in schema {
            match key.as_str() {
                "title" | "$schema" | "format" | "examples" | "$id" | "$comment" => {}
                "required" | "default" | "description" if self.side == Side::Output => {}
                "default" if value.is_null() => {}
                NOTE => {
                    out.insert("description".into(), value);
                }
                "minimum" if unsigned && value == json!(0) => {}
                "maximum" if unsigned && matches!(value.as_u64(), Some(255 | 65_535 | 4_294_967_295)) => {}
                "properties" | "patternProperties" => {
                    let Value::Object(properties) = value else { continue };
                    let properties = properties.into_iter().map(|(name, s)| (name, self.value(s, depth + 1)));
                    out.insert(key, Value::Object(properties.collect()));
                }
                "items" | "contains" | "not" | "additionalProperties" => {
                    let value = self.value(value, depth + 1);
                    // "Anything" is what an absent key says as well.
                    if value != json!(true) && value != json!({}) {
                        out.insert(key, value);
                    }
                }
                "anyOf" | "oneOf" | "allOf" | "prefixItems" => {
                    let Value::Array(parts) = value else { continue };
                    let parts = parts.into_iter().map(|part| self.value(part, depth + 1));
                    out.insert(key, Value::Array(parts.collect()));
                }
                _ => {
                    out.insert(key, value);
                }
            }
        }
        if self.side == Side::Input && out.contains_key("properties") && !open {
            out.entry("additionalProperties").or_insert(json!(false));
        }
        out
    }

    /// Puts the definition in place of a `$ref`, and the only part in place of an `allOf`; what stands beside it wins.
    fn inline(&self, schema: &mut Map<String, Value>, depth: usize) {
        for _ in depth..MAX_DEPTH {
            let target = if let Some(Value::String(reference)) = schema.remove("$ref") {
                let name = reference.rsplit('/').next().unwrap_or_default();
                self.defs.get(name).cloned()
            } else if schema.get("allOf").and_then(Value::as_array).is_some_and(|parts| parts.len() == 1) {
                match schema.remove("allOf") {
                    Some(Value::Array(mut parts)) => parts.pop(),
                    _ => None,
                }
            } else {
                return;
            };
            if let Some(Value::Object(target)) = target {
                for (key, value) in target {
                    schema.entry(key).or_insert(value);
                }
            }
        }
    }
}

/// `oneOf` of constants is an `enum`: the words of the variants are the documentation.
fn flatten_choice(schema: &mut Map<String, Value>) {
    for key in ["oneOf", "anyOf"] {
        let Some(Value::Array(parts)) = schema.get(key) else { continue };
        let mut words = Vec::new();
        for part in parts {
            match (part.get("const"), part.get("enum")) {
                (Some(word @ Value::String(_)), _) => words.push(word.clone()),
                (None, Some(Value::Array(some))) if some.iter().all(Value::is_string) => words.extend(some.clone()),
                _ => {
                    words.clear();
                    break;
                }
            }
        }
        if !words.is_empty() {
            schema.remove(key);
            schema.insert("type".into(), json!("string"));
            schema.insert("enum".into(), Value::Array(words));
        }
    }
}

/// Takes `null` out of the types, the enumerated words and the alternatives of a schema. A single alternative that is
/// left takes the place of the choice.
fn drop_null(schema: &mut Map<String, Value>) {
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|kind| kind != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            schema.insert("type".into(), only);
        }
    }
    if let Some(Value::Array(words)) = schema.get_mut("enum") {
        words.retain(|word| !word.is_null());
    }
    for key in ["anyOf", "oneOf"] {
        let Some(Value::Array(parts)) = schema.get_mut(key) else { continue };
        parts.retain(|part| *part != json!({"type": "null"}));
        if let [Value::Object(only)] = parts.as_slice() {
            let mut only = only.clone();
            schema.remove(key);
            flatten_choice(&mut only);
            drop_null(&mut only);
            for (key, value) in only {
                schema.entry(key).or_insert(value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemars::JsonSchema;
    use serde::{Deserialize, Serialize};

    /// Which way.
    #[derive(Serialize, Deserialize, JsonSchema)]
    #[serde(rename_all = "lowercase")]
    enum Mode {
        /// The fast way.
        Fast,
        /// The slow way.
        Slow,
    }

    #[derive(Serialize, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    struct Part {
        /// Where it is.
        path: String,
    }

    /// All of it.
    #[derive(Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Args {
        /// Host alias.
        host: String,
        /// Seconds.
        timeout: Option<u64>,
        /// How.
        mode: Mode,
        /// How else.
        other: Option<Mode>,
        /// Pieces.
        #[serde(default)]
        parts: Vec<Part>,
        /// One piece.
        part: Option<Part>,
        /// Deep?
        #[serde(default)]
        deep: bool,
    }

    #[derive(Serialize, JsonSchema)]
    struct Reply {
        /// The resolved name, not the alias.
        host: String,
        /// Bytes before truncation.
        #[schemars(extend("x-note" = "before truncation"))]
        bytes: u64,
        tree: Option<Box<Reply>>,
        words: std::collections::BTreeMap<String, u32>,
    }

    #[derive(Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    struct Nothing {}

    #[test]
    fn inputs_are_closed_inline_and_described() {
        assert_eq!(
            Value::Object((*input::<Args>()).clone()),
            json!({
                "type": "object",
                "properties": {
                    "host": {"description": "Host alias.", "type": "string"},
                    "timeout": {"description": "Seconds.", "type": "integer"},
                    "mode": {"description": "How.", "type": "string", "enum": ["fast", "slow"]},
                    "other": {"description": "How else.", "type": "string", "enum": ["fast", "slow"]},
                    "parts": {
                        "description": "Pieces.", "type": "array", "default": [],
                        "items": {
                            "type": "object", "required": ["path"], "additionalProperties": false,
                            "properties": {"path": {"description": "Where it is.", "type": "string"}},
                        },
                    },
                    "part": {
                        "description": "One piece.", "type": "object", "required": ["path"],
                        "additionalProperties": false,
                        "properties": {"path": {"description": "Where it is.", "type": "string"}},
                    },
                    "deep": {"description": "Deep?", "type": "boolean", "default": false},
                },
                "required": ["host", "mode"],
                "additionalProperties": false,
            })
        );
    }

    #[test]
    fn outputs_are_names_and_types() {
        let schema = output::<Reply>();
        let properties = &schema["properties"];
        assert_eq!(properties["host"], json!({"type": "string"}));
        assert_eq!(properties["bytes"], json!({"type": "integer", "description": "before truncation"}));
        assert_eq!(properties["words"]["additionalProperties"], json!({"type": "integer"}));
        assert!(!schema.contains_key("required"));
        assert_eq!(schema["type"], "object");
    }

    #[test]
    fn nothing_of_the_generator_is_left() {
        for schema in [input::<Args>(), output::<Reply>(), input::<Nothing>()] {
            let text = serde_json::to_string(&*schema).unwrap();
            for noise in ["$ref", "$defs", "$schema", "title", "format", "x-note", "null"] {
                assert!(!text.contains(noise), "{noise} in {text}");
            }
        }
    }

    #[test]
    fn a_tool_without_arguments_still_has_an_object() {
        assert_eq!(
            Value::Object((*input::<Nothing>()).clone()),
            json!({"type": "object", "properties": {}, "additionalProperties": false})
        );
    }
}
