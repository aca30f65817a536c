//! `NAME=value` as a word among others: on command lines, before commands, in lists of settings.

use super::super::{Doc, commands};
use super::place::Place;

/// Commands that take such words.
const TAKERS: [&str; 12] =
    ["export", "env", "local", "readonly", "declare", "typeset", "sudo", "exec", "set", "eval", "run", "ENV"];

/// How far before a name its line is looked at, in bytes.
const BEFORE: usize = 200;

/// True when the value ends with its word, and what follows is another word of the line. Else the value may have spaces.
pub(crate) fn is_word(doc: &Doc<'_>, place: &Place<'_>, after: usize, from: usize, near: &str) -> bool {
    let name = place.name;
    let joined = name.quote == 0
        && from == after
        && matches!(doc.byte(after.wrapping_sub(1)), b'=' | b':')
        && name.start + name.text.len() + 1 == after;
    if !joined {
        return false;
    }
    let window = place.line.start.max(name.start.saturating_sub(BEFORE));
    let before = (window..name.start).find_map(|at| doc.text.get(at..name.start)).unwrap_or("");
    let first = before.split_whitespace().next().unwrap_or("");
    if doc.byte(after.wrapping_sub(1)) == b':' {
        return before.contains(" -");
    }
    let listed = near.split_whitespace().next().unwrap_or("").split(',').skip(1).any(is_setting);
    if listed
        || before.ends_with('-')
        || before.contains(" -")
        || (TAKERS.contains(&first) && first.len() < before.len())
    {
        return true;
    }
    let mut rest = near.split_whitespace().skip(1);
    let Some(second) = rest.next() else { return false };
    let shouts = name.text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
    let program = second.rsplit('/').next().unwrap_or(second);
    is_option(second)
        || is_setting(second)
        || (shouts && (commands::is_program(program) || rest.take(20).any(is_option)))
}

fn is_option(word: &str) -> bool {
    let bare = word.trim_start_matches('-');
    (1..=2).contains(&(word.len() - bare.len())) && bare.starts_with(|c: char| c.is_ascii_alphabetic())
}

fn is_setting(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
    })
}

/// Length of the word: to a space, to what separates commands, or to the next `,name=`.
pub(crate) fn word_end(near: &str) -> Option<usize> {
    let mut quote = None;
    for (at, c) in near.char_indices() {
        let tail = near.get(at + c.len_utf8()..).unwrap_or("");
        match c {
            _ if quote == Some(c) => quote = None,
            _ if quote.is_some() => {}
            '"' | '\'' if at > 0 && tail.contains(c) => quote = Some(c),
            _ if c.is_whitespace() => return Some(at),
            ';' if tail.is_empty() || tail.starts_with(char::is_whitespace) => return Some(at),
            ',' if is_setting(tail.split([',', ' ']).next().unwrap_or("")) => return Some(at),
            _ => {}
        }
    }
    None
}
