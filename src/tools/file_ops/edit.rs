//! `ssh_edit`.

use schemars::JsonSchema;
use serde::Deserialize;

use super::replace::{diff, nearest, places, replaced};
use super::write::{Payload, WriteReply, Written, check_digest, sha256, write};
use crate::model::error::{ErrorName, ToolError};
use crate::model::tier::Group;
use crate::toolkit::{Access, Call, Spec, Tool};
use crate::tools::sftp_read::{Actor, Range, fetch, inline_cap};

/// Replaces text in a file.
#[derive(Debug)]
pub struct Edit;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Occurrence {
    #[default]
    Single,
    All,
}

/// Arguments.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EditArgs {
    /// host alias
    pub(in crate::tools) host: String,
    /// absolute path
    path: String,
    /// text to replace, byte for byte
    old_string: String,
    /// what takes its place
    new_string: String,
    /// single wants exactly one match
    #[serde(default)]
    occurrence: Occurrence,
    /// refuse if the file differs
    #[serde(default)]
    expected_sha256: Option<String>,
    /// show the diff, change nothing
    #[serde(default)]
    dry_run: bool,
}

impl Tool for Edit {
    type Args = EditArgs;
    type Reply = WriteReply;
    const SPEC: Spec = Spec::low_access("ssh_edit", Group::FileOps, "Replace text in a remote file, byte for byte");

    async fn run(call: &Call, args: EditArgs) -> Result<WriteReply, ToolError> {
        check(&args)?;
        let actor = Actor::login(call.host(&args.host)?)?;
        edit(call, &actor, &args).await
    }
}

fn refused(what: String, next: &str) -> ToolError {
    ToolError::new(ErrorName::WriteError, what, next)
}

fn check(args: &EditArgs) -> Result<(), ToolError> {
    check_digest(args.expected_sha256.as_deref())?;
    if args.old_string.is_empty() {
        return Err(refused("Argument `old_string` is empty.".into(), "Give the text to replace."));
    }
    if args.old_string == args.new_string {
        return Err(refused("`old_string` and `new_string` are the same.".into(), "Give the text as it shall be."));
    }
    Ok(())
}

/// Edits a file, as whoever the actor is: reads it, and writes it if it is still what was read.
pub(in crate::tools) async fn edit(call: &Call, actor: &Actor, args: &EditArgs) -> Result<WriteReply, ToolError> {
    check(args)?;
    let cap = call.settings().ssh_edit_max_file_bytes.min(inline_cap(call));
    let read = fetch(actor, &args.path, Access::Write, &Range::whole(cap)).await?;
    let path = read.path;
    let nothing = "Nothing was changed.";
    if read.truncated {
        let what = format!("`{path}` has {} bytes; at most {cap} can be edited. {nothing}", read.size);
        return Err(refused(what, "Use a command for files of this size."));
    }
    let before = sha256(&read.bytes);
    if args.expected_sha256.as_ref().is_some_and(|expected| *expected != before) {
        let what = format!("`{path}` is not as expected: its sha256 is {before}. {nothing}");
        return Err(refused(what, "Read it again and edit what is there."));
    }
    let found = places(&read.bytes, args.old_string.as_bytes());
    if found.is_empty() {
        let crlf = args.old_string.contains('\n')
            && !places(&read.bytes, args.old_string.replace('\n', "\r\n").as_bytes()).is_empty();
        let near = if crlf {
            " It occurs with CRLF line ends.".to_owned()
        } else {
            // A redact-listed file's lines are not for showing.
            let shown = actor.host.redactor()?;
            let near = nearest(&read.bytes, &args.old_string);
            near.map(|(line, text)| format!(" Nearest is line {line}: {:?}.", shown.redact_text(&text)))
                .unwrap_or_default()
        };
        let what = format!("`old_string` occurs 0 times in `{path}`. {nothing}{near}");
        return Err(refused(what, "Copy the text exactly as it is in the file, white space included."));
    }
    if args.occurrence == Occurrence::Single && found.len() > 1 {
        let what = format!("`old_string` occurs {} times in `{path}`. {nothing}", found.len());
        return Err(refused(what, "Give more of the text around it, or occurrence all."));
    }
    let after = replaced(&read.bytes, &found, args.old_string.len(), args.new_string.as_bytes());
    if after.len() as u64 > cap {
        return Err(refused(format!("`{path}` would grow beyond {cap} bytes. {nothing}"), "Write less."));
    }
    let shown = diff(&path, &read.bytes, &after);
    let message = format!("{} replaced", found.len());
    let mut reply = if args.dry_run {
        WriteReply { sha256: Some(sha256(&after)), ..WriteReply::of(actor, path, "") }
    } else {
        let how = Written { expected: Some(&before), ..Written::default() };
        write(call, actor, &path, &Payload { bytes: after.into(), local: None }, &how).await?
    };
    reply.message = Some(if args.dry_run { format!("{message} (dry run: nothing was written)") } else { message });
    reply.diff = Some(shown);
    Ok(reply)
}
