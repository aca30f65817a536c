//! `ssh_host_reload`.

use schemars::JsonSchema;
use serde::Serialize;

use super::list::NoArgs;
use crate::model::error::ToolError;
use crate::model::tier::Group;
use crate::toolkit::{Call, Spec, Targets, Tool};

/// Reads the hosts file again.
#[derive(Debug)]
pub(super) struct Reload;

/// What changed.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Reply {
    loaded: usize,
    source: String,
    added: Vec<String>,
    removed: Vec<String>,
    changed: Vec<String>,
}

impl Tool for Reload {
    type Args = NoArgs;
    type Reply = Reply;
    const SPEC: Spec =
        Spec::low_access("ssh_host_reload", Group::Host, "Re-read the hosts file and swap it in if it is valid")
            .found_as("Reload hosts", "reread configuration hosts.toml")
            .idempotent()
            .local();

    fn hosts(_: &Self::Args) -> Targets {
        Targets::none()
    }

    async fn run(call: &Call, _: NoArgs) -> Result<Reply, ToolError> {
        let done = call.reload().await?;
        Ok(Reply {
            loaded: done.loaded,
            source: done.source,
            added: done.added,
            removed: done.removed,
            changed: done.changed,
        })
    }
}
