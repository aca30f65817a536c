//! A file read, changed in memory, and written if it is still what was read, or changed by the host itself where that is
//! one text in place of another: what edits and patches share.

use super::change::{self, Splice};
use super::payload::{Payload, sha256};
use super::replace::diff;
use super::write::{Old, WriteReply, Written, check_digest, write};
use crate::model::error::{ErrorName, ToolError};
use crate::toolkit::{Access, Account, Call};
use crate::tools::sftp_read::{Range, fetch, inline_cap};

/// Closes every refusal.
pub(super) const NOTHING: &str = "Nothing was changed.";

/// How a file is revised.
#[derive(Debug, Clone, Copy)]
pub(super) struct Revision<'a> {
    /// The file.
    pub path: &'a str,
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

/// A refusal.
pub(super) fn refused(what: String, next: &str) -> ToolError {
    ToolError::new(ErrorName::WriteError, what, next)
}

/// Revises a file. `change` gets the canonical path and the bytes; it answers the new bytes and what was done.
pub(super) async fn revise(
    call: &Call,
    actor: &Account,
    how: Revision<'_>,
    change: impl FnOnce(&str, &[u8]) -> Result<(Vec<u8>, String), ToolError> + Send,
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
        None => (fetch(actor, how.path, Access::Write, &Range::whole(cap)).await?, None, None),
    };
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
    let (after, message) = change(&path, &read.bytes).map_err(|error| match made {
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
        (reply.bytes_written, reply.sha256) = (after.len() as u64, Some(digest));
        if let Some(octal) = mode {
            reply.has_mode(call, &octal);
        }
        reply
    } else if how.dry_run {
        WriteReply { sha256: Some(sha256(&after)), ..WriteReply::of(actor, path, "") }
    } else {
        let written = Written { expected: Some(&before), old: how.old, ..Written::default() };
        write(call, actor, &path, &Payload::bytes(after), &written).await?
    };
    reply.message = Some(match (how.dry_run, reply.in_place) {
        (true, _) => format!("{message} (dry run: nothing was written)"),
        (false, true) => format!("{message} in the file itself, which is not atomic"),
        (false, false) => message,
    });
    reply.diff = Some(shown);
    Ok(reply)
}
