//! Takes arguments in the forms that models send by mistake, where only one reading of them exists. Everything else is
//! refused as before, with what would be accepted.

use serde_json::{Map, Value};

/// Names that callers take for one another. One that a tool does not know stands for the only one of its row that the tool
/// knows, unless that is given too.
const NAMES: &[&[&str]] = &[
    &["all_", "all"],
    &["tail_lines", "tail", "lines"],
    &["content_text", "content", "text"],
    &["name_pattern", "pattern"],
    &["path", "file", "file_path"],
    &["unit", "service"],
    &["timeout", "timeout_seconds"],
];

/// Longest text that is read as JSON, in bytes.
const JSON_MAX: usize = 64 * 1024;

/// Brings arguments into the form of the schema, where only one reading exists.
pub(super) fn forgive(args: &mut Map<String, Value>, schema: &Map<String, Value>) {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return };
    let unknown: Vec<String> = args.keys().filter(|name| !properties.contains_key(*name)).cloned().collect();
    for name in unknown {
        let row = NAMES.iter().find(|row| row.contains(&name.as_str())).copied().unwrap_or_default();
        let mut known = row.iter().filter(|other| properties.contains_key(**other));
        if let (Some(meant), None) = (known.next(), known.next())
            && !args.contains_key(*meant)
            && let Some(value) = args.shift_remove(&name)
        {
            args.insert((*meant).to_owned(), value);
        }
    }
    for (name, value) in args.iter_mut() {
        let Some(property) = properties.get(name) else { continue };
        if let Some(read) = reading(value, property) {
            *value = read;
        }
        match value {
            Value::Object(fields) => forgive_fields(fields, property),
            Value::Array(entries) => {
                let of = property.get("items").unwrap_or(&Value::Null);
                entries.iter_mut().filter_map(Value::as_object_mut).for_each(|fields| forgive_fields(fields, of));
            }
            _ => {}
        }
    }
}

/// The same for an object in an argument; what is `null` there counts as absent too.
fn forgive_fields(fields: &mut Map<String, Value>, schema: &Value) {
    let Some(schema) = schema.as_object() else { return };
    let Some(known) = schema.get("properties").and_then(Value::as_object) else { return };
    fields.retain(|name, value| !value.is_null() || !known.contains_key(name));
    forgive(fields, schema);
}

/// The value in the form of its schema, where it is not in it and there is one way to read it.
fn reading(value: &Value, schema: &Value) -> Option<Value> {
    let kind = schema.get("type").and_then(Value::as_str)?;
    match (kind, value) {
        ("integer", Value::String(text)) => {
            let number: i64 = text.trim().parse().ok()?;
            // `+5` and `007` may be meant in another way.
            (number.to_string() == text.trim()).then(|| Value::from(number))
        }
        ("integer", Value::Number(number)) if number.is_f64() => {
            let whole = |float: &f64| float.fract() == 0.0 && float.abs() < 9e15;
            // -0.0 is not written by anybody who means a number of things.
            let float = number.as_f64().filter(whole).filter(|float| *float != 0.0 || float.is_sign_positive())?;
            format!("{float:.0}").parse::<i64>().ok().map(Value::from)
        }
        ("boolean", Value::String(text)) => match text.as_str() {
            "true" => Some(Value::Bool(true)),
            "false" => Some(Value::Bool(false)),
            _ => None,
        },
        ("object", Value::String(text)) if text.starts_with('{') && text.len() <= JSON_MAX => {
            serde_json::from_str::<Value>(text).ok().filter(Value::is_object)
        }
        ("array", Value::String(text)) => {
            let of_texts = schema.pointer("/items/type").and_then(Value::as_str) == Some("string");
            if text.starts_with('[') && text.len() <= JSON_MAX {
                return serde_json::from_str::<Value>(text).ok().filter(Value::is_array);
            }
            // Several words may be one entry or many.
            let one_word = !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || c == ',');
            (of_texts && one_word).then(|| Value::from(vec![text.as_str()]))
        }
        _ => None,
    }
}

/// The fields of an object, those that it needs first.
fn fields(schema: Option<&Value>) -> Option<String> {
    let schema = schema?;
    let known = schema.get("properties").and_then(Value::as_object).filter(|known| !known.is_empty())?;
    let needed: Vec<&str> =
        schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    let others = known.keys().map(String::as_str).filter(|name| !needed.contains(name));
    let others: Vec<String> = others.map(|name| format!("{name} (optional)")).collect();
    Some(needed.iter().map(|name| (*name).to_owned()).chain(others).collect::<Vec<_>>().join(", "))
}

/// What the decoder says, without the words of its language.
pub(super) fn plain(reason: &str) -> String {
    let mut out = String::new();
    let mut words = reason.split(' ');
    while let Some(word) = words.next() {
        if !out.is_empty() {
            out.push(' ');
        }
        match word {
            "struct" | "enum" => {
                words.next();
                out.push_str(if word == "struct" { "an object" } else { "one of its words" });
            }
            "map" => out.push_str("object"),
            "sequence" | "sequence," => out.push_str(&word.replace("sequence", "list")),
            "map," => out.push_str("object,"),
            "usize" | "u8" | "u16" | "u32" | "u64" | "i64" => out.push_str("a whole number"),
            word => out.push_str(word),
        }
    }
    out
}

