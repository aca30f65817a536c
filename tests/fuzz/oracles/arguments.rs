//! Arguments of tools: what a tool decodes is what its published schema allows, and an unknown name never passes.

use serde_json::{Map, Value, json};
use ssh_mcp::internals::toolkit::Entry;

use super::feed::Feed;

pub fn check(data: &[u8]) {
    let tools = ssh_mcp::internals::tools::all();
    let mut feed = Feed::new(data);
    let entry = &tools[feed.roll(tools.len())];
    let schema = &entry.decl().input_schema;
    let empty = Map::new();
    let fields = schema.get("properties").and_then(Value::as_object).unwrap_or(&empty);
    let mut args = Map::new();
    for (name, field) in fields {
        if let Some(value) = some_value(&mut feed, field) {
            args.insert(name.clone(), value);
        }
    }
    if feed.roll(6) == 0 {
        let name = feed.pick(&["Host", "host ", "path\u{0}", "x", "", "_meta", "type"]);
        args.insert(name.to_owned(), some_value(&mut feed, &json!({})).unwrap_or_default());
    }
    taken(entry, &args);
}

/// What a tool takes conforms to its schema.
fn taken(entry: &Entry, args: &Map<String, Value>) {
    let name = entry.spec.name;
    let schema = Value::Object((*entry.decl().input_schema).clone());
    let (mut meant, decoded) = ssh_mcp::internals::parsers::arguments(name, args.clone()).expect("it is a tool");
    // Permission bits are published as octal text, the one plain type; a number that cannot be meant as octal is taken as well.
    if let Some(mode) = meant.get_mut("mode").filter(|mode| mode.is_u64()) {
        *mode = json!("0644");
    }
    let conforms = conforms(&schema, &Value::Object(meant));
    if let (Ok(()), Err(why)) = (&decoded, conforms) {
        panic!("{name} takes {args:?}, and its schema does not: {why}");
    }
    if let Err(error) = decoded {
        assert!(error.starts_with("ValueError"), "{name}: {error}");
    }
}

/// A value for a field: mostly of its type, sometimes hostile, sometimes none.
fn some_value(feed: &mut Feed, field: &Value) -> Option<Value> {
    let texts = [
        "web",
        "/srv/x",
        "",
        "..",
        "-x",
        "--",
        "a\u{0}b",
        "a\nb",
        "nginx.service",
        "nginx",
        "*",
        "0",
        "latest",
        "a:b",
        "/a:/b:ro",
        "\u{202e}",
        "\u{1b}[2J",
        "KEY=value",
        "2024-01-01",
        "0644",
        "$(id)",
        "a b",
        "~",
        "1.5",
        "@",
        "é",
        "name+",
        "apt/now",
        "unit@.service",
        "POST",
        "sha256:00",
        "tcp",
        "no",
        "80:80",
    ];
    let kinds = types(field);
    let kind = match feed.roll(8) {
        0 => return None,
        1 => feed.pick(&["string", "integer", "boolean", "array", "object", "null", "number"]),
        at => kinds.get(at % kinds.len().max(1)).copied().unwrap_or("string"),
    };
    let text = |feed: &mut Feed| match field.get("enum").and_then(Value::as_array) {
        Some(known) if feed.roll(4) > 0 => known[feed.roll(known.len())].clone(),
        _ => Value::String(feed.text(2, &texts)),
    };
    Some(match kind {
        "integer" => json!(feed.pick(&[0, 1, 7, 100, 1001, -1, i64::MAX, i64::MIN])),
        "number" => json!(feed.pick(&[0.5, -0.0, 1e300])),
        "boolean" => json!(feed.roll(2) == 0),
        "null" => Value::Null,
        "array" => {
            let count = feed.roll(3);
            Value::Array((0..count).map(|_| text(feed)).collect())
        }
        "object" => {
            let count = feed.roll(3);
            Value::Object((0..count).map(|_| (feed.text(2, &texts), text(feed))).collect())
        }
        _ => text(feed),
    })
}

fn types(schema: &Value) -> Vec<&str> {
    match schema.get("type") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// As much of JSON Schema as the tools use.
fn conforms(schema: &Value, value: &Value) -> Result<(), String> {
    let own = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(n) if n.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let kinds = types(schema);
    let fits = kinds.is_empty() || kinds.contains(&own) || (own == "integer" && kinds.contains(&"number"));
    if !fits {
        return Err(format!("{value} is {own}, not {kinds:?}"));
    }
    if let Some(known) = schema.get("enum").and_then(Value::as_array) {
        if !known.contains(value) {
            return Err(format!("{value} is none of {known:?}"));
        }
    }
    for (key, fits) in [("minimum", true), ("maximum", false)] {
        if let (Some(bound), Some(n)) = (schema.get(key).and_then(Value::as_f64), value.as_f64()) {
            if (fits && n < bound) || (!fits && n > bound) {
                return Err(format!("{value} is beyond the {key} {bound}"));
            }
        }
    }
    if let (Some(choices), Value::Object(_) | Value::Array(_) | Value::String(_)) =
        (schema.get("anyOf").or(schema.get("oneOf")).and_then(Value::as_array), value)
    {
        if !choices.iter().any(|choice| conforms(choice, value).is_ok()) {
            return Err(format!("{value} fits no choice"));
        }
    }
    match value {
        Value::Array(items) => {
            if let Some(of) = schema.get("items") {
                items.iter().try_for_each(|item| conforms(of, item))?;
            }
        }
        Value::Object(map) => {
            let fields = schema.get("properties").and_then(Value::as_object);
            for (name, value) in map {
                match (fields.and_then(|f| f.get(name)), schema.get("additionalProperties")) {
                    // `null` counts as absent.
                    (Some(_), _) if value.is_null() => {}
                    (Some(field), _) => conforms(field, value).map_err(|why| format!("{name}: {why}"))?,
                    (None, Some(Value::Bool(false))) => return Err(format!("{name:?} is unknown")),
                    (None, Some(other @ Value::Object(_))) => conforms(other, value)?,
                    (None, _) => {}
                }
            }
            for name in schema.get("required").and_then(Value::as_array).into_iter().flatten() {
                if !name.as_str().is_some_and(|name| map.contains_key(name)) {
                    return Err(format!("{name} is missing"));
                }
            }
        }
        _ => {}
    }
    Ok(())
}
