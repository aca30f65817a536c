//! Where on its line a name stands: at its beginning, inside quotes, inside braces, in an address.

use std::sync::LazyLock;

use regex::Regex;

use super::super::Doc;
use super::super::values::pattern;
use crate::model::char_boundary::ceil_char_boundary;

/// What is known of the line so far, kept while walking over it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Line {
    /// Offset of its first byte.
    pub start: usize,
    /// The quote that is open here, 0 for none.
    pub quote: u8,
    /// Offset of that quote.
    pub quote_at: usize,
    /// Braces and brackets open here.
    pub depth: usize,
    /// Where the line ends, once it was looked up.
    end: Option<usize>,
    /// Where the open quote closes on this line (its end, when it does not), with the offset of that quote.
    quote_end: Option<(usize, usize)>,
}

impl Line {
    /// A line that begins at an offset.
    pub(crate) fn at(start: usize) -> Self {
        Line { start, ..Line::default() }
    }

    /// Looks up what [`Line::end`] and [`Line::quote_end`] tell, once per line and quote: values are many on long lines.
    pub(crate) fn look_ahead(&mut self, doc: &Doc<'_>) {
        let end = *self.end.get_or_insert_with(|| line_end(doc.text, self.start));
        if self.quote != 0 && self.quote_end.is_none_or(|(quote_at, _)| quote_at != self.quote_at) {
            let inside = doc.part(self.quote_at + 1..end);
            let mut before = 0;
            let closing = inside.bytes().position(|b| {
                let closes = b == self.quote && before != b'\\';
                before = b;
                closes
            });
            self.quote_end = Some((self.quote_at, closing.map_or(end, |at| self.quote_at + 1 + at)));
        }
    }

    /// End of the line, before its line end.
    pub(crate) fn end(&self, doc: &Doc<'_>) -> usize {
        self.end.unwrap_or_else(|| line_end(doc.text, self.start))
    }

    /// Where the open quote closes.
    pub(crate) fn quote_end(&self, doc: &Doc<'_>) -> usize {
        self.quote_end.map_or_else(|| self.end(doc), |(_, end)| end)
    }

    /// Takes the byte at an offset into account.
    pub(crate) fn step(&mut self, doc: &Doc<'_>, at: usize) {
        let b = doc.byte(at);
        match b {
            b'"' | b'\'' | b'`' => {
                let before = if at > self.start { doc.byte(at - 1) } else { 0 };
                if before == b'\\' {
                    return;
                }
                if self.quote == b {
                    self.quote = 0;
                } else if self.quote == 0 && !(b == b'\'' && before.is_ascii_alphanumeric()) {
                    self.quote = b;
                    self.quote_at = at;
                }
            }
            b'{' | b'[' | b'(' if self.quote == 0 => self.depth += 1,
            b'}' | b']' | b')' if self.quote == 0 => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
    }
}

/// True when nothing but indent, list and comment marks, and the words that begin an assignment stand between the line's
/// beginning and the name.
pub(crate) fn begins_line(doc: &Doc<'_>, line_start: usize, name_start: usize) -> bool {
    // Longer beginnings are sentences; only the end of a long line is looked at, so that long lines stay cheap.
    let window = line_start.max(name_start.saturating_sub(WINDOW + 4));
    let window = ceil_char_boundary(doc.text, window);
    let before = doc.part(window..name_start);
    let soft = before.rsplit_once(SOFT_LINE_ENDS).map(|(_, tail)| tail);
    if soft.is_none() && name_start.saturating_sub(line_start) > WINDOW {
        return false;
    }
    soft.unwrap_or(before).chars().all(|c| {
        c.is_alphabetic()
            || matches!(
                c,
                ' ' | '\t'
                    | '-'
                    | '#'
                    | '/'
                    | ';'
                    | '*'
                    | '"'
                    | '\''
                    | '$'
                    | '@'
                    | '!'
                    | '<'
                    | '%'
                    | '&'
                    | '\u{feff}'
                    | '\u{a0}'
            )
    })
}

/// The text with a line end in the place of every form feed and separator, each as many bytes as before; `None` when
/// there are none. Read besides the text itself, for a value may also go on over them.
pub(crate) fn with_hard_line_ends(text: &str) -> Option<String> {
    if SOFT.as_ref().is_some_and(|soft| !soft.is_match(text)) {
        return None;
    }
    let hard = |c: char| if SOFT_LINE_ENDS.contains(&c) { "\n".repeat(c.len_utf8()) } else { c.to_string() };
    Some(text.chars().map(hard).collect())
}

/// Longest beginning of a line before a name, in bytes.
const WINDOW: usize = 60;

/// Form feeds and the separators of Unicode, which end lines for some readers. A name may begin behind them; a value
/// goes on over them.
const SOFT_LINE_ENDS: [char; 8] = ['\x0b', '\x0c', '\x1c', '\x1d', '\x1e', '\u{85}', '\u{2028}', '\u{2029}'];

/// The same as a pattern, which finds them faster.
static SOFT: LazyLock<Option<Regex>> = LazyLock::new(|| pattern(r"[\x{0b}\x{0c}\x{1c}-\x{1e}\x{85}\x{2028}\x{2029}]"));

/// End of the line that holds an offset, before its `\n` or `\r`.
pub(crate) fn line_end(text: &str, from: usize) -> usize {
    let rest = text.as_bytes().get(from..);
    rest.and_then(|rest| memchr::memchr2(b'\n', b'\r', rest)).map_or(text.len(), |at| from + at)
}

/// The lines of a text with their ends, `\r` alone among those.
pub(crate) fn lines_in(text: &str) -> impl Iterator<Item = &str> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = text.get(at..).filter(|rest| !rest.is_empty())?;
        let end = memchr::memchr2(b'\n', b'\r', rest.as_bytes()).map_or(rest.len(), |end| end + 1);
        at += end;
        rest.get(..end)
    })
}

/// Offset behind one line end, `\r\n` as one.
pub(crate) fn next_line(doc: &Doc<'_>, end: usize) -> usize {
    match (doc.byte(end), doc.byte(end + 1)) {
        (b'\r', b'\n') => end + 2,
        (b'\r' | b'\n', _) => end + 1,
        _ => end,
    }
}
