//! Values of redact-listed files that compose projects were given, so that no other container tool shows them either.
//!
//! A project's containers are known to the engine by many names, and everything may say their values: logs, inspection, what
//! runs in them. So the values are taken out of all that an engine of the same machine answers, for as long as this server
//! runs.

use super::host::Host;
use super::state::engine_kinds::EngineKind;
use crate::policy::docker::compose::masks::Masks;
use crate::redact::clean::bare;

/// Shortest value that is looked for in answers about other containers, in bytes.
const VALUE_MIN: usize = 8;

impl Host {
    /// What this host's container client said lately of its kind.
    pub(crate) fn known_engine(&self) -> Option<EngineKind> {
        self.call().state().engine_kinds.known(self.entry().target.key().as_str(), &self.effective().docker_cmd)
    }

    /// Keeps what the container client said of its kind.
    pub(crate) fn keep_engine(&self, kind: EngineKind) {
        self.call().state().engine_kinds.keep(self.entry().target.key().as_str(), &self.effective().docker_cmd, kind);
    }

    /// Keeps the values of a project's redact-listed files.
    pub async fn keep_values(&self, masks: &Masks) {
        let masks = masks.of_length(VALUE_MIN);
        if !masks.is_empty() {
            self.call().state().project_values.keep(self.machines().await, masks);
        }
    }

    /// What takes the values of projects on its machine, as they are known now, out of a text.
    pub(super) async fn value_filter(&self) -> impl Fn(String) -> String + Send + Sync + 'static {
        let state = self.call().state().clone();
        let machines = if state.project_values.is_empty() { None } else { Some(self.machines().await) };
        move |text| match &machines {
            None => text,
            Some(machines) => state.project_values.take_out(machines, text),
        }
    }

    /// A text of the engine without the values of projects on its machine.
    pub async fn without_values(&self, text: String) -> String {
        let values = &self.call().state().project_values;
        if values.is_empty() {
            return text;
        }
        // A value that was printed in colours is looked for as it shows. What does not show then goes: it could hide another
        // secret from the redaction.
        let machines = self.machines().await;
        let text = values.take_out(&machines, text);
        let Some(bare) = bare(&text) else { return text };
        let after = values.take_out(&machines, bare.clone());
        if after == bare { text } else { after }
    }
}
