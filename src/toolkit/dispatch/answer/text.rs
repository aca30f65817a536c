//! An answer as text: all that its structured form holds, for clients that show nothing else.
//!
//! One field a line. A text of several lines stands below its name, which says how many lines it has; a list of objects is
//! a table, its columns named once; what is deeper is indented. The numbers of lines and rows make it unambiguous, whatever
//! the remote side printed.

use std::fmt::Write as _;

use serde_json::{Map, Value};

/// Longest list of words on one line, in bytes.
const LINE_MAX: usize = 160;

/// What stands between the cells of a row.
const GAP: &str = " | ";

/// A cell without a value.
const NOTHING: &str = "-";

/// The text of an answer.
pub(crate) fn render(answer: &Value) -> String {
    let mut out = String::new();
    match answer {
        Value::Object(map) => fields(&mut out, map, ""),
        other => out.push_str(&scalar(other)),
    }
    let end = out.strip_suffix('\n').map_or(out.len(), str::len);
    out.truncate(end);
    out
}

fn fields(out: &mut String, map: &Map<String, Value>, indent: &str) {
    for (name, value) in map {
        field(out, name, value, indent);
    }
}

fn field(out: &mut String, name: &str, value: &Value, indent: &str) {
    let name = &label(name);
    match value {
        Value::String(text) if text.contains('\n') => lines(out, name, text, indent),
        Value::Array(items) => list(out, name, items, indent),
        Value::Object(map) if !map.is_empty() => {
            let _ = writeln!(out, "{indent}{name}:");
            fields(out, map, &format!("{indent}  "));
        }
        other => {
            let _ = writeln!(out, "{indent}{name}: {}", scalar(other));
        }
    }
}

/// The name of a field. One that could be taken for more than a name is quoted.
fn label(name: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "_.-/@".contains(c);
    if !name.is_empty() && !name.starts_with('-') && name.chars().all(plain) {
        name.to_owned()
    } else {
        Value::from(name).to_string()
    }
}

/// A text of lines, as it is. Below the first level it is indented.
fn lines(out: &mut String, name: &str, text: &str, indent: &str) {
    let count = text.lines().count();
    let unit = if count == 1 { "line" } else { "lines" };
    let end = if text.ends_with('\n') { "" } else { ", no newline at its end" };
    let _ = writeln!(out, "{indent}{name} ({count} {unit}{end}):");
    let deeper = if indent.is_empty() { String::new() } else { format!("{indent}  ") };
    // Only a newline ends a line here: a carriage return belongs to it.
    for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
        let _ = writeln!(out, "{deeper}{line}");
    }
}

fn list(out: &mut String, name: &str, items: &[Value], indent: &str) {
    if items.is_empty() {
        let _ = writeln!(out, "{indent}{name} (0): none");
        return;
    }
    let count = items.len();
    if let Some(columns) = columns(items) {
        let heads: Vec<String> = columns.iter().map(|column| cell(&Value::from(*column))).collect();
        let _ = writeln!(out, "{indent}{name} ({count} row{}): {}", if count == 1 { "" } else { "s" }, heads.join(GAP));
        for item in items {
            let cells: Vec<String> =
                columns.iter().map(|column| item.get(*column).map_or_else(|| NOTHING.to_owned(), cell)).collect();
            let _ = writeln!(out, "{indent}{}", cells.join(GAP));
        }
        return;
    }
    if items.iter().all(|item| !item.is_array() && !item.is_object()) {
        let words: Vec<String> = items.iter().map(word).collect();
        let line = words.join(", ");
        if line.len() <= LINE_MAX {
            let _ = writeln!(out, "{indent}{name} ({count}): {line}");
            return;
        }
    }
    let _ = writeln!(out, "{indent}{name} ({count}):");
    for item in items {
        match item {
            Value::Object(map) if !map.is_empty() => {
                let mut inner = String::new();
                let deeper = format!("{indent}  ");
                fields(&mut inner, map, &deeper);
                // The first field stands behind the mark.
                let _ = write!(out, "{indent}* {}", inner.strip_prefix(&deeper).unwrap_or(&inner));
            }
            Value::Array(_) | Value::Object(_) => {
                let _ = writeln!(out, "{indent}- {item}");
            }
            other => {
                let _ = writeln!(out, "{indent}- {}", scalar(other));
            }
        }
    }
}

/// The columns of a table: the names of all rows, in the order in which they come. Nothing where a cell is not a plain
/// value, or where most cells would be empty.
fn columns(items: &[Value]) -> Option<Vec<&str>> {
    let mut names: Vec<&str> = Vec::new();
    let mut cells = 0;
    for item in items {
        let row = item.as_object().filter(|row| !row.is_empty())?;
        for (name, value) in row {
            let plain = match value {
                Value::Array(_) | Value::Object(_) | Value::Null => false,
                Value::String(text) => !text.contains('\n'),
                Value::Bool(_) | Value::Number(_) => true,
            };
            if !plain {
                return None;
            }
            cells += 1;
            if !names.contains(&name.as_str()) {
                names.push(name);
            }
        }
    }
    (cells * 2 >= names.len() * items.len()).then_some(names)
}

/// A value in a table. What could be taken for something else is quoted as in JSON.
fn cell(value: &Value) -> String {
    match value {
        Value::String(text) if text == NOTHING || text.contains(GAP.trim()) => Value::from(text.as_str()).to_string(),
        other => scalar(other),
    }
}

/// A value in a line of words.
fn word(value: &Value) -> String {
    match value {
        Value::String(text) if text.contains(", ") => Value::from(text.as_str()).to_string(),
        other => scalar(other),
    }
}

/// A value on its line. Texts stand as they are, unless blanks at their ends, a newline or a quote at their beginning
/// would be lost on a reader.
fn scalar(value: &Value) -> String {
    match value {
        Value::String(text)
            if text.is_empty() || text.trim() != text || text.contains('\n') || text.starts_with('"') =>
        {
            Value::from(text.as_str()).to_string()
        }
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
