//! What a value looks like: a switch, a number, a path, a reference, a word, or chance.

use std::sync::LazyLock;

use regex::Regex;

use super::keys::{Aspect, Sensitive, Strength};

/// A pattern that is a constant of this program; tests build every one of them. Words end at what is not an ASCII letter:
/// telling those of other scripts would make every pattern many times slower.
pub(super) fn pattern(text: &str) -> Option<Regex> {
    regex::RegexBuilder::new(&text.replace(r"\b", r"(?-u:\b)")).size_limit(8 << 20).build().ok()
}

/// Whether a constant pattern matches. One that does not build matches nothing that could exempt a value.
fn matches(pattern: &LazyLock<Option<Regex>>, value: &str) -> bool {
    pattern.as_ref().is_some_and(|pattern| pattern.is_match(value))
}

static SWITCH: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(
        r"(?i)^(?:true|false|yes|no|on|off|enabled|disabled|[0-9]{1,5}/(?:tcp|udp|sctp)|\{[A-Z0-9-]{2,20}\}|null|nil|none|undefined|~|\[\]|\{\})$",
    )
});
static NUMBER: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(r"(?i)^[+-]?[0-9][0-9_]{0,11}(?:\.[0-9]{1,6})?\s?(?:%|[a-z]{1,7})?(?:[0-9]{1,4}[a-z]{1,3})*$")
});
static COUNT: LazyLock<Option<Regex>> = LazyLock::new(|| pattern(r"^[0-9]{1,9}(?:\.[0-9]{1,3})?$"));
static MODE: LazyLock<Option<Regex>> = LazyLock::new(|| pattern(r"^0?o?[0-7]{3,4}$"));
static VERSION: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(
        r"^(?:[~^<>=v]{1,2}\s?)?[0-9]{1,4}(?:\.[0-9x*]{1,5}){1,3}(?:-[a-z]{2,8}(?:\.?[0-9]{1,3})?)?$|^[~^][0-9]{1,4}$",
    )
});
static REFERENCE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(concat!(
        r"^(?:\$\{[A-Za-z_][A-Za-z0-9_.]{0,80}\}|\$[A-Z_][A-Z0-9_]{1,80}|%[A-Z_][A-Z0-9_]{1,60}%",
        r"|\$?\{\{\s*[A-Za-z_.$][A-Za-z_. |-]{0,100}\s*\}\}|%\([a-z_]{1,40}\)s|%[a-z]|[$`]\(?(?:cat|<)[ ]?[A-Za-z0-9_./-]{1,80}[)`]|[$`]{0,1}\(?pass[ ]show[ ][A-Za-z0-9_./-]{1,80}[)`]?|\*[A-Za-z_][A-Za-z_-]{0,60}",
        r"|(?:process\.env|os\.environ|ENV|env|secrets|var|local|data|config)[.\[][A-Za-z_.\[\]'\x22]{1,80})$",
    ))
});
static LOGIN_URL: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(r"^[a-z][a-z0-9+.-]{1,20}://[^/@:\s]{0,100}:[^/@\s]+@[A-Za-z0-9.\[\]:-]{1,253}(?:/[^\s?#]*)?$")
});
static TIME: LazyLock<Option<Regex>> =
    LazyLock::new(|| pattern(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9:.]{4,15}(?:Z|[+-][0-9]{2}:?[0-9]{2})?)?$"));
static PLAIN_URL: LazyLock<Option<Regex>> =
    LazyLock::new(|| pattern(r"^(?:[a-z][a-z0-9+.-]{1,20}://)[A-Za-z0-9.\[\]:-]{1,253}(?:/[^\s?#]*)?$"));
static HOST: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(
        r"^(?:\.?(?:[a-z][a-z0-9-]{0,40}\.){1,6}[a-z]{2,16}|[0-9]{1,3}(?:\.[0-9]{1,3}){3}|localhost)(?::[0-9]{1,5})?(?:/[0-9]{1,2})?$",
    )
});
static WORDS: LazyLock<Option<Regex>> =
    LazyLock::new(|| pattern(r"^[\[(<]?[A-Za-z]+(?:[ ,;:'./()<>_-]{1,3}[A-Za-z]+)*[]).,;:>!?]{0,3}$"));
