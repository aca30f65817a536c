//! `ssh_env_set`.

use schemars::JsonSchema;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::env_lines::{Lines, read, written};
use super::revise::{Listed, NOTHING, refused, write_listed};
use super::veil::{Change, Veil};
use super::write::{Old, WriteReply, Written};
use crate::model::error::{ErrorName, ToolError};
use crate::model::tier::Group;
use crate::toolkit::redaction::{Redactor, marks_in};
use crate::toolkit::{Access, Account, Call, Spec, Targets, Tool};
use crate::tools::sftp_read::{Range, fetch, inline_cap};

/// Longest value, in bytes.
const VALUE_MAX: usize = 16 * 1024;

/// Permission bits of a new file: it is for secrets.
const FRESH: u32 = 0o600;

/// Sets a key in a file of `KEY=VALUE` lines.
#[derive(Debug)]
pub(crate) struct EnvSet;

/// The characters of a generated value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Alphabet {
    #[default]
    Alphanumeric,
    Hex,
    Base64url,
}

/// A value that nobody sees.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Generate {
    /// of randomness, 16 to 512
    #[serde(default = "default_bytes")]
    bytes: usize,
    /// characters
    #[serde(default)]
    alphabet: Alphabet,
}

const fn default_bytes() -> usize {
    32
}

/// Arguments.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Args {
    /// host alias
    host: String,
    /// absolute path
    path: String,
    /// its name
    key: String,
    /// one line
    #[serde(default)]
    value: Option<String>,
    /// a random value, shown to nobody
    #[serde(default)]
    generate: Option<Generate>,
    /// new file, mode 0600
    #[serde(default)]
    create: bool,
    /// keep the old file
    #[serde(default)]
    backup: bool,
    /// show the diff, change nothing
    #[serde(default)]
    dry_run: bool,
    /// write into it, not atomic
    #[serde(default)]
    in_place: bool,
    /// even if attributes are lost
    #[serde(default)]
    accept_loss: bool,
    /// as root
    #[serde(default)]
    sudo: bool,
}

impl std::fmt::Debug for Args {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Args").field("path", &self.path).field("key", &self.key).finish_non_exhaustive()
    }
}

impl Tool for EnvSet {
    type Args = Args;
    type Reply = WriteReply;
    const SPEC: Spec = Spec::low_access("ssh_env_set", Group::FileOps, "Set a key of an env file, its value unseen")
        .found_as("Set a secret", "env dotenv password secret rotate generate token");

    fn hosts(args: &Self::Args) -> Targets {
        Targets::host(&args.host).sudo(args.sudo)
    }

    async fn run(call: &Call, mut args: Args) -> Result<WriteReply, ToolError> {
        let given = args.value.take().map(Zeroizing::new);
        check(&args, given.as_deref().map_or("", String::as_str))?;
        let generated = args.generate.is_some();
        let value = match (given, args.generate) {
            (Some(value), None) => value,
            (None, Some(wanted)) => wanted.value()?,
            _ => {
                return Err(ToolError::value(
                    "Neither or both of `value` and `generate` are given.",
                    "Give one of the two.",
                ));
            }
        };
        let actor = Account::chosen(call, call.host(&args.host)?, args.sudo).await?;
        let redactor = actor.host.redactor()?;
        let cap = call.settings().ssh_edit_max_file_bytes.min(inline_cap(call));
        let (path, bytes) = if args.create {
            (args.path.clone(), Vec::new())
        } else {
            let read = fetch(&actor, &args.path, Access::Revise, &Range::whole(cap)).await?;
            if read.truncated {
                let what = format!("`{}` has more than {cap} bytes. {NOTHING}", read.path);
                return Err(refused(what, "Name a file of variables; those are small."));
            }
            (read.path, read.bytes)
        };
        let (change, message, shown) = {
            let text = std::str::from_utf8(&bytes).map_err(|_| not_text(&path))?;
            let found = read(text, &args.key).map_err(|why| {
                let what = format!("`{}` cannot be set in `{path}`: {why}. {NOTHING}", args.key);
                refused(what, "Change this value with ssh_edit, by the text that ssh_read_redacted shows.")
            })?;
            let set = Setting { call, actor: &actor, redactor: &redactor, path: &path, text, key: &args.key };
            set.change(&found, &value, generated, args.dry_run)?
        };
        let how = Written {
            expected: args.create.then_some("new"),
            fresh: Some(FRESH),
            backup: args.backup,
            old: Old { in_place: args.in_place, accept_loss: args.accept_loss },
            ..Written::default()
        };
        let listed = Listed { path, bytes: &bytes, change, message, shown };
        write_listed(call, &actor, listed, cap, &how, args.dry_run).await
    }
}

