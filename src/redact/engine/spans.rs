//! The places to replace, gathered from all detectors, and the text with markers in their stead.

use std::ops::Range;

use super::marker::MarkerKey;
use super::marks::Marks;
use super::{Kind, Place, Record, RedactError};
use crate::model::char_boundary::{ceil_char_boundary, floor_char_boundary};

/// One place, in bytes of the decoded text.
#[derive(Debug, Clone)]
struct Span {
    start: usize,
    end: usize,
    kind: Kind,
    key: Option<Key>,
}

/// The name that gave a place away, and where in the text it stands; the words of this program stand nowhere.
#[derive(Debug, Clone)]
struct Key {
    text: String,
    start: usize,
    end: usize,
}

/// All places found so far. They may overlap: what is written covers their union.
#[derive(Debug, Default)]
pub(super) struct Spans {
    found: Vec<Span>,
    /// Where the text that is being read lies in memory, to tell where in it a name stands.
    base: Range<usize>,
}

impl Spans {
    /// What follows is found in this text, or in one that differs from it and has the same offsets.
    pub(super) fn read(&mut self, text: &str) {
        self.base = address(text)..address(text) + text.len();
    }

    /// Adds a place; an empty one is none. A name is a part of the text that is read, or a word of this program.
    pub(super) fn add(&mut self, start: usize, end: usize, kind: Kind, key: Option<&str>) {
        if start < end {
            let key = key.map(|name| {
                let inside = self.base.contains(&address(name));
                let start = if inside { address(name) - self.base.start } else { 0 };
                Key { text: name.to_owned(), start, end: if inside { start + name.len() } else { 0 } }
            });
            self.found.push(Span { start, end, kind, key });
        }
    }

    /// Takes the places of another reading of the same text.
    pub(super) fn append(&mut self, mut other: Spans) {
        self.found.append(&mut other.found);
    }

    /// The places as they were found.
    pub(super) fn ranges(self) -> impl Iterator<Item = (usize, usize, Kind)> {
        self.found.into_iter().map(|span| (span.start, span.end, span.kind))
    }

    /// The places without the names that gave them away.
    pub(super) fn without_names(mut self) -> Self {
        self.found.iter_mut().for_each(|span| span.key = None);
        self
    }

    /// The places, in order and without overlap.
    pub(super) fn places(mut self, text: &str, marks: &Marks) -> Vec<(usize, usize)> {
        self.union(text, marks).into_iter().map(|span| (span.start, span.end)).collect()
    }

    /// The places with the marks that [`Self::render`] writes there.
    pub(crate) fn marked(
        mut self,
        text: &str,
        marks: &Marks,
        key: &MarkerKey,
        hint_chars: usize,
    ) -> Result<Vec<Place>, RedactError> {
        let place = |span: Span| {
            let value = text.get(span.start..span.end).ok_or(RedactError::Internal)?;
            let (_, mark) = key.mark(value, span.kind.hint_chars(hint_chars)).ok_or(RedactError::Internal)?;
            Ok(Place { range: span.start..span.end, mark })
        };
        self.union(text, marks).into_iter().map(place).collect()
    }

    /// Makes one place of those that overlap, in the order of the text. Marks that stand in a place alone stay.
    fn union(&mut self, text: &str, marks: &Marks) -> Vec<Span> {
        let mut found = std::mem::take(&mut self.found);
        found.retain_mut(|span| {
            // Some readers look at the text with its line ends replaced; whole characters go.
            span.start = floor_char_boundary(text, span.start);
            span.end = ceil_char_boundary(text, span.end);
            let Some((start, end)) = marks.without(text, span.start, span.end) else { return false };
            (span.start, span.end) = (start, end);
            true
        });
        found.sort_by_key(|span| (span.start, std::cmp::Reverse(span.end)));
        let mut out: Vec<Span> = Vec::with_capacity(found.len());
        for next in found {
            match out.last_mut().filter(|last| next.start < last.end) {
                Some(last) => {
                    last.end = last.end.max(next.end);
                    if last.key.is_none() && next.key.is_some() {
                        last.key = next.key;
                        last.kind = next.kind;
                    }
                }
                None => out.push(next),
            }
        }
        out
    }

    /// The text with every place replaced, and a record for each. Only what lies between the places is copied, so no
    /// character of a place can stay.
    pub(super) fn render(
        mut self,
        text: &str,
        marks: &Marks,
        key: &MarkerKey,
        hint_chars: usize,
        tell: &mut dyn FnMut(&str, &str),
    ) -> Result<(String, Vec<Record>), RedactError> {
        let spans = self.union(text, marks);
        let places: Vec<(usize, usize)> = spans.iter().map(|span| (span.start, span.end)).collect();
        let mut out = String::with_capacity(text.len());
        let mut records = Vec::new();
        let mut lines = Lines::new(text);
        let mut copied = 0;
        for span in spans {
            let kept = text.get(copied..span.start).ok_or(RedactError::Internal)?;
            let value = text.get(span.start..span.end).ok_or(RedactError::Internal)?;
            copied = span.end;
            out.push_str(kept);
            let (hash, mark) = key.mark(value, span.kind.hint_chars(hint_chars)).ok_or(RedactError::Internal)?;
            out.push_str(&mark);
            tell(value, &mark);
            let line = if span.kind == Kind::PemBlock { None } else { Some(lines.at(span.start)) };
            // A name that holds a part of a secret, of this one or of another, is not told.
            let told = span.key.filter(|key| !overlaps(&places, key.start, key.end)).map(|key| key.text);
            records.push(Record { key: told, hash, line, kind: span.kind });
        }
        out.push_str(text.get(copied..).ok_or(RedactError::Internal)?);
        Ok((out, records))
    }
}

fn address(text: &str) -> usize {
    text.as_ptr().addr()
}

/// Whether one of the places, which are in order, holds a byte of this range.
fn overlaps(places: &[(usize, usize)], start: usize, end: usize) -> bool {
    let at = places.partition_point(|(_, end)| *end <= start);
    places.get(at).is_some_and(|(begin, _)| *begin < end)
}

/// Line numbers for rising offsets; `\n`, `\r\n` and a lone `\r` end a line.
struct Lines<'a> {
    bytes: &'a [u8],
    at: usize,
    line: usize,
}

impl<'a> Lines<'a> {
    fn new(text: &'a str) -> Self {
        Lines { bytes: text.as_bytes(), at: 0, line: 1 }
    }

    fn at(&mut self, offset: usize) -> usize {
        while self.at < offset {
            let here = self.bytes.get(self.at);
            let next = self.bytes.get(self.at + 1);
            self.line += usize::from(here == Some(&b'\n') || (here == Some(&b'\r') && next != Some(&b'\n')));
            self.at += 1;
        }
        self.line
    }
}
