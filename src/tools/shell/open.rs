//! `ssh_shell_open`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::error::ToolError;
use crate::model::tier::Group;
use crate::toolkit::{Call, Host, Spec, Targets, Tool};

/// Opens a session.
#[derive(Debug)]
pub(super) struct ShellOpen;

/// Arguments.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    /// host alias
    host: String,
}

/// The session.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Reply {
    session_id: String,
    host: String,
    cwd: String,
}

impl Tool for ShellOpen {
    type Args = Args;
    type Reply = Reply;
    const SPEC: Spec =
        Spec::dangerous("ssh_shell_open", Group::Shell, "Open a session that remembers its working directory")
            .found_as("Open a shell", "interactive session keep directory environment");

    fn hosts(args: &Self::Args) -> Targets {
        Targets::host(&args.host)
    }

    async fn run(call: &Call, args: Args) -> Result<Reply, ToolError> {
        let host = call.host(&args.host)?;
        host.posix(Host::WITHOUT_SHELL)?;
        host.persistent()?;
        let session = call.shells().open(host.alias())?;
        tracing::info!(host = host.alias(), "shell session opened");
        Ok(Reply { session_id: session.id.clone(), host: args.host, cwd: session.shown_cwd() })
    }
}
