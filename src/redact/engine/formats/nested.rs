//! Lists and mappings under a sensitive name: every scalar in them is a value of that name.

use super::super::keys::{Aspect, Sensitive, Strength};
use super::super::values::{is_dashed_name, is_label, is_secret};
use super::super::{Doc, Kind, Spans};
use super::Format;
use super::place::Place;
use super::value::close;

/// Names below a sensitive one that describe the secret instead of holding it.
const DESCRIBING: [&str; 30] = [
    "expiry",
    "created",
    "id",
    "scope",
    "name",
    "file",
    "path",
    "external",
    "mode",
    "uid",
    "gid",
    "source",
    "target",
    "type",
    "kind",
    "user",
    "username",
    "host",
    "hostname",
    "port",
    "url",
    "driver",
    "engine",
    "description",
    "title",
    "format",
    "namespace",
    "provider",
    "environment",
    "labels",
];

/// True when a list or mapping begins here.
pub(crate) fn opens(doc: &Doc<'_>, sensitive: Sensitive, place: &Place<'_>, from: usize) -> bool {
    if sensitive.strength == Strength::Weak || !matches!(sensitive.aspect, Aspect::Itself | Aspect::Plural) {
        return false;
    }
    let open = doc.byte(from);
    if !matches!(open, b'{' | b'[') || doc.byte(from + 1) == open && open == b'{' {
        return false;
    }
    if place.name.quote != 0 {
        return true;
    }
    let rest = doc.part(from + 1..).trim_start_matches([' ', '\t']);
    let structured = rest.is_empty() || rest.starts_with(['"', '\'', '\n', '\r', '{', '[', ']', '}', '\\']);
    let colon = doc.part(..from).trim_end_matches([' ', '\t']).ends_with(':');
    structured || (colon && matches!(doc.format, Format::Yaml | Format::Json)) || (colon && closes_on_line(doc, from))
}

fn closes_on_line(doc: &Doc<'_>, from: usize) -> bool {
    let close = if doc.byte(from) == b'{' { b'}' } else { b']' };
    let line = doc.text.as_bytes().get(from..).unwrap_or(&[]).iter().take(512).take_while(|b| **b != b'\n');
    line.into_iter().any(|b| *b == close)
}

/// Takes the whole list or mapping; returns the offset behind it.
pub(crate) fn take(doc: &Doc<'_>, sensitive: Sensitive, name: &str, from: usize, spans: &mut Spans) -> usize {
    let mut reader = Reader { doc, sensitive, name, spans, key: None, in_list: Vec::new() };
    reader.read(from)
}

struct Reader<'d, 't, 's> {
    doc: &'d Doc<'t>,
    sensitive: Sensitive,
    name: &'d str,
    spans: &'s mut Spans,
    key: Option<(usize, usize)>,
    in_list: Vec<bool>,
}

impl Reader<'_, '_, '_> {
    fn read(&mut self, from: usize) -> usize {
        let mut at = from;
        while at < self.doc.text.len() {
            let b = self.doc.byte(at);
            match b {
                b'{' | b'[' => {
                    self.in_list.push(b == b'[');
                    self.key = None;
                    at += 1;
                }
                b'}' | b']' => {
                    self.in_list.pop();
                    at += 1;
                    if self.in_list.is_empty() {
                        return at;
                    }
                }
                b',' | b'\n' | b'\r' => {
                    self.key = None;
                    at += 1;
                }
                b'"' | b'\'' => {
                    let end = close(self.doc, at + 1, b, false);
                    at = self.scalar(at + 1, end, end + 1);
                }
                b'\\' if matches!(self.doc.byte(at + 1), b'"' | b'\'') => {
                    let quote = char::from(self.doc.byte(at + 1));
                    let rest = self.doc.part(at + 2..);
                    let end = rest.find(&format!("\\{quote}")).map_or(self.doc.text.len(), |n| at + 2 + n);
                    at = self.scalar(at + 2, end, end + 2);
                }
                b' ' | b'\t' | b':' | b'=' | b'>' | b'\\' => at += 1,
                _ => {
                    let rest = self.doc.part(at..);
                    let stop = |c: char| matches!(c, ',' | ']' | '}' | '\n' | '\r' | ':' | '=');
                    let end = rest.find(stop).map_or(self.doc.text.len(), |n| at + n);
                    let trimmed = at + self.doc.part(at..end).trim_end().len();
                    at = self.scalar(at, trimmed.max(at), end.max(at + 1));
                }
            }
        }
        at
    }

    /// A key when a colon, `=` or `=>` follows inside a mapping, else a value.
    fn scalar(&mut self, start: usize, end: usize, next: usize) -> usize {
        let next = next.min(self.doc.text.len());
        let mapping = self.in_list.last() == Some(&false);
        let mut after = next;
        while matches!(self.doc.byte(after), b' ' | b'\t') {
            after += 1;
        }
        if mapping && self.key.is_none() && matches!(self.doc.byte(after), b':' | b'=') {
            self.key = Some((start, end));
            return after + 1;
        }
        let key = self.key.and_then(|(start, end)| self.doc.text.get(start..end));
        let value = self.doc.part(start..end);
        if is_secret_below(self.doc, self.sensitive, self.name, key, value) {
            self.spans.add(start, end, Kind::KeyMatch, Some(key.unwrap_or(self.name)));
        }
        next
    }
}

/// Judges a scalar below a sensitive name, by its own name where it has one.
pub(crate) fn is_secret_below(doc: &Doc<'_>, above: Sensitive, name: &str, key: Option<&str>, value: &str) -> bool {
    let Some(key) = key else {
        // `secrets: [db_password]` lists names, in compose files and elsewhere.
        let lists_names = above.aspect == Aspect::Plural && name.to_ascii_lowercase().ends_with("secrets");
        let plain =
            value.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-' | b'.'));
        return !(lists_names && plain && is_dashed_name(value)) && is_secret(single(above), name, value);
    };
    if let Some(own) = doc.rules.judge(key) {
        let own = if own.strength == Strength::Weak && own.aspect == Aspect::Itself { single(above) } else { own };
        return is_secret(own, key, value);
    }
    let words = super::super::keys::words_of(key);
    let describes = words.last().is_some_and(|word| DESCRIBING.contains(&word.as_str()));
    if describes && above.strength != Strength::Named && is_label(value) {
        return false;
    }
    let measures = Sensitive { aspect: super::super::keys::aspect_of(key), ..above };
    is_secret(if measures.aspect == Aspect::Number { measures } else { single(above) }, key, value)
}

fn single(above: Sensitive) -> Sensitive {
    Sensitive { aspect: Aspect::Itself, ..above }
}
