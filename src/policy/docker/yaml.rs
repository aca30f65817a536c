//! YAML as data, within bounds: what compose files and the renderings of docker-compose 1.29 are read with.
//!
//! Aliases are expanded against a budget, so a few lines cannot become gigabytes; nesting is bounded, so a deep
//! file cannot exhaust the stack; a key that appears twice is an error, because readers differ on which one wins. For the
//! same reason, what other readers of YAML may take in another way is an error: line ends of Unicode, control characters,
//! directives, keys behind a question mark or a tag, and tags that make another value of a text.

use std::collections::HashMap;

use serde_json::{Map, Number, Value};
use yaml_rust2::parser::{Event, Parser, Tag};
use yaml_rust2::scanner::{Scanner, TScalarStyle, TokenType};
use yaml_rust2::yaml::Yaml;

/// Most nodes of a document, aliases expanded.
const NODES_MAX: usize = 200_000;
/// Deepest nesting.
const DEPTH_MAX: usize = 64;
/// Largest text, in bytes.
pub(crate) const TEXT_MAX: usize = 4 * 1024 * 1024;

/// Why a text is not YAML that is accepted here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadYaml {
    /// The scanner's or parser's complaint, without the text.
    #[error("it is not YAML (line {0})")]
    Syntax(usize),
    /// Over [`TEXT_MAX`], [`NODES_MAX`] or [`DEPTH_MAX`].
    #[error("it is too large or too deeply nested")]
    TooLarge,
    /// A key twice in one mapping.
    #[error("the key {0:?} appears twice")]
    Twice(String),
    /// A mapping or list as a key.
    #[error("a key is not a plain word")]
    Key,
    /// A character that other readers take for a line end or refuse.
    #[error("it holds the character U+{0:04X}, which readers of YAML take in different ways")]
    Character(u32),
    /// A line that begins with `%`.
    #[error("it holds a directive, a line that begins with `%`")]
    Directive,
    /// A key behind `?`.
    #[error("a key is written behind a question mark")]
    QuestionMark,
    /// A tag on a key, or one that is not in [`TAGS`].
    #[error(
        "it holds the tag {0:?}; only !!str, !!int, !!bool, !!float, !!null, !reset and !override pass, and none on a key"
    )]
    Tag(String),
    /// None or several documents.
    #[error("it does not hold exactly one document")]
    Documents,
}

/// The tags of values that pass: those of plain data, and those with which compose takes a value out or exchanges it.
const TAGS: [(&str, &str); 7] = [
    ("tag:yaml.org,2002:", "str"),
    ("tag:yaml.org,2002:", "int"),
    ("tag:yaml.org,2002:", "bool"),
    ("tag:yaml.org,2002:", "float"),
    ("tag:yaml.org,2002:", "null"),
    ("!", "reset"),
    ("!", "override"),
];

/// A character that splits a line for some readers of text only, or that none should meet in it.
pub(crate) fn odd_character(text: &str) -> Option<char> {
    let odd = |c: &char| {
        matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}') || (c.is_control() && !matches!(c, '\t' | '\n' | '\r'))
    };
    unmarked(text).chars().find(odd)
}

/// JSON text with escapes for the characters of [`odd_character`], which stand in its strings only.
pub(super) fn escaped(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if odd_character(c.encode_utf8(&mut [0; 4])).is_some() || c == '\u{feff}' {
            out.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            out.push(c);
        }
    }
    out
}

