//! Which names announce a secret, judged by their words.
//!
//! `DB_PASSWORD`, `dbPassword`, `db-password` and `dbpassword` all end in the word password; `MONKEY`, `AUTHOR` and
//! `KEYBOARD` hold none of the words. What follows the word can change its meaning (`PASSWORD_MIN_LENGTH`,
//! `TOKEN_URL`): then the value decides, see [`super::values`].

use std::sync::LazyLock;

use regex::Regex;

use crate::model::secret_name::PASSWORD_WORDS;

/// How far a name alone condemns its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strength {
    /// The operator named it: every value.
    Named,
    /// Every value that is not a switch, reference or path of the usual folders.
    Strong,
    /// Only values that look like a secret.
    Weak,
}

/// What the last word of a name says about the value, when it is not the secret itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aspect {
    /// The secret.
    Itself,
    /// A number or a time: timeout, length, count.
    Number,
    /// Where it is kept.
    Place,
    /// What it is called, which kind it is, how it is used.
    Label,
    /// The name is a plural: a count or a list of names is possible.
    Plural,
}

/// The judgement about one name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sensitive {
    /// How far the name condemns.
    pub strength: Strength,
    /// What the value would be.
    pub aspect: Aspect,
    /// True for passwords and their like: short words and numbers are secrets here, versions are not expected.
    pub password: bool,
}

impl Sensitive {
    /// True when the value is the secret itself, whatever it looks like.
    pub fn is_certain(self) -> bool {
        self.strength != Strength::Weak && self.aspect == Aspect::Itself
    }
}

/// Names added by the operator, in the forms `X`, `^X`, `X$` and `^X$`.
#[derive(Debug, Clone)]
struct Named {
    text: String,
    starts: bool,
    ends: bool,
}

/// The rules for names: the built-in words, and those of the operator.
#[derive(Debug, Clone)]
pub struct KeyRules {
    builtin: bool,
    named: Vec<Named>,
}

/// Longest name considered, in bytes.
pub(super) const KEY_MAX: usize = 128;

/// Part of a word is enough, beside a word for a password: no other word holds them.
const INSIDE: [&str; 3] = ["credential", "apikey", "privatekey"];

/// A word that ends so: `dbtoken`, `clientsecret`, `mypwd`.
const ENDINGS: [&str; 15] = [
    "wepkey",
    "wpakey",
    "secret",
    "secrets",
    "token",
    "tokens",
    "pwd",
    "accesskey",
    "secretkey",
    "authkey",
    "masterkey",
    "encryptionkey",
    "signingkey",
    "accountkey",
    "sharedkey",
];

/// Whole words.
const STRONG: [&str; 23] = [
    "authtok",
    "rocommunity",
    "rwcommunity",
    "trapcommunity",
    "pincode",
    "storepass",
    "pass",
    "pw",
    "bindpw",
    "rootpw",
    "adminpw",
    "userpw",
    "dbpw",
    "jwt",
    "dsn",
    "bearer",
    "psk",
    "requirepass",
    "masterauth",
    "authorization",
    "secret",
    "token",
    "apitoken",
];

/// Whole words whose value must look like a secret.
const WEAK: [&str; 17] = [
    "community",
    "pin",
    "puk",
    "key",
    "keys",
    "auth",
    "oauth",
    "cookie",
    "cookies",
    "session",
    "sessionid",
    "private",
    "salt",
    "sshkey",
    "otp",
    "totp",
    "sid",
];

/// Words that end in pass and are none.
const NO_PASS: [&str; 12] = [
    "bypass",
    "compass",
    "trespass",
    "overpass",
    "underpass",
    "surpass",
    "encompass",
    "multipass",
    "singlepass",
    "pass",
    "proxypass",
    "onepass",
];

/// What makes a key one that opens something.
const KEY_KINDS: [&str; 36] = [
    "network",
    "wep",
    "api",
    "app",
    "secret",
    "private",
    "access",
    "master",
    "encryption",
    "encrypt",
    "decryption",
    "signing",
    "sign",
    "auth",
    "account",
    "shared",
    "ssh",
    "license",
    "licence",
    "service",
    "storage",
    "admin",
    "root",
    "client",
    "jwt",
    "session",
    "cookie",
    "deploy",
    "webhook",
    "hmac",
    "crypt",
    "crypto",
    "preshared",
    "server",
    "write",
    "read",
];

/// What makes it one that opens nothing.
const PUBLIC: [&str; 4] = ["public", "pub", "pubkey", "publickey"];

const NUMBERS: [&str; 45] = [
    "time",
    "times",
    "flags",
    "timeout",
    "ttl",
    "length",
    "len",
    "min",
    "max",
    "minimum",
    "maximum",
    "age",
    "count",
    "days",
    "hours",
    "minutes",
    "seconds",
    "secs",
    "rounds",
    "cost",
    "limit",
    "size",
    "bits",
    "expiry",
    "expires",
    "expiration",
    "expire",
    "lifetime",
    "interval",
    "port",
    "version",
    "retries",
    "retry",
    "attempts",
    "history",
    "warn",
    "at",
    "period",
    "duration",
    "delay",
    "ms",
    "iterations",
    "usage",
    "used",
    "mode",
];

