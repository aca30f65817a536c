//! What a script types for a person: `expect "assword:"` and `send "x\r"`, also in pexpect's form.

use std::sync::LazyLock;

use regex::Regex;

use super::super::keys::{Aspect, Sensitive, Strength};
use super::super::values::{is_path, is_reference, is_secret, pattern};
use super::super::{Doc, Kind, RedactError, Spans};

/// Up to the quote in front of what is sent.
static SEND: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(concat!(
        r#"\b(?:exp_)?send(?:[ \t]+-(?:s|h|raw|-|i[ \t]+\$?[A-Za-z0-9_]{1,40}))*[ \t]+(\\?["'{])"#,
        r#"|\bsend(?:line)?[ \t]*\([ \t]*[rbuf]?(\\?["'])"#
    ))
});

/// What prompts for secrets have in common, in lower case.
const PROMPTS: [&str; 11] =
    ["assword", "assphrase", "asscode", "asswort", "ennwort", "secret", "token", "pin:", "pin code", "otp", "contrase"];

/// How far before it the prompt may stand, in bytes.
const BEFORE: usize = 400;

/// Adds what is sent to such a prompt, and what looks like a secret where no prompt is seen.
pub(crate) fn find(doc: &Doc<'_>, spans: &mut Spans) -> Result<(), RedactError> {
    // Whatever does not expect anything sends something else.
    if !["expect", "spawn"].iter().any(|word| doc.text.contains(word)) {
        return Ok(());
    }
    let mut last = 0;
    for found in SEND.iter().flat_map(|pattern| pattern.captures_iter(doc.text)) {
        doc.in_time()?;
        let (Some(whole), Some(opening)) = (found.get(0), found.get(1).or_else(|| found.get(2))) else { continue };
        let from = opening.end();
        let Some(end) = closing(doc, opening.as_str(), from) else { continue };
        let line_ends = ["\\\\r", "\\\\n", "\\r", "\\n", "\r", "\n"];
        let mut value = doc.part(from..end);
        while let Some(shorter) = line_ends.iter().find_map(|line_end| value.strip_suffix(line_end)) {
            value = shorter;
        }
        let floor = last.max(whole.start().saturating_sub(BEFORE));
        let before = (floor..=whole.start()).find_map(|at| doc.text.get(at..whole.start())).unwrap_or("");
        let asked = before.to_lowercase();
        let prompted = PROMPTS.iter().any(|prompt| asked.contains(prompt));
        let elsewhere = value.is_empty() || value.starts_with(['$', '[']) || is_reference(value);
        if !elsewhere && (prompted || looks_typed(value)) {
            spans.add(from, from + value.len(), Kind::KeyMatch, None);
        }
        last = end;
    }
    Ok(())
}

/// One word of letters with digits or marks, which neither a command nor a path is.
fn looks_typed(value: &str) -> bool {
    let one = value.len() >= 6 && !value.contains(char::is_whitespace) && !value.starts_with('-') && !is_path(value);
    let weak = Sensitive { strength: Strength::Weak, aspect: Aspect::Itself, password: true };
    one && is_secret(weak, "", value)
}

/// Where the quote closes, in reach and before the text's end.
fn closing(doc: &Doc<'_>, opening: &str, from: usize) -> Option<usize> {
    let rest = doc.text.get(from..)?;
    let reach = (0..=rest.len().min(1024)).rev().find_map(|end| rest.get(..end))?;
    let end = match opening {
        "{" => reach.find('}'),
        escaped if escaped.len() > 1 => reach.find(escaped),
        quote => {
            let quote = quote.bytes().next()?;
            let mut escaped = false;
            reach.bytes().position(|b| {
                let closes = b == quote && !escaped;
                escaped = b == b'\\' && !escaped;
                closes
            })
        }
    };
    end.map(|end| from + end)
}
