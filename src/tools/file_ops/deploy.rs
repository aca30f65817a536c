//! `ssh_deploy`.

use schemars::JsonSchema;
use serde::Deserialize;

use super::payload::Payload;
use super::write::{Old, WriteReply, Written, write};
use crate::model::error::{ErrorName, ToolError};
use crate::model::mode::Mode;
use crate::model::tier::Group;
use crate::toolkit::{Account, Call, Spec, Targets, Tool};

/// Replaces a file and keeps the old one beside it.
#[derive(Debug)]
pub(super) struct Deploy;

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
    /// keep the old file beside it
    #[serde(default = "yes")]
    backup: bool,
    /// write into it, not atomic
    #[serde(default)]
    in_place: bool,
    /// even if attributes are lost
    #[serde(default)]
    accept_loss: bool,
}

fn yes() -> bool {
    true
}

impl Tool for Deploy {
    type Args = Args;
    type Reply = WriteReply;
    const SPEC: Spec = Spec::low_access("ssh_deploy", Group::FileOps, "Replace a remote file, keeping a backup")
        .found_as("Deploy a file", "replace config with backup install file");

    fn hosts(args: &Self::Args) -> Targets {
        Targets::host(&args.host)
    }

    async fn run(call: &Call, args: Args) -> Result<WriteReply, ToolError> {
        let host = call.host(&args.host)?;
        let payload = Payload::of(call, args.content_text, args.content_base64.as_deref(), args.local_path.as_deref())?;
        if args.backup {
            // A copy under a name that the redact list does not know would give its content away later.
            let rules = &host.entry().paths;
            let backup = format!("{}.bak-00000000T000000Z", args.path);
            if rules.redact_lists(&args.path) && !rules.redact_lists(&backup) {
                return Err(ToolError::new(
                    ErrorName::RedactBypassBlocked,
                    format!("A backup of the redact-listed `{}` would not be redact-listed itself.", args.path),
                    "Call with backup false, or ask the operator to redact-list its `.bak-*` names as well.",
                ));
            }
        }
        let old = Old { in_place: args.in_place, accept_loss: args.accept_loss };
        let how = Written { mode: args.mode, setid: args.allow_setid, backup: args.backup, old, ..Written::default() };
        write(call, &Account::login(host), &args.path, &payload, &how).await
    }
}
