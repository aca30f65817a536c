//! Lines of programs whose files have a form of their own: Redis, HAProxy, Squid, Net-SNMP, strongSwan, PgBouncer,
//! Postfix, nginx, kickstart and preseed files.

use std::sync::LazyLock;

use regex::Regex;

use super::super::keys::Sensitive;
use super::super::values::{is_label, is_reference, is_secret, is_switch, is_words, pattern};
use super::super::{Doc, Kind, RedactError, Spans};

/// Forms that are theirs alone; the value is the one group that took part.
static LINES: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(concat!(
        r#"(?miR)^[ \t]*(?:"#,
        // `user NAME password HASH`, `user NAME insecure-password x`, `stats auth user:x` (HAProxy).
        r#"user[ \t]+\S+[ \t]+(?:insecure-)?password[ \t]+(\S+)|stats[ \t]+auth[ \t]+[^\s:]+:(\S+)"#,
        // `cache_peer h parent 3128 0 login=user:x` (Squid).
        r#"|cache_peer[ \t][^\r\n]{0,300}?login=[^\s:]+:(\S+)"#,
        // `rocommunity x`, `com2sec ro default x` (snmpd.conf(5)).
        r#"|r[ow]community6?[ \t]+(\S+)|com2sec6?[ \t]+(?:-Cn[ \t]+\S+[ \t]+)?\S+[ \t]+\S+[ \t]+(\S+)"#,
        // `trapsink h x`, `informsink h x`, `authCommunity log,net x`, `forward default x@h` (snmpd.conf(5)).
        r#"|(?:trap2?sink|informsink|authcommunity)[ \t]+\S+[ \t]+(\S+)|trapcommunity[ \t]+(\S+)"#,
        r#"|forward[ \t]+\S+[ \t]+([^\s@]+)@|community[ \t]+"([^"\r\n]+)"?"#,
        // `sentinel auth-pass NAME x`, `rename-command CONFIG x` (Redis).
        r#"|sentinel[ \t]+auth-pass[ \t]+\S+[ \t]+(\S+)|sentinel[ \t]+sentinel-pass[ \t]+(\S+)"#,
        // `sentinel set NAME auth-pass x`, `smuxpeer OID x` (snmpd.conf(5)).
        r#"|sentinel[ \t]+set[ \t]+\S+[ \t]+auth-pass[ \t]+(\S+)|smuxpeer[ \t]+[0-9.]+[ \t]+(\S+)"#,
        r#"|rename-command[ \t]+\S+[ \t]+"?([^\s"]+)"#,
        // `check_command check_http!-a user:x` (Nagios).
        r#"|check_command[ \t][^\r\n]{0,200}?-a[ \t!]+[^\s:!]+:([^\s!]+)"#,
        // `client_send = ^user^x` (Exim), `cachemgr_passwd x` (Squid), `MONITOR ups@h 1 user x` (NUT).
        r#"|client_send[ \t]*=[ \t]*[^\r\n^]*\^[^\r\n^]*\^(\S+)|cachemgr_passwd[ \t]+(\S+)"#,
        r#"|monitor[ \t]+\S+@\S+[ \t]+[0-9]+[ \t]+\S+[ \t]+(\S+)|sslsrpunknownuserseed[ \t]+(\S+)"#,
        r#"|hide[ \t]+\w+_servers[ \t]*=[ \t]*[^\s/]+/[^\s/]+/[^\s/]+/(\S+)"#,
        // `allow user:x` (Monit), `user=name:x` (coturn), `register => user:x@host` (Asterisk).
        r#"|allow[ \t]+"?[A-Za-z][A-Za-z0-9_.-]*:([^\s":;/]+)"?[ \t]*$|user=[A-Za-z][^\s:=]*:([^\s:]+)[ \t]*$"#,
        r#"|register[ \t]*=>?[ \t]*[^\s:@]+:([^\s@]+)@"#,
        // `SQLConnectInfo database user x`, `LDAPBindDN dn x` (ProFTPD), `Server = host 6697 x` (ZNC).
        r#"|sqlconnectinfo[ \t]+\S+[ \t]+\S+[ \t]+(\S+)|ldapbinddn[ \t]+(?:"[^"\r\n]*"|\S+)[ \t]+("[^"\r\n]+"?|\S+)"#,
        r#"|server[ \t]*=[ \t]*\S+[ \t]+\+?[0-9]{2,5}[ \t]+(\S+)"#,
        // `rootpw --iscrypted x` (kickstart), `d-i passwd/root-password password x` (preseed).
        r#"|rootpw[ \t]+(?:--\S+[ \t]+){0,4}([^\s-]\S*)"#,
        r#"|[a-z][a-z0-9-]*[ \t]+[a-z][a-z0-9-]*/\S*(?:password|passphrase|wireless_we?pa?)\S*[ \t]+(?:password|string)[ \t]+(\S+)"#,
        r#")"#,
    ))
});
/// `createUser name SHA x AES y` (snmpd.conf(5)): two values.
static SNMP_USER: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(
        r#"(?miR)^[ \t]*createUser[ \t]+(?:-e[ \t]+\S+[ \t]+)?\S+[ \t]+(?:MD5|SHA\S*)[ \t]+("[^"\r\n]*"?|\S+)(?:[ \t]+(?:DES|AES)\S*[ \t]+("[^"\r\n]*"?|\S+))?"#,
    )
});
/// `user NAME on >x #HASH`, `ACL SETUSER NAME on >x` (Redis, "ACL").
static ACL: LazyLock<Option<Regex>> =
    LazyLock::new(|| pattern(r"(?miR)(?:^[ \t]*user|\bacl[ \t]+setuser)[ \t]+\S+[ \t]+([^\r\n]+)"));
