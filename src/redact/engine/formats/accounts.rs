//! Files of accounts: .netrc, .pgpass, shadow, htpasswd.

use std::sync::LazyLock;

use regex::Regex;

use super::super::values::pattern;
use super::super::{Doc, Kind, RedactError, Spans};

/// `machine h login u password p` in any order and over lines (netrc(5)), authinfo of Emacs included.
static NETRC: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(r"\b(?:machine|login|account|default|user|port)\s+(?:\S+\s+)?(?:force\s+yes\s+)?password\s+")
});
/// The same, with the password on a line of its own.
static NETRC_LINE: LazyLock<Option<Regex>> = LazyLock::new(|| pattern(r"(?mR)^[ \t]*password[ \t]+"));
static MACHINE: LazyLock<Option<Regex>> = LazyLock::new(|| pattern(r"(?mR)^[ \t]*machine[ \t]+\S+"));
/// `host:port:database:user:password` (PostgreSQL, "The Password File"); only its ports, for compilers write such lines.
static PGPASS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(
        r"(?mR)^#?[ \t]*(?:[A-Za-z0-9_.*/-]|\\.){1,200}:(?:\*|543[0-9]|6432|[0-9]{4,5}):(?:[^:\s\\]|\\.){1,100}:(?:[^:\s\\]|\\.){1,100}:",
    )
});
/// `user:hash:` of shadow(5) and htpasswd, old hashes without a mark included.
static HASHED: LazyLock<Option<Regex>> = LazyLock::new(|| pattern(r"(?mR)^[A-Za-z0-9_.@-]{1,64}:[!*]{0,2}"));

/// Adds the passwords of such files.
pub(crate) fn find(doc: &Doc<'_>, spans: &mut Spans) -> Result<(), RedactError> {
    let named = |part: &str| doc.file_name.contains(part);
    let text = doc.text;
    let of = |pattern: &'static LazyLock<Option<Regex>>| pattern.as_ref().ok_or(RedactError::Internal);
    for found in of(&NETRC)?.find_iter(text) {
        doc.in_time()?;
        let announced = found.as_str().starts_with(['m', 'l', 'd']) || named("netrc") || named("authinfo");
        if announced {
            word(doc, found.end(), spans);
        }
    }
    if named("netrc") || named("authinfo") || of(&MACHINE)?.is_match(text) {
        for found in of(&NETRC_LINE)?.find_iter(text) {
            word(doc, found.end(), spans);
        }
    }
    let pgpass = named("pgpass");
    for found in of(&PGPASS)?.find_iter(text) {
        doc.in_time()?;
        let usual = [":543", ":6432:", ":*:"].iter().any(|port| found.as_str().contains(port));
        // Passwords escape their colons; more fields make another kind of file.
        let rest = text.get(found.end()..).unwrap_or("").split(['\n', '\r']).next().unwrap_or("");
        let last = !rest.replace("\\\\", "").replace("\\:", "").contains(':');
        if last && (pgpass || usual) {
            rest_of_line(doc, found.end(), spans);
        }
    }
    if ["shadow", "htpasswd", "passwd.db", "userlist"].iter().any(|part| named(part)) {
        for found in of(&HASHED)?.find_iter(text) {
            doc.in_time()?;
            let rest = text.get(found.end()..).unwrap_or("");
            let end = rest.find([':', '\n', '\r']).unwrap_or(rest.len());
            let value = rest.get(..end).unwrap_or("");
            if !matches!(value, "" | "x" | "*" | "!" | "!!" | "!*") {
                spans.add(found.end(), found.end() + end, Kind::KeyMatch, None);
            }
        }
    }
    Ok(())
}

/// One word, or what is in its quotes.
fn word(doc: &Doc<'_>, from: usize, spans: &mut Spans) {
    if doc.byte(from) == b'"' {
        let end = super::value::close(doc, from + 1, b'"', false);
        spans.add(from + 1, end, Kind::KeyMatch, Some("password"));
        return;
    }
    let rest = doc.part(from..);
    let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
    spans.add(from, from + end, Kind::KeyMatch, Some("password"));
}

fn rest_of_line(doc: &Doc<'_>, from: usize, spans: &mut Spans) {
    let rest = doc.part(from..);
    let line = rest.split(['\n', '\r']).next().unwrap_or("").trim_end();
    spans.add(from, from + line.len(), Kind::KeyMatch, None);
}
