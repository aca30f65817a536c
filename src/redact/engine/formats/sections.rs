//! Sections whose name announces the secret: `[password]` over `value = x`.

use super::super::keys::{Aspect, Sensitive, Strength, aspect_of};
use super::super::values::is_secret;
use super::super::{Doc, Kind, RedactError, Spans};
use super::context::lines_in;

/// Names that say no more than that the value is here.
const VALUES: [&str; 12] =
    ["value", "content", "default", "val", "string", "data", "text", "current", "plain", "plaintext", "raw", "is"];

/// Names in a section of passwords that are not account's.
const RULES: [&str; 12] = [
    "policy", "hash", "scheme", "backend", "check", "rule", "rules", "strength", "quality", "encoding", "region",
    "profile",
];

/// Adds the values in such sections, up to the next section.
pub(crate) fn find(doc: &Doc<'_>, spans: &mut Spans) -> Result<(), RedactError> {
    let mut above: Option<Sensitive> = None;
    let mut start = 0;
    for whole in lines_in(doc.text) {
        doc.in_time()?;
        if let Some(name) = header(whole) {
            above = doc
                .rules
                .judge(name)
                .filter(|s| s.strength != Strength::Weak && matches!(s.aspect, Aspect::Itself | Aspect::Plural));
        } else if let (Some(above), Some((key, from, to))) = (above, entry(whole)) {
            let value = whole.get(from..to).unwrap_or("");
            if doc.rules.judge(key).is_none() && in_section(above, key, value) {
                let key = doc.text.get(start..).and_then(|rest| rest.get(..whole.len())).and_then(|line| {
                    let at = line.find(key)?;
                    line.get(at..at + key.len())
                });
                spans.add(start + from, start + to, Kind::KeyMatch, key);
            }
        }
        start += whole.len();
    }
    Ok(())
}

/// What a name that is not sensitive itself holds below a name that is.
fn in_section(above: Sensitive, key: &str, value: &str) -> bool {
    let lower = key.to_ascii_lowercase();
    let single = Sensitive { aspect: Aspect::Itself, ..above };
    if VALUES.contains(&lower.as_str()) {
        return is_secret(single, key, value);
    }
    if aspect_of(key) != Aspect::Itself || RULES.contains(&lower.as_str()) {
        return false;
    }
    // A section of passwords holds one for each account.
    let accounts = above.password && above.aspect == Aspect::Plural;
    is_secret(if accounts { single } else { Sensitive { strength: Strength::Weak, ..single } }, key, value)
}

/// The last part of a section's name: `[password]`, `[[db.password]]`, `[remote "password"]`.
fn header(line: &str) -> Option<&str> {
    let inside = line.trim().strip_prefix('[')?;
    let (inside, behind) = inside.rsplit_once(']')?;
    let behind = behind.trim_start();
    if !(behind.is_empty() || behind.starts_with(['#', ';'])) {
        return None;
    }
    let name = inside.trim_matches(['[', ']', ' ', '\t', '"', '\'']);
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '.' | ' ' | ':' | '/' | '_' | '-' | '"' | '\'' | '@');
    if name.is_empty() || !name.chars().all(plain) {
        return None;
    }
    name.rsplit(['.', ' ', ':', '/', '"', '\'']).find(|part| !part.is_empty())
}

/// A plain name, and where on the line its value stands.
fn entry(line: &str) -> Option<(&str, usize, usize)> {
    let at = line.find(['=', ':'])?;
    let key = line.get(..at)?.trim().trim_start_matches(['#', ';']).trim();
    if key.is_empty() || !key.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.')) {
        return None;
    }
    let rest = line.get(at + 1..)?;
    let bare = rest.trim_start();
    let from = at + 1 + rest.len() - bare.len();
    let value = match bare.chars().next()? {
        quote @ ('"' | '\'') => {
            let inside = bare.get(1..)?;
            let end = inside.find(quote).unwrap_or(inside.trim_end().len());
            return Some((key, from + 1, from + 1 + end));
        }
        _ => bare.split(" #").next()?.split(" ;").next()?.trim_end(),
    };
    Some((key, from, from + value.len()))
}
