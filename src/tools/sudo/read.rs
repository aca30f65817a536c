//! `ssh_sudo_read`.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::model::error::ToolError;
use crate::model::tier::Group;
use crate::toolkit::{Call, Spec, Targets, Tool};
use crate::tools::sftp_read::{Actor, Content, Range, content, inline_cap};

/// Reads a file as root.
#[derive(Debug)]
pub struct SudoRead;

/// Arguments.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    /// host alias
    host: String,
    /// absolute path
    path: String,
    /// UTF-8 as content_text
    #[serde(default)]
    as_text: bool,
    /// also files with further names
    #[serde(default)]
    allow_hard_links: bool,
}

impl Tool for SudoRead {
    type Args = Args;
    type Reply = Content;
    const SPEC: Spec = Spec::sudo("ssh_sudo_read", Group::Sudo, "Read a file as root")
        .found_as("Read a file as root", "sudo cat /etc log permission denied")
        .more("ssh_sudo_exec with head, tail or dd reads parts of it; the limit is the operator's SSH_UPLOAD_MAX_FILE_BYTES");
    const WHOLE: &'static [&'static str] = &["content_text", "content_base64"];

    fn hosts(args: &Self::Args) -> Targets {
        Targets::host(&args.host)
    }

    async fn run(call: &Call, args: Args) -> Result<Content, ToolError> {
        let actor = Actor::root(call, call.host(&args.host)?).await?.with_hard_links(args.allow_hard_links);
        content(call, &actor, &args.path, &Range::whole(inline_cap(call)), args.as_text).await
    }
}
