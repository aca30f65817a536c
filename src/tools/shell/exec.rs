//! `ssh_shell_exec`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::error::ToolError;
use crate::model::tier::Group;
use crate::toolkit::{Call, Host, RunsAs, Spec, Surroundings, Targets, Tool};
use crate::tools::exec::{ExecReply, REST};

/// Runs a command in a session.
#[derive(Debug)]
pub(super) struct ShellExec;

/// Arguments.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    /// from ssh_shell_open
    session_id: String,
    /// shell command
    command: String,
    /// seconds
    #[serde(default)]
    timeout: Option<u64>,
}

/// What the command did, and where the session is now.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Reply {
    #[serde(flatten)]
    run: ExecReply,
    session_id: String,
    cwd: String,
}

impl Tool for ShellExec {
    type Args = Args;
    type Reply = Reply;
    const SPEC: Spec =
        Spec::dangerous("ssh_shell_exec", Group::Shell, "Run a command in a session; directory and exports carry over")
            .found_as("Run in a shell", "cd export stateful command same directory")
            .more(REST);

    fn hosts(args: &Self::Args) -> Targets {
        Targets::session(&args.session_id)
    }

    async fn run(call: &Call, args: Args) -> Result<Reply, ToolError> {
        let session = call.shells().get(&args.session_id)?;
        let host = call.host(&session.alias)?;
        call.journal().command(&args.command);
        host.posix(Host::WITHOUT_SHELL)?;
        host.persistent()?;
        host.suggest_native_tool(RunsAs::LoginUser, &args.command, &Surroundings::default())?;
        let command = host.command(&args.command)?;
        let limit = host.limit(args.timeout)?;
        let output = host.run_in_session(&session, &command, limit).await?;
        call.journal().exit_code(output.exit_code());
        let run = ExecReply::of(&host, output).of_text(&args.command);
        Ok(Reply { run, cwd: session.shown_cwd(), session_id: args.session_id })
    }
}
