//! Answers that are trees already: container descriptions, rendered compose projects, lists of variables.

use std::cell::Cell;
use std::ops::Range;

use serde_json::Value;

use super::formats::Format;
use super::formats::nested::is_secret_below;
use super::keys::{Aspect, Sensitive, Strength};
use super::marks::Marks;
use super::spans::Spans;
use super::values::is_secret;
use super::{Doc, Kind, RedactError, Redactor, WITHHELD, commands, flags};

impl Redactor {
    /// Redacts `NAME=value` entries; the names stay.
    pub fn redact_env_list(&self, entries: &[String]) -> Vec<String> {
        entries.iter().map(|entry| self.redact_text(entry)).collect()
    }

    /// Redacts the words of a command line: each alone, and as a whole, for an option tells what the next word is.
    pub fn redact_argv(&self, words: &[String]) -> Vec<String> {
        let line = join(words);
        let together = self.places(&line).unwrap_or_else(|| vec![(0, line.len())]);
        let mut start = 0;
        let mut redacted = Vec::with_capacity(words.len());
        for word in words {
            let end = start + word.len();
            redacted.push(self.redact_word(word, &(start..end), &together));
            start = end + 1;
        }
        redacted
    }

    /// What is secret in a word itself, and what its place on the line tells.
    fn redact_word(&self, word: &str, range: &Range<usize>, together: &[(usize, usize)]) -> String {
        let first = together.partition_point(|(_, end)| *end <= range.start);
        let inside = together.get(first..).unwrap_or(&[]).iter().take_while(|(start, _)| *start < range.end);
        let mut spans = Spans::default();
        for (start, end) in inside {
            spans.add(*start.max(&range.start) - range.start, *end.min(&range.end) - range.start, Kind::KeyMatch, None);
        }
        self.run_with(word, None, Format::Generic, spans, &mut |_, _| {})
            .map_or_else(|_| WITHHELD.to_owned(), |(text, _)| text)
    }

    /// The places that options and programs tell, `None` when they cannot be told.
    fn places(&self, line: &str) -> Option<Vec<(usize, usize)>> {
        if line.len() > self.options.size_max {
            return None;
        }
        let marks = Marks::find(line, &self.options.key).ok()?;
        let filled = marks.filled(line);
        let mut spans = Spans::default();
        let found = self.with_doc(&filled, |doc| {
            spans.read(doc.text);
            flags::find(doc, &mut spans).and_then(|()| commands::find(doc, &mut spans))
        });
        found.is_ok().then(|| spans.places(line, &marks))
    }

    /// Redacts every string of a tree in place, and every value below a sensitive name. Object keys stay.
    pub fn redact_json(&self, value: &mut Value) {
        let walked = self.with_doc("", |doc| {
            self.walk(doc, value, None);
            Ok(())
        });
        if walked.is_err() {
            *value = Value::String(WITHHELD.to_owned());
        }
    }

    fn walk(&self, doc: &Doc<'_>, value: &mut Value, above: Option<(Sensitive, &str)>) {
        match value {
            Value::Object(map) => {
                let named = pair_name(map).and_then(|name| doc.rules.judge(&name).map(|sensitive| (name, sensitive)));
                for (key, item) in map.iter_mut() {
                    if let Some((name, sensitive)) = named.as_ref().filter(|_| is_value_key(key)) {
                        self.walk_value(doc, item, name, *sensitive);
                    } else if let Some(own) = doc.rules.judge(key) {
                        self.walk_value(doc, item, key, own);
                    } else if let (Some((sensitive, name)), true) = (above, is_scalar(item)) {
                        let secret = is_secret_below(doc, sensitive, name, Some(key), &text_of(item));
                        self.leaf(item, secret);
                    } else {
                        self.walk(doc, item, above);
                    }
                }
            }
            Value::Array(items) if above.is_none() && items.len() > 1 && items.iter().all(Value::is_string) => {
                let words: Vec<String> = items.iter().map(text_of).collect();
                *items = self.redact_argv(&words).into_iter().map(Value::String).collect();
            }
            Value::Array(items) => {
                let mut after_option = false;
                for item in items {
                    let takes_next = item.as_str().is_some_and(|word| flags::takes_secret(doc, word));
                    if is_scalar(item) {
                        let below = above.is_some_and(|(s, name)| is_secret_below(doc, s, name, None, &text_of(item)));
                        let word = after_option && !text_of(item).starts_with('-');
                        self.leaf(item, below || word);
                    } else {
                        self.walk(doc, item, above);
                    }
                    after_option = takes_next;
                }
            }
            _ => self.leaf(value, false),
        }
    }