const PLACES: [&str; 19] = [
    "address",
    "file",
    "files",
    "path",
    "paths",
    "dir",
    "directory",
    "folder",
    "location",
    "url",
    "uri",
    "endpoint",
    "urls",
    "store",
    "keystore",
    "truststore",
    "filename",
    "socket",
    "keyring",
];

const LABELS: [&str; 85] = [
    "reqd",
    "query",
    "message",
    "process",
    "to",
    "until",
    "verify",
    "comment",
    "mgmt",
    "management",
    "encryption",
    "algo",
    "algs",
    "id",
    "ids",
    "idx",
    "keyidx",
    "usernames",
    "requirement",
    "eval",
    "identity",
    "name",
    "stdin",
    "fd",
    "names",
    "type",
    "types",
    "method",
    "methods",
    "algorithm",
    "algorithms",
    "alg",
    "provider",
    "host",
    "domain",
    "class",
    "driver",
    "header",
    "headers",
    "user",
    "username",
    "realm",
    "scheme",
    "policy",
    "format",
    "issuer",
    "audience",
    "plugin",
    "backend",
    "ref",
    "refs",
    "helper",
    "authentication",
    "enabled",
    "disabled",
    "required",
    "require",
    "prefix",
    "suffix",
    "field",
    "param",
    "parameter",
    "label",
    "env",
    "var",
    "variable",
    "samesite",
    "secure",
    "httponly",
    "handler",
    "strategy",
    "mechanism",
    "module",
    "manager",
    "engine",
    "encoding",
    "hint",
    "prompt",
    "command",
    "cmd",
    "source",
    "generator",
    "validator",
    "hasher",
    "description",
];

impl KeyRules {
    /// The built-in words, and `add` besides.
    pub fn builtin(add: &[String]) -> Self {
        KeyRules { builtin: true, named: add.iter().filter_map(|form| Named::parse(form)).collect() }
    }

    /// Only the names given.
    pub fn replaced(names: &[String]) -> Self {
        KeyRules { builtin: false, named: names.iter().filter_map(|form| Named::parse(form)).collect() }
    }

    /// The judgement about a name, `None` when it announces nothing.
    pub fn judge(&self, name: &str) -> Option<Sensitive> {
        if name.is_empty() || name.len() > KEY_MAX {
            return None;
        }
        if !self.named.is_empty() {
            let words = words_of(name);
            if self.named.iter().any(|named| named.matches(name, &words)) {
                return Some(Sensitive { strength: Strength::Named, aspect: Aspect::Itself, password: true });
            }
        }
        if !self.builtin || !may_announce(name) {
            return None;
        }
        judge_words(&words_of(name))
    }
}

/// Letters in a row of which most names hold none.
static PARTS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    super::values::pattern(
        "(?i-u)community|pas|pw|secr|tok|key|cred|auth|cook|sess|jwt|dsn|bear|priv|salt|psk|otp|sid|pin|puk|kenn|contra|senha|wacht|heslo",
    )
});

/// A cheap first look.
fn may_announce(name: &str) -> bool {
    !name.is_ascii() || PARTS.as_ref().is_none_or(|parts| parts.is_match(name))
}

fn judge_words(words: &[String]) -> Option<Sensitive> {
    let mut found: Option<(usize, Strength, bool)> = None;
    for (at, word) in words.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| words.get(at)).map_or("", String::as_str);
        let after = words.get(at + 1).map_or("", String::as_str);
        let Some((strength, password)) = judge_word(word, before, after) else { continue };
        // The last strong word counts, else the last weak one.
        if strength == Strength::Strong || found.is_none_or(|(_, strength, _)| strength == Strength::Weak) {
            found = Some((at, strength, password));
        }
    }
    let (at, strength, password) = found?;
    let salt = words.get(at).is_some_and(|word| word == "salt");
    if words.iter().any(|word| PUBLIC.contains(&word.as_str())) && !password && !salt {
        return None;
    }
    let last = words.last().map_or("", String::as_str);
    // `existingSecret: app-db` names a secret of the cluster.
    let existing = at.checked_sub(1).and_then(|at| words.get(at)).is_some_and(|before| before == "existing");
    let written_together = |ends: &[&str]| password && ends.iter().any(|end| last.ends_with(end));
    let aspect = if existing || written_together(&["eval", "cmd", "command"]) {
        Aspect::Label
    } else if written_together(&["file", "path"]) {
        Aspect::Place
    } else if at + 1 == words.len() {
        if last.ends_with('s') && !last.ends_with("ss") { Aspect::Plural } else { Aspect::Itself }
    } else if NUMBERS.contains(&last) {
        Aspect::Number
    } else if PLACES.contains(&last) {
        Aspect::Place
    } else if LABELS.contains(&last) {
        Aspect::Label
    } else {
        Aspect::Itself
    };
    Some(Sensitive { strength, aspect, password })
}

