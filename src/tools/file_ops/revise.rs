//! A file read, changed in memory, and written if it is still what was read, or changed by the host itself where that is
//! one text in place of another: what edits and patches share.

use std::borrow::Cow;

use super::change::{self, Splice};
use super::payload::{Payload, sha256};
use super::replace::diff;
pub(super) use super::replace::{NOTHING, refused};
use super::veil::{Change, Veil};
use super::write::{Old, WriteReply, Written, check_digest, write};
use crate::model::error::ToolError;
use crate::toolkit::redaction::Redactor;
use crate::toolkit::{Access, Account, Call};
use crate::tools::sftp_read::{Fetched, Range, fetch, inline_cap};

/// How a file is revised.
#[derive(Debug, Clone, Copy)]
pub(super) struct Revision<'a> {
    /// The file.
    pub(crate) path: &'a str,
    /// The digest that it must have.
    pub expected: Option<&'a str>,
    /// Only show the diff.
    pub dry_run: bool,
    /// How the old file is replaced.
    pub old: Old,
    /// The same as one text in place of another, where it is no more: the host may then do it in the round trip in
    /// which it reads the file.
    pub splice: Option<Splice<'a>>,
}

/// A file as it may be seen: as it is, or, where it is redact-listed, with its secrets veiled.
pub(super) struct Seen<'a> {
    /// The canonical path.
    pub(crate) path: &'a str,
    /// What is there.
    pub(crate) bytes: &'a [u8],
    veil: Option<&'a Veil<'a>>,
}

impl Seen<'_> {
    /// A line of the file for a message.
    pub(crate) fn line(&self, redactor: &Redactor, line: &str) -> String {
        if self.veil.is_some() { line.to_owned() } else { redactor.redact_text(line) }
    }

    /// The same for one that may be the caller's own: the mark of a guess would tell whether it is right.
    pub(crate) fn any_line(&self, redactor: &Redactor, line: &str) -> String {
        let shown = redactor.redact_text(line);
        if self.veil.is_some() { Veil::without_marks(redactor, &shown) } else { shown }
    }

    /// What to do where the text is not there.
    pub(crate) fn copy_exactly(&self) -> &'static str {
        match self.veil {
            None => "Copy the text exactly as it is in the file, white space included.",
            Some(_) => {
                "The file is redact-listed: copy the text exactly as the redacting reader shows it, with its marks for secrets; \
                 where it is listed, ssh_env_set sets a key without them."
            }
        }
    }

    /// A text of the caller's as it is to be looked for, or written.
    pub(crate) fn text<'t>(&self, text: &'t str) -> Result<Cow<'t, str>, ToolError> {
        self.veil.map_or(Ok(Cow::Borrowed(text)), |veil| veil.encode(text))
    }
}

