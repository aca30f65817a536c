//! Elements of XML: the text of `<password>x</password>`, of `<entry key="password">x</entry>`, CDATA included.
//! Attributes are assignments and read there.

use super::super::keys::{Sensitive, Strength};
use super::super::values::is_secret;
use super::super::{Doc, Kind, RedactError, Spans};
use super::pairs::Pairs;

/// Longest start tag, in bytes.
const TAG_MAX: usize = 2048;

/// Adds the texts of sensitive elements.
pub(crate) fn find(doc: &Doc<'_>, spans: &mut Spans, pairs: &mut Pairs) -> Result<(), RedactError> {
    let mut at = 0;
    let mut data_end = 0;
    while let Some(open) = doc.text.get(at..).and_then(|rest| rest.find('<')).map(|n| at + n) {
        doc.in_time()?;
        at = open + 1;
        if !doc.byte(at).is_ascii_alphabetic() {
            continue;
        }
        let bytes = doc.text.as_bytes();
        let tag = bytes.get(at..).unwrap_or(&[]).iter().take(TAG_MAX);
        let Some(length) = tag.into_iter().position(|b| matches!(b, b'>' | b'<')) else { continue };
        let close = at + length;
        if doc.byte(close) != b'>' || doc.byte(close - 1) == b'/' {
            continue;
        }
        let tag = doc.part(at..close);
        let element = tag.split_whitespace().next().unwrap_or("");
        let (start, end) = content(doc, close + 1, &mut data_end);
        at = close + 1;
        pairs.note_text(element, start, end);
        let Some((name, sensitive)) = judge(doc, element, tag) else { continue };
        let value = doc.part(start..end);
        let lead = value.len() - value.trim_start().len();
        let value = value.trim();
        let holds_elements = value.is_empty() && doc.byte(end) == b'<' && doc.byte(end + 1).is_ascii_alphabetic();
        let nested = holds_elements && sensitive.strength != Strength::Weak;
        if nested {
            at = below(doc, element, (name, sensitive), end, spans);
        } else if is_secret(sensitive, name, value) {
            spans.add(start + lead, start + lead + value.len(), Kind::KeyMatch, Some(name));
            at = end;
        }
    }
    Ok(())
}

/// The text from an offset to the next tag, inside CDATA to its end. `data_end` remembers the end found last, so that
/// no part of the text is searched twice.
fn content(doc: &Doc<'_>, from: usize, data_end: &mut usize) -> (usize, usize) {
    const CDATA: &str = "<![CDATA[";
    let rest = doc.part(from..);
    let lead = rest.len() - rest.trim_start().len();
    let inner = rest.get(lead..).unwrap_or("");
    if let Some(data) = inner.strip_prefix(CDATA) {
        let start = from + lead + CDATA.len();
        if *data_end < start {
            *data_end = data.find("]]>").map_or(doc.text.len(), |n| start + n);
        }
        return (start, *data_end);
    }
    (from, rest.find('<').map_or(doc.text.len(), |n| from + n))
}

/// By the element's name, or by what its attribute calls it.
fn judge<'a>(doc: &Doc<'a>, element: &'a str, tag: &'a str) -> Option<(&'a str, Sensitive)> {
    let local = element.rsplit(':').next().unwrap_or(element);
    if let Some(sensitive) = doc.rules.judge(local) {
        return Some((local, sensitive));
    }
    let lower = tag.to_ascii_lowercase();
    ["name=", "key=", "id="].iter().find_map(|attribute| {
        let value = tag.get(lower.find(attribute)? + attribute.len()..)?;
        let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        let name = value.get(1..)?.split(quote).next()?;
        doc.rules.judge(name).map(|sensitive| (name, sensitive))
    })
}

/// Texts of the elements below a sensitive one, to its end tag, at most some; returns where that is.
fn below(doc: &Doc<'_>, element: &str, (name, sensitive): (&str, Sensitive), from: usize, spans: &mut Spans) -> usize {
    const WITHIN: usize = 4096;
    let rest = doc.part(from..);
    let limit = (0..=rest.len().min(WITHIN)).rev().find_map(|end| rest.get(..end)).unwrap_or("");
    let inside = limit.split(&format!("</{element}")).next().unwrap_or("");
    let mut offset = from;
    for part in inside.split_inclusive('<') {
        let (tag, text) = part.split_once('>').unwrap_or((part, ""));
        let value = text.strip_suffix('<').unwrap_or(text);
        let key = tag.split_whitespace().next().filter(|key| !key.is_empty() && !key.starts_with('/'));
        let bare = value.trim();
        if !bare.is_empty() && super::nested::is_secret_below(doc, sensitive, name, key, bare) {
            let start = offset + tag.len() + 1 + value.len() - value.trim_start().len();
            spans.add(start, start + bare.len(), Kind::KeyMatch, Some(name));
        }
        offset += part.len();
    }
    offset
}
