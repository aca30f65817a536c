//! `ssh_shell_list`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::error::ToolError;
use crate::model::tier::Group;
use crate::toolkit::{Call, Spec, Targets, Tool};

/// The open sessions.
#[derive(Debug)]
pub(super) struct ShellList;

/// No arguments.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {}

/// One session.
#[derive(Debug, Serialize, JsonSchema)]
struct Row {
    id: String,
    host: String,
    cwd: String,
    idle_seconds: u64,
    age_seconds: u64,
}

/// The sessions, oldest first.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Reply {
    sessions: Vec<Row>,
}

impl Tool for ShellList {
    type Args = Args;
    type Reply = Reply;
    const SPEC: Spec = Spec::read("ssh_shell_list", Group::Shell, "List open sessions")
        .found_as("Shells", "open shell sessions")
        .local();

    fn hosts(_: &Self::Args) -> Targets {
        Targets::none()
    }

    async fn run(call: &Call, _: Args) -> Result<Reply, ToolError> {
        let rows = call.shells().list();
        let sessions: Vec<Row> = rows
            .into_iter()
            .map(|row| Row {
                id: row.id,
                host: row.alias,
                cwd: row.cwd,
                idle_seconds: row.idle.as_secs(),
                age_seconds: row.age.as_secs(),
            })
            .collect();
        Ok(Reply { sessions })
    }
}
