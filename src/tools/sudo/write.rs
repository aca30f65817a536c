//! `ssh_sudo_write`.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::model::error::ToolError;
use crate::model::mode::Mode;
use crate::model::tier::Group;
use crate::toolkit::{Account, Call, Spec, Targets, Tool};
use crate::tools::file_ops::{Old, Payload, WriteReply, Written, write};

/// Creates or replaces a file as root.
#[derive(Debug)]
pub(super) struct SudoWrite;

/// Arguments.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    /// host alias
    host: String,
    /// absolute path
    path: String,
    /// content as text
    #[serde(default)]
    content_text: Option<String>,
    /// content as base64
    #[serde(default)]
    content_base64: Option<String>,
    /// content from a local file
    #[serde(default)]
    local_path: Option<String>,
    /// octal text ("0644"); null keeps
    #[serde(default)]
    mode: Option<Mode>,
    /// set-id bits in mode; sudo tier
    #[serde(default)]
    allow_setid: bool,
    /// owner; null keeps
    #[serde(default)]
    chown_user: Option<String>,
    /// group; null keeps
    #[serde(default)]
    chown_group: Option<String>,
    /// write into it, not atomic
    #[serde(default)]
    in_place: bool,
    /// even if attributes are lost
    #[serde(default)]
    accept_loss: bool,
}

impl Tool for SudoWrite {
    type Args = Args;
    type Reply = WriteReply;
    const SPEC: Spec = Spec::sudo("ssh_sudo_write", Group::Sudo, "Create or replace a remote file as root")
        .found_as("Write a file as root", "sudo create replace /etc file tee");

    fn hosts(args: &Self::Args) -> Targets {
        Targets::host(&args.host)
    }

    async fn run(call: &Call, args: Args) -> Result<WriteReply, ToolError> {
        let host = call.host(&args.host)?;
        let payload = Payload::of(call, args.content_text, args.content_base64.as_deref(), args.local_path.as_deref())?;
        let (owner, group) = (args.chown_user.as_deref(), args.chown_group.as_deref());
        let old = Old { in_place: args.in_place, accept_loss: args.accept_loss };
        let how = Written { mode: args.mode, setid: args.allow_setid, owner, group, old, ..Written::default() };
        write(call, &Account::root(call, host).await?, &args.path, &payload, &how).await
    }
}
