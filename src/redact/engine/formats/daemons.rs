//! Lines of programs whose files have a form of their own: Redis, HAProxy, Squid, Net-SNMP, strongSwan, PgBouncer,
//! Postfix, nginx, kickstart and preseed files.

use std::sync::LazyLock;

use regex::Regex;

use super::super::values::{is_marker, is_reference, is_switch, pattern};
use super::super::{Doc, Kind, RedactError, Spans};

/// Forms that are theirs alone; the value is the one group that took part.
static LINES: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(concat!(
        r#"(?miR)^[ \t]*(?:"#,
        // `user NAME on >password ~*` (Redis, "ACL").
        r#"user[ \t]+\S+[ \t][^\r\n]{0,200}?[ \t]?>([^\s>]+)"#,
        // `user NAME password HASH`, `user NAME insecure-password x`, `stats auth user:x` (HAProxy).
        r#"|user[ \t]+\S+[ \t]+(?:insecure-)?password[ \t]+(\S+)|stats[ \t]+auth[ \t]+[^\s:]+:(\S+)"#,
        // `cache_peer h parent 3128 0 login=user:x` (Squid).
        r#"|cache_peer[ \t][^\r\n]{0,300}?login=[^\s:]+:(\S+)"#,
        // `rocommunity x`, `com2sec ro default x` (snmpd.conf(5)).
        r#"|r[ow]community6?[ \t]+(\S+)|com2sec6?[ \t]+(?:-Cn[ \t]+\S+[ \t]+)?\S+[ \t]+\S+[ \t]+(\S+)"#,
        // `a b : PSK "x"` (ipsec.secrets(5)).
        r#"|[^\r\n:#]{0,200}:[ \t]*(?:PSK|XAUTH|EAP|NTLM|PIN)[ \t]+"([^"\r\n]+)"?"#,
        // `rootpw --iscrypted x` (kickstart), `d-i passwd/root-password password x` (preseed).
        r#"|rootpw[ \t]+(?:--\S+[ \t]+){0,4}([^\s-]\S*)|\S+[ \t]+\S*passwd/\S*password\S*[ \t]+password[ \t]+(\S+)"#,
        r#")"#,
    ))
});
/// `createUser name SHA x AES y` (snmpd.conf(5)): two values.
static SNMP_USER: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(
        r#"(?miR)^[ \t]*createUser[ \t]+(?:-e[ \t]+\S+[ \t]+)?\S+[ \t]+(?:MD5|SHA\S*)[ \t]+("[^"\r\n]*"?|\S+)(?:[ \t]+(?:DES|AES)\S*[ \t]+("[^"\r\n]*"?|\S+))?"#,
    )
});
/// `"user" "password"` of PgBouncer, in its own file only.
static USERLIST: LazyLock<Option<Regex>> = LazyLock::new(|| pattern(r#"(?mR)^[ \t]*"[^"\r\n]*"[ \t]+"([^"\r\n]+)"?"#));
/// `host user:password` of Postfix, in its own file only.
static SASL: LazyLock<Option<Regex>> = LazyLock::new(|| pattern(r"(?mR)^[ \t]*[^\s#]\S*[ \t]+[^\s:]+:(\S+)"));
/// A header that nginx or Apache adds: its name is judged.
static HEADER: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(
        r#"(?mi)\b(?:proxy_set_header|add_header|more_set_(?:input_)?headers|requestheader[ \t]+set)[ \t]+"?([A-Za-z0-9_-]{2,60})"?[ \t]+(?:"([^"\r\n]*)"?|([^\s;"]+))"#,
    )
});

/// Adds the values of such lines.
pub fn find(doc: &Doc<'_>, spans: &mut Spans) -> Result<(), RedactError> {
    let named = |part: &str| doc.file_name.contains(part);
    let of = |pattern: &'static LazyLock<Option<Regex>>| pattern.as_ref().ok_or(RedactError::Internal);
    let mut all = vec![of(&LINES)?, of(&SNMP_USER)?];
    if named("userlist") || named("pgbouncer") {
        all.push(of(&USERLIST)?);
    }
    if named("sasl") {
        all.push(of(&SASL)?);
    }
    for pattern in all {
        for found in pattern.captures_iter(doc.text) {
            doc.in_time()?;
            for value in found.iter().skip(1).flatten() {
                let lead = usize::from(value.as_str().starts_with('"'));
                let bare = value.as_str().trim_matches('"');
                add(value.start() + lead, bare, spans);
            }
        }
    }
    for found in of(&HEADER)?.captures_iter(doc.text) {
        doc.in_time()?;
        let (Some(name), Some(value)) = (found.get(1), found.get(2).or(found.get(3))) else { continue };
        let lower = name.as_str().to_ascii_lowercase();
        let opens = doc.rules.judge(name.as_str()).is_some_and(|s| s.strength != super::super::keys::Strength::Weak);
        if opens && !lower.contains("cookie") && !value.as_str().contains('$') {
            let skip = value.as_str().split_once(' ').map_or(0, |(scheme, _)| scheme.len() + 1);
            add(value.start() + skip, value.as_str().get(skip..).unwrap_or(""), spans);
        }
    }
    Ok(())
}

fn add(start: usize, value: &str, spans: &mut Spans) {
    if !value.is_empty()
        && !is_marker(value)
        && !value.starts_with("<sha:")
        && !is_reference(value)
        && !is_switch(value)
    {
        spans.add(start, start + value.len(), Kind::KeyMatch, None);
    }
}
