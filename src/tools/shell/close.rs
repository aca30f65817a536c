//! `ssh_shell_close`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::error::ToolError;
use crate::model::tier::Group;
use crate::toolkit::{Call, Spec, Targets, Tool};

/// Closes a session.
#[derive(Debug)]
pub(super) struct ShellClose;

/// Arguments.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    /// from ssh_shell_open
    session_id: String,
}

/// Whether it existed.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Reply {
    session_id: String,
    closed: bool,
}

impl Tool for ShellClose {
    type Args = Args;
    type Reply = Reply;
    const SPEC: Spec = Spec::low_access("ssh_shell_close", Group::Shell, "Close a session")
        .found_as("Close a shell", "end session")
        .idempotent()
        .local();

    fn hosts(args: &Self::Args) -> Targets {
        Targets::session(&args.session_id)
    }

    async fn run(call: &Call, args: Args) -> Result<Reply, ToolError> {
        if let Ok(session) = call.shells().get(&args.session_id) {
            call.journal().hosts([session.alias.as_str()]);
        }
        let closed = call.shells().close(&args.session_id);
        Ok(Reply { session_id: args.session_id, closed })
    }
}
