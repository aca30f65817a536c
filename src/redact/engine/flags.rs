//! Secrets on command lines: `--password x`, `--token=x`, `-pX` of the MySQL clients, `-u user:x` of curl,
//! `sshpass -p x`, and the same as lists of words.

use std::sync::LazyLock;

use regex::Regex;

use super::keys::{Aspect, Sensitive, Strength};
use super::values::{is_dashed_name, is_label, is_reference, is_secret, pattern};
use super::{Doc, Kind, RedactError, Spans};

/// A long option and what separates it from its value: spaces, or the quotes, commas and dashes of a list. `=` is an
/// assignment and read there.
static LONG: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(
        r#"(?:^|[\s"'\[(,`])(--?[A-Za-z][A-Za-z0-9_.-]{1,60})(?:[ \t\x00]+|\\?["'],?\s{0,40}(?:-\s+)?\\?["']?|\s*[\r\n]\s*-\s+["']?|(,)\s{0,40}["']?)"#,
    )
});
/// Calls and programs whose words need more than their place, see [`super::commands`] for the others.
static SHORT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(concat!(
        r"\b(?:",
        r"htpasswd[ \t]+(?:-\S+[ \t]+)*-[a-zA-Z]*b[a-zA-Z]*[ \t]+(?:-\S+[ \t]+)*(?:[^\s-]\S*[ \t]+){1,2}",
        r#"|curl\b[^\n|;&]{0,200}?\s-u["']?[A-Za-z0-9_.@\\-]+:"#,
        r"|(?i:convertto-securestring)\s+(?:-String\s+)?",
        r#"|(?i:set_?(?:password|passwd|secret|api_?key|token|credentials?))\(\s*["']"#,
        r"|(?:expect|send)\s+-s\s+",
        r"|openssl\b[^\n|;&]{0,200}?\s-(?:passin\s+pass:|passout\s+pass:|pass\s+pass:)\s*",
        r")",
    ))
});
/// `-pX` of any program, where X is not a word, number, address or path.
static JOINED: LazyLock<Option<Regex>> =
    LazyLock::new(|| pattern(r#"(?:^|[\s"'\[,])-(?:p|pw|P)([^\s"'\[\],;|&=$-][^\s"'\[\],;|&=]{5,})"#));
/// `-u user:password` of curl and wget, `--user`, `--proxy-user`.
static LOGIN: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(
        r#"(?:^|[\s"'\[,])(?:-u|-U|--(?:[a-z]{1,12}-)?(?:user|userpwd|auth|authenticate|creds|credentials|login)|[a-z]{0,8}auth)(?:[ \t=]+|["'],\s*["']|(,)\s{0,40}|\s*[\r\n]\s*-[ \t]+)["']?([A-Za-z0-9_.@\\${}-]+):([^\s"']+)"#,
    )
});
/// `--from-literal=name=value` of kubectl: every one of them is a part of a secret.
static LITERAL: LazyLock<Option<Regex>> = LazyLock::new(|| pattern(r#"--from-literal[= ]["']?[A-Za-z0-9._-]+="#));
/// What is printed into a program that takes a password from its input.
static PIPED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(
        r#"\b(?:echo|printf)[ \t]+(?:-[neE]+[ \t]+)?(?:["']?[A-Za-z0-9_.@-]{0,40}:?%s(?:\\n)?["']?[ \t]+)?(?:"([^"\n]*)"|'([^'\n]*)'|([^\s|"']+))[ \t]*\|[^\n]{0,160}?(?:--password-stdin|passwd[ \t]+--stdin|sudo[ \t]+(?:-\S+[ \t]+)*-[a-zA-Z]*S|chpasswd|--with-token|passphrase-fd|kinit|cryptsetup|smbpasswd|vncpasswd|ecryptfs|gpg[ \t][^\n]{0,80}--batch|docker[ \t]+login)"#,
    )
});
/// `read NAME <<< x`, `sudo -S id <<< x`.
static HERE_STRING: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(
        r"\b(?:read[ \t]+(?:-\S+[ \t]+){0,6}([A-Za-z_][A-Za-z0-9_]{1,80})|sudo[ \t]+(?:-\S+[ \t]+){0,6}-[a-zA-Z]*S[^\n|;&<]{0,160}?)[ \t]*<<<[ \t]*",
    )
});
/// Password options of openssl, wherever they stand.
static PASS_COLON: LazyLock<Option<Regex>> =
    LazyLock::new(|| pattern(r#"\s-?-?pass(?:in|out)?[ =]["']?pass:([^\s"']+)"#));

/// Adds the values of such options.
pub(super) fn find(doc: &Doc<'_>, spans: &mut Spans) -> Result<(), RedactError> {
    let of = |pattern: &'static LazyLock<Option<Regex>>| pattern.as_ref().ok_or(RedactError::Internal);
    let mut at = 0;
    let long = of(&LONG)?;
    while let Some(found) = long.captures_at(doc.text, at) {
        doc.in_time()?;
        let (Some(whole), Some(option)) = (found.get(0), found.get(1)) else { break };
        // The separator may begin the next option.
        at = option.end().max(at + 1);
        if option.as_str().len() < 4 && !option.as_str().starts_with("--") {
            continue;
        }
        let name = option.as_str().trim_start_matches('-');
        let Some(sensitive) = doc.rules.judge(name) else { continue };
        // `--secret-id x`: an identity that opens something.
        let opens = sensitive.aspect == Aspect::Label && name.ends_with("id");
        if !(opens || matches!(sensitive.aspect, Aspect::Itself))
            || (sensitive.strength == Strength::Weak && name.contains("auth"))
        {
            continue;
        }
        let listed = found.get(2).is_some();
        if listed && !in_brackets(doc, option.start()) {
            continue;
        }
        let (start, end) = word(doc, whole.end());
        let end = if listed { start + item_length(doc.part(start..end)) } else { end };
        let value = doc.part(start..end);
        // `--secret db_password` of container engines names a secret.
        if option.as_str() == "--secret" && (is_dashed_name(value) || value.contains('=')) {
            continue;
        }
        if !value.starts_with('-') && is_secret(sensitive, name, value) {
            spans.add(start, end, Kind::KeyMatch, Some(option.as_str()));
        }
    }
    for found in of(&SHORT)?.find_iter(doc.text).chain(of(&LITERAL)?.find_iter(doc.text)) {
        doc.in_time()?;
        let (start, end) = word(doc, found.end());
        let value = doc.part(start..end);
        // `setPassword(password)` and `"$PW"` hand on what is kept elsewhere.
        let elsewhere = is_reference(value) || value.starts_with("$(");
        if !value.is_empty() && !value.starts_with(['-', '\n']) && !elsewhere {
            spans.add(start, end, Kind::KeyMatch, None);
        }
    }
    for found in of(&PIPED)?.captures_iter(doc.text) {
        doc.in_time()?;
        let Some(value) = found.iter().skip(1).flatten().next() else { continue };
        // chpasswd reads `user:password`.
        let accounts = found.get(0).is_some_and(|whole| whole.as_str().ends_with("chpasswd"));
        let skip = value.as_str().find(':').filter(|_| accounts).map_or(0, |at| at + 1);
        let bare = value.as_str().get(skip..).unwrap_or("");
        if !bare.is_empty() && !is_reference(bare) {
            spans.add(value.start() + skip, value.end(), Kind::KeyMatch, None);
        }
    }
    for found in of(&JOINED)?.captures_iter(doc.text) {
        doc.in_time()?;
        if let Some(value) = found.get(1).filter(|value| is_mixed(value.as_str())) {
            spans.add(value.start(), value.end(), Kind::KeyMatch, None);
        }
    }
    for value in of(&PASS_COLON)?.captures_iter(doc.text).filter_map(|found| found.get(1)) {
        doc.in_time()?;
        if !is_reference(value.as_str()) {
            spans.add(value.start(), value.end(), Kind::KeyMatch, None);
        }
    }
    here_strings(doc, spans)?;
    logins(doc, spans)
}

/// `-u user:x` and its like.
fn logins(doc: &Doc<'_>, spans: &mut Spans) -> Result<(), RedactError> {
    for found in LOGIN.as_ref().ok_or(RedactError::Internal)?.captures_iter(doc.text) {
        doc.in_time()?;
        let (Some(user), Some(value)) = (found.get(2), found.get(3)) else { continue };
        let listed = found.get(1).is_some();
        if listed && !in_brackets(doc, user.start()) {
            continue;
        }
        let text = value.as_str();
        // `--user 1000:1000` is a user and a group.
        let ids = user.as_str().bytes().all(|b| b.is_ascii_digit()) || text.starts_with("//");
        let variable = |text: &str| {
            text.strip_prefix('$').is_some_and(|name| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'))
        };
        let elsewhere = is_reference(text) || (user.as_str().starts_with('$') && variable(text));
        let bracketed = listed || in_brackets(doc, user.start());
        let length = if bracketed { item_length(text) } else { text.len() };
        if !ids && !elsewhere {
            spans.add(value.start(), value.start() + length, Kind::KeyMatch, None);
        }
    }
    Ok(())
}

/// What `read NAME` and `sudo -S` are given on the line itself.
fn here_strings(doc: &Doc<'_>, spans: &mut Spans) -> Result<(), RedactError> {
    for found in HERE_STRING.as_ref().ok_or(RedactError::Internal)?.captures_iter(doc.text) {
        doc.in_time()?;
        let Some(whole) = found.get(0) else { continue };
        let opens = found.get(1).is_none_or(|name| doc.rules.judge(name.as_str()).is_some_and(Sensitive::is_certain));
        let (start, end) = word(doc, whole.end());
        let value = doc.part(start..end);
        if opens && !is_reference(value) && !value.starts_with("$(") {
            spans.add(start, end, Kind::KeyMatch, None);
        }
    }
    Ok(())
}

/// How far before a word the bracket of its list is looked for, in bytes.
const LIST_WITHIN: usize = 1024;

/// True inside `[a, b` of a flow list.
fn in_brackets(doc: &Doc<'_>, at: usize) -> bool {
    let before = doc.text.as_bytes().get(at.saturating_sub(LIST_WITHIN)..at).unwrap_or(&[]);
    before.iter().rev().find(|b| matches!(b, b'[' | b']')) == Some(&b'[')
}

/// Length of an item of a flow list.
fn item_length(value: &str) -> usize {
    value.find([',', ']']).unwrap_or(value.len())
}

/// A letter and a digit or mark beside it, and nothing that names, counts or places something.
fn is_mixed(value: &str) -> bool {
    let letters = value.bytes().any(|b| b.is_ascii_alphabetic());
    let others = value.bytes().any(|b| b.is_ascii_digit() || matches!(b, b'!' | b'#' | b'$' | b'%' | b'^' | b'*'));
    letters && others && !is_label(value) && !value.contains(['/', ':', '{', '(', '<'])
}

/// The word at an offset, in quotes or bare.
fn word(doc: &Doc<'_>, from: usize) -> (usize, usize) {
    let before = doc.byte(from.wrapping_sub(1));
    if matches!(before, b'"' | b'\'') {
        return (from, super::formats::value::close(doc, from, before, false));
    }
    let quote = doc.byte(from);
    if matches!(quote, b'"' | b'\'') {
        let extent = super::formats::value::quoted(doc, from, quote);
        return (extent.start, extent.end);
    }
    let rest = doc.part(from..);
    let end = rest.find(|c: char| c.is_whitespace() || c == '\0').unwrap_or(rest.len());
    let end = rest.get(..end).map_or(end, |value| value.trim_end_matches(['"', '\'', ',', ']']).len());
    (from, from + end)
}
