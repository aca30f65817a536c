//! Where a value ends. In doubt it ends later: too much is replaced rather than too little.

use super::super::keys::{Aspect, Sensitive, Strength};
use super::super::values::{is_reference, is_secret};
use super::super::{Doc, Kind, Spans};
use super::context::{Line, begins_line, line_end, next_line};
use super::nested;
use super::place::{Extent, Name, Place};

/// Adds the value behind a separator when it is a secret; returns where to go on.
pub(crate) fn take(doc: &Doc<'_>, sensitive: Sensitive, place: Place<'_>, after: usize, spans: &mut Spans) -> usize {
    let Some(from) = begin(doc, &place, after) else { return after };
    if place.wide && nested::opens(doc, sensitive, &place, from) {
        return nested::take(doc, sensitive, place.name.text, from, spans);
    }
    let Some(extent) = extent(doc, &place, after, from) else { return after };
    let value = doc.part(extent.start..extent.end);
    let (skip, value) = without_scheme(place.name.text, value);
    // The names inside say more than a name that announces a secret only sometimes.
    let describes = matches!(sensitive.aspect, Aspect::Label | Aspect::Place);
    let inside = (sensitive.strength == Strength::Weak || describes) && value.starts_with(['{', '[']);
    if is_block_header(value) || (inside && value.contains([':', '='])) {
        return after;
    }
    let skip = skip + user_before(sensitive, place.name.text, value);
    if is_secret(sensitive, place.name.text, value) {
        spans.add(extent.start + skip, extent.end, Kind::KeyMatch, Some(place.name.text));
        return extent.next;
    }
    after
}

/// `user:password` under a name that announces credentials: the user stays in sight.
fn user_before(sensitive: Sensitive, name: &str, value: &str) -> usize {
    let lower = name.to_ascii_lowercase();
    let logins = ["auth", "cred", "login", "ident", "users"].iter().any(|part| lower.contains(part));
    let opens = ["token", "key", "secret"].iter().any(|part| lower.contains(part));
    if sensitive.password || !logins || opens {
        return 0;
    }
    match value.split_once(':') {
        Some((user, rest))
            if !rest.is_empty()
                && (2..=20).contains(&user.len())
                && user.bytes().all(|b| b.is_ascii_lowercase())
                && !value.contains("//") =>
        {
            user.len() + 1
        }
        _ => 0,
    }
}

/// First byte of the value: behind spaces, YAML anchors and tags, and for quoted names behind line ends.
pub(crate) fn begin(doc: &Doc<'_>, place: &Place<'_>, after: usize) -> Option<usize> {
    let mut from = after;
    loop {
        match doc.byte(from) {
            b' ' | b'\t' => from += 1,
            b'\n' | b'\r' if (place.name.quote != 0 && place.line.quote == 0) || place.argument => from += 1,
            // In a flow mapping the value may stand below its name.
            b'\n' | b'\r' if in_braces(doc, place, after) && from < after + BELOW => from += 1,
            b'\\' if matches!(doc.byte(from + 1), b'\n' | b'\r') => from = next_line(doc, from + 1),
            b'&' | b'!' if from > after => {
                let word = doc.text.get(from..)?.find(|c: char| c.is_whitespace())?;
                // Alone on its line it belongs to what follows.
                if !(2..=60).contains(&word) || !matches!(doc.byte(from + word), b' ' | b'\t') {
                    return Some(from);
                }
                from += word;
            }
            0 if from >= doc.text.len() => return None,
            b'\n' | b'\r' => return None,
            _ => return Some(from),
        }
    }
}

/// How far below its name a value may stand, in bytes.
const BELOW: usize = 200;

/// True for `{ name:` at the end of a line.
fn in_braces(doc: &Doc<'_>, place: &Place<'_>, after: usize) -> bool {
    place.wide && place.line.depth > 0 && place.line.quote == 0 && doc.byte(after.wrapping_sub(1)) == b':'
}