static SCHEME: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(
        r"(?i)^(?:oauth|saml|pbkdf|argon|bcrypt|scrypt|mschapv|mschap|eap|md|sha|hs|rs|es|ps|ed|aes|rsa|dsa|ecdsa|ntlm|scram-sha|ssh-ed|ssh-rsa|v|tls|key|id|user|node)-?_?[0-9]{1,5}(?:[-_][a-z0-9]{1,8}){0,3}$",
    )
});
static ROOTED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(concat!(
        r"^(?:file:(?://)?)?(?:~|\$\{[A-Za-z_.]{1,60}\}|/(?:etc|run|var|home|opt|srv|usr|root|tmp|mnt|media|data|app|secrets?|vault|proc|sys",
        r"|dev|lib|lib64|bin|sbin|boot|Users|Library|nix|snap|config|certs?|keys?|ssl|workspace))(?:/[A-Za-z0-9._@%{}$+-]{1,100})+/?$",
    ))
});
static PATH: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(
        r"^(?:(?:\.{1,2}|~)?/|[A-Za-z]:[\\/]|[A-Za-z0-9_.-]{1,60}[\\/])?(?:[A-Za-z0-9._@%{}$ +-]{1,100}[\\/]){0,20}[A-Za-z0-9._@%{}$+-]{0,100}$",
    )
});
static FILE_NAME: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(
        r"(?i)\.(?:pem|key|crt|cer|p12|pfx|jks|txt|json|ya?ml|conf|cfg|ini|env|gpg|asc|pub|sock|toml|properties|keytab|token|ppk|der)$",
    )
});
static UUID: LazyLock<Option<Regex>> =
    LazyLock::new(|| pattern(r"(?i)^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"));
static PUBLIC_KEY: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(
        r"^(?:(?:sk-)?(?:ssh|ecdsa)-[a-z0-9@.-]{3,40} AAAA[A-Za-z0-9+/=]{20,}|SHA256:[A-Za-z0-9+/]{43}=?|(?:sha(?:1|256|384|512)|md5)[:-][A-Za-z0-9+/=]{20,128}$)",
    )
});
static NAME_SERVICE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(
        r"^(?:(?:files|systemd|compat|sss|ldap|nis|nisplus|db|dns|winbind|mymachines|altfiles|\[[A-Z!]+=[a-z]+\])\s*)+$",
    )
});

/// True for a reference to a value that is kept elsewhere: `$NAME`, `{{ name }}`.
pub(super) fn is_reference(value: &str) -> bool {
    matches(&REFERENCE, value)
}

/// True for a switch: true, no, null and their like.
pub(super) fn is_switch(value: &str) -> bool {
    value.is_empty() || matches(&SWITCH, value)
}

/// True for a UUID.
pub(super) fn is_uuid(value: &str) -> bool {
    matches(&UUID, value)
}

/// True for a path below one of the usual folders whose components read like names.
pub(super) fn is_rooted_path(value: &str) -> bool {
    matches(&ROOTED, value) && !has_chance_part(value)
}

/// True for anything that reads like a path or file name.
pub(super) fn is_path(value: &str) -> bool {
    let plain = (value.contains(['/', '\\']) || matches(&FILE_NAME, value)) && matches(&PATH, value);
    plain && !has_chance_part(value)
}

fn has_chance_part(value: &str) -> bool {
    value.split(['/', '\\', '.', '_', '-', ' ']).any(|part| part.len() >= 12 && is_chance(part))
}

/// True for words: letters with the punctuation of prose or of identifiers between them.
pub(super) fn is_words(value: &str) -> bool {
    value.len() <= 400
        && matches(&WORDS, value)
        && !value.split(|c: char| !c.is_ascii_alphabetic()).any(|word| word.len() >= 12 && is_chance(word))
}

/// Longest value that can be exempt, in bytes.
const LONGEST_JUDGED: usize = 1024;

