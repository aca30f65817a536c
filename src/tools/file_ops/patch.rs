//! `ssh_patch`.

use schemars::JsonSchema;
use serde::Deserialize;

use super::change::Splice;
use super::revise::{NOTHING, Revision, refused, revise};
use super::unified::Patch;
use super::write::{Old, WriteReply};
use crate::model::error::ToolError;
use crate::model::tier::Group;
use crate::toolkit::{Account, Call, Spec, Targets, Tool};

/// Applies a unified diff.
#[derive(Debug)]
pub(super) struct PatchFile;

/// Arguments.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    /// host alias
    host: String,
    /// absolute path
    path: String,
    /// hunks of one file, exact positions
    unified_diff: String,
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

fn parse(text: &str) -> Result<Patch, ToolError> {
    Patch::parse(text).map_err(|why| {
        refused(
            format!("Argument `unified_diff`: {why}. {NOTHING}"),
            "Give the unified diff of one file, as `diff -u` or `git diff` writes it.",
        )
    })
}

impl Tool for PatchFile {
    type Args = Args;
    type Reply = WriteReply;
    const SPEC: Spec = Spec::low_access("ssh_patch", Group::FileOps, "Apply a unified diff to one remote file")
        .found_as("Apply a patch", "diff patch change file");

    fn hosts(args: &Self::Args) -> Targets {
        Targets::host(&args.host)
    }

    async fn run(call: &Call, args: Args) -> Result<WriteReply, ToolError> {
        let patch = parse(&args.unified_diff)?;
        let actor = Account::login(call.host(&args.host)?);
        let one = patch.splice();
        let how = Revision {
            path: &args.path,
            expected: args.expected_sha256.as_deref(),
            dry_run: args.dry_run,
            old: Old { in_place: args.in_place, accept_loss: args.accept_loss },
            splice: one.as_ref().map(|(old, new, line)| Splice { old, new, line: Some(*line) }),
        };
        // The lines of a file may hold secrets.
        let redactor = actor.host.redactor()?;
        revise(call, &actor, how, |seen| {
            let (path, bytes) = (seen.path, seen.bytes);
            let text = seen.text(&args.unified_diff)?;
            let patch = if *text == *args.unified_diff { patch } else { parse(&text)? };
            let crlf = patch.for_crlf(bytes);
            let after = crlf.as_ref().unwrap_or(&patch).apply(bytes).map_err(|misfit| {
                let why = misfit.explain(|line| seen.any_line(&redactor, line));
                refused(
                    format!("`{path}`: {why} {NOTHING}"),
                    "Read the file again and make the diff from what is there; lines and white space must be exact.",
                )
            })?;
            let hunks = if patch.len() == 1 { "1 hunk".to_owned() } else { format!("{} hunks", patch.len()) };
            let ends = if crlf.is_some() { ", with the file's CRLF line ends" } else { "" };
            Ok((after, format!("{hunks} applied{ends}")))
        })
        .await
    }
}
