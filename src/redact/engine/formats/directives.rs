//! Names and values with only a space between them: `requirepass x` of Redis, `bindpw x`, `SetEnv NAME x`, `ENV NAME x`,
//! `secret "x";` of BIND, `PASSWORD 'x'` and `IDENTIFIED BY 'x'` of SQL.

use std::sync::LazyLock;

use regex::Regex;

use super::super::keys::{Aspect, Strength};
use super::super::values::{is_label, is_secret, is_uuid, is_words, pattern};
use super::super::{Doc, Kind, RedactError, Spans};
use super::context::lines_in;

/// `PASSWORD 'x'`, `IDENTIFIED BY 'x'`, `SECRET "x"` anywhere: a quoted word right behind the name.
static QUOTED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(
        r#"(?i)\b(password|passwd|identified by|identified with [a-z0-9_]{1,40} (?:by|as)|secret|using)\s{1,8}(?:password\s{0,4}\(\s{0,4})?('|")"#,
    )
});

/// `the password is x`, `the token was x`: in quotes or marked as code, or a word that no sentence has.
static SENTENCE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(
        r#"(?i)\b(?:password|passphrase|passwd|token|secret|api[ -]?key|passwort|mot de passe)(?:[ \t]+[a-z]{1,12}){0,3}?[ \t]+(?:is|was|[=:]|set to)[ \t]*[*_]{0,2}[ \t]*["'`]?([^\s"'`*]{6,})"#,
    )
});
/// `with token x`: only what is made of all kinds of characters.
static BESIDE: LazyLock<Option<Regex>> =
    LazyLock::new(|| pattern(r#"(?i)\b(?:token|password|secret|api[ -]?key)[ \t]+["'`]?([A-Za-z0-9_+/=-]{8,})"#));

/// Settings that go before a name and a value.
const PREFIXES: [&str; 11] = [
    "php_admin_value",
    "php_value",
    "setenv",
    "env",
    "arg",
    "export",
    "set",
    "setx",
    "passenv",
    "stats",
    "fastcgi_param",
];

/// Names that are secrets in this form whatever their value is.
const CERTAIN: [&str; 12] = [
    "requirepass",
    "masterauth",
    "bindpw",
    "rootpw",
    "rootbindpw",
    "sasl_passwd",
    "psk",
    "wpa_passphrase",
    "auth-pass",
    "auth_pass",
    "ppp-password",
    "secret",
];

/// Adds the values of such lines.
pub(crate) fn find(doc: &Doc<'_>, spans: &mut Spans) -> Result<(), RedactError> {
    let mut start = 0;
    for line in lines_in(doc.text) {
        doc.in_time()?;
        on_line(doc, start, line.trim_end_matches(['\n', '\r']), spans);
        start += line.len();
    }
    sentences(doc, spans)?;
    let quoted = QUOTED.as_ref().ok_or(RedactError::Internal)?;
    let mut free_from = 0;
    for found in quoted.captures_iter(doc.text) {
        doc.in_time()?;
        let (Some(whole), Some(name), Some(quote)) = (found.get(0), found.get(1), found.get(2)) else { continue };
        if whole.start() < free_from || (quote.as_str() == "\"" && name.as_str().eq_ignore_ascii_case("using")) {
            continue;
        }
        let end = super::value::close(doc, whole.end(), quote.as_str().bytes().next().unwrap_or(b'\''), false)
            .min(doc.text.len());
        free_from = end;
        let value = doc.part(whole.end()..end);
        if end == doc.text.len()
            || (value.len() <= 256 || !value.contains('\n')) && !is_words(value)
            || name.as_str().to_ascii_lowercase().starts_with("identified")
            || name.as_str() == "PASSWORD"
        {
            spans.add(whole.end(), end, Kind::KeyMatch, Some(name.as_str()));
        }
    }
    Ok(())
}

fn sentences(doc: &Doc<'_>, spans: &mut Spans) -> Result<(), RedactError> {
    for (pattern, beside) in [(&SENTENCE, false), (&BESIDE, true)] {
        for found in pattern.as_ref().ok_or(RedactError::Internal)?.captures_iter(doc.text) {
            doc.in_time()?;
            let Some(value) = found.get(1) else { continue };
            let bare = value.as_str().trim_end_matches(['.', ',', ';', ')', '!', '?']);
            let has = |class: fn(&u8) -> bool| bare.as_bytes().iter().any(class);
            let mixed =
                has(u8::is_ascii_digit) && has(u8::is_ascii_lowercase) && (has(u8::is_ascii_uppercase) || !beside);
            if mixed && !is_label(bare) && !is_uuid(bare) && !bare.contains(['/', '<', '$', '{', '(']) {
                spans.add(value.start(), value.start() + bare.len(), Kind::KeyMatch, None);
            }
        }
    }
    Ok(())
}

/// A line of a name and one word, or of a setting, a name and a value.
fn on_line(doc: &Doc<'_>, start: usize, line: &str, spans: &mut Spans) {
    let mut words = Words { line, at: 0 };
    let Some(mut name) = words.next() else { return };
    let mut prefixed = false;
    while (prefixed && name.1.starts_with('-') && name.1.len() <= 3)
        || matches!(name.1, "#" | "//" | ";" | "-" | "--" | "*" | "!" | "$" | "enable" | "username")
        || PREFIXES.contains(&name.1.to_ascii_lowercase().as_str())
    {
        prefixed |= PREFIXES.contains(&name.1.to_ascii_lowercase().as_str());
        let Some(next) = words.next() else { return };
        name = next;
    }
    let word = name.1.trim_matches(['"', '\'', '#', ';', '/']);
    // In prose, names of settings are marked as code.
    if word.contains(['=', ':', '`']) || word.len() < 2 {
        return;
    }
    let Some(sensitive) = doc.rules.judge(word) else { return };
    if sensitive.strength == Strength::Weak || !matches!(sensitive.aspect, Aspect::Itself) {
        return;
    }
    let Some(first) = words.next() else { return };
    if first.1.starts_with(['=', ':']) {
        return;
    }
    let lower = word.to_ascii_lowercase();
    let alone = words.next().is_none();
    let certain = CERTAIN.contains(&lower.as_str()) || prefixed || named_for_logins(&doc.file_name);
    let value = line.get(first.0..).unwrap_or("").trim_end();
    // Cisco and others write the kind of encryption as a number first.
    let kind = first.1.len() == 1 && first.1.bytes().all(|b| b.is_ascii_digit());
    let ended = value.trim_end_matches(';').ends_with(['"', '\'']) || start + line.len() == doc.text.len();
    let quoted = value.len() > 2 && value.starts_with(['"', '\'']) && ended;
    // Sentences begin so too: `Token expired`, `password required`.
    let looks = alone && !is_words(first.1.trim_matches(['"', '\'', ';']));
    if (certain && (alone || prefixed || kind)) || looks || kind || (quoted && (alone || !is_words(value))) {
        let bare = value.trim_end_matches(';');
        let quote = bare.chars().next().filter(|c| matches!(c, '"' | '\'') && bare.len() > 1 && bare.ends_with(*c));
        let (lead, bare) = match quote {
            Some(quote) => (1, bare.trim_start_matches(quote).trim_end_matches(quote)),
            None => (0, bare),
        };
        if is_secret(sensitive, word, bare) {
            let from = start + first.0 + lead;
            spans.add(from, from + bare.len(), Kind::KeyMatch, Some(word));
        }
    }
}

fn named_for_logins(file_name: &str) -> bool {
    ["netrc", "authinfo", "msmtprc", "fetchmailrc", "mbsyncrc", "offlineimaprc", ".properties"]
        .iter()
        .any(|part| file_name.contains(part))
}

/// Words of a line with their offsets.
struct Words<'a> {
    line: &'a str,
    at: usize,
}

impl<'a> Iterator for Words<'a> {
    type Item = (usize, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.line.get(self.at..)?;
        let bare = rest.trim_start();
        let start = self.at + rest.len() - bare.len();
        let length = bare.find(char::is_whitespace).unwrap_or(bare.len());
        self.at = start + length;
        if length == 0 { None } else { bare.get(..length).map(|word| (start, word)) }
    }
}