/// Without the mark of UTF-8, which may stand before a text.
pub(super) fn unmarked(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// Refuses what other readers may take in another way, as far as the text itself shows it.
fn check_spelling(text: &str) -> Result<(), BadYaml> {
    if let Some(c) = odd_character(text) {
        return Err(BadYaml::Character(c.into()));
    }
    if text.split(['\n', '\r']).any(|line| line.starts_with('%')) {
        return Err(BadYaml::Directive);
    }
    if !text.contains('?') {
        return Ok(());
    }
    let mut chars = text.chars().enumerate();
    for token in Scanner::new(text.chars()) {
        // A key's token stands where the key begins, or at its question mark.
        if matches!(token.1, TokenType::Key) {
            let mut from = chars.by_ref().skip_while(|(at, _)| *at < token.0.index()).map(|(_, c)| c);
            if from.next() == Some('?') && from.next().is_none_or(char::is_whitespace) {
                return Err(BadYaml::QuestionMark);
            }
        }
    }
    Ok(())
}

fn check_tag(tag: Option<&Tag>, is_key: bool) -> Result<(), BadYaml> {
    match tag {
        None => Ok(()),
        Some(tag) if !is_key && TAGS.contains(&(tag.handle.as_str(), tag.suffix.as_str())) => Ok(()),
        Some(tag) => Err(BadYaml::Tag(format!("{}{}", tag.handle, tag.suffix))),
    }
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

/// Reads one document. The tag `!!str` makes a text, other tags that pass are ignored; merge keys stay as the key `<<`.
pub(crate) fn parse(text: &str) -> Result<Value, BadYaml> {
    if text.len() > TEXT_MAX {
        return Err(BadYaml::TooLarge);
    }
    let text = unmarked(text);
    check_spelling(text)?;
    let mut parser = Parser::new_from_str(text);
    let mut open: Vec<Open> = Vec::new();
    let mut anchors: HashMap<usize, (Value, usize)> = HashMap::new();
    let mut root: Option<Value> = None;
    let mut documents = 0_usize;
    let mut nodes = 0_usize;
    loop {
        let (event, _) = parser.next_token().map_err(|e| BadYaml::Syntax(e.marker().line()))?;
        if let Event::Scalar(_, _, _, tag) | Event::SequenceStart(_, tag) | Event::MappingStart(_, tag) = &event {
            check_tag(tag.as_ref(), matches!(open.last(), Some(Open { node: Node::Table(_, None), .. })))?;
        }
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
    fn what_readers_take_in_different_ways_is_refused() {
        for c in ['\u{85}', '\u{2028}', '\u{2029}', '\u{feff}', '\u{b}', '\u{c}', '\u{0}', '\u{1b}', '\u{7f}', '\u{9b}']
        {
            let odd = Err(BadYaml::Character(c.into()));
            assert_eq!(parse(&format!("a: 1\n#{c}include: [x]\n")), odd, "{c:?}");
            assert_eq!(parse(&format!("a: \"{c}\"\n")), odd, "{c:?}");
        }
        for text in [
            "!!binary aW5jbHVkZQ==: [x]\n",
            "!!str include: [x]\n",
            "{!!str include: [x]}\n",
            "a: !!binary eA==\n",
            "a: !<tag:yaml.org,2002:binary> eA==\n",
            "a: !!python/name:os.system x\n",
            "a: !!map {b: 1}\n",
            "a: !other x\n",
            "a: ! x\n",
            "a: [!!set {b}]\n",
            "a: &x !!timestamp 2001-01-01\n",
        ] {
            assert!(matches!(parse(text), Err(BadYaml::Tag(_))), "{text}: {:?}", parse(text));
        }
        for text in ["%TAG !e! tag:yaml.org,2002:\n---\n!e!binary aW5jbHVkZQ==: 1\n", "%YAML 1.1\n---\na: 1\n"] {
            assert_eq!(parse(text), Err(BadYaml::Directive), "{text}");
        }
        for text in
            ["? include\n: [x]\n", "a: {? include : [x]}\n", "a:\n- ? include\n  : x\n", "b: é\n? a\n", "?\n  a\n: b\n"]
        {
            assert_eq!(parse(text), Err(BadYaml::QuestionMark), "{text}");
        }
        for (text, value) in [
            ("\u{feff}include: [x]\n", json!({"include": ["x"]})),
            (
                "a: !reset null\nb: !override [1]\nc: !!str 1\nd: !!int 1\n",
                json!({"a": null, "b": [1], "c": "1", "d": 1}),
            ),
            (
                "a: |\n  case x in\n  ? ) echo %s;;\n  esac\n?b: \"? \"\n",
                json!({"a": "case x in\n? ) echo %s;;\nesac\n", "?b": "? "}),
            ),
            ("a: é\tb\r\n\"? c\": 'x!'\r\n", json!({"a": "é\tb", "? c": "x!"})),
        ] {
            assert_eq!(parse(text).unwrap(), value, "{text}");
        }
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
        assert_eq!(parse("[a]: 1\n"), Err(BadYaml::Key));
        assert_eq!(parse("a: 1\n---\nb: 2\n"), Err(BadYaml::Documents));
        assert_eq!(parse(""), Err(BadYaml::Documents));
        assert!(matches!(parse("a: [1"), Err(BadYaml::Syntax(_))));
    }
}
