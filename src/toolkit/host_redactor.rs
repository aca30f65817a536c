//! Builds the redactor from a host's settings.

use super::host::Host;
use crate::config::RedactKeys;
use crate::model::error::{ErrorName, ToolError};
use crate::redact::engine::{KeyRules, MarkerKey, Options, Redactor};

impl Host {
    /// Redacts texts of this host: its key names, its choices, and the markers of this installation.
    pub fn redactor(&self) -> Result<Redactor, ToolError> {
        let salt = self.call().settings().ssh_redact_salt.as_ref();
        let key = match salt {
            Some(salt) => Ok(MarkerKey::from_salt(salt.expose_secret())),
            None => self.call().state().installed_key(),
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

    /// Remembers secrets, each with its mark, so that what commands print later is masked too.
    pub(crate) fn remember<'a>(&self, secrets: impl IntoIterator<Item = (&'a str, &'a str)>) {
        self.call().state().masked_values.remember(secrets);
    }

    /// True when redaction would change the text.
    pub fn holds_secret(&self, text: &str) -> Result<bool, ToolError> {
        Ok(self.redactor()?.redact_text(text) != text)
    }
}