/// Names and values of other kinds: tuples of Erlang, headers in conditions of HAProxy, rows of SQL without columns.
static PAIRED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(concat!(
        r#"\{[ \t]*'?([a-z_][a-z0-9_]{1,60})'?[ \t]*,[ \t]*(?:<<)?"([^"\r\n]+)"|"#,
        r#"hdr(?:_[a-z]+)?\(([A-Za-z0-9_-]{2,60})\)[ \t]+(?:-[a-zA-Z][ \t]+(?:str[ \t]+|reg[ \t]+|beg[ \t]+|sub[ \t]+)?)*([^\s-]\S*)|"#,
        r#"[(,][ \t]*'([A-Za-z][A-Za-z0-9_.-]{2,60})'[ \t]*,[ \t]*'([^'\r\n]+)'"#,
    ))
});
/// What is a secret in its program whatever it looks like, behind a text without which there is none.
const CERTAIN: &[(&[&str], &str)] = &[
    // `a b : PSK "x"`, `: RSA key.pem "x"` (ipsec.secrets(5)).
    (
        &[" PSK ", " XAUTH ", " EAP ", " NTLM ", " PIN ", ":PSK "],
        r#":[ \t]*(?:PSK|XAUTH|EAP|NTLM|PIN)[ \t]+(?:"([^"\r\n]+)|([^\s"]*[0-9][^\s"]*))"#,
    ),
    (
        &[" RSA ", " ECDSA ", " ED25519 ", " BLISS ", " PKCS8 ", " PKCS12 "],
        r#"(?mR):[ \t]*(?:RSA|ECDSA|ED25519|BLISS|PKCS8|PKCS12)[ \t]+[^\s"]+[ \t]+(?:"([^"\r\n]+)|([^\s"]+)[ \t]*$)"#,
    ),
    // `*.* :ommysql:host,database,user,x` (rsyslog).
    (&[":ommysql:", ":ompgsql:"], r"om(?:mysql|pgsql):[^,\r\n]+,[^,\r\n]+,[^,\r\n]+,([^\s;,]+)"),
    (&["auth_pass"], r"\bauth_pass[ \t]+([^\s{};]+)"),
    (&["<Server"], r#"<Server\b[^>\r\n]{0,200}\bshutdown="([^"\r\n]+)""#),
    (&["$USER"], r"\$USER[0-9]{1,3}\$[ \t]*=[ \t]*(\S+)"),
    (&["eq{$auth"], r"eq\{\$auth[0-9]\}\{([^{}\r\n]+)\}"),
    (&["{PLAIN}", "{CLEAR"], r#"\{(?:PLAIN|CLEARTEXT|CLEAR)\}([^\s:"']+)"#),
    (&["secure_link_md5"], r#"secure_link_md5[ \t]+"[^"\r\n]*[ \t]([^\s"$]+)""#),
    (&["ickserv", "ickServ", "ICKSERV"], r#"(?i)nickserv[ \t]+identify[ \t]+(?:[a-z0-9_-]+[ \t]+)?([^\s"';]+)"#),
    (
        &["SSWORD FOR", "ssword for", "ssword FOR", "ssword For"],
        r#"(?i)password[ \t]+for[ \t]+\S+[ \t]*=[ \t]*(?:password[ \t]*\([ \t]*)?["']([^"'\r\n]+)"#,
    ),
    (
        &["pass"],
        r#"\buser(?:name)?[ \t]+["']?[^\s"']+["']?[ \t]+(?:there[ \t]+)?(?:with[ \t]+)?pass(?:word)?[ \t]+["']([^"'\r\n]+)"#,
    ),
];

static CERTAIN_BUILT: LazyLock<Vec<Option<Regex>>> =
    LazyLock::new(|| CERTAIN.iter().map(|(_, text)| pattern(text)).collect());
/// `user_alice="x"` in a login module of Java.
static JAAS: LazyLock<Option<Regex>> =
    LazyLock::new(|| pattern(r#"\buser_[A-Za-z0-9_.-]{1,60}[ \t]*=[ \t]*"([^"\r\n]+)""#));
/// `{ name value }`, `; name "value";` of settings in braces on one line.
static INNER: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(r#"[{;][ \t]*([A-Za-z][A-Za-z0-9_-]{2,60})[ \t]+(?:"([^"\r\n]+)"|([^\s{};"'=:,()]+))[ \t]*[;}]"#)
});
/// `tokens {` of HCL: what is below it opens something.
static TOKENS: LazyLock<Option<Regex>> = LazyLock::new(|| pattern(r"(?mR)^[ \t]*(tokens)[ \t]*\{[ \t]*$"));
/// A setting of OpenWrt.
static UCI: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(
        r#"(?mR)^[ \t]*(?:option|list)[ \t]+['"]?([A-Za-z0-9_-]{2,60})['"]?[ \t]+('[^'\r\n]*'?|"[^"\r\n]*"?|[^\s'"]\S*)[ \t]*$"#,
    )
});
/// `"user" "password"` of PgBouncer, in its own file only.
static USERLIST: LazyLock<Option<Regex>> = LazyLock::new(|| pattern(r#"(?mR)^[ \t]*"[^"\r\n]*"[ \t]+"([^"\r\n]+)"?"#));
/// `host user:password` of Postfix, in its own file only.
static SASL: LazyLock<Option<Regex>> = LazyLock::new(|| pattern(r"(?mR)^[ \t]*[^\s#]\S*[ \t]+[^\s:]+:(\S+)"));
/// `1001 => 1234,Jane` of Asterisk's mailboxes, in their own file only.
static VOICEMAIL: LazyLock<Option<Regex>> =
    LazyLock::new(|| pattern(r"(?mR)^[ \t]*[0-9]{2,8}[ \t]*=>[ \t]*([^\s,]+),"));
/// `user:x:10` of Deluge, in its own file only.
static DELUGE: LazyLock<Option<Regex>> = LazyLock::new(|| pattern(r"(?mR)^[^:\s#]+:([^:\r\n]+):[0-9]{1,2}[ \t]*$"));
/// `poll h proto pop3 user u pass x` of fetchmail, in its own file only.
static POLL: LazyLock<Option<Regex>> = LazyLock::new(|| pattern(r#"\bpass(?:word)?[ \t]+("[^"\r\n]+"?|[^\s"']+)"#));
/// `password user x` of GRUB, in its own files only.
static GRUB: LazyLock<Option<Regex>> =
    LazyLock::new(|| pattern(r"(?mR)^[ \t]*password[ \t]+[^\s-]\S*[ \t]+(\S+)[ \t]*$"));
/// What is taken where a variable is not set: `getenv('X') ?: 'x'`, `a ?? 'x'`, `a || 'x'`, `a or 'x'`.
static FALLBACK: LazyLock<Option<Regex>> =
    LazyLock::new(|| pattern(r#"(?:\?\?|\?:|\|\||\bor)[ \t]*(?:"([^"\r\n]+)"?|'([^'\r\n]+)'?)"#));
/// What is taken under a condition: `name = c ? "x" : "y"`.
static CHOICE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(concat!(
        r#"(?mR)^[^\r\n=:?]{0,120}?([A-Za-z0-9_.-]{2,60})["']?[ \t]*(?:=|:|=>)[ \t]*[^\r\n?"']{1,160}\?[ \t]*"#,
        r#"(?:"([^"\r\n]*)"?|'([^'\r\n]*)'?|[^\s"':?]{1,80})(?:[ \t]*:[ \t]*(?:"([^"\r\n]*)"?|'([^'\r\n]*)'?))?"#,
    ))
});
/// A header that nginx or Apache adds: its name is judged.
static HEADER: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(
        r#"(?mi)\b(?:proxy_set_header|add_header|more_set_(?:input_)?headers|(?:request)?header(?:[ \t]+always)?[ \t]+(?:set|add)|http-(?:request|response)[ \t]+(?:set|add)-header|header_up|header_down|request_header_add|hdr)[ \t]+"?([A-Za-z0-9_-]{2,60})"?[ \t]+(?:"([^"\r\n]*)"?|([^\s;"]+))"#,
    )
});

/// Adds the values of such lines.
pub(crate) fn find(doc: &Doc<'_>, spans: &mut Spans) -> Result<(), RedactError> {
    let named = |part: &str| doc.file_name.contains(part);
    let of = |pattern: &'static LazyLock<Option<Regex>>| pattern.as_ref().ok_or(RedactError::Internal);
    let mut all = vec![of(&LINES)?, of(&SNMP_USER)?];
    if named("userlist") || named("pgbouncer") {
        all.push(of(&USERLIST)?);
    }
    if named("sasl") {
        all.push(of(&SASL)?);
    }
    if named("voicemail") {
        all.push(of(&VOICEMAIL)?);
    }
    if doc.file_name == "auth" {
        all.push(of(&DELUGE)?);
    }
    if named("fetchmailrc") {
        all.push(of(&POLL)?);
    }
    if named("grub") || doc.text.contains("set superusers") {
        all.push(of(&GRUB)?);
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
    others(doc, spans)?;
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

/// What needs its name judged.
fn others(doc: &Doc<'_>, spans: &mut Spans) -> Result<(), RedactError> {
    let of = |pattern: &'static LazyLock<Option<Regex>>| pattern.as_ref().ok_or(RedactError::Internal);
    for found in of(&ACL)?.captures_iter(doc.text) {
        doc.in_time()?;
        let Some(rules) = found.get(1) else { continue };
        acl(rules.start(), rules.as_str(), spans);
    }
    let paired = of(&PAIRED)?;
    let mut at = 0;
    while let Some(found) = paired.captures_at(doc.text, at) {
        doc.in_time()?;
        let mut parts = found.iter().skip(1).flatten();
        let (Some(name), Some(value)) = (parts.next(), parts.next()) else { break };
        // A value may be the name of the next one.
        at = name.end();
        if doc.rules.judge(name.as_str()).is_some_and(Sensitive::is_certain) && !is_words_of_prose(value.as_str()) {
            add(value.start(), value.as_str(), spans);
        }
    }
    for ((needed, _), built) in CERTAIN.iter().zip(CERTAIN_BUILT.iter()) {
        if !needed.iter().any(|text| doc.text.contains(text)) {
            continue;
        }
        for found in built.as_ref().ok_or(RedactError::Internal)?.captures_iter(doc.text) {
            doc.in_time()?;
            let Some(value) = found.iter().skip(1).flatten().next() else { continue };
            let path = needed.contains(&"$USER") && is_label(value.as_str());
            if value.as_str() != "SHUTDOWN" && !path {
                add(value.start(), value.as_str(), spans);
            }
        }
    }
    bots(doc, spans)?;
    if doc.text.contains("LoginModule") {
        for value in of(&JAAS)?.captures_iter(doc.text).filter_map(|found| found.get(1)) {
            add(value.start(), value.as_str(), spans);
        }
    }
    let inner = of(&INNER)?;
    let mut at = 0;
    while let Some(found) = inner.captures_at(doc.text, at) {
        doc.in_time()?;
        let mut parts = found.iter().skip(1).flatten();
        let (Some(name), Some(value)) = (parts.next(), parts.next()) else { break };
        // What ends this one may begin the next.
        at = value.end();
        let judged = doc.rules.judge(name.as_str()).filter(|s| s.is_certain());
        if judged.is_some_and(|s| is_secret(s, name.as_str(), value.as_str())) {
            add(value.start(), value.as_str(), spans);
        }
    }
    let mut free_from = 0;
    for name in of(&TOKENS)?.captures_iter(doc.text).filter_map(|found| found.get(1)) {
        doc.in_time()?;
        if name.start() < free_from {
            continue;
        }
        let brace = doc.text.get(name.end()..).and_then(|rest| rest.find('{')).map_or(name.end(), |n| name.end() + n);
        if let Some(sensitive) = doc.rules.judge(name.as_str()) {
            free_from = super::nested::take(doc, sensitive, name.as_str(), brace, spans);
        }
    }
    for found in of(&UCI)?.captures_iter(doc.text) {
        doc.in_time()?;
        let (Some(name), Some(value)) = (found.get(1), found.get(2)) else { continue };
        let bare = value.as_str().trim_matches(['\'', '"']);
        let lead = value.as_str().len() - value.as_str().trim_start_matches(['\'', '"']).len();
        // Of WEP, `key` may be the number of the key that is used.
        let key = name.as_str().trim_end_matches(|c: char| c.is_ascii_digit()) == "key";
        let secret = doc.rules.judge(name.as_str()).is_some_and(|s| is_secret(s, name.as_str(), bare));
        if secret || (key && bare.len() > 1) {
            add(value.start() + lead, bare, spans);
        }
    }
    for found in of(&FALLBACK)?.captures_iter(doc.text) {
        doc.in_time()?;
        let Some(value) = found.iter().skip(1).flatten().next() else { continue };
        let at = found.get(0).map_or(value.start(), |whole| whole.start());
        let window = (at.saturating_sub(160)..=at).find_map(|from| doc.text.get(from..at)).unwrap_or("");
        let line = window.rsplit(['\n', '\r']).next().unwrap_or("");
        let name = line
            .rsplit(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-' | '.')))
            .find(|name| doc.rules.judge(name).is_some_and(|s| is_secret(s, name, value.as_str())));
        if name.is_some() {
            add(value.start(), value.as_str(), spans);
        }
    }
    choices(doc, spans)?;
    random_results(doc, spans)
}

/// Both values of a condition under a name.
fn choices(doc: &Doc<'_>, spans: &mut Spans) -> Result<(), RedactError> {
    for found in CHOICE.as_ref().ok_or(RedactError::Internal)?.captures_iter(doc.text) {
        doc.in_time()?;
        let Some(name) = found.get(1) else { continue };
        let Some(sensitive) = doc.rules.judge(name.as_str()) else { continue };
        for value in found.iter().skip(2).flatten().filter(|v| is_secret(sensitive, name.as_str(), v.as_str())) {
            add(value.start(), value.as_str(), spans);
        }
    }
    Ok(())
}

/// Tokens of Telegram: `1234567890:` and 35 characters.
fn bots(doc: &Doc<'_>, spans: &mut Spans) -> Result<(), RedactError> {
    let bytes = doc.text.as_bytes();
    for colon in memchr::memchr_iter(b':', bytes) {
        let digits = bytes.get(..colon).unwrap_or(&[]).iter().rev().take(11).take_while(|b| b.is_ascii_digit()).count();
        if !(8..=10).contains(&digits) {
            continue;
        }
        doc.in_time()?;
        let rest = bytes.get(colon + 1..).unwrap_or(&[]).iter();
        let length = rest.take(40).take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')).count();
        if length == 35 {
            spans.add(colon - digits, colon + 1 + length, Kind::EntropyBase64, None);
        }
    }
    Ok(())
}

/// Rules of a user: `>x` and `<x` are passwords, `#x` is the digest of one.
fn acl(start: usize, rules: &str, spans: &mut Spans) {
    let known = |word: &str| {
        matches!(word.to_ascii_lowercase().as_str(), "on" | "off" | "reset" | "resetpass" | "allkeys" | "allcommands")
            || word.starts_with(['~', '&', '+'])
    };
    if !rules.split_whitespace().any(known) {
        return;
    }
    let mut at = 0;
    for word in rules.split_inclusive([' ', '\t']) {
        let quoted = word.len() - word.trim_start_matches(['"', '\'']).len();
        let bare = word.trim_end().trim_matches(['"', '\'']);
        if bare.len() > 1 && (bare.starts_with(['>', '<']) || (bare.starts_with('#') && bare.len() > 32)) {
            add(start + at + quoted + 1, bare.get(1..).unwrap_or(""), spans);
        }
        at += word.len();
    }
}

/// How far behind the name of its kind a result stands, in bytes.
const RESULT_WITHIN: usize = 4096;

/// Passwords that Terraform made, in its state.
fn random_results(doc: &Doc<'_>, spans: &mut Spans) -> Result<(), RedactError> {
    let mut from = 0;
    while let Some(at) = doc.text.get(from..).and_then(|rest| rest.find("\"random_password\"")).map(|n| from + n) {
        doc.in_time()?;
        from = at + 1;
        let rest = doc.part(at..);
        let near = (0..=rest.len().min(RESULT_WITHIN)).rev().find_map(|end| rest.get(..end)).unwrap_or("");
        let Some(result) = near.find("\"result\"").map(|n| n + 8) else { continue };
        let tail = near.get(result..).unwrap_or("").trim_start_matches([':', ' ', '\t', '\n']);
        if let Some(value) = tail.strip_prefix('"') {
            let start = at + near.len() - value.len();
            let end = super::value::close(doc, start, b'"', false);
            spans.add(start, end, Kind::KeyMatch, Some("result"));
            from = at + result;
        }
    }
    Ok(())
}

/// Words between spaces; one word alone may be a password.
fn is_words_of_prose(value: &str) -> bool {
    value.contains(' ') && is_words(value)
}

fn add(start: usize, value: &str, spans: &mut Spans) {
    if !value.is_empty() && !is_reference(value) && !is_switch(value) {
        spans.add(start, start + value.len(), Kind::KeyMatch, None);
    }
}
