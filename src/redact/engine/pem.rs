//! Blocks between BEGIN and END lines: private keys go, also when one of the lines is missing; certificates and public
//! keys stay where both lines stand.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::formats::context::lines_in;
use super::values::pattern;
use super::{Doc, Kind, RedactError, Spans};

/// A BEGIN or END line of PEM (RFC 7468), OpenPGP (RFC 9580), SSH2 (RFC 4716) or OpenVPN.
static EDGE: LazyLock<Option<Regex>> =
    LazyLock::new(|| pattern(r"-{4,5} ?(BEGIN|END) ([A-Za-z0-9 .#-]{1,64}?) ?-{4,5}"));

/// PuTTY's private part (its file format, version 2 and 3).
static PUTTY: LazyLock<Option<Regex>> = LazyLock::new(|| pattern(r"(?mR)^\s*Private-(?:Lines|MAC|Hash):[ \t]*"));

/// Labels of what anyone may read.
fn is_public(label: &str) -> bool {
    let label = label.to_ascii_uppercase();
    let public = [
        "CERTIFICATE",
        "PUBLIC KEY",
        "X509 CRL",
        "PARAMETERS",
        "PGP SIGNATURE",
        "PGP SIGNED MESSAGE",
        "CMS",
        "PKCS7",
        "TRUSTED CERTIFICATE",
    ];
    !label.contains("PRIVATE") && public.iter().any(|part| label.contains(part))
}

/// Adds private blocks; returns where public ones lie, for their content is random by nature and stays.
pub(super) fn find(doc: &Doc<'_>, spans: &mut Spans) -> Result<Vec<Range<usize>>, RedactError> {
    let edge = EDGE.as_ref().ok_or(RedactError::Internal)?;
    let mut public = Vec::new();
    let mut open: Option<(usize, &str)> = None;
    let mut free_from = 0;
    for found in edge.captures_iter(doc.text) {
        doc.in_time()?;
        let (Some(whole), Some(word), Some(label)) = (found.get(0), found.get(1), found.get(2)) else { continue };
        let label = label.as_str().trim();
        let open_block = open.take();
        if word.as_str() == "BEGIN" {
            if let Some((start, _)) = open_block.filter(|(_, before)| !is_public(before)) {
                unended(doc, start, whole.start(), spans);
            }
            open = Some((whole.end(), label));
        } else {
            match open_block {
                // Only the block's own END line proves it public.
                Some((start, before)) if is_public(before) => {
                    if before.eq_ignore_ascii_case(label) {
                        public.push(start..whole.start());
                    } else if !is_public(label) {
                        block(doc, body_before(doc, start, whole.start()), whole.start(), spans);
                    }
                }
                Some((start, _)) => block(doc, start, whole.start(), spans),
                None if !is_public(label) => {
                    block(doc, body_before(doc, free_from, whole.start()), whole.start(), spans);
                }
                None => {}
            }
        }
        free_from = whole.end();
    }
    if let Some((start, _)) = open.filter(|(_, label)| !is_public(label)) {
        unended(doc, start, doc.text.len(), spans);
    }
    putty(doc, spans)?;
    Ok(public)
}

/// The whole content, less the space around it.
fn block(doc: &Doc<'_>, start: usize, end: usize, spans: &mut Spans) {
    let body = doc.part(start..end);
    let lead = body.len() - body.trim_start().len();
    spans.add(start + lead, start + body.trim_end().len(), Kind::PemBlock, None);
}

/// Without an END line: as far as lines read like the content of a block.
fn unended(doc: &Doc<'_>, start: usize, limit: usize, spans: &mut Spans) {
    block(doc, start, body_end(doc, start, limit), spans);
}

fn body_end(doc: &Doc<'_>, start: usize, limit: usize) -> usize {
    let mut end = start;
    for (at, line) in lines_in(doc.part(start..limit)).enumerate() {
        // The rest of the BEGIN line belongs to it, whatever it is: the block may be on one line.
        if at > 0 && !is_body(line) {
            break;
        }
        end += line.len();
    }
    end
}

/// Where the content begins that ends at `end`, not before `limit`.
fn body_before(doc: &Doc<'_>, limit: usize, end: usize) -> usize {
    let mut start = end;
    for line in doc.part(limit..end).rsplit_inclusive_lines() {
        if !is_body(line) {
            break;
        }
        start -= line.len();
    }
    start
}

/// Base64, a header of the block, or nothing, within whatever indent, quotes and line joiners the file around it needs.
fn is_body(line: &str) -> bool {
    let framed =
        |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '\\' | ',' | '#' | '|' | '>' | '*' | '.' | ';' | '`');
    let inner = line.trim_matches(framed).trim_end_matches("\\n").trim_end_matches("\\r");
    let base64 = inner.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=' | b'\\'));
    let header = inner.split_once(": ").is_some_and(|(name, _)| {
        matches!(
            name,
            "Proc-Type"
                | "DEK-Info"
                | "Comment"
                | "Subject"
                | "Version"
                | "Hash"
                | "Charset"
                | "MessageID"
                | "X-Cipher"
        )
    });
    base64 || header
}

fn putty(doc: &Doc<'_>, spans: &mut Spans) -> Result<(), RedactError> {
    let pattern = PUTTY.as_ref().ok_or(RedactError::Internal)?;
    for found in pattern.find_iter(doc.text) {
        doc.in_time()?;
        let rest = doc.part(found.end()..);
        let line = rest.len() - rest.trim_start_matches(|c| c != '\n' && c != '\r').len();
        let end = if found.as_str().contains("Lines") {
            body_end(doc, found.end(), doc.text.len())
        } else {
            found.end() + line
        };
        let start = if found.as_str().contains("Lines") { found.end() + line } else { found.end() };
        block(doc, start, end, spans);
    }
    Ok(())
}

/// Lines from the last to the first, each with its line end.
trait Backwards {
    fn rsplit_inclusive_lines(&self) -> impl Iterator<Item = &str>;
}

impl Backwards for str {
    fn rsplit_inclusive_lines(&self) -> impl Iterator<Item = &str> {
        let mut end = self.len();
        std::iter::from_fn(move || {
            let head = self.get(..end).filter(|head| !head.is_empty())?;
            let bare = head.strip_suffix(['\n', '\r', '\x0c']).unwrap_or(head);
            let start = bare.rfind(['\n', '\r', '\x0c']).map_or(0, |at| at + 1);
            end = start;
            head.get(start..)
        })
    }
}
