//! What did not fit into an answer, for an hour: cleaned and redacted as it was delivered, in files without a name, so that
//! nothing of it is left when this process ends, however it ends.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::model::char_boundary::floor_char_boundary;
use crate::model::lock::LockAlways as _;

/// Most bytes kept of one answer.
const ONE_MAX: usize = 64 << 20;

/// Most bytes kept in all; the oldest go first.
const ALL_MAX: usize = 256 << 20;

/// How long one is kept.
const AGE_MAX: Duration = Duration::from_secs(3600);

/// Something that was cut, as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cut {
    /// Its place in the answer, such as `stdout` or `results.web1.stdout`.
    pub stream: String,
    /// All of it. Of a list one entry a line, as JSON.
    pub text: String,
    /// It was larger than what is captured of a stream, so that its middle is not there.
    pub gap: bool,
}

/// The kept parts of answers.
#[derive(Debug)]
pub struct Outputs {
    kept: Mutex<VecDeque<Kept>>,
    one_max: usize,
    all_max: usize,
}

impl Default for Outputs {
    fn default() -> Self {
        Outputs { kept: Mutex::default(), one_max: ONE_MAX, all_max: ALL_MAX }
    }
}

#[derive(Debug)]
struct Kept {
    id: String,
    /// The hosts of the call, by alias.
    hosts: Vec<String>,
    since: Instant,
    file: File,
    parts: Vec<Part>,
    bytes: usize,
}

/// One stream or list of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Its place in the answer.
    pub stream: String,
    /// How long it is, in bytes.
    pub bytes: usize,
    /// Only its beginning is kept.
    pub cut: bool,
    /// Its middle was never captured.
    pub gap: bool,
    at: u64,
}

/// What became of an output that was to be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::toolkit) enum Keeping {
    /// All of it is kept.
    Whole,
    /// Its beginning is.
    Beginning,
    /// The rules changed while the call ran; nothing is.
    Outdated,
}

impl Outputs {
    /// Keeps what was cut from the answer with this id. `valid` is asked while nobody can clear: whether the rules under
    /// which the answer came about still hold.
    pub(in crate::toolkit) fn keep(
        &self,
        id: &str,
        hosts: Vec<String>,
        cuts: &[Cut],
        valid: impl FnOnce() -> bool,
    ) -> io::Result<Keeping> {
        let mut file = tempfile::tempfile()?;
        let (mut parts, mut at) = (Vec::new(), 0_usize);
        for cut in cuts {
            let end = floor_char_boundary(&cut.text, self.one_max - at);
            file.write_all(cut.text.as_bytes().get(..end).unwrap_or_default())?;
            let part =
                Part { stream: cut.stream.clone(), bytes: end, cut: end < cut.text.len(), gap: cut.gap, at: at as u64 };
            at += end;
            parts.push(part);
        }
        let whole = parts.iter().all(|part| !part.cut);
        let mut kept = self.kept.lock_always();
        if !valid() {
            return Ok(Keeping::Outdated);
        }
        kept.push_back(Kept { id: id.to_owned(), hosts, since: Instant::now(), file, parts, bytes: at });
        self.forget(&mut kept);
        Ok(if whole { Keeping::Whole } else { Keeping::Beginning })
    }

    /// What is kept of an answer, or nothing where it is not kept (any more).
    pub fn parts(&self, id: &str) -> Option<Vec<Part>> {
        self.with(id, |kept| kept.parts.clone())
    }

    /// Lets go of everything: what an answer showed may be closed by now.
    pub fn clear(&self) {
        self.kept.lock_always().clear();
    }

    /// The hosts that the answer was about.
    pub fn hosts(&self, id: &str) -> Vec<String> {
        self.with(id, |kept| kept.hosts.clone()).unwrap_or_default()
    }

    /// All that is kept of one part.
    pub fn read(&self, id: &str, part: &Part) -> Option<io::Result<String>> {
        self.with(id, |kept| {
            let mut bytes = vec![0; part.bytes];
            kept.file.read_exact_at(&mut bytes, part.at)?;
            String::from_utf8(bytes).map_err(|_| io::Error::other("the kept text is damaged"))
        })
    }

    fn with<T>(&self, id: &str, look: impl FnOnce(&Kept) -> T) -> Option<T> {
        let mut kept = self.kept.lock_always();
        self.forget(&mut kept);
        kept.iter().find(|one| one.id == id).map(look)
    }

    /// Lets go of what is too old, and of the oldest while all together is too much.
    fn forget(&self, kept: &mut VecDeque<Kept>) {
        let mut all: usize = kept.iter().map(|one| one.bytes).sum();
        while kept.front().is_some_and(|oldest| all > self.all_max || oldest.since.elapsed() > AGE_MAX) {
            all -= kept.pop_front().map_or(0, |oldest| oldest.bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(stream: &str, text: String) -> Cut {
        Cut { stream: stream.to_owned(), text, gap: false }
    }

    #[test]
    fn parts_come_back_as_they_were() {
        let outputs = Outputs::default();
        let cuts = [cut("stderr", "one\n".to_owned()), cut("stdout", "zwei \u{e4}\n".to_owned())];
        assert_eq!(outputs.keep("id", vec!["box".to_owned()], &cuts, || true).unwrap(), Keeping::Whole);
        let parts = outputs.parts("id").unwrap();
        assert_eq!(parts.iter().map(|part| part.stream.as_str()).collect::<Vec<_>>(), ["stderr", "stdout"]);
        assert_eq!(outputs.read("id", &parts[1]).unwrap().unwrap(), "zwei \u{e4}\n");
        assert_eq!(outputs.hosts("id"), ["box"]);
        assert!(outputs.parts("other").is_none() && outputs.read("other", &parts[0]).is_none());
        outputs.clear();
        assert!(outputs.parts("id").is_none() && outputs.read("id", &parts[0]).is_none());
    }

    #[test]
    fn what_came_about_under_other_rules_is_not_kept() {
        let outputs = Outputs::default();
        let keeping = outputs.keep("id", Vec::new(), &[cut("stdout", "x".to_owned())], || false).unwrap();
        assert_eq!(keeping, Keeping::Outdated);
        assert!(outputs.parts("id").is_none());
    }

    #[test]
    fn the_oldest_give_way() {
        let outputs = Outputs { kept: Mutex::default(), one_max: 1000, all_max: 4000 };
        for n in 0..5 {
            // The last one is larger than what is kept of an answer.
            let text = "x".repeat(1000 + usize::from(n == 4));
            let keeping = outputs.keep(&n.to_string(), Vec::new(), &[cut("stdout", text)], || true).unwrap();
            assert_eq!(keeping, if n < 4 { Keeping::Whole } else { Keeping::Beginning });
        }
        assert_eq!((0..5).filter(|n| outputs.parts(&n.to_string()).is_some()).collect::<Vec<_>>(), [1, 2, 3, 4]);
        assert!(outputs.parts("4").unwrap()[0].cut);
    }
}