/// Header names keep their scheme in sight: `Bearer`, `Basic`.
fn without_scheme<'a>(name: &str, value: &'a str) -> (usize, &'a str) {
    if !name.to_ascii_lowercase().ends_with("authorization") {
        return (0, value);
    }
    match value.split_once(' ') {
        Some((scheme, rest)) if scheme.len() <= 20 && scheme.bytes().all(|b| b.is_ascii_alphabetic() || b == b'-') => {
            (scheme.len() + 1, rest)
        }
        _ => (0, value),
    }
}

/// `|`, `>-` and so on: the value is the block below, which the YAML reader takes.
pub(crate) fn is_block_header(value: &str) -> bool {
    let value = value.split(" #").next().unwrap_or("").trim();
    value.len() <= 4
        && value.starts_with(['|', '>'])
        && value.chars().skip(1).all(|c| matches!(c, '+' | '-' | '0'..='9'))
}

/// Finds the end of the value that begins at `from`.
pub(crate) fn extent(doc: &Doc<'_>, place: &Place<'_>, after: usize, from: usize) -> Option<Extent> {
    let rest = doc.text.get(from..)?;
    // A string inside a string: `\"name\": \"value\"`.
    if let Some(quote) = escaped_quote(rest) {
        let inner = from + 2;
        let closing = format!("\\{quote}");
        let end = doc.text.get(inner..)?.find(&closing).map_or_else(|| line_end(doc.text, inner), |at| inner + at);
        return Some(Extent { start: inner, end, next: (end + 2).min(doc.text.len()) });
    }
    let prefix = string_prefix(rest);
    let quote = doc.byte(from + prefix);
    if matches!(quote, b'"' | b'\'' | b'`') {
        if place.line.quote == quote && place.name.quote == 0 {
            return None;
        }
        return Some(quoted(doc, from + prefix, quote));
    }
    if place.argument {
        return None;
    }
    Some(plain(doc, place, after, from))
}

fn escaped_quote(rest: &str) -> Option<char> {
    rest.strip_prefix('\\').and_then(|rest| rest.chars().next()).filter(|c| matches!(c, '"' | '\''))
}

/// Length of what some languages write before a quote: `$'..'`, `b"..."`, `@"..."`, `f"..."`.
fn string_prefix(rest: &str) -> usize {
    let bytes = rest.as_bytes();
    let quote = |at: usize| matches!(bytes.get(at), Some(b'"' | b'\''));
    match bytes.first() {
        Some(b'$' | b'@' | b'b' | b'r' | b'f' | b'u' | b'N' | b'L' | b'B' | b'R') if quote(1) => 1,
        Some(b'b' | b'r' | b'B' | b'R') if matches!(bytes.get(1), Some(b'r' | b'b' | b'R' | b'B')) && quote(2) => 2,
        _ => 0,
    }
}

/// A quoted value with everything joined to it: doubled quotes, `'a'\''b'`, `"a"'b'`, `"a" . "b"`, `"a" +\n "b"`.
pub(crate) fn quoted(doc: &Doc<'_>, at: usize, quote: u8) -> Extent {
    let triple = doc.byte(at + 1) == quote && doc.byte(at + 2) == quote && quote != b'`';
    let start = if triple { at + 3 } else { at + 1 };
    let mut end = close(doc, start, quote, triple);
    let mut next = (end + if triple { 3 } else { 1 }).min(doc.text.len());
    let single = next;
    for _ in 0..PIECES {
        let joined = joined_at(doc, next);
        let Some(piece) = joined else { break };
        match doc.byte(piece) {
            q @ (b'"' | b'\'' | b'`') => {
                end = close(doc, piece + 1, q, false);
                next = (end + 1).min(doc.text.len());
            }
            b'\\' => {
                end = word_end(doc, piece + 2);
                next = end;
            }
            _ => {
                end = word_end(doc, piece);
                next = end;
            }
        }
    }
    if next > single {
        // Several pieces: their quotes go with them.
        return Extent { start: at, end: next, next };
    }
    Extent { start, end: end.max(start), next: next.max(start) }
}

