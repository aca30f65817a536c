//! Lines of network devices: IOS, ASA, NX-OS, EOS, ProCurve, FRR, Junos, VyOS, FortiOS, RouterOS.
//!
//! A line is one of theirs when it begins with one of their words; the secret stands behind another one, and behind
//! what says how it is written (`7`, `md5`, `ascii-text`).

use std::collections::HashSet;
use std::sync::LazyLock;

use regex::Regex;

use super::super::values::pattern;
use super::super::{Doc, Kind, RedactError, Spans};
use super::context::lines_in;

/// Beginnings of lines, and the words behind which a secret stands. The empty word: behind the beginning itself.
const LINES: &[(&str, &[&str])] = &[
    ("enable", &["secret", "password"]),
    ("username", &["secret", "password", "nt-encrypted"]),
    ("snmp-server", &["community", "auth", "priv"]),
    ("tacacs-server tacacs radius-server radius aaa-server", &["key"]),
    ("crypto", &["isakmp key", "pre-shared-key", "pkcs12 password"]),
    (
        "ip ipv6",
        &[
            "message-digest-key",
            "authentication-key",
            "authentication string",
            "nhrp authentication",
            "password",
            "md5",
        ],
    ),
    ("neighbor", &["password", "md5"]),
    ("mpls l2tp", &["password"]),
    ("server-private", &["key"]),
    ("security", &["set-key"]),
    (
        "key-string authentication-key pre-shared-key wpa-psk area-password domain-password lsp-password psksecret \
         ldap-login-password",
        &[""],
    ),
    ("standby vrrp glbp", &["authentication"]),
    ("ppp", &["password"]),
    ("ntp", &["authentication-key"]),
    ("ikev1 ikev2", &["pre-shared-key"]),
    ("failover", &["key"]),
    ("isis area ospf", &["password", "message-digest-key", "authentication-key"]),
    ("password", &["plaintext", "sha1", "sha256"]),
    (
        "set",
        &[
            "plain-text-password-value",
            "plaintext-password",
            "encrypted-password",
            "pre-shared-key",
            "pre-shared-secret",
            "pre-shared-key-secret",
            "authentication-key",
            "authentication-password",
            "privacy-password",
            "shared-secret",
            "snmp community",
            "community-string",
            "secret",
            "psksecret",
            "passphrase",
            "passwd",
            "md5",
        ],
    ),
];

static BEGINNINGS: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| LINES.iter().flat_map(|(begins, _)| begins.split_whitespace()).collect());

/// Ways to write a secret, between its word and itself.
const WRITTEN: [&str; 30] = [
    "md5",
    "sha",
    "sha1",
    "sha256",
    "sha512",
    "hmac-sha-1",
    "hmac-sha256",
    "hmac-sha-256",
    "text",
    "string",
    "clear",
    "cleartext",
    "clear-text",
    "plain",
    "plaintext",
    "plain-text",
    "cipher",
    "irreversible-cipher",
    "simple",
    "ascii",
    "ascii-text",
    "hex",
    "hexadecimal",
    "enc",
    "encrypted",
    "key-string",
    "key",
    "aes",
    "des",
    "3des",
];

/// What follows such words in commands and sentences that hold no secret.
const NO_SECRET: [&str; 36] = [
    "authentication",
    "encryption",
    "policy",
    "login",
    "protection",
    "aging",
    "recovery",
    "reset",
    "required",
    "prompt",
    "complexity",
    "strength",
    "timeout",
    "management",
    "mismatch",
    "algorithm",
    "generate",
    "zeroize",
    "chain",
    "import",
    "export",
    "ring",
    "storage",
    "hashing",
    "history",
    "expiration",
    "prompting",
    "map",
    "local",
    "check",
    "change",
    "changes",
    "field",
    "fields",
    "manager",
    "auth",
];

/// Words of sentences, which no line of a device has.
const PROSE: [&str; 18] = [
    "and", "or", "the", "a", "an", "is", "are", "was", "to", "of", "with", "your", "must", "when", "be", "if", "not",
    "can",
];