/// Revises a file. `change` gets what may be seen of it; it answers the new bytes and what was done.
pub(super) async fn revise(
    call: &Call,
    actor: &Account,
    how: Revision<'_>,
    change: impl FnOnce(&Seen<'_>) -> Result<(Vec<u8>, String), ToolError> + Send,
) -> Result<WriteReply, ToolError> {
    check_digest(how.expected)?;
    let cap = call.settings().ssh_edit_max_file_bytes.min(inline_cap(call));
    let tried = match how.splice {
        // What the host answers is the old file, which is gone where it was written into.
        Some(wanted) if !how.dry_run && !how.old.in_place && !actor.only_sftp() => {
            match change::splice(call, actor, &how, wanted, cap).await {
                // The account turned out to have no shell.
                Err(_) if actor.only_sftp() => None,
                tried => tried?,
            }
        }
        _ => None,
    };
    let (read, made, mode) = match tried {
        Some(tried) => (tried.read, tried.written, tried.mode),
        None => (fetch(actor, how.path, Access::Revise, &Range::whole(cap)).await?, None, None),
    };
    if read.listed {
        return revise_listed(call, actor, &how, read, cap, change).await;
    }
    let path = read.path;
    if read.truncated {
        let what = format!("`{path}` has {} bytes; at most {cap} can be edited. {NOTHING}", read.size);
        return Err(refused(what, "Use a command for files of this size."));
    }
    let before = sha256(&read.bytes);
    if how.expected.is_some_and(|expected| *expected != before) {
        let what = format!("`{path}` is not as expected: its sha256 is {before}. {NOTHING}");
        return Err(refused(what, "Read it again and edit what is there."));
    }
    let (after, message) =
        change(&Seen { path: &path, bytes: &read.bytes, veil: None }).map_err(|error| match made {
            None => error,
            Some(_) => {
                refused(format!("`{path}` was replaced, but here it does not fit: {}", error.what), "Read the file.")
            }
        })?;
    if after.len() as u64 > cap {
        return Err(refused(format!("`{path}` would grow beyond {cap} bytes. {NOTHING}"), "Write less."));
    }
    let shown = diff(&path, &read.bytes, &after);
    let mut reply = if let Some(digest) = made {
        // The host made the file out of its own bytes; it is compared with what the same change makes of them here.
        if digest != sha256(&after) {
            let what = format!("`{path}` was replaced, but its sha256 is {digest}, which is not what was asked for.");
            return Err(refused(what, "Read it, and write the whole file with ssh_upload."));
        }
        let mut reply = WriteReply::of(actor, path, "");
        (reply.bytes_written, reply.sha256) = (Some(after.len() as u64), Some(digest));
        if let Some(octal) = mode {
            reply.has_mode(call, &octal);
        }
        reply
    } else if how.dry_run {
        WriteReply { sha256: Some(sha256(&after)), ..WriteReply::of(actor, path, "") }
    } else {
        let written = Written { expected: Some(&before), old: how.old, revised: true, ..Written::default() };
        write(call, actor, &path, &Payload::bytes(after), &written).await?
    };
    reply.done(how.dry_run, message, shown);
    Ok(reply)
}

impl WriteReply {
    /// Says what was done, and shows it.
    fn done(&mut self, dry_run: bool, message: String, shown: String) {
        self.message = Some(match (dry_run, self.in_place) {
            (true, _) => format!("{message} (dry run: nothing was written)"),
            (false, true) => format!("{message} in the file itself, which is not atomic"),
            (false, false) => message,
        });
        self.diff = Some(shown);
    }
}

/// The refusal of a digest: somebody who knows the rest of the file could try out its secrets.
pub(super) fn no_digest(path: &str) -> ToolError {
    ToolError::value(
        format!("Argument `expected_sha256` is not taken for `{path}`: it is redact-listed. {NOTHING}"),
        "Leave it out; a file that changes meanwhile is never overwritten.",
    )
}

/// Revises a redact-listed file by what the redacting reader shows of it. Neither what is told nor whether the change fits
/// depends on its secrets.
async fn revise_listed(
    call: &Call,
    actor: &Account,
    how: &Revision<'_>,
    read: Fetched,
    cap: u64,
    change: impl FnOnce(&Seen<'_>) -> Result<(Vec<u8>, String), ToolError> + Send,
) -> Result<WriteReply, ToolError> {
    let Fetched { path, bytes, truncated, .. } = read;
    if how.expected.is_some() {
        return Err(no_digest(&path));
    }
    if truncated {
        return Err(refused(format!("`{path}` has more than {cap} bytes. {NOTHING}"), "The operator edits this file."));
    }
    let redactor = actor.host.redactor()?;
    let (made, message, shown) = {
        let veil = Veil::of(&redactor, &path, &bytes, &[])?;
        actor.host.remember(veil.secrets());
        let seen = Seen { path: &path, bytes: veil.view().as_bytes(), veil: Some(&veil) };
        let (view, message) =
            change(&seen).map_err(|error| ToolError::new(error.name, veil.decode(&error.what), error.next))?;
        let made = veil.lift(&String::from_utf8_lossy(&view));
        let shown = veil.checked_diff(&made)?;
        (made, message, shown)
    };
    let changed = Listed { path, bytes: &bytes, change: made, message, shown };
    write_listed(call, actor, changed, cap, &Written { old: how.old, ..Written::default() }, how.dry_run).await
}

/// A redact-listed file that was changed.
pub(super) struct Listed<'a> {
    pub(crate) path: String,
    /// What it was.
    pub(crate) bytes: &'a [u8],
    pub(crate) change: Change,
    pub(crate) message: String,
    pub(crate) shown: String,
}

/// Writes it. The answer has neither its length nor its digest.
pub(super) async fn write_listed(
    call: &Call,
    actor: &Account,
    listed: Listed<'_>,
    cap: u64,
    how: &Written<'_>,
    dry_run: bool,
) -> Result<WriteReply, ToolError> {
    let Listed { path, bytes, change, message, shown } = listed;
    if change.text.len() as u64 > cap {
        return Err(refused(format!("`{path}` would grow beyond {cap} bytes. {NOTHING}"), "Write less."));
    }
    let mut reply = if dry_run {
        WriteReply::of(actor, path, "")
    } else {
        let before = sha256(bytes);
        let expected = how.expected.or(Some(&before));
        let written = Written {
            expected,
            revised: true,
            fresh: how.fresh,
            backup: how.backup,
            old: how.old,
            ..Written::default()
        };
        write(call, actor, &path, &Payload::bytes(change.text.into_bytes()), &written).await?
    };
    (reply.bytes_written, reply.sha256) = (None, None);
    reply.done(dry_run, message, shown);
    Ok(reply)
}
