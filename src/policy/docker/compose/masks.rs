//! The values of redact-listed variable files, taken out of every answer about the project: the exact ones everywhere, and
//! pieces of them where compose complains, since it cuts up what it cannot take. Pure.

use std::collections::HashSet;

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

/// Shortest piece of a value that is taken out of a complaint, in bytes.
const PIECE: usize = 4;

/// Words of complaints, which stay also where a value holds them.
const COMPLAINTS: &str = "addition additional allowed argument array available base boolean build cannot command compose config \
    configuration constraint container containers contains create daemon decode default defined depends devices docker does \
    driver duplicate duration empty engine environment error exist exit expected external failed file files format found from \
    have healthcheck host hostname image integer interval interpolation invalid json label labels level line literal mapping \
    match memory message missing mount mounts must name network networks number object oneof option options parse parser \
    parsing pattern platform podman port ports project properties property protocol range reference refers required resource \
    response restart schema secret secrets server service services should size source start state status string syntax test \
    time type undefined unexpected unit unknown unmarshal unset unsupported user validating validation value values variable \
    version volume volumes warning with yaml absolute accepts built building created creating done give hidden inside known named \
    names path pull pulled pulling recreated recreating removed removing restarted restarting running started starting stopped \
    stopping";

/// The texts to take out, longest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Masks {
    texts: Vec<String>,
    /// Every piece of [`PIECE`] bytes of the values, in lower case.
    pieces: HashSet<[u8; PIECE]>,
    /// Words that stand in texts that a caller may read anyway, in lower case.
    public: HashSet<String>,
}

impl Masks {
    /// Looks for these values, but for what is short, says nothing, or stands in `public` anyway: texts that a caller may
    /// read as they are.
    pub fn of(values: &[String], public: &[&str]) -> Self {
        let mut all: Vec<String> = Vec::new();
        let mut pieces = HashSet::new();
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
                pieces.extend(lower.as_bytes().windows(PIECE).filter_map(|piece| <[u8; PIECE]>::try_from(piece).ok()));
                let quoted = Value::String(text.to_owned()).to_string();
                let inner = quoted.trim_matches('"').to_owned();
                all.extend([text.to_owned(), inner, text.replace('$', "$$"), lower]);
            }
        }
        all.retain(|text| !text.is_empty());
        all.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        all.dedup();
        let words = public.iter().flat_map(|text| text.split(|c: char| !c.is_ascii_alphanumeric()));
        let public = words.filter(|word| word.len() >= PIECE).map(str::to_ascii_lowercase).collect();
        Masks { texts: all, pieces, public }
    }

    /// Those of at least this length, in bytes, for texts that may have nothing to do with the project.
    #[must_use]
    pub fn of_length(&self, least: usize) -> Self {
        Masks { texts: self.texts.iter().filter(|text| text.len() >= least).cloned().collect(), ..Masks::default() }
    }

    /// Whether there is nothing to take out.
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// The text without the values.
    pub fn text(&self, text: &str) -> String {
        self.texts.iter().fold(text.to_owned(), |text, value| text.replace(value.as_str(), MASK))
    }

    /// What a client said on standard error: complaints where it failed, and otherwise its warnings among other lines.
    pub fn said(&self, text: &str, failed: bool) -> String {
        if failed {
            return self.complaint(text);
        }
        let is_warning =
            |line: &str| ["level=", "warn", "error"].iter().any(|word| line.to_ascii_lowercase().contains(word));
        // A value may span lines, so the exact ones go first.
        let exact = self.text(text);
        exact
            .split_inclusive('\n')
            .map(|line| if is_warning(line) { self.complaint(line) } else { line.to_owned() })
            .collect()
    }

    /// What a client complains of, without the values and without pieces of them.
    pub fn complaint(&self, text: &str) -> String {
        let text = self.text(text);
        let bytes = text.as_bytes();
        let mut hidden = vec![false; bytes.len()];
        for (at, piece) in bytes.windows(PIECE).enumerate() {
            let piece = <[u8; PIECE]>::try_from(piece).map(|piece| piece.map(|b| b.to_ascii_lowercase()));
            if piece.is_ok_and(|piece| self.pieces.contains(&piece)) {
                hidden.iter_mut().skip(at).take(PIECE).for_each(|b| *b = true);
            }
        }
        if !hidden.contains(&true) {
            return text;
        }
        for (from, word) in words(&text) {
            if self.is_ordinary(word) {
                hidden.iter_mut().skip(from).take(word.len()).for_each(|b| *b = false);
            }
        }
        let mut out = String::with_capacity(text.len());
        let mut within = false;
        for (at, c) in text.char_indices() {
            let hides = hidden.get(at..at + c.len_utf8()).is_some_and(|bytes| bytes.contains(&true));
            match (hides, within) {
                (true, false) => out.push_str(MASK),
                (true, true) => {}
                (false, _) => out.push(c),
            }
            within = hides;
        }
        out
    }

    fn is_ordinary(&self, word: &str) -> bool {
        let lower = word.to_ascii_lowercase();
        self.public.contains(&lower)
            || COMPLAINTS.split_ascii_whitespace().any(|known| known == lower)
            || lower == "redacted"
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

    /// The same for a refusal.
    pub fn error(&self, error: ToolError) -> ToolError {
        ToolError { what: self.complaint(&error.what), next: self.text(&error.next), ..error }
    }
}