/// `community x {` of Junos and VyOS.
static COMMUNITY: LazyLock<Option<Regex>> = LazyLock::new(|| pattern(r#"\bcommunity[ \t]+"?([^\s"{};]+)"?[ \t]*\{"#));
/// `:local password "x"` of RouterOS.
static VARIABLE: LazyLock<Option<Regex>> =
    LazyLock::new(|| pattern(r#":(?:local|global|set)[ \t]+"?([A-Za-z][A-Za-z0-9_-]{0,60})"?[ \t]+\\?"([^"\\\r\n]+)"#));

/// Where the lines around one are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Section {
    /// Nothing known.
    Any,
    /// A server of accounts: `key x` is its secret.
    Servers,
    /// SNMP communities of FortiOS or RouterOS: their names are the secrets.
    Communities,
}

/// Adds the secrets of such lines.
pub(crate) fn find(doc: &Doc<'_>, spans: &mut Spans) -> Result<(), RedactError> {
    let mut start = 0;
    let mut section = Section::Any;
    for whole in lines_in(doc.text) {
        doc.in_time()?;
        let line = whole.trim_end_matches(['\n', '\r']);
        section = section_of(line, section);
        if line.len() <= LONGEST {
            read(start, line, section, spans);
        }
        start += whole.len();
    }
    let of = |pattern: &'static LazyLock<Option<Regex>>| pattern.as_ref().ok_or(RedactError::Internal);
    for found in of(&COMMUNITY)?.captures_iter(doc.text) {
        doc.in_time()?;
        if let Some(value) = found.get(1) {
            spans.add(value.start(), value.end(), Kind::KeyMatch, Some("community"));
        }
    }
    for found in of(&VARIABLE)?.captures_iter(doc.text) {
        doc.in_time()?;
        let (Some(name), Some(value)) = (found.get(1), found.get(2)) else { continue };
        if doc.rules.judge(name.as_str()).is_some_and(super::super::keys::Sensitive::is_certain) {
            spans.add(value.start(), value.end(), Kind::KeyMatch, Some(name.as_str()));
        }
    }
    Ok(())
}

/// Longest line of a device, in bytes.
const LONGEST: usize = 1024;

fn section_of(line: &str, before: Section) -> Section {
    let bare = line.trim_start();
    if bare.is_empty() || bare.starts_with('#') {
        return before;
    }
    let first = bare.split_whitespace().next().unwrap_or("");
    let communities =
        (first == "config" || first.starts_with('/')) && bare.contains("snmp") && bare.contains("community");
    if communities {
        return Section::Communities;
    }
    match (first, before) {
        ("end" | "config", Section::Communities) => Section::Any,
        (path, Section::Communities) if path.starts_with('/') => Section::Any,
        (_, Section::Communities) => before,
        ("aaa-server" | "radius" | "tacacs" | "tacacs-server" | "radius-server", _) => Section::Servers,
        _ if line.starts_with([' ', '\t']) => before,
        _ => Section::Any,
    }
}

/// Reads one line.
fn read(start: usize, line: &str, section: Section, spans: &mut Spans) {
    let bare = line.trim_start();
    let first = bare.split([' ', '\t']).next().unwrap_or("");
    if !may_begin(first, section) {
        return;
    }
    let mut words = words(line);
    if words.first().is_some_and(|word| word.text == "no") {
        words.remove(0);
    }
    let Some(first) = words.first().copied() else { return };
    let at = |index: usize| words.get(index).map_or("", |word: &Word<'_>| word.text);
    if section == Section::Communities {
        let named = words.iter().find(|word| word.text.starts_with("name="));
        if let Some(word) = named {
            spans.add(start + word.start + 5, start + word.start + word.text.len(), Kind::KeyMatch, Some("community"));
        } else if first.text == "set" && at(1) == "name" {
            take(&words, 2, start, spans);
        }
        return;
    }
    let kind = words.len() == 3 && at(1).len() == 1 && at(1).parse::<u8>().is_ok();
    if first.text == "key" && section == Section::Servers && (kind || words.len() == 2 && at(1).parse::<u32>().is_err())
    {
        return take(&words, words.len() - 1, start, spans);
    }
    if first.text == "passwd" && words.len() == 3 && at(2) == "encrypted" {
        return take(&words, 1, start, spans);
    }
    let Some((_, behind)) = LINES.iter().find(|(begins, _)| begins.split_whitespace().any(|b| b == first.text)) else {
        return;
    };
    // Settings of shells and databases begin with `set` too.
    let prose = words.iter().any(|word| PROSE.contains(&word.text));
    if words.len() < 2 || prose || at(1) == "=" || line.contains("://") {
        return;
    }
    let position = |text: &str| words.iter().position(|word| word.text == text);
    // `set system login radius server 1.1.1.1 key x` of VyOS.
    let accounts = ["radius", "radius-server", "tacacs", "tacplus", "tacacs-server"];
    if let Some(key) = position("key").filter(|at| first.text == "set" && *at + 1 < words.len())
        && words.iter().any(|word| accounts.contains(&word.text))
    {
        return take(&words, value_at(&words, key + 1), start, spans);
    }
    if first.text == "snmp-server" && at(1) == "host" {
        return snmp_host(&words, start, spans);
    }
    for keyword in *behind {
        if keyword.is_empty() {
            take(&words, value_at(&words, behind_peer(&words)), start, spans);
            continue;
        }
        let parts: Vec<&str> = keyword.split(' ').collect();
        let found = (1..words.len()).find(|i| parts.iter().enumerate().all(|(n, part)| at(i + n) == *part));
        if let Some(index) = found {
            let value = value_at(&words, index + parts.len());
            if !NO_SECRET.contains(&at(value)) && (first.text != "enable" || words.len() <= 6) {
                take(&words, value, start, spans);
            }
            // `secret` and `password` may both stand on a line; one is enough for the others.
            if !matches!(*keyword, "auth" | "priv" | "community") {
                break;
            }
        }
    }
}

/// A cheap first look: most lines begin with none of the words.
fn may_begin(first: &str, section: Section) -> bool {
    section != Section::Any || matches!(first, "no" | "passwd") || BEGINNINGS.contains(first)
}

/// Behind what says whose key it is: `pre-shared-key address 0.0.0.0 0.0.0.0 key x`, `pre-shared-key local x`.
fn behind_peer(words: &[Word<'_>]) -> usize {
    match words.get(1).map_or("", |word| word.text) {
        "address" | "hostname" => words.iter().position(|word| word.text == "key").map_or(1, |key| key + 1),
        "local" | "remote" if words.len() > 2 => 2,
        _ => 1,
    }
}

/// Behind what says how the secret is written, and behind its number.
fn value_at(words: &[Word<'_>], from: usize) -> usize {
    let says = |word: &Word<'_>| {
        WRITTEN.contains(&word.text.to_ascii_lowercase().as_str())
            || (word.text.len() <= 3 && word.text.bytes().all(|b| b.is_ascii_digit()))
            || word.text == "level"
    };
    let mut at = from;
    while at + 1 < words.len() && words.get(at).is_some_and(says) {
        at += 1;
    }
    at
}

/// `snmp-server host [inside] ADDRESS [traps] [version 2c] X`, or `... community X`.
fn snmp_host(words: &[Word<'_>], start: usize, spans: &mut Spans) {
    let position = |text: &str| words.iter().position(|word| word.text == text);
    if let Some(at) = position("community") {
        return take(words, value_at(words, at + 1), start, spans);
    }
    let mut at = match position("version") {
        Some(version) => version + 2,
        None => words.iter().position(|word| word.text.contains(['.', ':'])).map_or(3, |address| address + 1),
    };
    while words.get(at).is_some_and(|w| matches!(w.text, "traps" | "informs" | "auth" | "noauth" | "priv" | "vrf")) {
        at += 1;
    }
    take(words, at, start, spans);
}

fn take(words: &[Word<'_>], at: usize, start: usize, spans: &mut Spans) {
    let Some(word) = words.get(at) else { return };
    let bare = word.text.trim_end_matches([';', '}', '{']);
    let inner = bare.trim_matches('"');
    let lead = bare.len() - bare.trim_start_matches('"').len();
    if inner.is_empty() || matches!(inner, "{" | "*" | "!") {
        return;
    }
    let from = start + word.start + lead;
    spans.add(from, from + inner.len(), Kind::KeyMatch, None);
}

/// A word and where it begins.
#[derive(Clone, Copy)]
struct Word<'a> {
    start: usize,
    text: &'a str,
}

/// The words of a line; one in double quotes may have spaces.
fn words(line: &str) -> Vec<Word<'_>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(skip) = line.get(at..).and_then(|rest| rest.find(|c: char| !c.is_whitespace())) {
        let start = at + skip;
        let rest = line.get(start..).unwrap_or("");
        let quoted = rest.strip_prefix('"').and_then(|inner| inner.find('"')).map(|close| close + 2);
        let length = quoted.unwrap_or_else(|| rest.find(char::is_whitespace).unwrap_or(rest.len()));
        found.push(Word { start, text: rest.get(..length).unwrap_or("") });
        at = start + length;
        if found.len() >= 60 {
            break;
        }
    }
    found
}
