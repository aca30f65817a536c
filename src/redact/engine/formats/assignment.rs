//! Names with `=`, `:` or `=>` and a value, wherever they stand: dotenv, INI, TOML, properties, YAML and JSON lines,
//! shell, PHP, JavaScript, connection strings, unit files, log lines, command lines.

use super::super::keys::{Aspect, Sensitive, Strength};
use super::super::{Doc, RedactError, Spans};
use super::context::Line;
use super::pairs::{self, Pairs};
use super::place::{Name, Place};
use super::value;

/// Longest call that is looked at, in bytes.
const CALL_MAX: usize = 200;

/// Most indexes behind a name.
const INDEXES_MAX: usize = 3;

/// Adds the values of all sensitive names, and hands names and values of pair lists over.
pub(crate) fn find(doc: &Doc<'_>, spans: &mut Spans, pairs: &mut Pairs) -> Result<(), RedactError> {
    let length = doc.text.len();
    let mut line = Line::at(0);
    let mut at = 0;
    while at < length {
        let mut next = at + 1;
        match doc.byte(at) {
            b'\n' | b'\r' => line = Line::at(next),
            b'=' | b':' => {
                doc.in_time()?;
                let name = name_before(doc, line.start, at);
                if let (Some(after), Some(name)) = (separator(doc, at), name) {
                    let taken = assign(doc, name, after, &mut line, spans, pairs);
                    next = taken.unwrap_or(next).max(next);
                }
            }
            b',' => {
                // `define('NAME', 'value')`, `setenv("NAME", "value")`.
                let name = name_before(doc, line.start, at).filter(|name| is_argument(doc, name));
                if let Some((name, sensitive)) = name.and_then(|name| Some((name, doc.rules.judge(name.text)?))) {
                    line.look_ahead(doc);
                    let place = Place { line, name, wide: false, argument: true };
                    next = value::take(doc, sensitive, place, at + 1, spans).max(next);
                }
            }
            _ => line.step(doc, at),
        }
        if next > at + 1 {
            // A value was taken: it may have had line ends in it.
            let taken = doc.part(at..next);
            if let Some(last) = taken.rfind(['\n', '\r']) {
                line = Line::at(at + last + 1);
            }
        }
        at = next;
    }
    Ok(())
}

/// Offset behind the separator that begins here, `None` when it is not an assignment: `://`, the first of `:=` and `::`.
fn separator(doc: &Doc<'_>, at: usize) -> Option<usize> {
    let next = doc.byte(at + 1);
    match (doc.byte(at), next) {
        (b':', b'/') if doc.byte(at + 2) == b'/' => None,
        (b':', b'=') => None,
        (b':', b':') => matches!(doc.byte(at + 2), b' ' | b'\t').then_some(at + 2),
        (b'=', b'>') => Some(at + 2),
        (b'=', b'=') => Some(if doc.byte(at + 2) == b'=' { at + 3 } else { at + 2 }),
        _ => Some(at + 1),
    }
}

/// The name that ends before a separator.
fn name_before<'a>(doc: &Doc<'a>, line_start: usize, separator: usize) -> Option<Name<'a>> {
    let reach = separator.saturating_sub(super::super::keys::KEY_MAX + 40);
    let mut end = separator;
    while end > line_start.max(reach) && matches!(doc.byte(end - 1), b' ' | b'\t') {
        end -= 1;
    }
    // A colon alone on its line belongs to the name above: JSON spread over lines, YAML's `? name`.
    let above = end == line_start && doc.byte(separator) == b':';
    while above && end > reach && doc.byte(end - 1).is_ascii_whitespace() {
        end -= 1;
    }
    let floor = if above { reach } else { line_start.max(reach) };
    // Behind the name: spaces, the rest of `:=`, `+=`, `?=`, a closing bracket.
    while end > floor && matches!(doc.byte(end - 1), b' ' | b'\t' | b':' | b'+' | b'?' | b']' | b'!' | b'.') {
        // `password[]=x` adds to a list.
        end -= if end > floor + 1 && doc.text.get(end - 2..end) == Some("[]") { 2 } else { 1 };
    }
    let quote = if end > floor { doc.byte(end - 1) } else { 0 };
    if matches!(quote, b'"' | b'\'' | b'`') {
        let escaped = end >= floor + 2 && doc.byte(end - 2) == b'\\';
        let inner_end = if escaped { end - 2 } else { end - 1 };
        let mut start = inner_end;
        while start > floor && doc.byte(start - 1) != quote {
            start -= 1;
        }
        if start == floor && (start == line_start || doc.byte(start.wrapping_sub(1)) != quote) {
            return None;
        }
        let text = doc.text.get(start..inner_end)?;
        return Some(Name { text, start: start - 1, quote });
    }
    let mut start = end;
    while start > floor && is_name_byte(doc.byte(start - 1)) {
        start -= 1;
    }
    let text = doc.text.get(start..end)?;
    let lead = text.len() - text.trim_start_matches(['-', '.', '/']).len();
    let text = text.get(lead..)?;
    if text.is_empty() { None } else { Some(Name { text, start: start + lead, quote: 0 }) }
}

