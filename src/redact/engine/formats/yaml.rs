//! What YAML spreads over lines: block scalars, values below their name, plain values that go on, lists and mappings
//! under a sensitive name, and the data of a Kubernetes Secret. Values on the line of their name are read by
//! [`super::assignment`]. Python's INI files continue a value in the same way, by indent.

use super::super::keys::{Aspect, Sensitive, Strength};
use super::super::values::is_secret;
use super::super::{Doc, Kind, RedactError, Spans};
use super::Format;
use super::context::lines_in;
use super::nested::is_secret_below;
use super::value::is_block_header;

/// A line and where it lies.
struct Row<'a> {
    start: usize,
    text: &'a str,
}

impl Row<'_> {
    fn is_blank(&self) -> bool {
        self.text.trim().is_empty()
    }

    fn indent(&self) -> usize {
        self.text.len() - self.text.trim_start_matches([' ', '\t']).len()
    }

    fn end(&self) -> usize {
        self.start + self.text.trim_end().len()
    }
}

/// A sensitive name whose value lies below it.
struct Above<'a> {
    indent: usize,
    name: &'a str,
    sensitive: Sensitive,
    /// The data of a Secret: no name below it exempts its value.
    data: bool,
}

/// Names that hold the values of a Kubernetes Secret.
const SECRET_DATA: [&str; 2] = ["data", "stringData"];

/// Adds what lies below sensitive names.
pub(crate) fn find(doc: &Doc<'_>, spans: &mut Spans) -> Result<(), RedactError> {
    let rows = rows(doc.text);
    let mut above: Vec<Above<'_>> = Vec::new();
    let mut is_kube_secret = kube_secret_ahead(&rows, 0);
    let mut at = 0;
    while let Some(row) = rows.get(at) {
        at += 1;
        doc.in_time()?;
        if row.text.starts_with("---") {
            above.clear();
            is_kube_secret = kube_secret_ahead(&rows, at);
            continue;
        }
        let bare = row.text.trim_start_matches([' ', '\t']);
        if bare.trim().is_empty() || bare.starts_with('#') {
            continue;
        }
        let indent = row.indent();
        let entry = Entry::parse(row);
        above.retain(|a| a.indent < indent || (a.indent == indent && entry.dashed && !a.name.is_empty()));
        let Some(name) = entry.name else {
            if let Some(parent) = above.last() {
                let start = row.start + entry.value_at;
                let value = doc.part(start..row.end());
                let (lead, value) = unquote(value);
                if is_secret_below(doc, parent.sensitive, parent.name, None, value) {
                    spans.add(start + lead, start + lead + value.len(), Kind::KeyMatch, Some(parent.name));
                }
            }
            continue;
        };
        let own = doc.rules.judge(name);
        let value = row.text.get(entry.value_at..).unwrap_or("").trim();
        let bare_value = without_properties(value);
        let inherited = above.last().map(|a| (a.sensitive, a.name, a.data));
        let deep = block_end(&rows, at, entry.column);
        if is_block_header(bare_value) || (bare_value.is_empty() && plain_below(&rows, at, deep)) {
            let sensitive = judged(doc, own, inherited, name);
            if let Some(sensitive) = sensitive.filter(|_| deep > at) {
                take_rows(doc, &rows, (at, deep), name, sensitive, spans);
                at = deep;
            }
        } else if bare_value.is_empty() {
            let data = is_kube_secret && SECRET_DATA.contains(&name);
            let opens =
                own.filter(|s| s.strength != Strength::Weak && matches!(s.aspect, Aspect::Itself | Aspect::Plural));
            let sensitive = if data { Some(EVERYTHING) } else { opens };
            if let Some(sensitive) = sensitive.filter(|_| entry.simple) {
                above.push(Above { indent: entry.column, name, sensitive, data });
            } else if let Some(sensitive) = inherited.map(|i| i.0).filter(|_| entry.simple) {
                let data = inherited.is_some_and(|i| i.2);
                above.push(Above { indent: entry.column, name, sensitive, data });
            }
        } else {
            if let Some((sensitive, parent, data)) = inherited {
                let start = row.start
                    + entry.value_at
                    + row.text.get(entry.value_at..).and_then(|v| v.find(bare_value)).unwrap_or(0);
                let (lead, inner) = unquote(bare_value);
                let secret = if data {
                    is_secret(EVERYTHING, name, inner) && !inner.starts_with("LS0tLS1CRUdJTiBDRVJU")
                } else {
                    is_secret_below(doc, sensitive, parent, Some(name), inner)
                };
                if secret && !bare_value.starts_with(['{', '[', '*']) {
                    spans.add(start + lead, start + lead + inner.len(), Kind::KeyMatch, Some(name));
                }
            }
            // A plain or quoted value that goes on below, deeper than its name.
            let goes_on = deep > at && !bare_value.starts_with(['{', '[']) && continues(doc, &entry, bare_value);
            let sensitive = judged(doc, own, inherited, name).filter(|_| goes_on);
            if let Some(sensitive) = sensitive.filter(|s| is_secret(*s, name, unquote(bare_value).1)) {
                take_rows(doc, &rows, (at, deep), name, sensitive, spans);
                at = deep;
            }
        }
    }
    Ok(())
}

