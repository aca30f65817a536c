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
        if let Some(property) = properties.get(name)
            && let Some(read) = reading(value, property)
        {
            *value = read;
        }
    }
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

/// What an argument takes, for a refusal: its type or words, what it says of itself, and its default.
pub(super) fn takes(path: &str, schema: &Map<String, Value>) -> Option<String> {
    let name = path.split(['.', '[']).next().filter(|name| !name.is_empty())?;
    let property = schema.get("properties")?.get(name)?;
    let words = property.get("enum").and_then(Value::as_array);
    let kind = match (words, property.get("type").and_then(Value::as_str)) {
        (Some(words), _) => words.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", "),
        (None, Some("array")) => {
            let of = property.pointer("/items/type").and_then(Value::as_str).unwrap_or("value");
            format!("a list of {of} values")
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