/// The words of a text, each with the place where it begins.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    text.split(|c: char| !c.is_ascii_alphanumeric()).map(move |word| {
        let from = at;
        // What splits may be longer than a byte.
        at += word.len() + text.get(from + word.len()..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
        (from, word)
    })
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
        let refusal = masks.error(ToolError::value("cap_add \"Harmless-Tag-77\"", "not Harmless-Tag-77"));
        assert_eq!((refusal.what.as_str(), refusal.next.as_str()), ("cap_add \"[REDACTED]\"", "not [REDACTED]"));
    }

    #[test]
    fn pieces_of_values_leave_complaints_and_words_of_compose_stay() {
        let values = ["4Zhunter2secret".to_owned(), "10.0.0.Tr0ub4dor".to_owned(), "service-of-xyzzy9".to_owned()];
        let masks = Masks::of(&values, &["services: {web: {image: shop/troubador}}"]);
        for (said, shown) in [
            ("unknown unit \"Zhunter\"", "unknown unit \"[REDACTED]\""),
            ("invalid literal: 'HUNTER2SECRET'", "invalid literal: '[REDACTED]'"),
            ("no IP: Tr0ub4dor!", "no IP: [REDACTED]!"),
            ("service \"web\" has no image shop/troubador", "service \"web\" has no image shop/troubador"),
            ("é2secreté", "é[REDACTED]é"),
            ("parsing \"nter\": invalid syntax", "parsing \"[REDACTED]\": invalid syntax"),
            ("4Zhunter2secret is no size", "[REDACTED] is no size"),
        ] {
            assert_eq!(masks.complaint(said), shown);
        }
        assert_eq!(Masks::default().complaint("unknown unit"), "unknown unit");
        let said = "Container xyzz-1 Started\nlevel=warning msg=\"xyzz unset\"\n";
        assert_eq!(masks.said(said, false), "Container xyzz-1 Started\nlevel=warning msg=\"[REDACTED] unset\"\n");
        assert!(!masks.said(said, true).contains("xyzz"));
        assert_eq!(masks.output("{\"a\":12,\"b\":\"x 4Zhunter2secret\"}\n"), "{\"a\":12,\"b\":\"x [REDACTED]\"}\n");
        assert_eq!(masks.output("{ \"a\":12 }"), "{ \"a\":12 }", "rows stay as they are where nothing goes");
    }
}