/// Every value: the strength of a Secret's data.
const EVERYTHING: Sensitive = Sensitive { strength: Strength::Named, aspect: Aspect::Itself, password: true };

/// The judgement that holds for a name at its place.
fn judged(
    doc: &Doc<'_>,
    own: Option<Sensitive>,
    inherited: Option<(Sensitive, &str, bool)>,
    name: &str,
) -> Option<Sensitive> {
    // A value that only a secret could have tells whether the name exempts any.
    if let Some((sensitive, parent, data)) = inherited
        && (data || is_secret_below(doc, sensitive, parent, Some(name), "x1-Probe"))
    {
        return Some(sensitive);
    }
    own.filter(|s| matches!(s.aspect, Aspect::Itself | Aspect::Plural))
}

/// Adds each line's text, so that the indent stays.
fn take_rows(
    doc: &Doc<'_>,
    rows: &[Row<'_>],
    range: (usize, usize),
    name: &str,
    sensitive: Sensitive,
    spans: &mut Spans,
) {
    let rows = rows.get(range.0..range.1).unwrap_or(&[]);
    let text: String = rows.iter().map(|row| row.text.trim()).collect::<Vec<_>>().join(" ");
    if !is_secret(sensitive, name, &text) {
        return;
    }
    let first = rows.iter().find(|row| !row.is_blank());
    let last = rows.iter().rev().find(|row| !row.is_blank());
    if let (Some(first), Some(last)) = (first, last) {
        let start = first.start + first.indent();
        // Keys and certificates keep their frame: the block reader takes what is private in it.
        if !doc.part(start..last.end()).starts_with("-----BEGIN ") {
            spans.add(start, last.end(), Kind::KeyMatch, Some(name));
        }
    }
}

/// Whether a value may go on by indent in this format: in YAML always, in INI files behind `=`, elsewhere in lists of
/// settings that look like YAML.
fn continues(doc: &Doc<'_>, entry: &Entry<'_>, value: &str) -> bool {
    let open_quote = matches!(value.as_bytes().first(), Some(b'"' | b'\''));
    match doc.format {
        Format::Yaml => entry.separator == b':',
        Format::Ini => !open_quote,
        Format::Env | Format::Json => false,
        Format::Generic => entry.separator == b':' && entry.simple && !open_quote,
    }
}

/// Index behind the rows that are indented deeper than a column.
fn block_end(rows: &[Row<'_>], from: usize, column: usize) -> usize {
    // Blocks are read once: the walk goes on behind them, or they are names of their own with blocks inside, whose
    // depth is limited.
    let deeper = rows.get(from..).unwrap_or(&[]).iter().take_while(|row| row.is_blank() || row.indent() > column);
    let mut end = from;
    for (count, row) in deeper.enumerate() {
        if !row.is_blank() {
            end = from + count + 1;
        }
    }
    end
}

/// True when what lies below is a plain or quoted scalar and no mapping or list.
fn plain_below(rows: &[Row<'_>], from: usize, end: usize) -> bool {
    let first = rows.get(from..end).unwrap_or(&[]).iter().find(|row| !row.is_blank());
    first.is_some_and(|row| {
        let entry = Entry::parse(row);
        entry.name.is_none() && !entry.dashed && !row.text.trim_start().starts_with(['{', '[', '#', '"', '\''])
    })
}

fn kube_secret_ahead(rows: &[Row<'_>], from: usize) -> bool {
    rows.get(from..).unwrap_or(&[]).iter().take_while(|row| !row.text.starts_with("---")).any(|row| {
        let line = row.text.trim().trim_start_matches("- ");
        line.strip_prefix("kind:")
            .is_some_and(|kind| matches!(kind.trim().trim_matches(['"', '\'']), "Secret" | "SealedSecret"))
    })
}

fn rows(text: &str) -> Vec<Row<'_>> {
    let mut rows = Vec::new();
    let mut start = 0;
    for line in lines_in(text) {
        let bare = line.trim_end_matches(['\n', '\r']);
        if !(bare.is_empty() && line == "\n" && start > 0 && text.as_bytes().get(start - 1) == Some(&b'\r')) {
            rows.push(Row { start, text: bare });
        }
        start += line.len();
    }
    rows
}

/// What a line says.
struct Entry<'a> {
    name: Option<&'a str>,
    /// Column of the name, which what lies below must exceed.
    column: usize,
    /// Offset of the value in the line.
    value_at: usize,
    dashed: bool,
    /// The name is one word.
    simple: bool,
    separator: u8,
}

impl<'a> Entry<'a> {
    fn parse(row: &Row<'a>) -> Self {
        let mut column = row.indent();
        let mut dashed = false;
        loop {
            let rest = row.text.get(column..).unwrap_or("");
            let Some(tail) = rest.strip_prefix("- ").or_else(|| rest.strip_prefix("? ")) else { break };
            dashed |= rest.starts_with('-');
            column += 2 + tail.len() - tail.trim_start_matches(' ').len();
        }
        let rest = row.text.get(column..).unwrap_or("");
        let none = Entry { name: None, column, value_at: column, dashed, simple: false, separator: 0 };
        let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''));
        let (name, after) = if let Some(quote) = quote {
            let Some(end) = rest.get(1..).and_then(|inner| inner.find(quote)) else { return none };
            let Some(separator) = rest.get(end + 2..).map(|tail| end + 2 + tail.len() - tail.trim_start().len()) else {
                return none;
            };
            (rest.get(1..=end).unwrap_or(""), separator)
        } else {
            let Some(end) = rest.bytes().take(160).position(|b| matches!(b, b':' | b'=')) else { return none };
            (rest.get(..end).unwrap_or("").trim_end(), end)
        };
        let separator = rest.as_bytes().get(after).copied().unwrap_or(0);
        let behind = rest.as_bytes().get(after + 1).copied();
        let separates = separator == b'=' || (separator == b':' && matches!(behind, None | Some(b' ' | b'\t')));
        if !separates || name.is_empty() {
            return none;
        }
        Entry { name: Some(name), column, value_at: column + after + 1, dashed, simple: !name.contains(' '), separator }
    }
}

/// The value behind anchors and tags, without a comment where there is nothing but one.
fn without_properties(value: &str) -> &str {
    let mut value = value;
    while value.starts_with(['&', '!']) {
        let Some((_, rest)) = value.split_once(' ') else { return if value.len() < 60 { "" } else { value } };
        value = rest.trim_start();
    }
    if value.starts_with('#') { "" } else { value }
}

/// What is inside the quotes, and how many bytes before it.
fn unquote(value: &str) -> (usize, &str) {
    for quote in ['"', '\''] {
        if let Some(inner) = value.strip_prefix(quote) {
            // The brackets of a flow collection may close behind it.
            let bare = inner.trim_end_matches(|c: char| c.is_whitespace() || matches!(c, ',' | '}' | ']' | ')'));
            return (1, bare.strip_suffix(quote).unwrap_or(inner));
        }
    }
    (0, value)
}
