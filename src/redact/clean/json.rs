//! Cleaning of a whole answer: every string leaf and every object key.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::clean;
use super::warnings::{Warning, Warnings};

/// How long strings may be, in bytes of UTF-8 after cleaning.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Any string that no entry of `fields` covers.
    pub text: usize,
    /// Object keys.
    pub key: usize,
    /// Strings under an object key of this name, at any depth; strings in an array belong to the array's key.
    pub fields: Vec<(&'static str, usize)>,
}

impl Default for Limits {
    /// Texts without a limit (tools cap what they read), keys of at most 1 KiB.
    fn default() -> Self {
        Limits { text: usize::MAX, key: 1024, fields: Vec::new() }
    }
}

impl Limits {
    fn of(&self, field: Option<&str>) -> usize {
        let named = |name: &str| self.fields.iter().find(|(field, _)| *field == name).map(|(_, limit)| *limit);
        field.and_then(named).unwrap_or(self.text)
    }
}

/// Cleans every string and every key of an answer in place, and tells what was found.
///
/// Keys that become equal by cleaning are told apart by `~2`, `~3` and so on: no value is lost.
pub fn clean_json(value: &mut Value, limits: &Limits) -> Warnings {
    let mut warnings = Warnings::default();
    walk(value, None, limits, &mut warnings);
    warnings
}

fn walk(value: &mut Value, field: Option<&str>, limits: &Limits, warnings: &mut Warnings) {
    match value {
        Value::String(text) => {
            if let Some(cleaned) = within(text, limits.of(field), warnings) {
                *text = cleaned;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| walk(item, field, limits, warnings)),
        Value::Object(map) => {
            clean_keys(map, limits, warnings);
            for (key, item) in map.iter_mut() {
                walk(item, Some(key), limits, warnings);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The cleaned text when it differs.
fn within(text: &str, limit: usize, warnings: &mut Warnings) -> Option<String> {
    let cleaned = clean(text);
    warnings.merge(cleaned.warnings);
    if cleaned.text.len() <= limit {
        return match cleaned.text {
            std::borrow::Cow::Borrowed(_) => None,
            std::borrow::Cow::Owned(text) => Some(text),
        };
    }
    warnings.add(Warning::Cut);
    Some(cut(&cleaned.text, limit))
}

/// The beginning of the text and a mark that says so, together no longer than the limit.
fn cut(text: &str, limit: usize) -> String {
    let mark = format!(" [cut: {} bytes in all]", text.len());
    let mut out = head(text, limit.saturating_sub(mark.len())).to_owned();
    out.push_str(head(&mark, limit));
    out
}

/// At most the first `length` bytes, whole characters only.
fn head(text: &str, length: usize) -> &str {
    (0..=length.min(text.len())).rev().find_map(|end| text.get(..end)).unwrap_or("")
}

fn clean_keys(map: &mut Map<String, Value>, limits: &Limits, warnings: &mut Warnings) {
    let mut changed = false;
    let mut keys = Vec::with_capacity(map.len());
    for key in map.keys() {
        let cleaned = within(key, limits.key, warnings);
        changed |= cleaned.is_some();
        keys.push(cleaned);
    }
    if !changed {
        return;
    }
    let taken = std::mem::take(map);
    let mut next_suffix: HashMap<String, usize> = HashMap::new();
    for ((key, value), cleaned) in taken.into_iter().zip(keys) {
        let mut key = cleaned.unwrap_or(key);
        if map.contains_key(&key) {
            let suffix = next_suffix.entry(key.clone()).or_insert(2);
            while map.contains_key(&format!("{key}~{suffix}")) {
                *suffix += 1;
            }
            key = format!("{key}~{suffix}");
        }
        map.insert(key, value);
    }
}
