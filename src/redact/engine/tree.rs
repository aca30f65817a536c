//! Answers that are trees already: container descriptions, rendered compose projects, lists of variables.

use serde_json::Value;

use super::formats::Format;
use super::formats::nested::is_secret_below;
use super::keys::{Aspect, Sensitive, Strength};
use super::values::is_secret;
use super::{Doc, Redactor, WITHHELD, flags, marker};

impl Redactor {
    /// Redacts `NAME=value` entries; the names stay.
    pub fn redact_env_list(&self, entries: &[String]) -> Vec<String> {
        entries.iter().map(|entry| self.redact_text(entry)).collect()
    }

    /// Redacts the words of a command line: each alone, and those that follow an option which takes a secret.
    pub fn redact_argv(&self, words: &[String]) -> Vec<String> {
        let mut after_option = false;
        let mut redacted = Vec::with_capacity(words.len());
        for word in words {
            let takes_next = self.with_doc(word, |doc| flags::takes_secret(doc, word));
            let hidden = after_option && !word.starts_with('-');
            redacted.push(if hidden { self.mark(word) } else { self.redact_text(word) });
            after_option = takes_next;
        }
        // Options of one letter are known only with their program.
        let line = redacted.join("\0");
        let again = self.redact_text(&line.replace('\0', " "));
        if again == line.replace('\0', " ") || redacted.iter().any(|word| word.contains([' ', '\n'])) {
            return redacted;
        }
        let split: Vec<String> = again.replace(" len:", "\0len:").split(' ').map(|w| w.replace('\0', " ")).collect();
        if split.len() == redacted.len() { split } else { redacted }
    }

    /// Redacts every string of a tree in place, and every value below a sensitive name. Object keys stay.
    pub fn redact_json(&self, value: &mut Value) {
        self.with_doc("", |doc| self.walk(doc, value, None));
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
        if secret && !matches!(item, Value::Null | Value::Bool(_)) {
            *item = Value::String(self.mark(&text_of(item)));
        } else if let Value::String(text) = item {
            *text = self.redact_text(text);
        }
    }

    fn mark(&self, value: &str) -> String {
        let mut out = String::new();
        match self.options.key.hash(value) {
            Some(hash) => marker::write(&hash, value, self.options.hint_chars, &mut out),
            None => WITHHELD.clone_into(&mut out),
        }
        out
    }

    fn with_doc<T>(&self, text: &str, run: impl FnOnce(&Doc<'_>) -> T) -> T {
        run(&Doc {
            text,
            rules: &self.options.rules,
            format: Format::Json,
            file_name: String::new(),
            entropy: self.options.entropy,
            deadline: std::time::Instant::now() + super::BUDGET,
        })
    }
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
