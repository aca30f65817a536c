//! `ssh_sudo_read_redacted`.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::model::error::ToolError;
use crate::model::tier::Group;
use crate::toolkit::{Call, Spec, Targets, Tool};
use crate::tools::sftp_read::{Actor, Named, RedactedArgs, RedactedReply, redacted};

/// Reads a file as root with its secrets replaced.
#[derive(Debug)]
pub struct SudoReadRedacted;

/// Arguments.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    /// host alias
    host: String,
    /// absolute path
    path: String,
    /// default: by the file's name
    #[serde(default)]
    format: Option<Named>,
    /// also files with further names
    #[serde(default)]
    allow_hard_links: bool,
}

impl Tool for SudoReadRedacted {
    type Args = Args;
    type Reply = RedactedReply;
    const SPEC: Spec =
        Spec::sudo("ssh_sudo_read_redacted", Group::Sudo, "Read a file as root with secrets replaced by hashes")
            .found_as("Read file redacted as root", "sudo read secrets shadow config safely")
            .more("no argument does; the limit is the operator's SSH_UPLOAD_MAX_FILE_BYTES");
    const WHOLE: &'static [&'static str] = &["content"];

    fn hosts(args: &Self::Args) -> Targets {
        Targets::host(&args.host)
    }

    async fn run(call: &Call, args: Args) -> Result<RedactedReply, ToolError> {
        let actor = Actor::root(call, call.host(&args.host)?).await?.with_hard_links(args.allow_hard_links);
        let args = RedactedArgs { host: args.host, path: args.path, format: args.format };
        redacted(call, &actor, &args).await
    }
}
