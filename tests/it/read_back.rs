//! Reads an answer back from its text and compares it with the structured form: a client that shows only one of the two
//! shows all of it. Every answer that a test receives is compared ([`crate::server::Server::answer`]).

#![allow(dead_code)] // The bench uses a part of it.

use serde_json::{Map, Value};

/// Fails where the two forms hold different facts. Clients that get one form only have nothing to compare.
pub fn same_facts(text: &str, data: &Value) {
    // What a search finds is a definition, no answer of a tool.
    if !data.is_object() || data["result"].is_array() {
        return;
    }
    let mut reader = Reader { lines: text.split('\n').collect(), at: 0 };
    let read = reader.fields("");
    assert_eq!(reader.at, reader.lines.len(), "not read to the end: {:?}\n{text}", reader.lines.get(reader.at));
    let expected = plain(data);
    assert!(read == expected, "the text holds\n{read}\nand the structured answer\n{expected}\n{text}");
}

/// The facts as texts: numbers and truth values as they are printed, and what lies in a list in a list as JSON.
fn plain(value: &Value) -> Value {
    match value {
        Value::Object(map) if map.is_empty() => Value::from("{}"),
        Value::Object(map) => Value::Object(map.iter().map(|(name, value)| (name.clone(), plain(value))).collect()),
        Value::Array(items) => items
            .iter()
            .map(|item| match item {
                Value::Array(_) => Value::from(item.to_string()),
                other => plain(other),
            })
            .collect(),
        Value::String(text) => Value::from(text.as_str()),
        other => Value::from(other.to_string()),
    }
}

struct Reader<'t> {
    lines: Vec<&'t str>,
    at: usize,
}

impl<'t> Reader<'t> {
    fn peek(&self) -> Option<&'t str> {
        self.lines.get(self.at).copied()
    }

    fn next(&mut self) -> &'t str {
        let line = self.peek().unwrap_or_else(|| panic!("the text ends too early"));
        self.at += 1;
        line
    }

    /// Fields up to a line that is indented less, or begins another entry.
    fn fields(&mut self, indent: &str) -> Value {
        let mut map = Map::new();
        while let Some(line) = self.peek().and_then(|line| line.strip_prefix(indent)) {
            if line.starts_with([' ', '*']) {
                break;
            }
            self.at += 1;
            let (name, value) = self.field(line, indent);
            assert!(map.insert(name.clone(), value).is_none(), "{name} stands there twice");
        }
        Value::Object(map)
    }

    fn field(&mut self, line: &str, indent: &str) -> (String, Value) {
        let (name, rest) = named(line);
        let deeper = format!("{indent}  ");
        if let Some(value) = rest.strip_prefix(": ") {
            return (name, Value::from(scalar(value)));
        }
        if rest == ":" {
            return (name, self.fields(&deeper));
        }
        let (count, rest) = rest.strip_prefix(" (").and_then(|rest| rest.split_once("):")).unwrap();
        let number: usize = count.split([' ', ',']).next().unwrap().parse().unwrap();
        if count.contains("line") {
            let before = if indent.is_empty() { "" } else { &deeper };
            let lines: Vec<&str> = (0..number).map(|_| self.next().strip_prefix(before).unwrap()).collect();
            let end = if count.ends_with("at its end") { "" } else { "\n" };
            return (name, Value::from(lines.join("\n") + end));
        }
        if count.contains("row") {
            let columns = cells(rest.strip_prefix(' ').unwrap());
            return (name, (0..number).map(|_| row(&columns, self.next().strip_prefix(indent).unwrap())).collect());
        }
        if let Some(words) = rest.strip_prefix(' ') {
            let items: Vec<Value> = if number == 0 { Vec::new() } else { words_of(words) };
            assert_eq!(items.len(), number, "{line}");
            return (name, Value::Array(items));
        }
        (name, (0..number).map(|_| self.entry(indent, &deeper)).collect())
    }

    fn entry(&mut self, indent: &str, deeper: &str) -> Value {
        let line = self.next().strip_prefix(indent).unwrap();
        if let Some(item) = line.strip_prefix("- ") {
            return Value::from(scalar(item));
        }
        let (name, first) = self.field(line.strip_prefix("* ").unwrap(), deeper);
        let Value::Object(rest) = self.fields(deeper) else { panic!() };
        Value::Object(std::iter::once((name, first)).chain(rest).collect())
    }
}

/// The name in front of a line, and what follows it.
fn named(line: &str) -> (String, &str) {
    if line.starts_with('"') {
        let mut quoted = serde_json::Deserializer::from_str(line).into_iter::<String>();
        let name = quoted.next().unwrap().unwrap();
        return (name, &line[quoted.byte_offset()..]);
    }
    let end = line.find([':', ' ']).unwrap_or_else(|| panic!("no name: {line:?}"));
    (line[..end].to_owned(), &line[end..])
}

fn scalar(text: &str) -> String {
    if text.starts_with('"') { serde_json::from_str(text).unwrap() } else { text.to_owned() }
}

fn words_of(text: &str) -> Vec<Value> {
    split(text, ", ").into_iter().map(|word| Value::from(scalar(word))).collect()
}

fn cells(text: &str) -> Vec<&str> {
    split(text, " | ")
}

/// Parts of a line; a part that begins with a quote ends with one.
fn split<'t>(mut text: &'t str, gap: &str) -> Vec<&'t str> {
    let mut parts = Vec::new();
    loop {
        let end = if text.starts_with('"') {
            let mut quoted = serde_json::Deserializer::from_str(text).into_iter::<String>();
            quoted.next().unwrap().unwrap();
            Some(quoted.byte_offset()).filter(|end| *end < text.len())
        } else {
            text.find(gap)
        };
        let Some(end) = end else {
            parts.push(text);
            return parts;
        };
        parts.push(&text[..end]);
        text = text[end..].strip_prefix(gap).unwrap_or_else(|| panic!("{text}"));
    }
}

fn row(columns: &[&str], line: &str) -> Value {
    let found = cells(line);
    assert_eq!(found.len(), columns.len(), "{line}");
    let filled = columns.iter().zip(found).filter(|(_, cell)| *cell != "-");
    Value::Object(filled.map(|(column, cell)| (scalar(column), Value::from(scalar(cell)))).collect())
}

#[test]
fn a_text_that_holds_less_or_else_is_found() {
    let data = serde_json::json!({"host": "box", "exit_code": 0, "rows": [{"a": 1, "b": "x"}], "stdout": "1\n2\n"});
    let text = "host: box\nexit_code: 0\nrows (1 row): a | b\n1 | x\nstdout (2 lines):\n1\n2";
    same_facts(text, &data);
    for wrong in [
        text.replace("exit_code: 0\n", ""),
        text.replace("1 | x", "1 | y"),
        text.replace("\n2", "\n3"),
        text.replace("2 lines", "2 lines, no newline at its end"),
        format!("{text}\nmore: x"),
    ] {
        assert!(std::panic::catch_unwind(|| same_facts(&wrong, &data)).is_err(), "{wrong}");
    }
}
