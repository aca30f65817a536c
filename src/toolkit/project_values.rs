//! Values of redact-listed files that compose projects were given, so that no other container tool shows them either.
//!
//! A project's containers are known to the engine by many names, and everything may say their values: logs, inspection, what
//! runs in them. So the values are taken out of all that an engine of the same machine answers, for as long as this server
//! runs.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use super::host::Host;
use crate::policy::docker::compose::masks::Masks;

/// Most projects whose values are kept.
const KEPT_MAX: usize = 128;

/// Shortest value that is looked for in answers about other containers, in bytes.
const VALUE_MIN: usize = 8;

/// The values, by the names of their machine's locks.
#[derive(Debug, Default)]
pub struct ProjectValues(Mutex<VecDeque<(Vec<String>, Masks)>>);

impl Host {
    /// Keeps the values of a project's redact-listed files.
    pub async fn keep_values(&self, masks: &Masks) {
        let masks = masks.of_length(VALUE_MIN);
        if masks.is_empty() {
            return;
        }
        let one = (self.machines().await, masks);
        let mut kept = self.call().engine().values.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !kept.contains(&one) {
            kept.push_front(one);
            kept.truncate(KEPT_MAX);
        }
    }

    /// A text of the engine without the values of projects on its machine.
    pub async fn without_values(&self, text: String) -> String {
        if self.call().engine().values.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty() {
            return text;
        }
        let machines = self.machines().await;
        let kept = self.call().engine().values.0.lock().unwrap_or_else(PoisonError::into_inner);
        let here = kept.iter().filter(|(of, _)| of.iter().any(|machine| machines.contains(machine)));
        here.fold(text, |text, (_, masks)| masks.output(&text))
    }
}
