//! The arguments of a call as the operator's hooks see them.

use serde_json::{Map, Value};

use crate::audit::mask_secrets;
use crate::redact::engine::{MarkerKey, Options, Redactor};
use crate::toolkit::state::ServerState;

/// Bytes from which a text that reads as base64 is taken for encoded content.
const CONTENT_MIN: usize = 12;

/// Words of a command that are looked at one by one.
const WORDS_MAX: usize = 1000;

/// The arguments of a call for the operator's hooks: every text with its secrets masked, as the audit masks commands and
/// as files are redacted. `None` where nothing can be redacted; then a hook is told no arguments at all.
pub(super) fn mask_arguments(state: &ServerState, args: Map<String, Value>) -> Option<Map<String, Value>> {
    let key = match &state.snapshot().config.settings.ssh_redact_salt {
        Some(salt) => MarkerKey::from_salt(salt.expose_secret()),
        None => state.installed_key().ok()?,
    };
    let redactor = Redactor::new(Options::new(key));
    let mut args = Value::Object(args);
    mask_value(&redactor, &mut args);
    match args {
        Value::Object(args) => Some(args),
        _ => None,
    }
}

fn mask_value(redactor: &Redactor, value: &mut Value) {
    match value {
        Value::String(text) => *text = mask_text(redactor, text),
        Value::Array(items) => items.iter_mut().for_each(|item| mask_value(redactor, item)),
        Value::Object(fields) => fields.iter_mut().for_each(|(_, field)| mask_value(redactor, field)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn mask_text(redactor: &Redactor, text: &str) -> String {
    // Content that travels in base64 is looked into: it is shown as it is only if nothing in it is secret.
    if let Ok(bytes) = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, text)
        && bytes.len() >= CONTENT_MIN
    {
        let content = String::from_utf8_lossy(&bytes);
        return if redactor.redact_text(&content) == content { text.to_owned() } else { "[secret]".to_owned() };
    }
    let masked = mask_secrets(text);
    // A line of words is a command: a secret in it ends with its word. Text of several lines is read like a file.
    if masked.contains('\n') || masked.split(' ').count() > WORDS_MAX {
        return redactor.redact_text(&masked);
    }
    masked.split(' ').map(|word| redactor.redact_text(word)).collect::<Vec<_>>().join(" ")
}
