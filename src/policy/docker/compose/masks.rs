//! The values of redact-listed variable files, taken out of every answer about the project. What compose complains of and
//! what the judge refuses is left out whole: they cut up what they cannot take, and a text that loses only what is in a value
//! would tell by its gaps what a value holds. Pure.

use serde_json::Value;

use crate::model::error::{ErrorName, ToolError};

/// What stands in the place of a value.
const MASK: &str = "[REDACTED]";

/// Shortest value that is looked for, in bytes: a shorter one would blot out ordinary text.
const VALUE_MIN: usize = 4;

/// Shortest part of a value that is looked for on its own, in bytes.
const PART_MIN: usize = 6;

/// Where programs split a value before they complain about one part of it.
const SEPARATORS: [char; 12] = [':', '/', '@', ',', '=', ';', '&', '?', '|', ' ', '\t', '\n'];

/// Values that say nothing.
const PLAIN: [&str; 16] = [
    "true",
    "false",
    "none",
    "null",
    "always",
    "never",
    "http",
    "https",
    "production",
    "development",
    "staging",
    "localhost",
    "postgres",
    "postgresql",
    "disabled",
    "enabled",
];

/// Stands for what a client said.
const LEFT_OUT: &str = "What compose said here is left out, because it may quote values of redact-listed files of variables. \
    It is seen on the host with `docker compose config`.\n";

/// The texts to take out, longest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Masks {
    texts: Vec<String>,
    /// There are values, short and ordinary ones included.
    has_values: bool,
}

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
                let lower = text.to_ascii_lowercase();
                let quoted = Value::String(text.to_owned()).to_string();
                let inner = quoted.trim_matches('"').to_owned();
                all.extend([text.to_owned(), inner, text.replace('$', "$$"), lower]);
            }
        }
        all.retain(|text| !text.is_empty());
        all.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        all.dedup();
        Masks { texts: all, has_values: values.iter().any(|value| !value.trim().is_empty()) }
    }

    /// Those of at least this length, in bytes, for texts that may have nothing to do with the project.
    #[must_use]
    pub fn of_length(&self, least: usize) -> Self {
        Masks { texts: self.texts.iter().filter(|text| text.len() >= least).cloned().collect(), has_values: false }
    }

    /// Whether there is nothing to take out.
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// The text without the values.
    pub fn text(&self, text: &str) -> String {
        self.texts.iter().fold(text.to_owned(), |text, value| text.replace(value.as_str(), MASK))
    }

    /// What a client said on standard error: nothing of it where it failed, and otherwise nothing of its warnings.
    pub fn said(&self, text: &str, failed: bool) -> String {
        if !self.has_values || text.trim().is_empty() {
            return text.to_owned();
        }
        if failed {
            return LEFT_OUT.to_owned();
        }
        let is_warning =
            |line: &str| ["level=", "warn", "error"].iter().any(|word| line.to_ascii_lowercase().contains(word));
        // A value may span lines, so the exact ones go first.
        let exact = self.text(text);
        let (warnings, lines): (Vec<&str>, Vec<&str>) = exact.split_inclusive('\n').partition(|line| is_warning(line));
        let mut said = lines.concat();
        if !warnings.is_empty() {
            if !said.is_empty() && !said.ends_with('\n') {
                said.push('\n');
            }
            said.push_str(LEFT_OUT);
        }
        said
    }

    /// A client's output without the values, which may be rows of JSON.
    pub fn output(&self, text: &str) -> String {
        if text.trim_start().starts_with(['{', '[']) && self.text(text) != text {
            self.rows(text)
        } else {
            self.text(text)
        }
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

    /// A refusal or failure: only its kind, unless it is of a connection and so not of the project.
    pub fn error(&self, error: ToolError) -> ToolError {
        use ErrorName as Name;
        let is_of_connection = matches!(
            error.name,
            Name::HostNotAllowed
                | Name::HostBlocked
                | Name::UnknownHost
                | Name::HostKeyMismatch
                | Name::AuthenticationFailed
                | Name::AgentFingerprintNotFound
                | Name::ConnectError
                | Name::Timeout
                | Name::Cancelled
        );
        if !self.has_values || is_of_connection {
            return error;
        }
        let what = match error.name {
            Name::PathNotAllowed | Name::PathRestricted | Name::RedactBypassBlocked => {
                "A path of the project is not open"
            }
            Name::ValueError => "The project is refused by the rules for containers and compose files",
            Name::PlatformNotSupported => "The engine, its client or compose is missing, down or closed to the account",
            _ => "The project could not be judged or run now",
        };
        ToolError::new(
            error.name,
            format!("{what}; the text is left out, because it may quote values of redact-listed files of variables."),
            "See compose's own complaint on the host with `docker compose config`; what is refused also shows for a copy of the \
             compose file in a folder whose variables are not redact-listed. Where nothing is wrong with it, call again later.",
        )
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
        assert_eq!(masks.of_length(12).text("Harmless-Tag-77 s3cr3tword"), "[REDACTED] s3cr3tword");
    }

    /// A guess that is in a value gives the same answer as one that is not, and so does a value that stands in the compose file.
    #[test]
    fn complaints_and_refusals_say_nothing_about_values() {
        let stands = Masks::of(&["4Zhunter2secret".to_owned()], &["# 4Zhunter2secret"]);
        assert_eq!((stands.is_empty(), stands.said("x", true).as_str()), (true, LEFT_OUT));
        let masks = Masks::of(&["4Zhunter2secret".to_owned()], &["services: {web: {image: shop}}"]);
        let (right, wrong) = ("invalid size: 'qq Zhunterq'", "invalid size: 'qq Zhvnterq'");
        assert_eq!(masks.said(right, true), masks.said(wrong, true));
        assert!(masks.said(right, true).contains("docker compose config"));
        let warned = |guess: &str| format!("Container zhunt-1 Started\nlevel=warning msg=\"{guess} unset\"\nRunning\n");
        assert_eq!(masks.said(&warned("Zhunter2"), false), masks.said(&warned("Zhvnter2"), false));
        let said = masks.said(&warned("x"), false);
        assert_eq!(said, format!("Container zhunt-1 Started\nRunning\n{LEFT_OUT}"));
        for name in
            [ErrorName::ValueError, ErrorName::PathNotAllowed, ErrorName::PlatformNotSupported, ErrorName::RuntimeError]
        {
            let of =
                |guess: &str| masks.error(ToolError::new(name, format!("cap_add {guess:?}"), format!("not {guess}")));
            let refusal = of("hunter2s");
            assert_eq!(refusal, of("hvnter2s"));
            assert!(
                refusal.name == name && !refusal.what.contains("cap_add") && !refusal.next.contains("hunter"),
                "{refusal}"
            );
        }
        let lost = ToolError::new(ErrorName::ConnectError, "no route", "again");
        assert_eq!(masks.error(lost.clone()), lost);

        // Where nothing is to be kept, everything is said.
        let open = Masks::default();
        assert_eq!((open.said(right, true).as_str(), open.said(wrong, false).as_str()), (right, wrong));
        let refusal = ToolError::value("cap_add \"x\"", "y");
        assert_eq!(open.error(refusal.clone()), refusal);
        assert_eq!(masks.said("", true), "");
        assert_eq!(masks.output("{\"a\":12,\"b\":\"x 4Zhunter2secret\"}\n"), "{\"a\":12,\"b\":\"x [REDACTED]\"}\n");
        assert_eq!(masks.output("{ \"a\":12 }"), "{ \"a\":12 }", "rows stay as they are where nothing goes");
    }
}