fn check(args: &Args, value: &str) -> Result<(), ToolError> {
    let key = &args.key;
    let begins = key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if !begins || key.len() > 128 || !key.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c)) {
        return Err(ToolError::value(
            format!("Argument `key`: {key:?} is not a name of a variable."),
            "Give 1 to 128 letters, digits, _ . and -, not beginning with a digit.",
        ));
    }
    // Characters of private use stand for secrets while such a file is edited.
    let is_odd = |c: char| (c.is_control() && c != '\t') || u32::from(c) >= 0xf_0000;
    if value.len() > VALUE_MAX || value.chars().any(is_odd) {
        return Err(ToolError::value(
            "Argument `value` is not accepted: it is longer than 16384 bytes, or holds control characters or ones of private use.",
            "Give one line of text; ssh_edit writes values of several lines.",
        ));
    }
    if args.generate.is_some_and(|wanted| !(16..=512).contains(&wanted.bytes)) {
        return Err(ToolError::value("Argument `generate.bytes` is out of range.", "Give 16 to 512."));
    }
    if args.create && args.backup {
        return Err(ToolError::value("A new file has no backup.", "Leave `create` or `backup` out."));
    }
    Ok(())
}

fn not_text(path: &str) -> ToolError {
    refused(format!("`{path}` is not UTF-8. {NOTHING}"), "Only text in UTF-8 is taken; the operator edits this file.")
}

/// A key that is about to be set.
struct Setting<'a> {
    call: &'a Call,
    actor: &'a Account,
    redactor: &'a Redactor,
    path: &'a str,
    text: &'a str,
    key: &'a str,
}

