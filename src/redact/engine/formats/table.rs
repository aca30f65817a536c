//! Columns: a heading names them, the rows below hold the values. CSV and its kin (RFC 4180), tables of Markdown, and
//! `INSERT INTO t (a, password) VALUES ('x', 'y')` of SQL.

use std::sync::LazyLock;

use regex::Regex;

use super::super::keys::{Aspect, Strength};
use super::super::values::{is_secret, is_switch, is_words, pattern};
use super::super::{Doc, Kind, RedactError, Spans};
use super::context::lines_in;

/// `(a, b) VALUES`, with the names of the columns.
static INSERT: LazyLock<Option<Regex>> = LazyLock::new(|| pattern(r"(?i)\(([^()]{1,2000})\)\s{0,40}values?\s{0,40}\("));

/// Most columns that are looked at.
const COLUMNS_MAX: usize = 200;

/// How many further lists of columns the rows of one may run over, inside a quoted value or where a row is not closed.
/// Without an end, every list would be read to the end of the text.
const OVERRUN_MAX: usize = 16;

/// One cell, without its quotes.
#[derive(Debug, Clone, Copy)]
struct Cell {
    start: usize,
    end: usize,
}

/// A heading that names secrets: which columns, and how the rows are written.
struct Heading<'a> {
    delimiter: u8,
    columns: usize,
    secret: Vec<(usize, &'a str)>,
}

/// Adds the values of columns whose names are sensitive.
pub(crate) fn find(doc: &Doc<'_>, spans: &mut Spans) -> Result<(), RedactError> {
    let separated = doc.file_name.ends_with(".csv") || doc.file_name.ends_with(".tsv");
    let mut heading: Option<Heading<'_>> = None;
    let (mut start, mut block) = (0, true);
    for whole in lines_in(doc.text) {
        doc.in_time()?;
        let line = whole.trim_end_matches(['\n', '\r']);
        let cells = heading.as_ref().map(|heading| cells(line, start, heading.delimiter));
        match (&heading, cells) {
            // The last row of a text that was cut is short.
            (Some(known), Some(cells))
                if (cells.len() == known.columns || start + line.len() == doc.text.len())
                    && !line.trim().is_empty() =>
            {
                row(doc, known, &cells, spans);
            }
            // A carriage return and a newline end one line.
            _ if line.is_empty() && whole == "\n" && start > 0 && doc.byte(start - 1) == b'\r' => {}
            _ => {
                // In a text of any kind only what stands alone is a heading.
                let alone = separated || block || line.trim_start().starts_with('|');
                heading = if alone { names(doc, line, start, separated) } else { None };
            }
        }
        let half = line.is_empty() && whole == "\n" && start > 0 && doc.byte(start - 1) == b'\r';
        if !half {
            block = line.trim().is_empty() || start == 0 && line.starts_with(['#', '\u{feff}']);
        }
        start += whole.len();
    }
    insert(doc, spans)
}

/// Reads a line as a heading: two or more short names, one of which announces a secret.
fn names<'a>(doc: &Doc<'a>, line: &str, start: usize, separated: bool) -> Option<Heading<'a>> {
    if line.len() > 4096 || !line.contains([',', ';', '\t', '|']) {
        return None;
    }
    let (delimiter, found) = [b'|', b'\t', b';', b',']
        .into_iter()
        .map(|delimiter| (delimiter, cells(line, start, delimiter)))
        .find(|(_, cells)| cells.len() >= 2)?;
    let name = |cell: &Cell| doc.part(cell.start..cell.end);
    // `the password, the key and the token` is a sentence.
    let words = if separated || matches!(delimiter, b'|' | b'\t') { 3 } else { 1 };
    let plain = |text: &str| {
        text.len() <= 40
            && text.split(' ').count() <= words
            && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | ' ' | '.'))
    };
    if found.len() > COLUMNS_MAX || !found.iter().all(|cell| plain(name(cell))) {
        return None;
    }
    let secret: Vec<(usize, &str)> =
        found.iter().enumerate().filter(|(_, cell)| announces(doc, name(cell))).map(|(at, c)| (at, name(c))).collect();
    (!secret.is_empty()).then_some(Heading { delimiter, columns: found.len(), secret })
}

fn announces(doc: &Doc<'_>, name: &str) -> bool {
    doc.rules.judge(name).is_some_and(|s| s.strength != Strength::Weak && matches!(s.aspect, Aspect::Itself))
}

fn row(doc: &Doc<'_>, heading: &Heading<'_>, cells: &[Cell], spans: &mut Spans) {
    for (at, name) in &heading.secret {
        let Some(cell) = cells.get(*at) else { continue };
        value(doc, name, *cell, heading.delimiter == b'|', spans);
    }
}