/// Most pieces that one value is joined of.
const PIECES: usize = 200;

/// Where the value goes on behind a closing quote, `None` when it does not.
fn joined_at(doc: &Doc<'_>, at: usize) -> Option<usize> {
    match doc.byte(at) {
        b'"' | b'\'' | b'`' => Some(at),
        b'\\' if !matches!(doc.byte(at + 1), b'n' | b'"' | 0) => Some(at),
        b if b.is_ascii_alphanumeric()
            || matches!(b, b'$' | b'_' | b'-' | b'+' | b'@' | b'%' | b'!' | b'^' | b'~')
            || b >= 0x80 =>
        {
            Some(at)
        }
        b' ' | b'\t' | b'\n' | b'\r' | b'.' => {
            // Joined by an operator: `"a" . "b"`, `"a" +` and the rest below.
            let rest = doc.text.get(at..)?;
            let bare = rest.trim_start_matches([' ', '\t', '\n', '\r']);
            // Three dots end a document of YAML.
            if bare.starts_with("..") {
                return None;
            }
            let joined = bare.strip_prefix(['.', '+', '\\'])?.trim_start_matches([' ', '\t', '\n', '\r', '.']);
            joined.starts_with(['"', '\'']).then_some(doc.text.len() - joined.len())
        }
        _ => None,
    }
}

/// End of a shell word.
fn word_end(doc: &Doc<'_>, from: usize) -> usize {
    let rest = doc.part(from..);
    rest.find(|c: char| {
        c.is_whitespace() || matches!(c, '"' | '\'' | '`' | ',' | ';' | ')' | '}' | ']' | '<' | '>' | '&' | '|')
    })
    .map_or(doc.text.len(), |at| from + at)
}

/// Offset of the closing quote, of the text's end without one.
pub(crate) fn close(doc: &Doc<'_>, from: usize, quote: u8, triple: bool) -> usize {
    let bytes = doc.text.as_bytes();
    let mut at = from;
    while let Some(&b) = bytes.get(at) {
        if b == b'\\' {
            at += 2;
        } else if b == quote && (!triple || (doc.byte(at + 1) == quote && doc.byte(at + 2) == quote)) {
            return at;
        } else {
            at += 1;
        }
    }
    doc.text.len()
}

/// An unquoted value.
fn plain(doc: &Doc<'_>, place: &Place<'_>, after: usize, from: usize) -> Extent {
    let Place { line, name, .. } = place;
    let end = if from < line.end(doc) { line.end(doc) } else { line_end(doc.text, from) };
    let rest = doc.part(from..end);
    let before = if name.start > line.start { doc.byte(name.start - 1) } else { 0 };
    let colon = doc.byte(after.wrapping_sub(1)) == b':' && from > after;
    // Looked for nearby only, so that many names on one long line stay cheap; a longer value ends with its line.
    let near = (0..=rest.len().min(NEAR)).rev().find_map(|end| rest.get(..end)).unwrap_or("");
    let or_line = |found: Option<usize>| found.unwrap_or(rest.len());
    let until = |stop: &dyn Fn(char) -> bool| or_line(near.find(stop));
    let (length, whole_line) = if line.quote != 0 && name.quote == 0 {
        // Inside a quoted word: to its end, or to the next part of an address or a connection string.
        let quoted = line.quote_end(doc).clamp(from, end) - from;
        let inner = near.get(..quoted).unwrap_or(near);
        let opens = line.quote_at + 1 >= name.start;
        let cut = match before {
            b'?' | b'&' => inner.find(['&', '#', ' ']),
            b';' => inner.find(';'),
            _ if !opens && next_part(inner) => inner.find(';'),
            _ if !opens && is_spaced(doc, line, name) => inner.find(' '),
            _ => None,
        };
        (cut.unwrap_or(quoted), false)
    } else if rest.starts_with("$(") && !begins_line(doc, line.start, name.start) {
        (or_line(near.find(')').map(|at| at + 1)), false)
    } else if before == b'?' || before == b'&' {
        (until(&|c| c.is_whitespace() || matches!(c, '&' | '#' | '"' | '\'' | '<' | '>' | '`' | '|')), false)
    } else if line.depth > 0 && name.quote != 0 {
        (until(&|c| matches!(c, ',' | '}' | ']' | ')')), false)
    } else if super::shell::is_word(doc, place, after, from, near) {
        (or_line(super::shell::word_end(near)), false)
    } else if begins_line(doc, line.start, name.start) {
        // `TOKEN=$TOKEN ./deploy`: a shell's variable before a command.
        let first = near.split(' ').next().unwrap_or("");
        if is_reference(first) { (first.len(), false) } else { (rest.len(), true) }
    } else if before == b';' || (next_part(near) && !near.split(';').next().unwrap_or("").contains(' ')) {
        (until(&|c| c == ';'), false)
    } else if line.depth > 0 {
        (or_line(flow_end(near)), false)
    } else if colon {
        (or_line(sentence_end(near)), false)
    } else {
        (or_line(super::shell::word_end(near)), false)
    };
    let mut stop = from + length;
    let mut next = stop;
    if whole_line {
        (stop, next) = continued(doc, stop);
    }
    let value = doc.part(from..stop);
    let bare = value.trim_end();
    let bare = bare.strip_suffix("-->").or_else(|| bare.strip_suffix("*/")).unwrap_or(bare).trim_end();
    let bare = bare.strip_suffix([',', ';']).unwrap_or(bare);
    Extent { start: from, end: from + bare.len(), next }
}

