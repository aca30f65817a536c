//! `ssh_sudo_exec`.

use crate::model::error::ToolError;
use crate::model::tier::Group;
use crate::toolkit::{Account, Call, RunsAs, Spec, Targets, Tool};
use crate::tools::exec::{CommandArgs, ExecReply, REST, user_job};
use crate::tools::jobs::{ExecOrJob, run_or_job};

/// Runs one command as root.
#[derive(Debug)]
pub(super) struct SudoExec;

impl Tool for SudoExec {
    type Args = CommandArgs;
    type Reply = ExecOrJob;
    const SPEC: Spec = Spec::sudo("ssh_sudo_exec", Group::Sudo, "Run a command as root through sudo")
        .found_as("Run a command as root", "sudo command kill chown iptables firewall admin")
        .more(REST);

    fn hosts(args: &Self::Args) -> Targets {
        Targets::host(&args.host)
    }

    async fn run(call: &Call, args: CommandArgs) -> Result<ExecOrJob, ToolError> {
        let host = call.host(&args.host)?;
        call.journal().command(&args.command);
        let around = args.surroundings()?;
        host.suggest_native_tool(RunsAs::Root, &args.command, &around)?;
        host.posix("Windows hosts have no sudo.")?;
        let command = host.command(&args.command)?;
        let job = user_job(&host, &command, args.timeout)?;
        let account = Account::root(call, host.clone()).await?;
        if let Some(wanted) = args.as_job() {
            return Ok(run_or_job(&account, &job, &wanted, &around).await?.of_text(&args.command));
        }
        let output = account.run_within(job, &around).await?;
        call.journal().exit_code(output.exit_code());
        Ok(ExecReply::of(&host, output).of_text(&args.command).with_place(&host, &args.command).await.into())
    }
}
