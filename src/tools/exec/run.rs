//! `ssh_exec_run`.

use schemars::JsonSchema;
use serde::Deserialize;

use super::answer::{ExecReply, REST, user_job};
use crate::model::error::ToolError;
use crate::model::tier::Group;
use crate::toolkit::{Call, Host, RunsAs, Spec, Targets, Tool};

/// Runs one command.
#[derive(Debug)]
pub struct ExecRun;

/// Arguments of the tools that run one command on one host.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CommandArgs {
    /// host alias
    pub host: String,
    /// shell command
    pub command: String,
    /// seconds
    #[serde(default)]
    pub timeout: Option<u64>,
}

impl Tool for ExecRun {
    type Args = CommandArgs;
    type Reply = ExecReply;
    const SPEC: Spec = Spec::dangerous("ssh_exec_run", Group::Exec, "Run a shell command on one host (last resort)")
        .found_as("Run a command", "shell command bash execute kill chmod run on remote host server")
        .always_loaded()
        .more(REST);

    fn hosts(args: &Self::Args) -> Targets {
        Targets::host(&args.host)
    }

    async fn run(call: &Call, args: CommandArgs) -> Result<ExecReply, ToolError> {
        let host = call.host(&args.host)?;
        call.journal().command(&args.command);
        host.suggest_native_tool(RunsAs::LoginUser, &args.command)?;
        host.posix(Host::WITHOUT_SHELL)?;
        let command = host.command(&args.command)?;
        let output = host.run(user_job(&host, &command, args.timeout)?).await?;
        call.journal().exit_code(output.exit_code());
        Ok(ExecReply::of(&host, output).of_text(&args.command))
    }
}
