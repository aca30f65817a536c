//! `ssh_edit`.

use schemars::JsonSchema;
use serde::Deserialize;

use super::change::Splice;
use super::replace::{nearest, places, replaced};
use super::revise::{NOTHING, Revision, refused, revise};
use super::write::{Old, WriteReply, check_digest};
use crate::model::error::ToolError;
use crate::model::tier::Group;
use crate::toolkit::{Account, Call, Spec, Targets, Tool};

/// Replaces text in a file.
#[derive(Debug)]
pub(super) struct Edit;

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
pub(crate) struct EditArgs {
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
    /// write into it, not atomic
    #[serde(default)]
    in_place: bool,
    /// even if attributes are lost
    #[serde(default)]
    accept_loss: bool,
}

impl Tool for Edit {
    type Args = EditArgs;
    type Reply = WriteReply;
    const SPEC: Spec = Spec::low_access("ssh_edit", Group::FileOps, "Replace text in a remote file, byte for byte")
        .found_as("Edit a file", "sed change config line replace text edit configuration file")
        .always_loaded();

    fn hosts(args: &Self::Args) -> Targets {
        Targets::host(&args.host)
    }

    async fn run(call: &Call, args: EditArgs) -> Result<WriteReply, ToolError> {
        check(&args)?;
        let actor = Account::login(call.host(&args.host)?);
        edit(call, &actor, &args).await
    }
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

/// Edits a file, as whoever the actor is.
pub(in crate::tools) async fn edit(call: &Call, actor: &Account, args: &EditArgs) -> Result<WriteReply, ToolError> {
    check(args)?;
    let one = Splice { old: args.old_string.as_bytes(), new: args.new_string.as_bytes(), line: None };
    let how = Revision {
        path: &args.path,
        expected: args.expected_sha256.as_deref(),
        dry_run: args.dry_run,
        old: Old { in_place: args.in_place, accept_loss: args.accept_loss },
        splice: Some(one),
    };
    // The lines of a file may hold secrets.
    let redactor = actor.host.redactor()?;
    revise(call, actor, how, |seen| {
        let (path, bytes) = (seen.path, seen.bytes);
        let (old_string, new_string) = (seen.text(&args.old_string)?, seen.text(&args.new_string)?);
        let found = places(bytes, old_string.as_bytes());
        if found.is_empty() {
            let crlf =
                old_string.contains('\n') && !places(bytes, old_string.replace('\n', "\r\n").as_bytes()).is_empty();
            let near = if crlf {
                " It occurs with CRLF line ends.".to_owned()
            } else {
                let near = nearest(bytes, &old_string);
                near.map(|(line, text)| format!(" Nearest is line {line}: {:?}.", seen.line(&redactor, &text)))
                    .unwrap_or_default()
            };
            let what = format!("`old_string` occurs 0 times in `{path}`. {NOTHING}{near}");
            return Err(refused(what, seen.copy_exactly()));
        }
        if args.occurrence == Occurrence::Single && found.len() > 1 {
            let what = format!("`old_string` occurs {} times in `{path}`. {NOTHING}", found.len());
            return Err(refused(what, "Give more of the text around it, or occurrence all."));
        }
        let after = replaced(bytes, &found, old_string.len(), new_string.as_bytes());
        Ok((after, format!("{} replaced", found.len())))
    })
    .await
}
