//! What one audit line says, and how it is written.

use crate::model::tier::Tier;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::{SystemTime, UNIX_EPOCH};

/// The fields of one line. A map in key order, because lines are written with sorted keys.
pub(super) type Fields = BTreeMap<&'static str, Value>;

/// Longest `host` recorded, in characters: the argument is written as given, and a caller may give anything.
const HOST_MAX: usize = 255;

/// Most hosts that get a line of their own before the call has reached one: a caller may name any number.
pub(super) const HOSTS_MAX: usize = 64;

/// Longest `tool` recorded, in characters: a caller may call anything.
const TOOL_MAX: usize = 64;

/// Stands for the host of a call that names none.
pub(super) const NO_HOST: &str = "?";

/// Stands for the tier of a tool that does not exist.
pub(super) const NO_TIER: &str = "?";

/// What is known of a call before it runs.
#[derive(Debug, Clone)]
pub struct Opening {
    /// The tool, by the name the client called.
    pub tool: String,
    /// The tool's tier; `None` where there is no such tool.
    pub tier: Option<Tier>,
    /// The hosts that the call names, by alias where they have one. Each gets a line of its own.
    pub hosts: Vec<String>,
}

/// What a call, or its share on one host, did.
#[derive(Debug, Clone, Default)]
pub(super) struct Facts {
    /// Digests of the paths, in the order they were named.
    pub paths: Vec<String>,
    pub command: Option<String>,
    pub unit: Option<String>,
    pub cheatsheet: Option<&'static str>,
    pub redact_bypass: bool,
    pub sudo: bool,
    pub gate: Option<String>,
    /// The id of the batch that made the call.
    pub batch: Option<String>,
    pub exit_code: Option<i32>,
    /// The id of a job, and its state as it was seen.
    pub job: Option<(String, &'static str)>,
    /// Set where a host's share ended otherwise than the call: `Ok` or the error's name.
    pub end: Option<Result<(), &'static str>>,
}

impl Facts {
    /// Writes these facts over those in `fields`.
    pub(super) fn fill(&self, fields: &mut Fields) {
        if let Some(first) = self.paths.first() {
            fields.insert("path_hash", json!(first));
            fields.remove("path_hashes");
        }
        if self.paths.len() > 1 {
            fields.insert("path_hashes", json!(self.paths));
        }
        if let Some(hash) = &self.command {
            fields.insert("command_hash", json!(hash));
        }
        if let Some(hash) = &self.unit {
            fields.insert("unit_hash", json!(hash));
        }
        if let Some(id) = self.cheatsheet {
            fields.insert("cheatsheet_pattern_id", json!(id));
        }
        if self.redact_bypass {
            fields.insert("redact_bypass", json!(true));
        }
        if self.sudo {
            fields.insert("sudo", json!(true));
        }
        if let Some(name) = &self.gate {
            fields.insert("gate", json!(name));
        }
        if let Some(id) = &self.batch {
            fields.insert("batch", json!(id));
        }
        if let Some(code) = self.exit_code {
            fields.insert("exit_code", json!(code));
        }
        if let Some((id, state)) = &self.job {
            fields.insert("job", json!(id));
            if !state.is_empty() {
                fields.insert("job_state", json!(state));
            }
        }
        match self.end {
            None => {}
            Some(Ok(())) => {
                fields.insert("result", json!("ok"));
                fields.remove("error");
            }
            Some(Err(name)) => {
                fields.insert("result", json!("error"));
                fields.insert("error", json!(name));
            }
        }
    }
}

/// Unix seconds with microseconds.
pub(super) fn now() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_micros() as f64 / 1e6
}

/// The host as it is recorded.
pub(super) fn host_text(given: &str) -> String {
    given.chars().take(HOST_MAX).collect()
}

/// The tool as it is recorded.
pub(super) fn tool_text(given: &str) -> String {
    given.chars().take(TOOL_MAX).collect()
}

/// One line without its end: sorted keys, no spaces, ASCII only, so that no name given by a caller can disturb
/// a terminal or split a line.
pub(super) fn render(fields: &Fields) -> String {
    let text = serde_json::to_string(fields).unwrap_or_default();
    if text.bytes().all(|b| (0x20..0x7f).contains(&b)) {
        return text;
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if (' '..='~').contains(&c) {
            out.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_sorted_tight_and_ascii() {
        let mut fields = Fields::new();
        fields.insert("tool", json!("t"));
        fields.insert("host", json!("b\u{202e}\u{1f600}\u{7f}\n"));
        let line = render(&fields);
        assert_eq!(line, r#"{"host":"b\u202e\ud83d\ude00\u007f\n","tool":"t"}"#);
        let back: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(back["host"], "b\u{202e}\u{1f600}\u{7f}\n");
    }

    #[test]
    fn a_hosts_share_overrides_the_call() {
        let mut fields = Fields::new();
        Facts { end: Some(Err("Timeout")), paths: vec!["a".into(), "b".into()], ..Facts::default() }.fill(&mut fields);
        Facts { end: Some(Ok(())), paths: vec!["c".into()], ..Facts::default() }.fill(&mut fields);
        assert_eq!(render(&fields), r#"{"path_hash":"c","result":"ok"}"#);
    }
}
