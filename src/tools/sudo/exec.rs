//! `ssh_sudo_exec`.

use crate::model::error::ToolError;
use crate::model::tier::Group;
use crate::toolkit::{Call, RootBody, RunsAs, Spec, Targets, Tool};
use crate::tools::exec::{CommandArgs, ExecReply, REST};

/// Runs one command as root.
#[derive(Debug)]
pub struct SudoExec;

impl Tool for SudoExec {
    type Args = CommandArgs;
    type Reply = ExecReply;
    const SPEC: Spec = Spec::sudo("ssh_sudo_exec", Group::Sudo, "Run a command as root through sudo")
        .found_as("Run a command as root", "sudo command kill chown iptables firewall admin")
        .more(REST);

    fn hosts(args: &Self::Args) -> Targets {
        Targets::host(&args.host)
    }

    async fn run(call: &Call, args: CommandArgs) -> Result<ExecReply, ToolError> {
        let host = call.host(&args.host)?;
        call.journal().command(&args.command);
        host.suggest_native_tool(RunsAs::Root, &args.command)?;
        host.posix("Windows hosts have no sudo.")?;
        let command = host.command(&args.command)?;
        let grant = call.sudo(&host)?;
        let limit = host.limit(args.timeout)?;
        let settings = call.settings();
        let (out, err) = (settings.ssh_stdout_cap_bytes, settings.ssh_stderr_cap_bytes);
        let root = host.root(&grant).await?;
        let output = host
            .run_as_root(&root, &RootBody::command(&command), |job| job.timeout(Some(limit)).caps(out, err))
            .await?;
        call.journal().exit_code(output.exit_code());
        Ok(ExecReply::of(&host, output).of_text(&args.command))
    }
}
