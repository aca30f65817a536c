//! Passwords in addresses and headers: `scheme://user:password@host`, `user:password@tcp(host)`,
//! `Authorization: Bearer x`, `Cookie: a=b`, signatures in query strings.

use std::sync::LazyLock;

use regex::Regex;

use super::values::{is_chance, is_words, pattern};
use super::{Doc, Kind, RedactError, Spans};

/// A scheme (RFC 3986, section 3.1) and `://`, bare or with escaped slashes.
static SCHEME: LazyLock<Option<Regex>> = LazyLock::new(|| pattern(r"(?i)\b[a-z][a-z0-9+.-]{0,30}:(?://|\\/\\/)"));
/// What follows in a header or a call is a credential.
static BEARER: LazyLock<Option<Regex>> =
    LazyLock::new(|| pattern(r"(?i)\b(?:bearer|basic|negotiate)[ \t]+([A-Za-z0-9_~+=-][A-Za-z0-9._~+/=-]{5,})"));
/// Headers whose whole value is one.
static HEADER: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(
        r#"(?i)\b((?:proxy-)?authorization|set-cookie|cookie|x-(?:api|auth|access|amz-security)-?(?:key|token)|private-token|x-vault-token|x-amz-security-token)["']?[ \t]*[:=][ \t]*["']?|\b(?:authorization|cookie)[ \t]+["']"#,
    )
});
/// `user:password@tcp(host:port)` of Go's MySQL driver.
static GO_DSN: LazyLock<Option<Regex>> =
    LazyLock::new(|| pattern(r#"[A-Za-z0-9_.-]+:([^\s"'@]+(?:@[^\s"'@(]+)*)@(?:tcp|unix|udp)\("#));
/// `jdbc:oracle:thin:user/password@host`.
static ORACLE: LazyLock<Option<Regex>> =
    LazyLock::new(|| pattern(r#"(?i)\bjdbc:oracle:[a-z]+:[^\s/@"']+/([^\s@"']+)@"#));
/// Parameters that sign or open what the address names.
static QUERY: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(
        r#"(?i)[?&;](?:sig|signature|x-amz-signature|x-amz-credential|x-amz-security-token|x-goog-signature|code|access_key|key)=([^&\s"'<>#]{8,})"#,
    )
});

/// Schemes whose `name:tag` is not a login.
const NO_LOGIN: [&str; 6] = ["docker", "oci", "docker-image", "containers-storage", "docker-daemon", "file"];

/// Adds every credential of an address or header.
pub(super) fn find(doc: &Doc<'_>, spans: &mut Spans) -> Result<(), RedactError> {
    let of = |pattern: &'static LazyLock<Option<Regex>>| pattern.as_ref().ok_or(RedactError::Internal);
    for found in of(&SCHEME)?.find_iter(doc.text) {
        doc.in_time()?;
        userinfo(doc, found.as_str(), found.end(), spans);
    }
    for found in of(&BEARER)?.captures_iter(doc.text) {
        doc.in_time()?;
        if let Some(value) = found.get(1).filter(|value| opens_something(value.as_str())) {
            spans.add(value.start(), value.end(), Kind::KeyMatch, None);
        }
    }
    let mut free_from = 0;
    for found in of(&HEADER)?.find_iter(doc.text) {
        doc.in_time()?;
        if found.start() < free_from {
            continue;
        }
        free_from = header(doc, found.as_str(), found.end(), spans).max(found.end());
    }
    for pattern in [of(&GO_DSN)?, of(&ORACLE)?, of(&QUERY)?] {
        for found in pattern.captures_iter(doc.text) {
            doc.in_time()?;
            let plain = |text: &str| is_words(text) || text.bytes().all(|b| b.is_ascii_digit());
            if let Some(value) = found.get(1).filter(|value| {
                !plain(value.as_str()) || found.get(0).is_some_and(|f| f.as_str().ends_with(['(', '@']))
            }) {
                spans.add(value.start(), value.end(), Kind::KeyMatch, None);
            }
        }
    }
    Ok(())
}

/// Longest authority that is looked at, in bytes.
const AUTHORITY_MAX: usize = 1024;

/// The password, or a lone token before the `@`.
fn userinfo(doc: &Doc<'_>, scheme: &str, from: usize, spans: &mut Spans) {
    let bytes = doc.text.as_bytes();
    let rest = bytes.get(from..).unwrap_or(&[]);
    let ends = |b: u8| b.is_ascii_whitespace() || matches!(b, b'"' | b'\'' | b'<' | b'>' | b'`' | b'\\' | b'|');
    let length = rest.iter().take(AUTHORITY_MAX).position(|b| ends(*b)).unwrap_or(rest.len().min(AUTHORITY_MAX));
    let reach = rest.get(..length).unwrap_or(&[]);
    // The next address on the same word begins a new authority.
    let reach = reach.windows(3).position(|w| w == b"://").map_or(reach, |at| reach.get(..at).unwrap_or(reach));
    let authority = reach.iter().position(|b| matches!(b, b'/' | b'?' | b'#')).unwrap_or(reach.len());
    let head = reach.get(..authority).unwrap_or(&[]);
    let colon = head.iter().position(|b| *b == b':');
    let at_sign = head.iter().rposition(|b| *b == b'@').or_else(|| {
        // A password with a slash in it: what follows the colon is not a port.
        let colon = colon?;
        let port = head.get(colon + 1..).unwrap_or(&[]);
        let is_port = port.len() <= 5 && port.iter().all(u8::is_ascii_digit);
        if is_port || head.contains(&b'[') { None } else { reach.iter().rposition(|b| *b == b'@') }
    });
    let scheme = scheme.trim_end_matches([':', '/', '\\']).to_ascii_lowercase();
    let cut_off = from + length >= doc.text.len();
    let end = if let Some(at) = at_sign {
        at
    } else {
        // Cut off before its `@`: what follows the colon is not a port, so it was to be a password.
        let port = colon.and_then(|colon| head.get(colon + 1..)).filter(|_| cut_off);
        let Some(port) = port else { return };
        if port.len() <= 5 && port.iter().all(u8::is_ascii_digit) {
            return;
        }
        reach.len()
    };
    if NO_LOGIN.contains(&scheme.as_str()) {
        return;
    }
    let (start, value) = match colon.filter(|colon| *colon < end) {
        Some(colon) => (from + colon + 1, doc.text.get(from + colon + 1..from + end)),
        None => (
            from,
            doc.text
                .get(from..from + end)
                .filter(|user| user.len() >= 16 && (is_chance(user) || user.bytes().all(|b| b.is_ascii_hexdigit()))),
        ),
    };
    // GitHub takes a token as the name, with this for a password.
    let (start, value) = match value {
        Some("x-oauth-basic") => (from, colon.and_then(|colon| doc.text.get(from..from + colon))),
        other => (start, other),
    };
    let Some(value) = value else { return };
    let reference = (value.starts_with("${") && value.ends_with('}') && !value.contains(":-"))
        || (value.starts_with("{{") && value.ends_with("}}"));
    if !reference && !value.starts_with('[') {
        spans.add(start, start + value.len(), Kind::KeyMatch, None);
    }
}

/// `Bearer token` in a sentence names no token.
fn opens_something(value: &str) -> bool {
    let letters = value.bytes().any(|b| b.is_ascii_alphabetic());
    let others = value.bytes().any(|b| !b.is_ascii_lowercase() && b != b'.' && b != b'-');
    value.len() >= 40 || (others && (letters || value.len() >= 12) && !is_words(value))
}

/// Longest value of a header that can be exempt, in bytes.
const NEAR: usize = 512;

/// The value of a header, to its closing quote or the end of its line; returns where it ends.
fn header(doc: &Doc<'_>, matched: &str, from: usize, spans: &mut Spans) -> usize {
    let rest = doc.part(from..);
    let quote = header_quote(doc, from, matched);
    // In a flow collection the next entry ends it.
    let lead = doc.part(..from - matched.len()).trim_end_matches([' ', '"', '\'']);
    let flow = quote.is_none() && matched.contains(':') && lead.ends_with(['{', ',']);
    let ends = |c: char| matches!(c, '\n' | '\r') || Some(c) == quote || (flow && matches!(c, ',' | '}'));
    // Looked for nearby only, so that many headers on one line stay cheap; a longer value is one in any case.
    let near = (0..=rest.len().min(NEAR)).rev().find_map(|end| rest.get(..end)).unwrap_or("");
    let found = near.find(ends);
    let end = found.unwrap_or_else(|| rest.find(ends).unwrap_or(rest.len()));
    let value = rest.get(..end).unwrap_or("").trim_end();
    let name = matched.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
    let cookie = name.to_ascii_lowercase().ends_with("cookie");
    let (scheme, secret) = match value.split_once(' ') {
        Some((scheme, secret))
            if !cookie && scheme.len() <= 20 && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') =>
        {
            (scheme.len() + 1, secret)
        }
        _ => (0, value),
    };
    let plain = secret.len() < 6
        || is_words(secret) && !(scheme > 0 && matched.contains(':'))
        || secret.starts_with(['$', '{', '%']);
    // Cookies are lists of `name=value`; a lone word is the name of a setting.
    if end < NEAR && (plain || (cookie && !secret.contains('='))) {
        return from;
    }
    spans.add(from + scheme, from + scheme + secret.len(), Kind::KeyMatch, Some(name));
    from + end
}

/// The quote that closes the header: the one its value begins with, or the one that the whole header stands in.
fn header_quote(doc: &Doc<'_>, from: usize, matched: &str) -> Option<char> {
    if let Some(quote) = matched.chars().last().filter(|c| matches!(c, '"' | '\'')) {
        return Some(quote);
    }
    let head = from - matched.len();
    match doc.byte(head.wrapping_sub(1)) {
        b'"' => Some('"'),
        b'\'' => Some('\''),
        _ => None,
    }
}
