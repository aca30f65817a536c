//! `ssh_sudo_run_script`.

use crate::model::error::ToolError;
use crate::model::tier::Group;
use crate::toolkit::{Account, Call, Job, Spec, Targets, Tool};
use crate::tools::exec::{ExecReply, REST, ScriptArgs};
use crate::tools::jobs::{ExecOrJob, run_or_job};

/// Runs a script body as root.
#[derive(Debug)]
pub(super) struct SudoRunScript;

impl Tool for SudoRunScript {
    type Args = ScriptArgs;
    type Reply = ExecOrJob;
    const SPEC: Spec = Spec::sudo("ssh_sudo_run_script", Group::Sudo, "Run a script as root through sudo sh")
        .found_as("Run a script as root", "sudo bash script several commands")
        .more(REST);

    fn hosts(args: &Self::Args) -> Targets {
        Targets::host(&args.host)
    }

    async fn run(call: &Call, args: ScriptArgs) -> Result<ExecOrJob, ToolError> {
        let host = call.host(&args.host)?;
        host.posix("Windows hosts have no sudo.")?;
        let permission = host.entry().commands.judge_script()?;
        args.check()?;
        let around = args.surroundings()?;
        let settings = call.settings();
        let job = Job::user_script(&permission, &args.script)
            .timeout(Some(host.limit(args.timeout)?))
            .caps(settings.ssh_stdout_cap_bytes, settings.ssh_stderr_cap_bytes);
        let account = Account::root(call, host.clone()).await?;
        if let Some(wanted) = args.as_job() {
            return Ok(run_or_job(&account, &job, &wanted, &around).await?.of_text(&args.script));
        }
        let output = account.run_within(job, &around).await?;
        call.journal().exit_code(output.exit_code());
        Ok(ExecReply::of(&host, output).of_text(&args.script).with_place(&host, "").await.into())
    }
}