fn is_name_byte(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b'/') || b >= 0x80
}

/// A quoted name right behind an opening parenthesis.
fn is_argument(doc: &Doc<'_>, name: &Name<'_>) -> bool {
    name.quote != 0 && name.start > 0 && {
        let before = doc.part(..name.start).trim_end_matches([' ', '\\']);
        before.ends_with('(')
    }
}

/// Handles one assignment; returns where to go on when a value was taken.
fn assign(
    doc: &Doc<'_>,
    name: Name<'_>,
    after: usize,
    line: &mut Line,
    spans: &mut Spans,
    pairs: &mut Pairs,
) -> Option<usize> {
    // `https://user:password@host` is an address.
    if doc.byte(after.wrapping_sub(1)) == b':'
        && doc.text.get(..name.start).is_some_and(|before| before.ends_with("://"))
    {
        return None;
    }
    let (name, sensitive) = match judge(doc, &name, line.start) {
        None => {
            let outer = indexed(doc, &name, line.start).filter(|_| !is_call(doc, after));
            outer.map_or((name, None), |(name, sensitive)| (name, Some(sensitive)))
        }
        own => (name, own),
    };
    let of_pair = pairs::concerns(name.text);
    if sensitive.is_none() && !of_pair {
        return None;
    }
    line.look_ahead(doc);
    let place = Place { line: *line, name, wide: true, argument: false };
    if of_pair {
        pairs.note(doc, &place, after);
    }
    Some(value::take(doc, sensitive?, place, after, spans))
}

/// `tokens[0] = lexer.next()` is code.
fn is_call(doc: &Doc<'_>, after: usize) -> bool {
    let rest = doc.text.as_bytes().get(after..).unwrap_or(&[]);
    let line: Vec<u8> = rest.iter().take(CALL_MAX).copied().take_while(|b| !matches!(b, b'\n' | b'\r')).collect();
    let line = line.trim_ascii();
    let Some(open) = line.iter().position(|b| *b == b'(') else { return false };
    let (called, _) = line.split_at(open);
    let identifier = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b':');
    let closes = line.ends_with(b")") || line.ends_with(b");");
    closes && called.first().is_some_and(u8::is_ascii_alphabetic) && called.iter().all(identifier)
}

/// The name in front of an index: `password[0]`, `passwords['alice']`, `password[]`.
fn indexed<'a>(doc: &Doc<'a>, name: &Name<'a>, line_start: usize) -> Option<(Name<'a>, Sensitive)> {
    let mut name = *name;
    for _ in 0..INDEXES_MAX {
        if name.start == 0 || doc.byte(name.start - 1) != b'[' {
            return None;
        }
        let counted = name.text.bytes().all(|b| b.is_ascii_digit() || b == b'*');
        let outer = name_before(doc, line_start, name.start - 1)?;
        if outer.start + outer.text.len() + 1 < name.start && outer.quote == 0 && doc.byte(name.start - 2) != b']' {
            return None;
        }
        if let Some(sensitive) = doc.rules.judge(outer.text) {
            let enough = counted || sensitive.is_certain() || sensitive.aspect == Aspect::Plural;
            return (enough && sensitive.strength != Strength::Weak).then_some((outer, sensitive));
        }
        name = outer;
    }
    None
}

/// Judges a name, with the words before it where it alone says too little: `API key: x`, `pass phrase = x`.
fn judge(doc: &Doc<'_>, name: &Name<'_>, line_start: usize) -> Option<Sensitive> {
    let path_end = name.text.rsplit('/').next().unwrap_or(name.text);
    let alone = doc.rules.judge(path_end);
    if alone.is_some_and(|s| s.strength != Strength::Weak) || name.quote != 0 {
        return alone;
    }
    let last = path_end.to_ascii_lowercase();
    if last == "passe"
        && doc.text.get(line_start..name.start).is_some_and(|before| {
            before.get(before.len().saturating_sub(7)..).is_some_and(|tail| tail.eq_ignore_ascii_case("mot de "))
        })
    {
        return doc.rules.judge("password");
    }
    let sentence = matches!(last.as_str(), "is" | "was");
    if !sentence && !matches!(last.as_str(), "key" | "phrase" | "code" | "string") {
        return alone;
    }
    let Some(before) = doc.text.get(line_start..name.start).and_then(|before| before.strip_suffix(' ')) else {
        return alone;
    };
    let from = before.len().saturating_sub(24);
    let tail = (from..before.len()).find_map(|at| before.get(at..)).unwrap_or("");
    let word = tail.rsplit(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or("");
    if sentence {
        return doc.rules.judge(word);
    }
    doc.rules.judge(&format!("{word}_{last}")).or(alone)
}
