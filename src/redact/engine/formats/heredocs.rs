//! Values that stand on lines of their own to an end mark: `password = <<EOF` of HCL, `PASSWORD=$(cat <<EOF` of a shell,
//! `define PASSWORD` of make.

use std::sync::LazyLock;

use regex::Regex;

use super::super::values::{is_secret, pattern};
use super::super::{Doc, Kind, RedactError, Spans};
use super::context::lines_in;

/// A name and the end mark that its value is read to. Only what cannot go on over lines stands between them.
static OPENING: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(concat!(
        r#"(?m)\b([A-Za-z0-9_.-]{2,128})["']?[ \t]{0,40}(?:[:+?]?=|:|=>)[ \t]{0,40}["']?(?:[$(`]{1,2}[ \t]*)?"#,
        r#"(?:[A-Za-z0-9_/.-]{1,40}[ \t]+(?:-[A-Za-z0-9]+[ \t]+){0,4})?<<<?[-~]?[ \t]*["']?([A-Za-z_][A-Za-z0-9_]{0,60})["']?"#,
        r"|^[ \t]*(?:(?:override|export|private)[ \t]+){0,3}define[ \t]+([A-Za-z0-9_.-]{2,128})[ \t]*(?:[:+?!]{0,3}=)?[ \t]*\r?$",
    ))
});

/// Adds the lines between.
pub(crate) fn find(doc: &Doc<'_>, spans: &mut Spans) -> Result<(), RedactError> {
    let opening = OPENING.as_ref().ok_or(RedactError::Internal)?;
    let mut at = 0;
    while let Some(found) = opening.captures_at(doc.text, at) {
        doc.in_time()?;
        let (Some(whole), Some(name)) = (found.get(0), found.get(1).or(found.get(3))) else { break };
        at = whole.end().max(at + 1);
        let Some(sensitive) = doc.rules.judge(name.as_str()) else { continue };
        let mark = found.get(2).map_or("endef", |mark| mark.as_str());
        let head_end = super::context::line_end(doc.text, whole.end());
        let (start, end, next) = body(doc.text, super::context::next_line(doc, head_end), mark);
        let value = doc.part(start..end);
        if is_secret(sensitive, name.as_str(), value) && !value.starts_with("-----BEGIN ") {
            spans.add(start, end, Kind::KeyMatch, Some(name.as_str()));
        }
        at = next.max(at);
    }
    Ok(())
}

/// The text from a line to the one that is the end mark, else to the end; and where to go on.
fn body(text: &str, from: usize, mark: &str) -> (usize, usize, usize) {
    let (mut at, mut first, mut last) = (from, None, from);
    for line in lines_in(text.get(from..).unwrap_or("")) {
        let bare = line.trim();
        if bare == mark || bare.strip_prefix(mark).is_some_and(|tail| tail.starts_with([')', ';', '`', '"'])) {
            break;
        }
        if !bare.is_empty() {
            first.get_or_insert(at + line.len() - line.trim_start().len());
            last = at + line.trim_end().len();
        }
        at += line.len();
    }
    (first.unwrap_or(from), last, at)
}
