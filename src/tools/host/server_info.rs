//! `ssh_server_info`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::list::NoArgs;
use crate::model::error::{ErrorName, ToolError};
use crate::model::tier::Group;
use crate::toolkit::{Call, Spec, Targets, Tool};

/// What this server is and offers.
#[derive(Debug)]
pub(super) struct ServerInfo;

/// The same payload as the resource `mcp://ssh-mcp/server-info`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(super) struct Reply {
    name: String,
    version: String,
    total_tools: usize,
    enabled_tiers: Vec<String>,
    #[serde(default)]
    enabled_groups: Vec<String>,
}

impl Tool for ServerInfo {
    type Args = NoArgs;
    type Reply = Reply;
    const SPEC: Spec = Spec::read("ssh_server_info", Group::Host, "Server name, version, enabled tiers and groups")
        .found_as("About this server", "version tiers capabilities what is allowed")
        .local();

    fn hosts(_: &Self::Args) -> Targets {
        Targets::none()
    }

    async fn run(call: &Call, _: NoArgs) -> Result<Reply, ToolError> {
        serde_json::from_value(call.server_info())
            .map_err(|e| ToolError::new(ErrorName::InternalError, format!("server-info: {e}."), "Report this defect."))
    }
}