/// Adds one value. Tables for people say `required` and `yes` where a list for programs holds a password.
fn value(doc: &Doc<'_>, name: &str, cell: Cell, for_people: bool, spans: &mut Spans) {
    let text = doc.part(cell.start..cell.end);
    let bare = text.trim_matches('`');
    let rule = bare.bytes().all(|b| matches!(b, b'-' | b':' | b'=' | b' '));
    if rule || is_switch(bare) || (for_people && (is_words(bare) || bare.contains(' '))) {
        return;
    }
    if doc.rules.judge(name).is_some_and(|sensitive| is_secret(sensitive, name, bare)) {
        let lead = text.len() - text.trim_start_matches('`').len();
        spans.add(cell.start + lead, cell.start + lead + bare.len(), Kind::KeyMatch, Some(name));
    }
}

/// The cells of a line, trimmed and out of their quotes; the edges of a table with bars are none.
fn cells(line: &str, start: usize, delimiter: u8) -> Vec<Cell> {
    let mut found = Vec::new();
    let (mut quote, mut from) = (0u8, 0);
    let mut before = 0u8;
    for (at, b) in line.bytes().chain([delimiter]).enumerate() {
        let ends = at == line.len() || (b == delimiter && quote == 0);
        if ends {
            found.push(trimmed(line, start, from, at));
            from = at + 1;
            quote = 0;
            if found.len() > COLUMNS_MAX {
                break;
            }
        } else if quote == 0 && matches!(b, b'"' | b'\'') && line.get(from..at).is_some_and(|t| t.trim().is_empty()) {
            quote = b;
        } else if b == quote && before != b'\\' {
            quote = 0;
        }
        before = b;
    }
    if delimiter == b'|' {
        let bars = |cell: &Cell| cell.start == cell.end;
        if found.first().is_some_and(bars) {
            found.remove(0);
        }
        if found.last().is_some_and(bars) {
            found.pop();
        }
    }
    found
}

fn trimmed(line: &str, start: usize, from: usize, to: usize) -> Cell {
    let text = line.get(from..to).unwrap_or("");
    let lead = text.len() - text.trim_start_matches([' ', '\t', '\u{feff}']).len();
    let bare = text.trim_matches([' ', '\t', '\u{feff}']);
    let inner = ['"', '\''].into_iter().find_map(|q| bare.strip_prefix(q)?.strip_suffix(q));
    let (lead, bare) = inner.map_or((lead, bare), |inner| (lead + 1, inner));
    Cell { start: start + from + lead, end: start + from + lead + bare.len() }
}

/// Rows of values behind the names of their columns.
fn insert(doc: &Doc<'_>, spans: &mut Spans) -> Result<(), RedactError> {
    let insert = INSERT.as_ref().ok_or(RedactError::Internal)?;
    let mut lists = Vec::new();
    for found in insert.captures_iter(doc.text) {
        doc.in_time()?;
        lists.extend(found.get(0).zip(found.get(1)));
    }
    for (at, (whole, columns)) in lists.iter().enumerate() {
        doc.in_time()?;
        let end = lists.get(at + OVERRUN_MAX).map_or(doc.text.len(), |(later, _)| later.start());
        let text = doc.part(..end);
        let names: Vec<&str> =
            columns.as_str().split(',').map(|c| c.trim().trim_matches(['`', '"', '[', ']'])).collect();
        let secret: Vec<usize> =
            (0..names.len()).filter(|at| names.get(*at).is_some_and(|n| announces(doc, n))).collect();
        if secret.is_empty() {
            continue;
        }
        let mut from = whole.end();
        while let Some((cells, end)) = tuple(text, from) {
            doc.in_time()?;
            for at in &secret {
                if let (Some(cell), Some(name)) = (cells.get(*at), names.get(*at)) {
                    value(doc, name, *cell, false, spans);
                }
            }
            // `), (` opens the next row.
            let rest = text.get(end..).unwrap_or("");
            let Some(open) =
                rest.find(|c: char| !c.is_whitespace() && c != ',').filter(|at| rest[*at..].starts_with('('))
            else {
                break;
            };
            from = end + open + 1;
        }
    }
    Ok(())
}

/// The values up to the closing parenthesis, or to the end of a text that was cut; the offset behind it.
fn tuple(text: &str, from: usize) -> Option<(Vec<Cell>, usize)> {
    let rest = text.get(from..)?;
    let (mut cells, mut start, mut quote, mut before, mut depth) = (Vec::new(), 0, 0u8, 0u8, 0usize);
    for (at, b) in rest.bytes().enumerate() {
        match b {
            _ if quote != 0 && b == quote && before != b'\\' => quote = 0,
            _ if quote != 0 => {}
            b'\'' | b'"' => quote = b,
            b'(' => depth += 1,
            b')' if depth > 0 => depth -= 1,
            b',' | b')' if depth == 0 => {
                cells.push(trimmed(rest, from, start, at));
                start = at + 1;
                if b == b')' {
                    return Some((cells, from + at + 1));
                }
            }
            b';' => return None,
            _ => {}
        }
        before = b;
    }
    // Cut inside a quoted value: its quote does not close.
    let cell = trimmed(rest, from, start, rest.len());
    let lead = usize::from(text.get(cell.start..).is_some_and(|t| t.starts_with(['\'', '"'])));
    cells.push(Cell { start: cell.start + lead, end: cell.end });
    Some((cells, text.len()))
}
