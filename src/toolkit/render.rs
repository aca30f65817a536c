//! The short text beside a structured answer, for clients and models that read text.

use serde_json::Value;
use std::fmt::Write;

/// Longest text, in bytes; beyond it the text points to the structured answer.
const TEXT_MAX: usize = 16 * 1024;

/// Longest single value shown on its line, in characters.
const VALUE_MAX: usize = 4000;

/// Renders an answer as `key: value` lines, lists as one line an entry. Empty and null fields are left out.
pub fn text(answer: &Value) -> String {
    let mut out = String::new();
    match answer {
        Value::Object(map) => {
            for (key, value) in map {
                field(&mut out, key, value);
                if out.len() > TEXT_MAX {
                    break;
                }
            }
        }
        other => out = scalar(other),
    }
    bounded(out)
}

/// Cuts a text at its limit and says where the whole is.
pub fn bounded(mut text: String) -> String {
    if text.len() > TEXT_MAX {
        let mut at = TEXT_MAX;
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        text.truncate(at);
        text.push_str("\n[cut; the whole answer is in structuredContent]");
    }
    let trimmed = text.trim_end().len();
    text.truncate(trimmed);
    text
}

fn field(out: &mut String, key: &str, value: &Value) {
    match value {
        Value::Null | Value::Bool(false) => {}
        Value::String(s) if s.is_empty() => {}
        Value::Array(items) if items.is_empty() => {
            let _ = writeln!(out, "{key}: none");
        }
        Value::Array(items) => {
            let _ = writeln!(out, "{key} ({}):", items.len());
            for item in items {
                let _ = writeln!(out, "- {}", inline(item));
                if out.len() > TEXT_MAX {
                    return;
                }
            }
        }
        Value::Object(map) if map.is_empty() => {}
        Value::Object(_) => {
            let _ = writeln!(out, "{key}: {}", inline(value));
        }
        Value::String(s) if s.contains('\n') => {
            let _ = writeln!(out, "{key}:\n{}", cut(s));
        }
        other => {
            let _ = writeln!(out, "{key}: {}", cut(&scalar(other)));
        }
    }
}

fn inline(value: &Value) -> String {
    match value {
        Value::Object(map) => map
            .iter()
            .filter(|(_, v)| !v.is_null() && v.as_str() != Some(""))
            .map(|(k, v)| format!("{k}={}", inline(v)))
            .collect::<Vec<_>>()
            .join(" "),
        Value::Array(items) => items.iter().map(inline).collect::<Vec<_>>().join(","),
        other => cut(&scalar(other)),
    }
}

fn scalar(value: &Value) -> String {
    match value {
        Value::String(s) => s.clone(),
        other => other.to_string(),
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(VALUE_MAX) {
        Some((at, _)) => format!("{}...", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn leaves_out_what_says_nothing() {
        let answer = json!({"host": "a", "x": null, "flag": false, "n": 3, "list": [{"a": 1, "b": ""}], "none": []});
        assert_eq!(text(&answer), "host: a\nn: 3\nlist (1):\n- a=1\nnone: none");
    }

    #[test]
    fn is_bounded() {
        let answer = json!({"list": vec!["x".repeat(3000); 100]});
        let text = text(&answer);
        assert!(text.len() < TEXT_MAX + 4000);
        assert!(text.ends_with("structuredContent]"));
    }
}
