//! Values of redact-listed files that compose projects were given, by the machines that the projects are on.

use std::collections::VecDeque;
use std::sync::Mutex;

use crate::model::lock::LockAlways as _;
use crate::policy::docker::compose::masks::Masks;

/// Most projects whose values are kept.
const KEPT_MAX: usize = 128;

/// The values, by the names of their machine's locks.
#[derive(Debug, Default)]
pub struct ProjectValues(Mutex<VecDeque<(Vec<String>, Masks)>>);

impl ProjectValues {
    /// Keeps the values of one project, once.
    pub(in crate::toolkit) fn keep(&self, machines: Vec<String>, masks: Masks) {
        let one = (machines, masks);
        let mut kept = self.0.lock_always();
        if !kept.contains(&one) {
            kept.push_front(one);
            kept.truncate(KEPT_MAX);
        }
    }

    /// True where nothing was kept yet.
    pub(in crate::toolkit) fn is_empty(&self) -> bool {
        self.0.lock_always().is_empty()
    }

    /// The text without the values of projects on one of these machines.
    pub(in crate::toolkit) fn take_out(&self, machines: &[String], text: String) -> String {
        let kept = self.0.lock_always();
        let here = kept.iter().filter(|(of, _)| of.iter().any(|machine| machines.contains(machine)));
        here.fold(text, |text, (_, masks)| masks.output(&text))
    }
}
