//! `ssh_sudo_read_redacted`.

use crate::model::error::ToolError;
use crate::model::tier::Group;
use crate::toolkit::{Call, Spec, Targets, Tool};
use crate::tools::sftp_read::{Actor, RedactedArgs, RedactedReply, redacted};

/// Reads a file as root with its secrets replaced.
#[derive(Debug)]
pub struct SudoReadRedacted;

impl Tool for SudoReadRedacted {
    type Args = RedactedArgs;
    type Reply = RedactedReply;
    const SPEC: Spec =
        Spec::sudo("ssh_sudo_read_redacted", Group::Sudo, "Read a file as root with secrets replaced by hashes");

    fn hosts(args: &Self::Args) -> Targets {
        Targets::host(&args.host)
    }

    async fn run(call: &Call, args: RedactedArgs) -> Result<RedactedReply, ToolError> {
        let actor = Actor::root(call, call.host(&args.host)?).await?;
        redacted(call, &actor, &args).await
    }
}
