//! Names and values that stand apart: `{"name": "DB_PASSWORD", "value": "x"}`, `- name: X` over `value: x`,
//! `<name>x</name><value>y</value>`, `<add key="x" value="y"/>`.

use std::sync::LazyLock;

use regex::Regex;

use super::super::values::{is_secret, pattern};
use super::super::{Doc, Kind, Spans};
use super::context::{line_end, lines_in, next_line};
use super::place::{Extent, Place};
use super::value;

/// `variable "db_password" { default = "x" }`, `output "password" { value = "x" }` of Terraform.
static VARIABLE: LazyLock<Option<Regex>> =
    LazyLock::new(|| pattern(r#"\b(?:variable|output)[ \t]+"([A-Za-z0-9_-]{1,128})"[ \t]*\{"#));

/// What says a name, in lower case.
const NAMES: [&str; 9] =
    ["httpheaderkey", "name", "key", "id", "variable", "param", "parametername", "parameterkey", "property"];
/// What says the value.
const VALUES: [&str; 11] = [
    "httpheadervalue",
    "value",
    "content",
    "default",
    "defaultvalue",
    "val",
    "string",
    "data",
    "parametervalue",
    "text",
    "integer",
];

/// How far apart the two may stand, in bytes and in entries.
const APART: usize = 400;
const ENTRIES: usize = 4;
/// Longest block that is the value of a pair, in lines.
const BLOCK_LINES: usize = 200;

#[derive(Debug)]
struct Half {
    is_name: bool,
    extent: Extent,
}

/// Names and values in the order of the text.
#[derive(Debug, Default)]
pub(crate) struct Pairs(Vec<Half>);

impl Pairs {
    /// Notes the value behind a separator.
    pub(crate) fn note(&mut self, doc: &Doc<'_>, place: &Place<'_>, after: usize) {
        let Some(is_name) = half_of(place.name.text) else { return };
        let Some(from) = value::begin(doc, place, after) else { return };
        if matches!(doc.byte(from), b'{' | b'[') {
            return;
        }
        if let Some(mut extent) = value::extent(doc, place, after, from) {
            if value::is_block_header(doc.part(extent.start..extent.end)) {
                extent = block_below(doc, place, extent.end);
            }
            self.0.push(Half { is_name, extent });
        }
    }

    /// Notes the text of an element.
    pub(crate) fn note_text(&mut self, tag: &str, start: usize, end: usize) {
        if let Some(is_name) = half_of(tag) {
            self.0.push(Half { is_name, extent: Extent { start, end, next: end } });
        }
    }

    /// Adds the values whose names are sensitive: the first value behind a name, else one right before it.
    pub(crate) fn find(mut self, doc: &Doc<'_>, spans: &mut Spans) {
        for label in
            VARIABLE.iter().flat_map(|pattern| pattern.captures_iter(doc.text)).filter_map(|found| found.get(1))
        {
            let extent = Extent { start: label.start(), end: label.end(), next: label.end() };
            self.0.push(Half { is_name: true, extent });
        }
        self.0.sort_by_key(|half| half.extent.start);
        for (at, half) in self.0.iter().enumerate() {
            let name = doc.part(half.extent.start..half.extent.end).trim();
            if !half.is_name || name.len() > 200 || name.contains(['$', '(', '[', '=']) {
                continue;
            }
            let Some(sensitive) = doc.rules.judge(name) else { continue };
            let near = |other: &&Half| {
                let gap = other.extent.start.abs_diff(half.extent.end);
                !other.is_name && (gap <= APART || other.extent.end.abs_diff(half.extent.start) <= APART)
            };
            let behind = self.0.get(at + 1..).unwrap_or(&[]).iter().take(ENTRIES).take_while(|h| !h.is_name).find(near);
            // Of the value before, nothing may part the name: a new item or a closed one has names of its own.
            let joined = |other: &&Half| {
                let between = doc.part(other.extent.next..half.extent.start);
                near(other) && !between.contains('}') && !between.contains("\n- ") && !between.contains(" - ")
            };
            let before = at.checked_sub(1).and_then(|at| self.0.get(at)).filter(joined);
            // What stands behind may be of the next item, which has a name of its own.
            let next_item = |other: &Half| {
                let between = doc.part(half.extent.end..other.extent.start);
                between.lines().skip(1).any(|line| line.trim_start().starts_with("- "))
            };
            let behind = behind.filter(|other| before.is_none() || !next_item(other));
            for other in behind.into_iter().chain(before.filter(|_| behind.is_none())) {
                let value = doc.part(other.extent.start..other.extent.end);
                if is_secret(sensitive, name, value) {
                    spans.add(other.extent.start, other.extent.end, Kind::KeyMatch, Some(name));
                }
            }
        }
    }
}

/// The block below a name, each line of it deeper than the name; at least one line, for blocks may be badly indented.
fn block_below(doc: &Doc<'_>, place: &Place<'_>, header: usize) -> Extent {
    let column = place.name.start - place.line.start;
    let mut at = next_line(doc, line_end(doc.text, header));
    let (mut start, mut end) = (None, at);
    for line in lines_in(doc.part(at..)).take(BLOCK_LINES) {
        let bare = line.trim();
        let indent = line.len() - line.trim_start().len();
        if !bare.is_empty() {
            if start.is_some() && indent <= column {
                break;
            }
            start.get_or_insert(at + indent);
            end = at + indent + bare.len();
        }
        at += line.len();
    }
    let start = start.unwrap_or(end);
    Extent { start, end, next: end }
}

/// True when the name is one of either half.
pub(crate) fn concerns(name: &str) -> bool {
    half_of(name).is_some()
}

fn half_of(name: &str) -> Option<bool> {
    if name.len() > 16 {
        return None;
    }
    let name = name.rsplit([':', '.']).next().unwrap_or("").to_ascii_lowercase();
    if NAMES.contains(&name.as_str()) {
        Some(true)
    } else if VALUES.contains(&name.as_str()) {
        Some(false)
    } else {
        None
    }
}