impl Setting<'_> {
    /// The new text, what was done, and what may be seen of it: the old and the new value never, whatever the key is called.
    fn change(
        &self,
        found: &Lines,
        value: &str,
        generated: bool,
        dry_run: bool,
    ) -> Result<(Change, String, String), ToolError> {
        let Setting { call, actor, redactor, path, text, key } = *self;
        let places: Vec<std::ops::Range<usize>> = found.of_key.iter().map(|one| one.written.clone()).collect();
        if found.sections && places.len() != 1 {
            let what = format!("`{path}` has sections, and `{key}` is set {} times in it. {NOTHING}", places.len());
            return Err(refused(what, "Change the line of one section with ssh_edit."));
        }
        if marks_in(value).any(|at| value.get(at).is_some_and(|mark| redactor.made(mark))) {
            let what =
                format!("`value` holds a mark that stands for a secret, and `{path}` would hold the mark. {NOTHING}");
            return Err(refused(
                what,
                "Give the value itself, or copy a secret with ssh_edit, where marks mean their secrets.",
            ));
        }
        if let (true, Some(why)) = (places.is_empty(), found.misfit(text)) {
            let what = format!("`{key}` cannot be added to `{path}`: {why}. {NOTHING}");
            return Err(refused(what, "Change the file with ssh_edit, by the text that ssh_read_redacted shows."));
        }
        let veil = Veil::of(redactor, path, text.as_bytes(), &places)?;
        let new = written(value, found.of_key.first());
        if new.len() != value.len()
            && found
                .of_key
                .first()
                .is_some_and(|old| !text.get(old.written.clone()).unwrap_or_default().starts_with(['"', '\'']))
        {
            call.warn(format!(
                "`{key}` is written in quotes now, which `docker run --env-file` takes as a part of the value."
            ));
        }
        let (change, message) = if places.is_empty() {
            let head = found.new_line(text, key);
            let mut change = veil.with_value(&[], "");
            change.text.push_str(&head);
            let start = change.text.len();
            change.text.push_str(&new);
            change.hidden.push(start..change.text.len());
            change.text.push_str(Lines::line_end(text));
            (change, format!("`{key}` added"))
        } else {
            let times = if places.len() == 1 { String::new() } else { format!(" in {} lines", places.len()) };
            (veil.with_value(&places, &new), format!("`{key}` set{times}"))
        };
        let covered = veil.covers_new(&change);
        if generated && !covered {
            return Err(ToolError::new(
                ErrorName::ValueError,
                format!(
                    "The redacting reader would show a generated value of `{key}`: nothing in its name says that it is a secret. {NOTHING}"
                ),
                "Use a name such as APP_SECRET or DB_PASSWORD, or ask the operator to add this one to `redact_keys`.",
            ));
        }
        if generated && !actor.host.entry().paths.redact_lists(path) {
            call.warn(format!("`{path}` is not redact-listed, so the tools that read files show the generated value."));
        }
        if !covered && !value.is_empty() {
            call.warn(format!(
                "The redacting reader shows the new value of `{key}`: neither its name nor its form says that it is a secret."
            ));
        }
        let shown = veil.checked_diff(&change)?;
        // A plain value, such as a folder's name, is not masked in what commands print later.
        if covered {
            actor.host.remember(veil.secrets());
        } else {
            actor.host.remember(veil.secrets_beside(&places));
        }
        if let (true, false, Some(mark)) = (covered, dry_run, redactor.mark_of(value)) {
            actor.host.remember([(value, mark.as_str())]);
        }
        Ok((change, message, shown))
    }
}

impl Generate {
    /// A value with so much randomness.
    fn value(self) -> Result<Zeroizing<String>, ToolError> {
        let digits: &[u8] = match self.alphabet {
            Alphabet::Alphanumeric => b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
            Alphabet::Hex => b"0123456789abcdef",
            Alphabet::Base64url => b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
        };
        // A digit of 62 holds a little more than 5.95 bits.
        let length = match self.alphabet {
            Alphabet::Alphanumeric => (self.bytes * 800).div_ceil(595),
            Alphabet::Hex => self.bytes * 2,
            Alphabet::Base64url => (self.bytes * 8).div_ceil(6),
        };
        let mut out = Zeroizing::new(String::with_capacity(length));
        let mut pool = Zeroizing::new([0_u8; 256]);
        // Bytes beyond the last whole multiple would make some digits likelier than others.
        let fair = 256 - 256 % digits.len();
        while out.len() < length {
            getrandom::fill(pool.as_mut_slice()).map_err(|_| {
                ToolError::new(ErrorName::InternalError, "The system gives no random bytes.", "Give a `value`.")
            })?;
            for byte in pool.iter().map(|byte| usize::from(*byte)).filter(|byte| *byte < fair) {
                if let (true, Some(digit)) = (out.len() < length, digits.get(byte % digits.len())) {
                    out.push(char::from(*digit));
                }
            }
        }
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_values_have_their_randomness_and_no_two_are_alike() {
        for (alphabet, length) in [(Alphabet::Alphanumeric, 44), (Alphabet::Hex, 64), (Alphabet::Base64url, 43)] {
            let made: Vec<_> = (0..200).map(|_| Generate { bytes: 32, alphabet }.value().unwrap()).collect();
            assert!(made.iter().all(|value| value.len() == length && written(value, None) == ***value), "{alphabet:?}");
            let all: std::collections::HashSet<&str> = made.iter().map(|value| value.as_str()).collect();
            assert_eq!(all.len(), 200);
            let digits: std::collections::HashSet<char> = all.iter().flat_map(|value| value.chars()).collect();
            assert!(digits.len() >= if alphabet == Alphabet::Hex { 16 } else { 62 }, "{alphabet:?}");
        }
    }
}
