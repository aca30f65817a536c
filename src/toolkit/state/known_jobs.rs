//! The jobs whose end this server has not told yet: those that it started or followed, and that were running then.

use std::collections::BTreeSet;
use std::sync::Mutex;

use crate::model::lock::LockAlways as _;

/// Most jobs that are known; more are not told of.
const MOST: usize = 1000;

/// Host and id of each.
#[derive(Debug, Default)]
pub(crate) struct KnownJobs(Mutex<BTreeSet<(String, String)>>);

impl KnownJobs {
    /// Takes a look at a job. True where its end is seen here for the first time.
    pub(crate) fn see(&self, alias: &str, id: &str, running: bool) -> bool {
        let mut known = self.0.lock_always();
        let key = (alias.to_owned(), id.to_owned());
        if !running {
            return known.remove(&key);
        }
        if known.len() < MOST {
            known.insert(key);
        }
        false
    }

    /// How many jobs of a host were running when they were last looked at.
    pub(crate) fn running(&self, alias: &str) -> usize {
        let known = self.0.lock_always();
        known.iter().filter(|(host, _)| host == alias).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_told_once_and_only_of_what_was_followed() {
        let known = KnownJobs::default();
        assert!(!known.see("box", "1-a", false), "it was never seen running");
        assert!(!known.see("box", "1-a", true) && !known.see("box", "1-a", true));
        assert_eq!((known.running("box"), known.running("other")), (1, 0));
        assert!(!known.see("other", "1-a", false));
        assert!(known.see("box", "1-a", false) && !known.see("box", "1-a", false));
    }

    #[test]
    fn not_more_than_so_many_are_known() {
        let known = KnownJobs::default();
        for at in 0..=MOST {
            known.see("box", &at.to_string(), true);
        }
        assert_eq!(known.running("box"), MOST);
    }
}
