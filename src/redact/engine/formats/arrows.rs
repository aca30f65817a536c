//! A name, an arrow and a value, on a line of their own: `db.password -> x`.

use super::super::keys::Aspect;
use super::super::values::is_secret;
use super::super::{Doc, Kind, RedactError, Spans};
use super::context::{begins_line, lines_in};

/// Longest plain word that is taken for a name and not for a secret.
const NAME_MAX: usize = 7;

/// Adds the values behind arrows.
pub(crate) fn find(doc: &Doc<'_>, spans: &mut Spans) -> Result<(), RedactError> {
    let mut start = 0;
    for whole in lines_in(doc.text) {
        doc.in_time()?;
        if let Some((name, from, to)) = arrow(whole) {
            let text = |from: usize, to: usize| doc.part(start + from..start + to);
            let (name_from, name_to) = name;
            let (name, value) = (text(name_from, name_to), text(from, to));
            let certain = doc.rules.judge(name).filter(|s| s.is_certain() && s.aspect == Aspect::Itself);
            if let Some(sensitive) = certain
                && begins_line(doc, start, start + name_from)
                && !is_name(doc, name, value)
                && is_secret(sensitive, name, value)
            {
                spans.add(start + from, start + to, Kind::KeyMatch, Some(name));
            }
        }
        start += whole.len();
    }
    Ok(())
}

/// Where the name and the value of a line stand.
fn arrow(line: &str) -> Option<((usize, usize), usize, usize)> {
    // `->` without spaces is a member of something.
    let (at, behind) = match line.find(" -> ") {
        Some(at) => (at, at + 4),
        None => line.find('→').map(|at| (at, at + '→'.len_utf8()))?,
    };
    let before = line.get(..at)?.trim_end().trim_end_matches(['"', '\'', '`']);
    let name_from = before
        .rfind(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-' | '.')))
        .map_or(0, |at| at + before.get(at..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8));
    let rest = line.get(behind..)?;
    let bare = rest.trim_start();
    let from = behind + rest.len() - bare.len();
    if let Some(quote) = bare.chars().next().filter(|c| matches!(c, '"' | '\'' | '`')) {
        let inside = bare.get(1..)?;
        let end = inside.find(quote)?;
        return Some(((name_from, before.len()), from + 1, from + 1 + end));
    }
    let value = bare.split(" #").next()?.trim_end().trim_end_matches([',', ';']);
    let one = !value.is_empty() && !value.contains(|c: char| c.is_whitespace() || matches!(c, '(' | '{' | '[' | '<'));
    one.then_some(((name_from, before.len()), from, from + value.len()))
}

/// A type, another setting's name or a short word: what arrows of code and of diagrams lead to.
fn is_name(doc: &Doc<'_>, name: &str, value: &str) -> bool {
    let letters = value.bytes().all(|b| b.is_ascii_alphabetic());
    let capital = |text: &str| text.starts_with(|c: char| c.is_ascii_uppercase());
    letters && (value.len() <= NAME_MAX || capital(name) && capital(value))
        || doc.rules.judge(value).is_some() && letters
}
