//! The places to replace, gathered from all detectors, and the text with markers in their stead.

use super::marker::{self, MarkerKey};
use super::{Kind, Record, RedactError};

/// One place, in bytes of the decoded text.
#[derive(Debug, Clone)]
struct Span {
    start: usize,
    end: usize,
    kind: Kind,
    key: Option<String>,
}

/// All places found so far. They may overlap: what is written covers their union.
#[derive(Debug, Default)]
pub struct Spans(Vec<Span>);

impl Spans {
    /// Adds a place; an empty one is none.
    pub fn add(&mut self, start: usize, end: usize, kind: Kind, key: Option<&str>) {
        if start < end {
            self.0.push(Span { start, end, kind, key: key.map(str::to_owned) });
        }
    }

    /// The text with every place replaced, and a record for each. Only what lies between the places is copied, so no
    /// character of a place can stay.
    pub fn render(
        mut self,
        text: &str,
        key: &MarkerKey,
        hint_chars: usize,
    ) -> Result<(String, Vec<Record>), RedactError> {
        // Some readers look at the text with its line ends replaced; whole characters go.
        for span in &mut self.0 {
            span.start = (0..=span.start).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
            span.end = (span.end..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
        }
        self.0.sort_by_key(|span| (span.start, std::cmp::Reverse(span.end)));
        let mut out = String::with_capacity(text.len());
        let mut records = Vec::new();
        let mut lines = Lines::new(text);
        let mut copied = 0;
        let mut rest = self.0.into_iter().peekable();
        while let Some(mut span) = rest.next() {
            while let Some(next) = rest.next_if(|next| next.start < span.end) {
                span.end = span.end.max(next.end);
                if span.key.is_none() && next.key.is_some() {
                    span.key = next.key;
                    span.kind = next.kind;
                }
            }
            let kept = text.get(copied..span.start).ok_or(RedactError::Internal)?;
            let value = text.get(span.start..span.end).ok_or(RedactError::Internal)?;
            copied = span.end;
            out.push_str(kept);
            let hash = key.hash(value).ok_or(RedactError::Internal)?;
            let hint_chars = if span.kind == Kind::PemBlock { 0 } else { hint_chars };
            marker::write(&hash, value, hint_chars, &mut out);
            let line = if span.kind == Kind::PemBlock { None } else { Some(lines.at(span.start)) };
            records.push(Record { key: span.key, hash, line, kind: span.kind });
        }
        out.push_str(text.get(copied..).ok_or(RedactError::Internal)?);
        Ok((out, records))
    }
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
