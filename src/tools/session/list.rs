//! `ssh_session_list`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::error::ToolError;
use crate::model::tier::Group;
use crate::toolkit::{Call, Spec, Targets, Tool};

/// The open connections.
#[derive(Debug)]
pub(super) struct SessionList;

/// No arguments.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {}

/// One connection.
#[derive(Debug, Serialize, JsonSchema)]
struct Row {
    host: String,
    address: String,
    user: String,
    port: u16,
    idle_seconds: u64,
}

/// The connections.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Reply {
    sessions: Vec<Row>,
}

impl Tool for SessionList {
    type Args = Args;
    type Reply = Reply;
    const SPEC: Spec = Spec::read("ssh_session_list", Group::Session, "List pooled SSH connections")
        .found_as("Connections", "open ssh connections sessions")
        .local();

    fn hosts(_: &Self::Args) -> Targets {
        Targets::none()
    }

    async fn run(call: &Call, _: Args) -> Result<Reply, ToolError> {
        let rows = call.sessions();
        let sessions: Vec<Row> = rows
            .into_iter()
            .map(|row| Row {
                host: row.alias,
                address: row.host,
                user: row.user,
                port: row.port,
                idle_seconds: row.idle.as_secs(),
            })
            .collect();
        Ok(Reply { sessions })
    }
}
