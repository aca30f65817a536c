//! Long runs that look like chance, where no name and no shape gave them away.
//!
//! Calibrated for what must stay readable: UUIDs, digests with their name before them, commits, paths, public keys,
//! identifiers. So a run of hex digits alone is not secret; as the value of a name that does not announce a digest it is.

use std::ops::Range;
use std::sync::LazyLock;

use super::values::is_chance;
use super::{Doc, Kind, RedactError, Spans};
use crate::model::char_boundary::ceil_char_boundary;

/// Shortest run of letters, digits and base64 marks that is judged.
const LEAST: usize = 20;
/// Shortest run of one case and digits: names of pods and builds are shorter.
const LEAST_ONE_CASE: usize = 24;
/// Shortest run of hex digits that is judged.
const LEAST_HEX: usize = 32;

/// Runs that are long enough to be judged.
static RUNS: LazyLock<Option<regex::bytes::Regex>> =
    LazyLock::new(|| regex::bytes::Regex::new(r"(?-u)[0-9A-Za-z+/=_.~-]{20,}").ok());

/// Names whose value is a digest or an identity and may be read.
const IDENTITIES: [&str; 43] = [
    "gpg",
    "pgp",
    "keyid",
    "sha",
    "sha1",
    "sha256",
    "sha384",
    "sha512",
    "md5",
    "digest",
    "hash",
    "checksum",
    "sum",
    "commit",
    "rev",
    "revision",
    "ref",
    "git",
    "build",
    "id",
    "ids",
    "uuid",
    "guid",
    "etag",
    "fingerprint",
    "serial",
    "trace",
    "span",
    "image",
    "container",
    "machine",
    "boot",
    "version",
    "integrity",
    "layer",
    "node",
    "object",
    "tree",
    "parent",
    "blob",
    "head",
    "resolved",
    "repo",
];

/// Adds every run of chance outside the public ranges.
pub(super) fn find(doc: &Doc<'_>, public: &[Range<usize>], spans: &mut Spans) -> Result<(), RedactError> {
    let bytes = doc.text.as_bytes();
    let mut at = 0;
    let mut ranges = public.iter().peekable();
    let Some(runs) = RUNS.as_ref() else { return Err(RedactError::Internal) };
    while let Some(run) = runs.find_at(bytes, at) {
        doc.in_time()?;
        let (start, length) = (run.start(), run.len());
        at = run.end();
        while ranges.next_if(|range| range.end <= start).is_some() {}
        let is_public = ranges.peek().is_some_and(|range| range.start < at);
        if length >= LEAST && !is_public {
            judge(doc, start, at, spans);
        }
    }
    Ok(())
}

/// Judges a run: as a whole where it can be base64, else part by part between what separates words.
fn judge(doc: &Doc<'_>, start: usize, end: usize, spans: &mut Spans) {
    let Some(run) = doc.text.get(start..end) else { return };
    // Most runs are paths and names of which no part is long enough.
    if !run.split(['.', '~']).any(|part| part.len() >= LEAST) {
        return;
    }
    let before = context(doc.text, start);
    if is_announced_public(before, run) {
        return;
    }
    let name = name_before(before);
    let spaced =
        before.trim_end_matches([' ', '\t', '"', '\'']).rsplit([' ', '\t', '"', '\'', '{']).next().unwrap_or("");
    if [name, spaced].into_iter().any(is_public_name) {
        return;
    }
    // `NAME=value` in one run; at its end `=` is padding.
    let (name, value_start) = match run.trim_end_matches('=').split_once('=') {
        Some((name, _)) => (name, start + name.len() + 1),
        None => (name, start),
    };
    let value = doc.part(value_start..end);
    // A path is judged by its parts: a slash inside base64 leaves parts that are still long.
    let mut offset = value_start;
    let rooted = value.starts_with(['/', '.', '~']) || before.ends_with(['/', ':', '@']) || value.contains("/.");
    let separators: &[char] = if rooted { &['/', '.', '=', '~'] } else { &['.', '~'] };
    for part in value.split_inclusive(separators) {
        let core = part.trim_matches(|c: char| matches!(c, '.' | '=' | '~' | '-' | '_') || (rooted && c == '/'));
        let from = offset + part.find(core).unwrap_or(0);
        offset += part.len();
        // Stores and caches name their files by digests of one case.
        let one_case = !(core.bytes().any(|b| b.is_ascii_uppercase()) && core.bytes().any(|b| b.is_ascii_lowercase()));
        if rooted && one_case && value.contains('/') {
            continue;
        }
        if let Some(kind) = kind_of(core, name, before) {
            spans.add(from, from + core.len(), kind, None);
        }
    }
}

/// `PublicKey`, `pubkey`, `public`.
fn is_public_name(name: &str) -> bool {
    name.len() <= 60
        && super::keys::words_of(name)
            .iter()
            .any(|word| matches!(word.as_str(), "public" | "pub" | "pubkey" | "publickey" | "verify"))
}

