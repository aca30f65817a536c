//! The shapes of tokens that providers hand out: a fixed beginning, then characters of a known set.
//!
//! Sources: the providers' documents and their entries in GitHub's list of supported secret scanning patterns. At the
//! end of the text fewer characters are enough, for the text may have been cut there.

use std::sync::LazyLock;

use regex::Regex;

use super::{Doc, Kind, RedactError, Spans};

/// Letters and digits.
const ALNUM: &str = "[A-Za-z0-9]";
/// Base64url.
const URL: &str = "[A-Za-z0-9_-]";
/// Base64url and dots.
const DOTTED: &str = r"[A-Za-z0-9_.=-]";
/// Base64.
const B64: &str = r"[A-Za-z0-9+/=_-]";
/// Hex digits.
const HEX: &str = "[0-9a-fA-F]";
/// Capitals and digits.
const UPPER: &str = "[A-Z0-9]";

/// Beginning (a pattern), set, and how many characters at least.
const SHAPES: &[(&str, &str, usize)] = &[
    // AWS: access keys and temporary ones. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
    ("(?:AKIA|ASIA|ABIA|ACCA)", UPPER, 12),
    // GitHub, GitLab, Bitbucket, Atlassian.
    ("gh[pousr]_", ALNUM, 16),
    ("github_pat_", "[A-Za-z0-9_]", 16),
    ("gl(?:pat|ptt|dt|rt|cbt|ft|imt|agent|soat|oas|ffct|wt)-", DOTTED, 12),
    ("ATATT3", B64, 20),
    ("ATBB", ALNUM, 20),
    // Slack, Discord, Telegram.
    (r"xox[abeoprs](?:\.xox[a-z])?-", URL, 8),
    ("xapp-", URL, 8),
    (r"hooks\.slack\.com/(?:services|workflows|triggers)/", "[A-Za-z0-9/_-]", 8),
    (r"discord(?:app)?\.com/api/webhooks/", "[A-Za-z0-9/_-]", 8),
    (r"\b[0-9]{8,10}:AA", URL, 20),
    (r"\b[MNO][A-Za-z0-9_-]{22,27}\.[A-Za-z0-9_-]{6}\.", URL, 20),
    // Payment.
    ("(?:sk|rk|pk)_(?:live|test)_", ALNUM, 8),
    ("whsec_", B64, 12),
    ("sq0(?:atp|csp|idp)-", URL, 16),
    ("shp(?:at|ca|pa|ss|tka)_", ALNUM, 16),
    (r"access_token\$(?:production|sandbox)\$", r"[a-z0-9$]", 16),
    // Package registries.
    ("npm_", ALNUM, 20),
    ("pypi-", URL, 30),
    ("rubygems_", HEX, 20),
    ("cio[a-zA-Z0-9]", ALNUM, 31),
    ("oy2", "[a-z0-9]", 43),
    ("dckr_(?:pat|oat)_", URL, 16),
    ("AKCp", ALNUM, 40),
    ("cmVmd", B64, 40),
    // Clouds.
    ("AIza", URL, 30),
    (r"ya29\.", DOTTED, 16),
    ("GOCSPX-", URL, 16),
    (r"1//0", URL, 30),
    (r"\b[A-Za-z0-9_~.-]{3}[0-9]Q~", r"[A-Za-z0-9_~.-]", 28),
    ("do[opr]_v1_", HEX, 20),
    ("LTAI", ALNUM, 16),
    ("AKID", ALNUM, 28),
    ("dapi", HEX, 32),
    ("pscale_(?:tkn|pw|oauth)_", DOTTED, 16),
    (r"hc-ping\.com/", "[A-Za-z0-9/_-]", 16),
    ("sbp_", HEX, 20),
    ("sb_secret_", URL, 12),
    ("hvs\\.|hvb\\.|hvr\\.", URL, 16),
    (r"[A-Za-z0-9]{14}\.atlasv1\.", DOTTED, 30),
    (r"dp\.(?:pt|st|ct|sa|scim|audit)\.", DOTTED, 16),
    ("tskey-", URL, 16),
    ("HRKU-", URL, 20),
    ("fo1_|FlyV1 ", B64, 20),
    // Models.
    ("sk-(?:ant-|proj-|svcacct-|admin-|or-v1-)", URL, 16),
    ("sk-", ALNUM, 20),
    ("hf_", ALNUM, 20),
    ("gsk_", ALNUM, 20),
    ("r8_", ALNUM, 20),
    ("pplx-", ALNUM, 20),
    ("xai-", ALNUM, 20),
    // Mail and messages.
    (r"SG\.", r"[A-Za-z0-9_.-]", 20),
    ("key-", "[0-9a-f]", 32),
    (r"\b[0-9a-f]{32}-us", "[0-9]", 1),
    ("xkeysib-", URL, 20),
    ("xsmtpsib-", URL, 20),
    (r"\bSK", "[0-9a-f]", 32),
    // Observation and work.
    ("glsa_|glc_", B64, 16),
    ("NRAK-", ALNUM, 16),
    ("NRJS-", HEX, 16),
    ("sntry[su]_", B64, 20),
    ("lin_(?:api|oauth)_", ALNUM, 16),
    ("ntn_|secret_", ALNUM, 32),
    ("figd_", URL, 16),
    ("PMAK-", URL, 20),
    ("pul-", HEX, 32),
    ("bkua_", HEX, 20),
    ("CCIPAT_", B64, 20),
    ("dt0[a-z][0-9]{2}\\.", r"[A-Z0-9.]", 20),
    ("ops_eyJ", B64, 20),
    ("EAACEdEose0cBA", ALNUM, 10),
    // JWT and anything else that is base64 of a JSON object and a dot (RFC 7519).
    (r"eyJ[A-Za-z0-9_-]{6,}\.", DOTTED, 6),
    ("eyJhbGciOi", DOTTED, 4),
    // Keys and hashes of passwords (crypt(5), PHC strings, LDAP, Django, PostgreSQL).
    ("AGE-SECRET-KEY-1", UPPER, 10),
    (
        r"\$(?:1|5|6|7|8|9|2[abxy]?|y|gy|apr1|argon2(?:id|i|d)|scrypt|sha1|md5|pbkdf2-sha[0-9]+)\$",
        r"[A-Za-z0-9./$=,+-]",
        10,
    ),
    (r"\{(?:SSHA|SHA|SMD5|MD5|CRYPT|SSHA256|SSHA512|PBKDF2[A-Z0-9-]*)\}", r"[A-Za-z0-9+/=.$]", 8),
    // Portable PHP hashes, and those of Drupal.
    (r"\$[PHS]\$", "[A-Za-z0-9./]", 20),
    (r"grub\.pbkdf2\.sha512\.", r"[A-Fa-f0-9.]", 20),
    (r"pbkdf2_sha(?:1|256|512)\$", r"[A-Za-z0-9+/=.$]", 10),
    (r"SCRAM-SHA-(?:1|256)\$", r"[A-Za-z0-9+/=.:$]", 10),
];

static PATTERN: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let shapes: Vec<String> = SHAPES
        .iter()
        .map(|(begin, set, least)| {
            // A beginning that could be the end of a word must not be preceded by one.
            let edge = if begin.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '(') { r"\b" } else { "" };
            format!(r"{edge}(?:{begin})(?:{set}{{{least},}}|{set}*\z)")
        })
        .collect();
    regex::RegexBuilder::new(&format!("(?-u){}", shapes.join("|")))
        .size_limit(32 << 20)
        .dfa_size_limit(16 << 20)
        .build()
        .ok()
});

/// Adds every token.
pub(super) fn find(doc: &Doc<'_>, spans: &mut Spans) -> Result<(), RedactError> {
    let pattern = PATTERN.as_ref().ok_or(RedactError::Internal)?;
    for found in pattern.find_iter(doc.text) {
        doc.in_time()?;
        // A lone beginning at the end of the text, as short as a word, is not a token yet.
        if found.len() < 6 && found.end() == doc.text.len() {
            continue;
        }
        let kind =
            if found.as_str().bytes().all(|b| b.is_ascii_hexdigit()) { Kind::EntropyHex } else { Kind::EntropyBase64 };
        spans.add(found.start(), found.end(), kind, None);
    }
    Ok(())
}