    /// The value of a sensitive name.
    fn walk_value(&self, doc: &Doc<'_>, item: &mut Value, name: &str, sensitive: Sensitive) {
        if is_scalar(item) {
            let secret = is_secret(sensitive, name, &text_of(item));
            self.leaf(item, secret);
        } else {
            let inherits =
                sensitive.strength != Strength::Weak && matches!(sensitive.aspect, Aspect::Itself | Aspect::Plural);
            self.walk(doc, item, inherits.then_some((sensitive, name)));
        }
    }

    fn leaf(&self, item: &mut Value, secret: bool) {
        if secret && !matches!(item, Value::Null | Value::Bool(_)) && !self.options.key.made(&text_of(item)) {
            *item = Value::String(self.mark(&text_of(item)));
        } else if let Value::String(text) = item {
            *text = self.redact_text(text);
        }
    }

    fn mark(&self, value: &str) -> String {
        self.options.key.mark(value, self.options.hint_chars).map_or_else(|| WITHHELD.to_owned(), |(_, mark)| mark)
    }

    pub(super) fn with_doc<T>(
        &self,
        text: &str,
        run: impl FnOnce(&Doc<'_>) -> Result<T, RedactError>,
    ) -> Result<T, RedactError> {
        let misread = Cell::new(false);
        let found = run(&Doc {
            text,
            rules: &self.options.rules,
            format: Format::Json,
            file_name: String::new(),
            entropy: self.options.entropy,
            deadline: std::time::Instant::now() + super::BUDGET,
            misread: &misread,
        })?;
        if misread.get() { Err(RedactError::Internal) } else { Ok(found) }
    }
}

/// The words in one line, each as long as it is: what separates words does not stand inside them here.
fn join(words: &[String]) -> String {
    let bare = |c: char| if c.is_ascii_whitespace() { '\u{1}' } else { c };
    words.iter().map(|word| word.chars().map(bare).collect::<String>()).collect::<Vec<_>>().join(" ")
}

fn is_scalar(value: &Value) -> bool {
    !matches!(value, Value::Array(_) | Value::Object(_))
}

fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The name in `{"name": "X", "value": "y"}`.
fn pair_name(map: &serde_json::Map<String, Value>) -> Option<String> {
    let has_value = map.keys().any(|key| is_value_key(key));
    let name = map.iter().find(|(key, _)| matches!(key.to_ascii_lowercase().as_str(), "name" | "key" | "variable"))?;
    name.1.as_str().filter(|_| has_value).map(str::to_owned)
}

fn is_value_key(key: &str) -> bool {
    matches!(key.to_ascii_lowercase().as_str(), "value" | "default" | "content" | "val" | "defaultvalue")
}

#[cfg(test)]
mod tests {
    use super::super::{MarkerKey, Options};
    use super::*;

    #[test]
    fn a_detector_that_reads_beside_the_text_fails_the_run() {
        let redactor = Redactor::new(Options::new(MarkerKey::from_salt("0123456789abcdef")));
        let read = |range: Range<usize>| redactor.with_doc("a\u{e4}b", |doc| Ok(doc.part(range).to_owned()));
        assert_eq!(read(1..3), Ok("\u{e4}".to_owned()));
        assert_eq!((read(4..9), read(3..3), read(9..10)), (Ok(String::new()), Ok(String::new()), Ok(String::new())));
        for beside in [2..4, 0..2, 3..9] {
            assert_eq!(read(beside), Err(RedactError::Internal));
        }
    }
}
