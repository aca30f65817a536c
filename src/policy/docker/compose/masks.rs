//! The exact values of redact-listed variable files, taken out of every answer about the project. Pure.

use serde_json::Value;

use crate::model::error::ToolError;

/// What stands in the place of a value.
const MASK: &str = "[REDACTED]";

/// Shortest value that is looked for, in bytes: a shorter one would blot out ordinary text.
const VALUE_MIN: usize = 4;

/// Shortest part of a value that is looked for on its own, in bytes.
const PART_MIN: usize = 6;

/// Where programs split a value before they complain about one part of it.
const SEPARATORS: [char; 12] = [':', '/', '@', ',', '=', ';', '&', '?', '|', ' ', '\t', '\n'];

/// Values that say nothing.
const PLAIN: [&str; 8] = ["true", "false", "none", "null", "always", "never", "http", "https"];

/// The texts to take out, longest first.
#[derive(Debug, Clone, Default)]
pub struct Masks(Vec<String>);

impl Masks {
    /// Looks for these values, but for what is short, says nothing, or stands in `public` anyway: texts that a caller may
    /// read as they are.
    pub fn of(values: &[String], public: &[&str]) -> Self {
        let mut all: Vec<String> = Vec::new();
        let shown = |text: &str| {
            let lower = text.to_ascii_lowercase();
            PLAIN.contains(&lower.as_str()) || public.iter().any(|public| public.contains(text))
        };
        for value in values {
            let value = value.trim();
            let parts = value.split(SEPARATORS).filter(|part| part.len() >= PART_MIN);
            let lines = value.lines().map(str::trim).filter(|line| line.len() >= VALUE_MIN);
            for text in std::iter::once(value).filter(|v| v.len() >= VALUE_MIN).chain(lines).chain(parts) {
                if shown(text) {
                    continue;
                }
                let quoted = Value::String(text.to_owned()).to_string();
                let inner = quoted.trim_matches('"').to_owned();
                all.extend([text.to_owned(), inner, text.replace('$', "$$"), text.to_ascii_lowercase()]);
            }
        }
        all.retain(|text| !text.is_empty());
        all.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        all.dedup();
        Masks(all)
    }

    /// The text without the values.
    pub fn text(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, value| text.replace(value.as_str(), MASK))
    }

    /// Rows of JSON without the values: texts only, since a number that was changed would break the rows.
    pub fn rows(&self, rows: &str) -> String {
        let read: Result<Vec<Value>, _> = serde_json::Deserializer::from_str(rows).into_iter().collect();
        let Ok(mut read) = read else { return self.text(rows) };
        for row in &mut read {
            self.value(row);
        }
        read.iter().map(|row| format!("{row}\n")).collect()
    }

    fn value(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.text(text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.value(item)),
            Value::Object(map) => map.values_mut().for_each(|value| self.value(value)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// The same for a refusal.
    pub fn error(&self, error: ToolError) -> ToolError {
        ToolError { what: self.text(&error.what), next: self.text(&error.next), ..error }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_values_go_in_every_spelling_and_public_words_stay() {
        let values = [
            "Harmless-Tag-77",
            "p\"q$1\\x",
            "postgres://app:s3cr3tword@db/shop",
            "prod",
            "ab",
            "true",
            "l1ne one\nl1ne two",
        ];
        let values: Vec<String> = values.iter().map(ToString::to_string).collect();
        let masks = Masks::of(&values, &["services: {db: {image: \"postgres:16\"}} # prod"]);
        for text in [
            "invalid reference format: \"a:Harmless-Tag-77\"",
            "harmless-tag-77",
            "p\"q$1\\x",
            "p\\\"q$1\\\\x",
            "p\"q$$1\\x",
            "invalid port: app:s3cr3tword@db",
            "l1ne two",
            "l1ne one\\nl1ne two",
        ] {
            let after = masks.text(text);
            assert!(
                after.contains(MASK) && !values.iter().any(|v| v.len() > 4 && after.contains(v)),
                "{text}: {after}"
            );
            assert!(!after.contains("s3cr3t") && !after.contains("l1ne"), "{after}");
        }
        for stays in ["postgres:16 prod ab true", "up 3 seconds"] {
            assert_eq!(masks.text(stays), stays);
        }
        let rows = "{\"Name\":\"Harmless-Tag-77\",\"Port\":8080}\n[{\"a\":\"x8080\"}]\n";
        let masks8080 = Masks::of(&["8080".to_owned(), "Harmless-Tag-77".to_owned()], &[]);
        assert_eq!(masks8080.rows(rows), "{\"Name\":\"[REDACTED]\",\"Port\":8080}\n[{\"a\":\"x[REDACTED]\"}]\n");
        assert_eq!(masks8080.rows("no rows: 8080"), "no rows: [REDACTED]");
        let refusal = masks.error(ToolError::value("cap_add \"Harmless-Tag-77\"", "not Harmless-Tag-77"));
        assert_eq!((refusal.what.as_str(), refusal.next.as_str()), ("cap_add \"[REDACTED]\"", "not [REDACTED]"));
    }
}