/// What the last word of a name that is not sensitive itself says about its value.
pub(super) fn aspect_of(name: &str) -> Aspect {
    let words = words_of(name);
    let number = words.last().is_some_and(|last| NUMBERS.contains(&last.as_str()));
    if number { Aspect::Number } else { Aspect::Itself }
}

/// Strength of one word between its neighbours, and whether it names a password.
fn judge_word(word: &str, before: &str, after: &str) -> Option<(Strength, bool)> {
    let password = PASSWORD_WORDS.iter().any(|part| word.contains(part))
        || matches!(word, "pass" | "pw" | "requirepass")
        || word.ends_with("pwd")
        || (word.ends_with("pw") && word.len() >= 4)
        || (word.ends_with("pass") && !NO_PASS.contains(&word));
    // `passwordless` is a switch; systemd loads credentials by name.
    if word.starts_with("passwordless")
        || word.starts_with("nopasswd")
        || (word.starts_with("credential") && matches!(before, "load" | "import"))
    {
        return None;
    }
    if password || INSIDE.iter().any(|part| word.contains(part)) {
        return Some((Strength::Strong, password));
    }
    if ENDINGS.iter().any(|ending| word.ends_with(ending)) || STRONG.contains(&word) {
        return Some((Strength::Strong, false));
    }
    match word {
        "community" if before == "snmp" => Some((Strength::Strong, true)),
        "pass" => Some((Strength::Strong, true)),
        "phrase" if before == "pass" => Some((Strength::Strong, true)),
        "key" | "keys" if KEY_KINDS.contains(&before) => Some((Strength::Strong, false)),
        "private" if after.starts_with("key") => Some((Strength::Strong, false)),
        _ if WEAK.contains(&word) => Some((Strength::Weak, false)),
        _ => None,
    }
}

/// The words of a name in lower case: split at everything that is not a letter or digit, at the humps of camel case, and
/// without the number at the end of a word.
pub(super) fn words_of(name: &str) -> Vec<String> {
    let chars: Vec<char> = name.chars().collect();
    let mut words = Vec::new();
    let mut word = String::new();
    for (at, &c) in chars.iter().enumerate() {
        if !c.is_alphanumeric() {
            flush(&mut word, &mut words);
            continue;
        }
        let before = at.checked_sub(1).and_then(|at| chars.get(at)).copied().unwrap_or(' ');
        let after = chars.get(at + 1).copied().unwrap_or(' ');
        let hump = c.is_uppercase()
            && (before.is_lowercase() || before.is_ascii_digit() || (before.is_uppercase() && after.is_lowercase()));
        if hump {
            flush(&mut word, &mut words);
        }
        word.extend(c.to_lowercase());
    }
    flush(&mut word, &mut words);
    words
}

fn flush(word: &mut String, words: &mut Vec<String>) {
    if word.is_empty() {
        return;
    }
    let bare = word.trim_end_matches(|c: char| c.is_ascii_digit());
    words.push(if bare.len() >= 2 { bare.to_owned() } else { word.clone() });
    word.clear();
}

impl Named {
    fn parse(form: &str) -> Option<Self> {
        let form = form.trim();
        let (form, starts) = form.strip_prefix('^').map_or((form, false), |rest| (rest, true));
        let (form, ends) = form.strip_suffix('$').map_or((form, false), |rest| (rest, true));
        let text = snake(form);
        if text.trim_matches('_').is_empty() { None } else { Some(Named { text, starts, ends }) }
    }

    /// Anchored forms compare letters, as they are written; a plain form is whole words in a row.
    fn matches(&self, name: &str, words: &[String]) -> bool {
        let plain = snake(name);
        let split = words.join("_").to_uppercase();
        match (self.starts, self.ends) {
            (true, true) => plain == self.text || split == self.text,
            (true, false) => plain.starts_with(&self.text) || split.starts_with(&self.text),
            (false, true) => plain.ends_with(&self.text) || split.ends_with(&self.text),
            (false, false) => {
                let wanted: String = self.text.chars().filter(|c| *c != '_').collect();
                if plain == self.text || plain.replace('_', "") == wanted {
                    return true;
                }
                (0..words.len()).any(|from| {
                    let mut run = String::new();
                    words.iter().skip(from).any(|word| {
                        run.push_str(&word.to_uppercase());
                        run == wanted
                    })
                })
            }
        }
    }
}

/// Upper case, with `_` for everything between words.
fn snake(text: &str) -> String {
    text.chars().map(|c| if c.is_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect()
}

#[cfg(test)]
mod tests;
