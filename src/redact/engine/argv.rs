//! The words of a command line: an option says what the next word is.

use std::cell::Cell;
use std::ops::Range;

use super::formats::Format;
use super::marks::Marks;
use super::spans::Spans;
use super::{Doc, Kind, RedactError, Redactor, WITHHELD, commands, flags};

impl Redactor {
    /// Redacts the words of a command line: each alone, and as a whole, for an option tells what the next word is.
    pub fn redact_argv(&self, words: &[String]) -> Vec<String> {
        let line = join(words);
        let together = self.places(&line).unwrap_or_else(|| vec![(0, line.len())]);
        let mut start = 0;
        let mut redacted = Vec::with_capacity(words.len());
        for word in words {
            let end = start + word.len();
            redacted.push(self.redact_word(word, &(start..end), &together));
            start = end + 1;
        }
        redacted
    }

    /// What is secret in a word itself, and what its place on the line tells.
    fn redact_word(&self, word: &str, range: &Range<usize>, together: &[(usize, usize)]) -> String {
        let first = together.partition_point(|(_, end)| *end <= range.start);
        let inside = together.get(first..).unwrap_or(&[]).iter().take_while(|(start, _)| *start < range.end);
        let mut spans = Spans::default();
        for (start, end) in inside {
            spans.add(*start.max(&range.start) - range.start, *end.min(&range.end) - range.start, Kind::KeyMatch, None);
        }
        self.run_with(word, None, Format::Generic, spans, &mut |_, _| {})
            .map_or_else(|_| WITHHELD.to_owned(), |(text, _)| text)
    }

    /// The places that options and programs tell, `None` when they cannot be told.
    fn places(&self, line: &str) -> Option<Vec<(usize, usize)>> {
        if line.len() > self.options.size_max {
            return None;
        }
        let marks = Marks::find(line, &self.options.key).ok()?;
        let filled = marks.filled(line);
        let mut spans = Spans::default();
        let found = self.with_doc(&filled, |doc| {
            spans.read(doc.text);
            flags::find(doc, &mut spans).and_then(|()| commands::find(doc, &mut spans))
        });
        found.is_ok().then(|| spans.places(line, &marks))
    }

    pub(super) fn with_doc<T>(
        &self,
        text: &str,
        run: impl FnOnce(&Doc<'_>) -> Result<T, RedactError>,
    ) -> Result<T, RedactError> {
        let misread = Cell::new(false);
        let found = run(&Doc {
            text,
            rules: &self.options.rules,
            format: Format::Json,
            file_name: String::new(),
            entropy: self.options.entropy,
            deadline: std::time::Instant::now() + super::BUDGET,
            misread: &misread,
        })?;
        if misread.get() { Err(RedactError::Internal) } else { Ok(found) }
    }
}

/// The words in one line, each as long as it is: what separates words does not stand inside them here.
fn join(words: &[String]) -> String {
    let bare = |c: char| if c.is_ascii_whitespace() { '\u{1}' } else { c };
    words.iter().map(|word| word.chars().map(bare).collect::<String>()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::super::{MarkerKey, Options};
    use super::*;

    #[test]
    fn a_detector_that_reads_beside_the_text_fails_the_run() {
        let redactor = Redactor::new(Options::new(MarkerKey::from_salt("0123456789abcdef")));
        let read = |range: Range<usize>| redactor.with_doc("a\u{e4}b", |doc| Ok(doc.part(range).to_owned()));
        assert_eq!(read(1..3), Ok("\u{e4}".to_owned()));
        assert_eq!((read(4..9), read(3..3), read(9..10)), (Ok(String::new()), Ok(String::new()), Ok(String::new())));
        for beside in [2..4, 0..2, 3..9] {
            assert_eq!(read(beside), Err(RedactError::Internal));
        }
    }
}
