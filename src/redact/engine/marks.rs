//! Marks that are in a text already. One that this installation made stands for a secret and is left alone; a text that
//! only looks like one is ordinary text.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::RedactError;
use super::marker::MarkerKey;
use super::values::pattern;

static MARK: LazyLock<Option<Regex>> =
    LazyLock::new(|| pattern(r"<sha:[0-9a-f]{12}(?: len:[0-9]{1,9})?(?: hint:[^\s<>]{1,4}\.\.\.[^\s<>]{1,4})?>"));

/// The parts of a text that look like marks, in order.
pub(crate) fn alike(text: &str) -> impl Iterator<Item = Range<usize>> {
    MARK.as_ref().into_iter().flat_map(|mark| mark.find_iter(text)).map(|found| found.range())
}

/// What a mark is read as: letters, so that the text around it is read as it was when the secret stood there, and that
/// the word itself says nothing of what is joined to it.
const FILLER: &str = "x";

/// What looks like a mark in a text, in order.
#[derive(Debug, Default)]
pub(super) struct Marks {
    /// All of it: one word for every reader, however many spaces are in it.
    alike: Vec<Range<usize>>,
    /// What this installation made.
    made: Vec<Range<usize>>,
}

impl Marks {
    /// Finds it, and proves each by its digits.
    pub(super) fn find(text: &str, key: &MarkerKey) -> Result<Self, RedactError> {
        let mark = MARK.as_ref().ok_or(RedactError::Internal)?;
        let mut marks = Marks::default();
        for found in mark.find_iter(text) {
            marks.alike.push(found.range());
            if key.made(found.as_str()) {
                marks.made.push(found.range());
            }
        }
        Ok(marks)
    }

    /// The text with a word in the place of all that looks like a mark, as many bytes as before.
    pub(super) fn filled<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if self.alike.is_empty() {
            return Cow::Borrowed(text);
        }
        let mut out = String::with_capacity(text.len());
        let mut copied = 0;
        for mark in &self.alike {
            out.push_str(text.get(copied..mark.start).unwrap_or(""));
            out.push_str(&FILLER.repeat(mark.len()));
            copied = mark.end;
        }
        out.push_str(text.get(copied..).unwrap_or(""));
        Cow::Owned(out)
    }

    /// A place, widened to whole marks of this installation; `None` when it holds nothing but those and what stands between values.
    pub(super) fn without(&self, text: &str, start: usize, end: usize) -> Option<(usize, usize)> {
        let first = self.made.partition_point(|mark| mark.end <= start);
        let inside = self.made.get(first..).unwrap_or(&[]).iter().take_while(|mark| mark.start < end);
        let separates = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | ',' | ';' | '\\');
        let (mut from, mut to, mut at, mut more) = (start, end, start, false);
        let mut any = false;
        for mark in inside {
            any = true;
            more |= !text.get(at..mark.start.max(at)).unwrap_or("").chars().all(separates);
            from = from.min(mark.start);
            to = to.max(mark.end);
            at = mark.end;
        }
        more |= !text.get(at..end.max(at)).unwrap_or("").chars().all(separates);
        (more || !any).then_some((from, to))
    }
}
