//! The redaction engine as a host's settings want it.

use std::os::unix::fs::DirBuilderExt as _;

use serde_json::{Map, Value};

use super::engine::Engine;
use super::host::Host;
use crate::audit::mask_secrets;
use crate::config::RedactKeys;
use crate::model::error::{ErrorName, ToolError};
use crate::redact::engine::{KeyError, KeyRules, MarkerKey, Options, Redactor};

/// Bytes from which a text that reads as base64 is taken for encoded content.
const CONTENT_MIN: usize = 12;

/// Words of a command that are looked at one by one.
const WORDS_MAX: usize = 1000;

impl Host {
    /// Redacts texts of this host: its key names, its choices, and the markers of this installation.
    pub fn redactor(&self) -> Result<Redactor, ToolError> {
        let salt = self.call().settings().ssh_redact_salt.as_ref();
        let key = match salt {
            Some(salt) => Ok(MarkerKey::from_salt(salt.expose_secret())),
            None => self.call().engine().installed_key(),
        };
        let key = key.map_err(|why| {
            ToolError::new(
                ErrorName::InternalError,
                format!("Nothing was delivered, because it could not be redacted: {why}."),
                "The operator looks after the key file in the data folder, or sets SSH_REDACT_SALT.",
            )
        })?;
        let effective = self.effective();
        let rules = match &effective.redact_keys {
            RedactKeys::Add(names) => KeyRules::builtin(names),
            RedactKeys::Replace(names) => KeyRules::replaced(names),
        };
        Ok(Redactor::new(Options {
            rules,
            entropy: effective.redact_entropy_detection,
            hint_chars: usize::from(effective.redact_hint_chars),
            ..Options::new(key)
        }))
    }

    /// True when redaction would change the text.
    pub fn holds_secret(&self, text: &str) -> Result<bool, ToolError> {
        Ok(self.redactor()?.redact_text(text) != text)
    }
}

impl Engine {
    /// The key of this installation, made on first use; without a data folder, one for this process.
    fn installed_key(&self) -> Result<MarkerKey, KeyError> {
        if let Some(key) = self.marker_key.get() {
            return Ok(key.clone());
        }
        let key = match self.snapshot().config.env.data_dir() {
            Some(folder) => {
                std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
                MarkerKey::load_or_create(&folder)?
            }
            None => MarkerKey::random()?,
        };
        Ok(self.marker_key.get_or_init(|| key).clone())
    }
}

/// The arguments of a call for the operator's hooks: every text with its secrets masked, as the audit masks commands and
/// as files are redacted. `None` where nothing can be redacted; then a hook is told no arguments at all.
pub(super) fn mask_arguments(engine: &Engine, args: Map<String, Value>) -> Option<Map<String, Value>> {
    let key = match &engine.snapshot().config.settings.ssh_redact_salt {
        Some(salt) => MarkerKey::from_salt(salt.expose_secret()),
        None => engine.installed_key().ok()?,
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
