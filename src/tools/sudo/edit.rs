//! `ssh_sudo_edit`.

use crate::model::error::{ErrorName, ToolError};
use crate::model::tier::Group;
use crate::toolkit::{Account, Call, Spec, Targets, Tool};
use crate::tools::file_ops::{EditArgs, WriteReply, edit};

/// Replaces text in a file as root.
#[derive(Debug)]
pub(super) struct SudoEdit;

impl Tool for SudoEdit {
    type Args = EditArgs;
    type Reply = WriteReply;
    const SPEC: Spec = Spec::sudo("ssh_sudo_edit", Group::Sudo, "Replace text in a remote file as root")
        .found_as("Edit a file as root", "edit /etc config sudo change root file");

    fn hosts(args: &Self::Args) -> Targets {
        Targets::host(&args.host)
    }

    async fn run(call: &Call, args: EditArgs) -> Result<WriteReply, ToolError> {
        let actor = Account::root(call, call.host(&args.host)?).await?;
        edit(call, &actor, &args).await.map_err(|mut error| {
            if error.name == ErrorName::WriteError {
                error.name = ErrorName::SudoFileOpError;
            }
            error
        })
    }
}