fn kind_of(core: &str, name: &str, before: &str) -> Option<Kind> {
    if core.len() < LEAST {
        return None;
    }
    let hex = core.bytes().all(|b| b.is_ascii_hexdigit());
    if hex {
        let announced = super::keys::words_of(name).iter().any(|word| IDENTITIES.contains(&word.as_str()))
            || before.trim_end().ends_with([':', '@']) && name.is_empty();
        let digits = core.bytes().any(|b| b.is_ascii_digit());
        let secret = core.len() >= LEAST_HEX && !name.is_empty() && !announced && digits && distinct(core) >= 8;
        return secret.then_some(Kind::EntropyHex);
    }
    if super::values::is_uuid(core) {
        return None;
    }
    let (mut upper, mut lower) = (false, false);
    for b in core.bytes() {
        upper |= b.is_ascii_uppercase();
        lower |= b.is_ascii_lowercase();
    }
    let separated = core.bytes().filter(|b| matches!(b, b'-' | b'_' | b'/')).count();
    // Names of many parts (pods, branches, classes, hosts): every part must be long and chance itself.
    if separated * 8 > core.len() || (separated > 0 && !(upper && lower)) {
        let by_part = core.split(['-', '_', '/']).any(|part| part.len() >= LEAST && chance(part));
        return by_part.then_some(Kind::EntropyBase64);
    }
    let flat: String = core.chars().filter(char::is_ascii_alphanumeric).collect();
    chance(&flat).then_some(Kind::EntropyBase64)
}

fn chance(run: &str) -> bool {
    let upper = run.bytes().any(|b| b.is_ascii_uppercase());
    let lower = run.bytes().any(|b| b.is_ascii_lowercase());
    let least = if upper && lower { LEAST - 2 } else { LEAST_ONE_CASE };
    run.len() >= least && !run.bytes().all(|b| b.is_ascii_hexdigit()) && is_chance(run)
}

fn distinct(run: &str) -> usize {
    let mut seen = [false; 128];
    for b in run.bytes() {
        if let Some(slot) = seen.get_mut(usize::from(b)) {
            *slot = true;
        }
    }
    seen.iter().filter(|seen| **seen).count()
}

/// The few characters before a run, on its line.
fn context(text: &str, start: usize) -> &str {
    let from = ceil_char_boundary(text, start.saturating_sub(80));
    let before = text.get(from..start).unwrap_or("");
    let line = memchr::memrchr2(b'\n', b'\r', before.as_bytes()).map_or(0, |at| at + 1);
    before.get(line..).unwrap_or("")
}

/// Public keys, digests with their algorithm, data addresses, host keys.
fn is_announced_public(before: &str, run: &str) -> bool {
    const ALGORITHMS: [&str; 9] = ["sha1", "sha256", "sha384", "sha512", "md5", "SHA256", "SHA1", "MD5", "blake2b"];
    let bare = before.trim_end();
    let digest = ALGORITHMS.iter().any(|name| {
        run.strip_prefix(name).is_some_and(|rest| rest.starts_with('-'))
            || bare.strip_suffix([':', '-', '=']).is_some_and(|head| head.ends_with(name))
    });
    digest
        // A public key of DNSSEC.
        || run.starts_with("AwEAA")
        || run.starts_with("wireguard-peer.")
        || before.contains("verify_keys")
        || run.starts_with("AAAAB3NzaC1")
        || run.starts_with("AAAAC3NzaC1")
        || run.starts_with("AAAAE2VjZHNh")
        || run.starts_with("AAAAG")
        || run.starts_with("AAAAI")
        // A certificate or public key, encoded once more: `-----BEGIN CERT`, `-----BEGIN PUBL`.
        || run.starts_with("LS0tLS1CRUdJTiBDRVJU") || run.starts_with("LS0tLS1CRUdJTiBQVUJM")
        // Base64 of a SHA-256 in go.sum.
        || (before.ends_with(" h1:") && run.len() == 44 && run.ends_with('='))
        || bare.ends_with("base64,")
        || bare.ends_with("|1|")
        || (bare.contains("|1|") && bare.ends_with('|'))
}

/// The name that the run is the value of: `name: run`, `name=run`, `"name": "run"`.
fn name_before(before: &str) -> &str {
    let bare = before.trim_end_matches([' ', '\t', '"', '\'', '`', '(', '[']);
    let Some(head) =
        bare.strip_suffix([':', '=']).map(|head| head.trim_end_matches(['=', ':', ' ', '"', '\'', ']', '>']))
    else {
        return "";
    };
    let from = head
        .rfind(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-' | '.')))
        .map_or(0, |at| at + head.get(at..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8));
    head.get(from..).unwrap_or("")
}
