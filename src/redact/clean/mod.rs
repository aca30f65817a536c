//! The one exit for text: whatever a host said, what leaves holds no terminal control and hides no character.
//!
//! Cleaning is a fixpoint by construction: the first pass leaves no introducer of a sequence behind
//! ([`sequences`]), the second turns every character that does not show into ASCII ([`hidden`]), and what is only
//! flagged ([`forgery`]) is not changed. It is one walk over the text, borrowed when there is nothing to do.

mod forgery;
mod hidden;
mod json;
mod sequences;
mod stream;
#[cfg(test)]
mod tests;
mod warnings;

use std::borrow::Cow;

pub use json::{Limits, clean_json};
pub use stream::Stream;
pub(crate) use warnings::Warnings;

/// Text that may leave, and what was found in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cleaned<'a> {
    /// The text: `\n` and `\t` are its only control characters.
    pub text: Cow<'a, str>,
    /// What was removed, made visible or merely noticed.
    pub warnings: Warnings,
}

/// Cleans one text.
pub fn clean(text: &str) -> Cleaned<'_> {
    let mut warnings = Warnings::default();
    let mut cleaned = Cow::Borrowed(text);
    if !is_plain_ascii(text) {
        if sequences::concerns(text) {
            cleaned = Cow::Owned(sequences::strip(text, &mut warnings));
        }
        if hidden::concerns(&cleaned) {
            cleaned = Cow::Owned(hidden::reveal(&cleaned, &mut warnings));
        }
    }
    forgery::notice(&cleaned, &mut warnings);
    Cleaned { text: cleaned, warnings }
}

/// Hands on, in order, the ranges of a text that show: what terminals carry out, characters without width, and letters that
/// are struck twice are left out. Nothing where all of it shows, which is nearly always.
pub(crate) fn shown(text: &str, keep: &mut impl FnMut(std::ops::Range<usize>)) -> Option<()> {
    if is_plain_ascii(text) || !(sequences::concerns(text) || hidden::concerns(text)) {
        return None;
    }
    let mut held: Option<usize> = None;
    let mut last = '\n';
    let mut struck = false;
    // A carriage return in front of a line end covers nothing, so each waits for the next character.
    let mut take = |at: usize, c: char| {
        if let Some(before) = held.take()
            && c == '\n'
        {
            keep(before..before + 1);
        }
        if c == '\r' {
            held = Some(at);
        } else if c == '\x08' {
            struck = true;
        } else if std::mem::take(&mut struck) && c == last {
            // The same letter once more.
        } else if !hidden::is_covering(c) {
            keep(at..at + c.len_utf8());
            last = c;
        }
    };
    sequences::walk(text, &mut take, &mut Warnings::default());
    Some(())
}

/// The text without all that does not show; nothing where all of it shows.
pub(crate) fn bare(text: &str) -> Option<String> {
    let mut out = String::new();
    shown(text, &mut |range| out.push_str(text.get(range).unwrap_or_default()))?;
    Some(out)
}

/// Cleans bytes as they came from a host: what is not UTF-8 becomes U+FFFD first.
pub fn clean_bytes(bytes: &[u8]) -> Cleaned<'_> {
    match String::from_utf8_lossy(bytes) {
        Cow::Borrowed(text) => clean(text),
        Cow::Owned(text) => {
            let Cleaned { text, warnings } = clean(&text);
            Cleaned { text: Cow::Owned(text.into_owned()), warnings }
        }
    }
}

/// Names what [`clean`] would find in data that is delivered as it is, such as the content of a file.
pub(crate) fn scan(text: &str) -> Warnings {
    clean(text).warnings.of_unchanged()
}

/// True when every byte is printable ASCII, newline or tab. Without branches in a block, so that it runs at the
/// speed of memory: almost all text takes this way.
fn is_plain_ascii(text: &str) -> bool {
    text.as_bytes().chunks(256).all(|block| {
        let odd = |b: u8| b.wrapping_sub(0x20) > 0x5e && b != b'\n' && b != b'\t';
        !block.iter().fold(false, |found, &b| found | odd(b))
    })
}