/// Decides whether the value of a sensitive name is to be replaced.
pub(super) fn is_secret(sensitive: Sensitive, key: &str, value: &str) -> bool {
    let value = value.trim();
    if value.is_empty() {
        return false;
    }
    if sensitive.strength == Strength::Named {
        return true;
    }
    // No switch, path or word is this long; and what is replaced need not be read twice.
    if value.len() > LONGEST_JUDGED {
        return true;
    }
    if is_switch(value) || matches(&REFERENCE, value) {
        return false;
    }
    if let Some(pin) = is_pin(key, value) {
        return pin;
    }
    // `userPassword="userPassword"` names an attribute; a password may be `password`.
    if value.eq_ignore_ascii_case(key) && super::keys::words_of(key).len() > 1 {
        return false;
    }
    let listed = value.trim_matches(['[', ']', '"', '\'', ' ']);
    if (matches(&PUBLIC_KEY, value) || matches(&PUBLIC_KEY, listed)) && !sensitive.password {
        return false;
    }
    if !sensitive.password && value.starts_with(['/', '.', '~', '$']) && matches(&FILE_NAME, value) && is_path(value) {
        return false;
    }
    let exempt = match sensitive.aspect {
        Aspect::Number => matches(&NUMBER, value) || matches(&MODE, value),
        Aspect::Place => {
            value.starts_with("unix:")
                || is_path(value)
                || matches(&PLAIN_URL, value)
                || is_words(value)
                || matches(&HOST, value)
        }
        Aspect::Label => {
            let of_key = key.to_ascii_lowercase().contains("key") && (is_uuid(value) || is_key_id(value));
            // Three words and more are a sentence, a query or a command.
            let plain = |word: &str| !looks_secret(word.trim_matches(['-', '"', '\'', ';', '(', ')']), false);
            let sentence = value.split_whitespace().count() >= 3 && value.split_whitespace().all(plain);
            is_label(value) || of_key || sentence
        }
        Aspect::Plural => matches(&COUNT, value) && !sensitive.password,
        Aspect::Itself => false,
    };
    if exempt || is_rooted_path(value) {
        return false;
    }
    if !sensitive.password && matches(&VERSION, value) {
        return false;
    }
    // The fingerprint of an OpenPGP key, as container images write it.
    let hex = value.len() >= 8 && value.bytes().all(|b| b.is_ascii_hexdigit());
    if hex && matches!(value.len(), 8 | 16 | 40) && key.to_ascii_lowercase().starts_with("gpg") {
        return false;
    }
    // The address readers take the password out of a DSN.
    if key.to_ascii_lowercase().ends_with("dsn") && (is_words(value) || matches(&LOGIN_URL, value)) {
        return false;
    }
    // `proxy_pass http://backend;` of nginx.
    if key.ends_with("_pass") && (matches(&PLAIN_URL, value) || value.starts_with("unix:")) {
        return false;
    }
    if key.eq_ignore_ascii_case("passwd") && matches(&NAME_SERVICE, value) {
        return false;
    }
    sensitive.strength == Strength::Strong || looks_secret(value, shouts(key))
}

/// For names that end in pin and its like: 4 to 10 digits. `None` for other names.
fn is_pin(key: &str, value: &str) -> Option<bool> {
    let words = super::keys::words_of(key);
    matches!(words.last()?.as_str(), "pin" | "pincode" | "puk" | "otp" | "totp").then_some(())?;
    let digits = value.len() >= 4 && value.len() <= 10 && value.bytes().all(|b| b.is_ascii_digit());
    let pins = matches!(words.last()?.as_str(), "pin" | "pincode" | "puk");
    if digits || pins { Some(digits) } else { None }
}

/// The short name of an OpenPGP key.
fn is_key_id(value: &str) -> bool {
    matches!(value.len(), 8 | 16) && value.bytes().all(|b| b.is_ascii_digit() || (b'A'..=b'F').contains(&b))
}

/// Words, identifiers, hosts and numbers: what names and kinds look like.
pub(super) fn is_label(value: &str) -> bool {
    is_words(value)
        || matches(&SCHEME, value)
        || matches(&COUNT, value)
        || matches(&HOST, value)
        || matches(&VERSION, value)
        || matches(&TIME, value)
        || is_path(value)
        || (value.len() <= 48 && is_dashed_name(value))
        || value
            .split([' ', ','])
            .all(|part| part.is_empty() || is_words(part) || matches(&SCHEME, part) || is_capitals(part))
}

/// Names of methods in capitals: `WPA-PSK-SHA256`.
fn is_capitals(part: &str) -> bool {
    part.contains('-')
        && part.split('-').all(|part| {
            let letters = part.trim_end_matches(|c: char| c.is_ascii_digit());
            letters.len() >= 2 && part.len() - letters.len() <= 3 && letters.bytes().all(|b| b.is_ascii_uppercase())
        })
}

/// A name of parts, such as `db-password-2`: letters first, and no part that looks like chance.
pub(super) fn is_dashed_name(value: &str) -> bool {
    value.starts_with(|c: char| c.is_ascii_alphabetic())
        && value.contains(['-', '_', '.'])
        && value.split(['-', '_', '.', '/']).all(|part| {
            let digits = part.bytes().filter(u8::is_ascii_digit).count();
            part.bytes().all(|b| b.is_ascii_alphanumeric())
                && (digits == 0
                    || digits == part.len() && digits <= 4
                    || part.trim_end_matches(|c: char| c.is_ascii_digit()).bytes().all(|b| b.is_ascii_lowercase())
                        && digits <= 3)
                && !(part.len() >= 12 && is_chance(part))
        })
}

fn shouts(key: &str) -> bool {
    key.bytes().any(|b| b.is_ascii_uppercase()) && !key.bytes().any(|b| b.is_ascii_lowercase())
}