/// How far to look around for what kind of text this is, in bytes.
const NEAR: usize = 512;

/// True when another `;name=` follows: a connection string.
fn next_part(rest: &str) -> bool {
    rest.split_once(';').is_some_and(|(_, tail)| {
        let name: String =
            tail.chars().take(40).take_while(|c| c.is_alphanumeric() || matches!(c, ' ' | '_')).collect();
        !name.is_empty() && tail.get(name.len()..).is_some_and(|rest| rest.starts_with('='))
    })
}

/// True when the quoted text is a list of words: the name does not stand at its beginning but behind a space.
fn is_spaced(doc: &Doc<'_>, line: &Line, name: &Name<'_>) -> bool {
    let inside = doc.text.as_bytes().get(line.quote_at + 1..name.start).unwrap_or(&[]);
    inside.iter().rev().take(NEAR).any(|b| *b == b' ')
}

/// In a flow collection or a call: to `, `, or to the bracket that closes it.
fn flow_end(rest: &str) -> Option<usize> {
    let mut depth = 0usize;
    for (at, c) in rest.char_indices() {
        match c {
            '{' | '[' | '(' => depth += 1,
            '}' | ']' | ')' if depth == 0 => return Some(at),
            '}' | ']' | ')' => depth -= 1,
            ',' if rest.get(at + 1..).is_some_and(|tail| tail.starts_with([' ', '"', '\'']) || tail.is_empty()) => {
                return Some(at);
            }
            _ => {}
        }
    }
    None
}

/// In a sentence or a log line: to the next `name=` or `name:`, else to the line's end.
fn sentence_end(rest: &str) -> Option<usize> {
    let mut from = 0;
    for word in rest.split_inclusive(' ') {
        let bare = word.trim_end();
        let name = bare.split(['=', ':']).next().unwrap_or("");
        if from > 0
            && name.len() < bare.len()
            && !name.is_empty()
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
        {
            return Some(from);
        }
        from += word.len();
    }
    None
}

/// Goes on over lines that end in an odd number of backslashes.
fn continued(doc: &Doc<'_>, mut end: usize) -> (usize, usize) {
    loop {
        let slashes = doc.part(..end).bytes().rev().take_while(|b| *b == b'\\').count();
        let next = next_line(doc, end);
        if slashes % 2 == 0 || next >= doc.text.len() || next == end {
            return (end, end);
        }
        end = line_end(doc.text, next);
    }
}
