//! `ssh_upload`.

use schemars::JsonSchema;
use serde::Deserialize;

use super::payload::Payload;
use super::write::{Old, WriteReply, Written, check_digest, write};
use crate::model::error::ToolError;
use crate::model::mode::Mode;
use crate::model::tier::Group;
use crate::toolkit::{Account, Call, Spec, Targets, Tool};

/// Creates or replaces a file.
#[derive(Debug)]
pub(super) struct Upload;

/// Arguments.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    /// host alias
    host: String,
    /// absolute path
    path: String,
    /// content as base64
    #[serde(default)]
    content_base64: Option<String>,
    /// content as text
    #[serde(default)]
    content_text: Option<String>,
    /// content from a local file
    #[serde(default)]
    local_path: Option<String>,
    /// octal text ("0644"); null keeps
    #[serde(default)]
    mode: Option<Mode>,
    /// set-id bits in mode; sudo tier
    #[serde(default)]
    allow_setid: bool,
    /// refuse if the old file differs
    #[serde(default)]
    expected_sha256: Option<String>,
    /// write into it, not atomic
    #[serde(default)]
    in_place: bool,
    /// even if attributes are lost
    #[serde(default)]
    accept_loss: bool,
}

impl Tool for Upload {
    type Args = Args;
    type Reply = WriteReply;
    const SPEC: Spec = Spec::low_access("ssh_upload", Group::FileOps, "Create or replace a remote file atomically")
        .found_as("Write or upload a file", "create write put file copy to server send")
        .always_loaded();

    fn hosts(args: &Self::Args) -> Targets {
        Targets::host(&args.host)
    }

    async fn run(call: &Call, args: Args) -> Result<WriteReply, ToolError> {
        check_digest(args.expected_sha256.as_deref())?;
        let host = call.host(&args.host)?;
        let payload = Payload::of(call, args.content_text, args.content_base64.as_deref(), args.local_path.as_deref())?;
        let expected = args.expected_sha256.as_deref();
        let old = Old { in_place: args.in_place, accept_loss: args.accept_loss };
        let how = Written { mode: args.mode, setid: args.allow_setid, expected, old, ..Written::default() };
        write(call, &Account::login(host), &args.path, &payload, &how).await
    }
}