/// For names that may announce anything (key, session, auth): whether this value looks like a secret. Names in capitals
/// are settings, where even a plain word with a number is one.
fn looks_secret(value: &str, setting: bool) -> bool {
    if value.len() < 4
        || is_words(value)
        || matches(&NUMBER, value)
        || matches(&SCHEME, value)
        || matches(&HOST, value)
        || matches(&PLAIN_URL, value)
        || is_path(value)
        || is_label(value)
    {
        return holds_credentials(value)
            || (value.len() >= 12 && value.bytes().all(|b| b.is_ascii_alphanumeric()) && is_chance(value));
    }
    if is_uuid(value) {
        return true;
    }
    let letters = value.bytes().any(|b| b.is_ascii_alphabetic());
    let digits = value.bytes().any(|b| b.is_ascii_digit());
    let spaces = value.bytes().filter(|b| *b == b' ').count();
    if holds_credentials(value) || is_chance(value) {
        return true;
    }
    // Code and prose have spaces and brackets; a secret is one word.
    spaces == 0 && !value.contains(['(', '{', '$', '<']) && (setting || (letters && digits && value.len() >= 8))
}

/// Base64 of `user:password`, as registries keep it.
fn holds_credentials(value: &str) -> bool {
    use base64::Engine as _;
    if value.len() < 8 || value.len() > 4096 || !value.len().is_multiple_of(4) {
        return false;
    }
    base64::engine::general_purpose::STANDARD
        .decode(value)
        .is_ok_and(|bytes| bytes.contains(&b':') && bytes.iter().all(|b| (0x20..0x7f).contains(b)))
}

/// Whether a run of letters, digits and the marks of base64 looks like chance and not like words: its characters change
/// their class far more often than the words of identifiers do.
///
/// Random base64 changes class in 64 of 100 steps, random letters and digits of one case in 40, camel case and file
/// names in fewer than 30. The limits lie two deviations below chance at 20 characters.
pub(super) fn is_chance(run: &str) -> bool {
    let class = |b: u8| match b {
        b'a'..=b'z' => 0u8,
        b'A'..=b'Z' => 1,
        b'0'..=b'9' => 2,
        _ => 3,
    };
    let (mut count, mut seen, mut changes, mut last) = (0usize, [0usize; 4], 0usize, None);
    let mut distinct = [false; 128];
    for b in run.bytes() {
        let now = class(b);
        if let Some(slot) = seen.get_mut(usize::from(now)) {
            *slot += 1;
        }
        if let Some(slot) = distinct.get_mut(usize::from(b)) {
            *slot = true;
        }
        changes += usize::from(last.is_some_and(|last| last != now));
        last = Some(now);
        count += 1;
    }
    if count < 8 {
        return false;
    }
    let [lower, upper, digit, _] = seen;
    let distinct = distinct.iter().filter(|seen| **seen).count();
    let rate = changes as f64 / (count - 1) as f64;
    if distinct * 3 < count.min(36) || distinct < 6 {
        return false;
    }
    // Identifiers have a capital per word, and a number at their end.
    let inner_digits = run.trim_end_matches(|c: char| c.is_ascii_digit()).bytes().any(|b| b.is_ascii_digit());
    match (lower > 0, upper > 0, digit > 0) {
        (true, true, true) if inner_digits => rate >= 0.34,
        (true, true, _) => rate >= 0.36 && upper * 4 >= lower + upper && lower * 4 >= lower + upper,
        (true, false, true) | (false, true, true) => rate >= 0.24 && digit * 10 >= count,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_builds() {
        for pattern in [
            &SWITCH,
            &NUMBER,
            &COUNT,
            &MODE,
            &VERSION,
            &TIME,
            &REFERENCE,
            &PLAIN_URL,
            &HOST,
            &WORDS,
            &SCHEME,
            &ROOTED,
            &PATH,
            &FILE_NAME,
            &UUID,
            &PUBLIC_KEY,
            &NAME_SERVICE,
        ] {
            assert!(pattern.is_some());
        }
    }

    #[test]
    fn chance_is_told_from_words() {
        for run in ["aB3dE9fGh1JkL2mN4pQr", "q7Zx2LmP0vR8sT4uW6yA", "x7k2m9q4w8e1r5t3y6u0a1b2", "kJhGtRfDeSwQaZxCvBnM"]
        {
            assert!(is_chance(run), "{run}");
        }
        for run in [
            "AbstractSingletonProxyFactoryBean",
            "internationalization",
            "getElementsByClassName2",
            "SOMELONGCONSTANT",
            "aaaaaaaaaaaaaaaaaaaaaaaa",
            "application20240101",
            "linuxheaders",
        ] {
            assert!(!is_chance(run), "{run}");
        }
    }
}