/// What an argument takes, for a refusal: its type or words, what it says of itself, and its default.
pub(super) fn takes(path: &str, schema: &Map<String, Value>) -> Option<String> {
    let name = path.split(['.', '[']).next().filter(|name| !name.is_empty())?;
    let property = schema.get("properties")?.get(name)?;
    let words = property.get("enum").and_then(Value::as_array);
    let kind = match (words, property.get("type").and_then(Value::as_str)) {
        (Some(words), _) => words.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", "),
        (None, Some("array")) => match fields(property.get("items")) {
            Some(fields) => format!("a list of objects with {fields}"),
            None => {
                let of = property.pointer("/items/type").and_then(Value::as_str).unwrap_or("value");
                format!("a list of {of} values")
            }
        },
        (None, Some("object")) if fields(Some(property)).is_some() => {
            format!("an object with {}", fields(Some(property)).unwrap_or_default())
        }
        (None, Some(kind)) => format!("{} {kind}", if kind.starts_with(['a', 'i', 'o']) { "an" } else { "a" }),
        (None, None) => return None,
    };
    let described = property.get("description").and_then(Value::as_str).map(|text| format!(" ({text})"));
    let default =
        property.get("default").filter(|default| !default.is_null()).map(|value| format!(", default {value}"));
    Some(format!("`{name}` takes {kind}{}{}.", described.unwrap_or_default(), default.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn schema() -> Map<String, Value> {
        let schema = json!({"properties": {
            "host": {"type": "string"},
            "timeout": {"type": "integer", "description": "seconds, default 60"},
            "all_": {"type": "boolean", "default": false},
            "packages": {"type": "array", "items": {"type": "string"}},
            "hunks": {"type": "array", "items": {"type": "object"}},
            "lines": {"type": "integer"},
            "state": {"type": "string", "enum": ["on", "off"]},
        }});
        schema.as_object().unwrap().clone()
    }

    fn forgiven(args: Value) -> Value {
        let mut args = args.as_object().unwrap().clone();
        forgive(&mut args, &schema());
        Value::Object(args)
    }

    #[test]
    fn the_only_reading_is_taken() {
        assert_eq!(
            forgiven(json!({"host": "30", "timeout": "30", "all": "true", "packages": "htop", "tail": 5.0})),
            json!({"host": "30", "timeout": 30, "packages": ["htop"], "all_": true, "lines": 5})
        );
        assert_eq!(forgiven(json!({"packages": "[\"a\",\"b\"]"})), json!({"packages": ["a", "b"]}));
    }

    #[test]
    fn objects_in_arguments_are_read_alike() {
        let schema = json!({"properties": {
            "generate": {"type": "object", "properties": {"bytes": {"type": "integer"}, "alphabet": {"type": "string"}}},
            "calls": {"type": "array", "items": {"type": "object", "required": ["tool"],
                "properties": {"tool": {"type": "string"}, "arguments": {"type": "object"}}}},
        }});
        let mut args = json!({"generate": {"bytes": "32", "alphabet": null},
            "calls": [{"tool": "a", "arguments": "{\"host\":\"b\"}"}, {"tool": "c", "arguments": null}]});
        forgive(args.as_object_mut().unwrap(), schema.as_object().unwrap());
        let expected =
            json!({"generate": {"bytes": 32}, "calls": [{"tool": "a", "arguments": {"host": "b"}}, {"tool": "c"}]});
        assert_eq!(args, expected);
        let told = takes("calls[0]", schema.as_object().unwrap()).unwrap();
        assert!(told.contains("a list of objects with tool, arguments (optional)"), "{told}");
        let told = plain("invalid type: boolean `true`, expected struct Generate");
        assert_eq!(told, "invalid type: boolean `true`, expected an object");
        assert_eq!(
            plain("invalid type: string \"5s\", expected u64"),
            "invalid type: string \"5s\", expected a whole number"
        );
    }

    #[test]
    fn what_may_be_read_in_two_ways_stays_as_it_was() {
        for args in [
            json!({"timeout": "soon"}),
            json!({"timeout": "007"}),
            json!({"timeout": 1.5}),
            json!({"all_": "yes"}),
            json!({"packages": "a b"}),
            json!({"packages": "a,b"}),
            json!({"packages": ""}),
            json!({"hunks": "x"}),
            json!({"host": 5}),
            json!({"Host": "a", "host ": "b", "__proto__": 1}),
            json!({"all": true, "all_": false}),
        ] {
            assert_eq!(forgiven(args.clone()), args);
        }
    }

    #[test]
    fn a_refusal_says_what_is_taken() {
        let said = |path: &str| takes(path, &schema()).unwrap();
        assert_eq!(said("timeout"), "`timeout` takes an integer (seconds, default 60).");
        assert_eq!(said("packages[0]"), "`packages` takes a list of string values.");
        assert_eq!(said("state"), "`state` takes on, off.");
        assert_eq!(said("all_"), "`all_` takes a boolean, default false.");
        assert_eq!(takes(".", &schema()), None);
    }
}
