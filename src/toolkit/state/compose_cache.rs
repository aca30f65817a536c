//! Compose projects that were judged, for the next call on the same file.
//!
//! A judgement depends on nothing but the rendering, the folder and the mode. So the value that was judged can be sent
//! along with the next call: where the host renders the same text again, it runs at once, and where it does not, the new
//! rendering is judged as if nothing had been kept. What runs is a judged value either way.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::model::lock::LockAlways as _;
use crate::policy::docker::compose::JudgedProject;
use crate::policy::docker::compose::opening::Opening;

/// Most projects that are kept.
const KEPT_MAX: usize = 32;

/// The largest one that is kept, in bytes.
const RENDERING_MAX: usize = 64 * 1024;

/// How long one is kept after its last use: renderings hold the values of variables, which need not stay in memory.
const KEPT_FOR: Duration = Duration::from_secs(15 * 60);

/// A project that was judged.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// SHA-256 of what the host answered when it was asked for the rendering, in hexadecimal.
    pub digest: String,
    /// What came of the judgement.
    pub project: Arc<JudgedProject>,
}

impl Weighty for Arc<Opening> {
    fn weight(&self) -> usize {
        self.code.len()
    }
}

impl Weighty for Verdict {
    fn weight(&self) -> usize {
        self.project.rendering.len()
    }
}

/// Something that may be too large to keep.
pub trait Weighty: Clone {
    /// Its size, in bytes.
    fn weight(&self) -> usize;
}

/// The latest of a kind, by what it depends on here: connection, account, file, words and mode.
#[derive(Debug)]
pub struct Kept<T>(Mutex<VecDeque<(String, T, Instant)>>);

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Kept(Mutex::default())
    }
}

/// Projects that are ready for compose.
pub(crate) type Openings = Kept<Arc<Opening>>;

/// The latest verdicts.
pub(crate) type Verdicts = Kept<Verdict>;

impl<T: Weighty> Kept<T> {
    /// The last one for this key.
    pub fn find(&self, key: &str) -> Option<T> {
        let mut kept = self.0.lock_always();
        kept.retain(|(_, _, used)| used.elapsed() < KEPT_FOR);
        let (_, found, used) = kept.iter_mut().find(|(of, ..)| of == key)?;
        *used = Instant::now();
        Some(found.clone())
    }

    /// Keeps one in place of the last one for this key.
    pub fn keep(&self, key: String, one: T) {
        let mut kept = self.0.lock_always();
        kept.retain(|(of, ..)| *of != key);
        if one.weight() <= RENDERING_MAX {
            kept.push_front((key, one, Instant::now()));
            kept.truncate(KEPT_MAX);
        }
    }

    /// Forgets what is kept for this key.
    pub fn forget(&self, key: &str) {
        self.0.lock_always().retain(|(of, ..)| of != key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(rendering: &str) -> Verdict {
        let project = JudgedProject {
            rendering: rendering.to_owned(),
            name: None,
            services: Vec::new(),
            containers: Vec::new(),
            mounts: Vec::new(),
            volumes: Vec::new(),
            reads: Vec::new(),
        };
        Verdict { digest: "d".to_owned(), project: Arc::new(project) }
    }

    #[test]
    fn the_latest_of_a_key_is_kept_and_the_oldest_goes() {
        let kept = Verdicts::default();
        for i in 0..=KEPT_MAX {
            kept.keep(i.to_string(), verdict("a"));
        }
        assert!(kept.find("0").is_none(), "the oldest made room");
        kept.keep("1".to_owned(), verdict("b"));
        assert_eq!(kept.find("1").unwrap().project.rendering, "b");
        assert_eq!(kept.0.lock().unwrap().len(), KEPT_MAX);
        kept.forget("1");
        assert!(kept.find("1").is_none());
    }

    #[test]
    fn a_long_rendering_is_not_kept_and_displaces_what_was() {
        let kept = Verdicts::default();
        kept.keep("a".to_owned(), verdict(&"x".repeat(RENDERING_MAX)));
        assert!(kept.find("a").is_some());
        kept.keep("a".to_owned(), verdict(&"x".repeat(RENDERING_MAX + 1)));
        assert!(kept.find("a").is_none());
    }
}
