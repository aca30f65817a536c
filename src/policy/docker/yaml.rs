//! YAML as data, within bounds: what compose files and the renderings of docker-compose 1.29 are read with.
//!
//! Aliases are expanded against a budget, so a few lines cannot become gigabytes; nesting is bounded, so a deep
//! file cannot exhaust the stack; a key that appears twice is an error, because readers differ on which one wins.

use std::collections::HashMap;

use serde_json::{Map, Number, Value};
use yaml_rust2::parser::{Event, Parser};
use yaml_rust2::scanner::TScalarStyle;
use yaml_rust2::yaml::Yaml;

/// Most nodes of a document, aliases expanded.
const NODES_MAX: usize = 200_000;
/// Deepest nesting.
const DEPTH_MAX: usize = 64;
/// Largest text, in bytes.
pub const TEXT_MAX: usize = 4 * 1024 * 1024;

/// Why a text is no YAML that is accepted here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadYaml {
    /// The scanner's or parser's complaint, without the text.
    #[error("it is no YAML (line {0})")]
    Syntax(usize),
    /// Over [`TEXT_MAX`], [`NODES_MAX`] or [`DEPTH_MAX`].
    #[error("it is too large or too deeply nested")]
    TooLarge,
    /// A key twice in one mapping.
    #[error("the key {0:?} appears twice")]
    Twice(String),
    /// A mapping or list as a key.
    #[error("a key is no plain word")]
    Key,
    /// None or several documents.
    #[error("it does not hold exactly one document")]
    Documents,
}

/// A value under construction.
struct Open {
    anchor: usize,
    node: Node,
}

enum Node {
    List(Vec<Value>),
    /// The mapping so far and the key that waits for its value.
    Table(Map<String, Value>, Option<String>),
}

/// Reads one document. Tags are ignored, merge keys stay as the key `<<`.
pub fn parse(text: &str) -> Result<Value, BadYaml> {
    if text.len() > TEXT_MAX {
        return Err(BadYaml::TooLarge);
    }
    let mut parser = Parser::new_from_str(text);
    let mut open: Vec<Open> = Vec::new();
    let mut anchors: HashMap<usize, (Value, usize)> = HashMap::new();
    let mut root: Option<Value> = None;
    let mut documents = 0_usize;
    let mut nodes = 0_usize;
    loop {
        let (event, _) = parser.next_token().map_err(|e| BadYaml::Syntax(e.marker().line()))?;
        let done = match event {
            Event::StreamEnd => break,
            Event::DocumentStart => {
                documents += 1;
                continue;
            }
            Event::Nothing | Event::StreamStart | Event::DocumentEnd => continue,
            Event::SequenceStart(anchor, _) => {
                open.push(Open { anchor, node: Node::List(Vec::new()) });
                None
            }
            Event::MappingStart(anchor, _) => {
                open.push(Open { anchor, node: Node::Table(Map::new(), None) });
                None
            }
            Event::SequenceEnd | Event::MappingEnd => open.pop().map(|o| match o.node {
                Node::List(items) => (Value::Array(items), o.anchor),
                Node::Table(table, _) => (Value::Object(table), o.anchor),
            }),
            Event::Scalar(text, style, anchor, tag) => {
                let quoted = style != TScalarStyle::Plain || tag.is_some_and(|t| t.suffix == "str");
                Some((if quoted { Value::String(text) } else { scalar(text) }, anchor))
            }
            Event::Alias(anchor) => {
                let (value, size) = anchors.get(&anchor).ok_or(BadYaml::Syntax(0))?;
                nodes += size;
                if nodes > NODES_MAX {
                    return Err(BadYaml::TooLarge);
                }
                Some((value.clone(), 0))
            }
        };
        nodes += 1;
        if nodes > NODES_MAX || open.len() > DEPTH_MAX {
            return Err(BadYaml::TooLarge);
        }
        let Some((value, anchor)) = done else { continue };
        if anchor != 0 {
            let size = count(&value);
            anchors.insert(anchor, (value.clone(), size));
        }
        match open.last_mut() {
            None => root = Some(value),
            Some(Open { node: Node::List(items), .. }) => items.push(value),
            Some(Open { node: Node::Table(table, key), .. }) => match key.take() {
                None => *key = Some(key_text(value)?),
                Some(name) => {
                    if table.contains_key(&name) {
                        return Err(BadYaml::Twice(name));
                    }
                    table.insert(name, value);
                }
            },
        }
    }
    match (root, documents) {
        (Some(value), 1) => Ok(value),
        _ => Err(BadYaml::Documents),
    }
}

fn scalar(text: String) -> Value {
    match Yaml::from_str(&text) {
        Yaml::Null => Value::Null,
        Yaml::Boolean(b) => Value::Bool(b),
        Yaml::Integer(n) => Value::Number(n.into()),
        Yaml::Real(_) => match text.parse::<f64>().ok().and_then(Number::from_f64) {
            Some(n) => Value::Number(n),
            None => Value::String(text),
        },
        _ => Value::String(text),
    }
}

fn key_text(value: Value) -> Result<String, BadYaml> {
    match value {
        Value::String(text) => Ok(text),
        Value::Number(n) => Ok(n.to_string()),
        Value::Bool(b) => Ok(b.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => Err(BadYaml::Key),
    }
}

/// Nodes of a value; its depth is bounded by the parse.
fn count(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(count).sum::<usize>(),
        Value::Object(table) => 1 + table.values().map(count).sum::<usize>(),
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn reads_data() {
        let text = "a: &x [1, 'two', true, ~]\nb: *x\nc: {d: 0.5, e: \"0x10\"}\nf: |\n  t\n";
        assert_eq!(
            parse(text).unwrap(),
            json!({"a": [1, "two", true, null], "b": [1, "two", true, null], "c": {"d": 0.5, "e": "0x10"}, "f": "t\n"})
        );
        assert_eq!(parse("<<: {a: 1}\nb: !!str 1\n").unwrap(), json!({"<<": {"a": 1}, "b": "1"}));
    }

    #[test]
    fn bounds_hold() {
        let mut bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
        for n in 1..12 {
            let refs = vec![format!("*a{}", n - 1); 10].join(",");
            bomb.push_str(&format!("a{n}: &a{n} [{refs}]\n"));
        }
        assert_eq!(parse(&bomb), Err(BadYaml::TooLarge));
        assert_eq!(parse(&format!("{}{}", "[".repeat(100), "]".repeat(100))), Err(BadYaml::TooLarge));
        assert!(parse(&"[".repeat(100_000)).is_err());
        assert_eq!(parse("a: 1\na: 2\n"), Err(BadYaml::Twice("a".into())));
        assert_eq!(parse("? [a]\n: 1\n"), Err(BadYaml::Key));
        assert_eq!(parse("a: 1\n---\nb: 2\n"), Err(BadYaml::Documents));
        assert_eq!(parse(""), Err(BadYaml::Documents));
        assert!(matches!(parse("a: [1"), Err(BadYaml::Syntax(_))));
    }
}
