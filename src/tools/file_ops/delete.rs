//! `ssh_delete`.

use schemars::JsonSchema;
use serde::Deserialize;

use super::over_sftp::delete_over_sftp;
use super::write::{WriteReply, finished};
use crate::model::error::ToolError;
use crate::model::tier::Group;
use crate::toolkit::{Access, Account, Call, Last, PathArg, Script, Spec, Targets, Tool};
use crate::tools::script_or_sftp;

const DELETE: Script = Script::new(include_str!("delete.sh"));

/// Deletes one name, a link itself and not its target.
#[derive(Debug)]
pub(super) struct Delete;

/// Arguments.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    /// host alias
    host: String,
    /// absolute path
    path: String,
}

impl Tool for Delete {
    type Args = Args;
    type Reply = WriteReply;
    const SPEC: Spec = Spec::low_access("ssh_delete", Group::FileOps, "Delete a remote file or link")
        .found_as("Delete a file", "rm remove unlink")
        .destroys()
        .exchanges_names();

    fn hosts(args: &Self::Args) -> Targets {
        Targets::host(&args.host)
    }

    async fn run(call: &Call, args: Args) -> Result<WriteReply, ToolError> {
        let actor = Account::login(call.host(&args.host)?);
        script_or_sftp!(actor, by_script(&actor, &args), delete_over_sftp(&actor, &args.path))
    }
}

async fn by_script(actor: &Account, args: &Args) -> Result<WriteReply, ToolError> {
    let arg = PathArg::new(&args.path, Access::Write, Last::Itself);
    let done = actor.on_paths(&[arg]).run(&DELETE).await?;
    let path = done.path();
    finished(actor, done, "Deleting")?;
    Ok(WriteReply::of(actor, path, "deleted"))
}
