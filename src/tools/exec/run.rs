//! `ssh_exec_run`.

use schemars::JsonSchema;
use serde::Deserialize;

use super::answer::{ExecReply, REST, user_job};
use crate::model::error::ToolError;
use crate::model::tier::Group;
use crate::toolkit::jobs::Wanted;
use crate::toolkit::{Account, Call, Host, RunsAs, Spec, Surroundings, Targets, Tool, Variables};
use crate::tools::jobs::{ExecOrJob, run_or_job};

/// Runs one command.
#[derive(Debug)]
pub(super) struct ExecRun;

/// Arguments of the tools that run one command on one host.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CommandArgs {
    /// host alias
    pub host: String,
    /// shell command
    pub command: String,
    /// seconds
    #[serde(default)]
    pub timeout: Option<u64>,
    /// seconds; then a job
    #[serde(default)]
    pub wait: Option<u64>,
    /// its name
    #[serde(default)]
    pub job_label: Option<String>,
    /// folder to run in
    #[serde(default)]
    pub cwd: Option<String>,
    /// variables
    #[serde(default)]
    pub env: Option<Variables>,
    /// text to read, at most 1 MiB
    #[serde(default)]
    pub stdin: Option<String>,
    /// for ssh_job_input
    #[serde(default)]
    pub stdin_open: bool,
}

impl CommandArgs {
    /// The folder, variables and input.
    pub(crate) fn surroundings(&self) -> Result<Surroundings, ToolError> {
        stays_open(self.stdin_open, self.wait, self.stdin.as_deref())?;
        Surroundings::new(self.cwd.clone(), self.env.clone(), self.stdin.clone())
    }

    /// What is wanted of a job, where one is.
    pub(crate) fn as_job(&self) -> Option<Wanted<'_>> {
        let (label, command) = (self.job_label.as_deref(), Some(self.command.as_str()));
        Wanted::of(self.wait, label, self.timeout, command).map(|wanted| wanted.with_stdin_open(self.stdin_open))
    }
}

/// Refuses an input that stays open where nobody could write to it, or where it is given whole.
pub(super) fn stays_open(open: bool, wait: Option<u64>, stdin: Option<&str>) -> Result<(), ToolError> {
    match (open, wait, stdin) {
        (false, ..) | (true, Some(_), None) => Ok(()),
        (true, None, _) => Err(ToolError::value(
            "Argument `stdin_open` keeps the input of a job open, and without `wait` there is no job.",
            "Give `wait` too, such as 0 or 5.",
        )),
        (true, _, Some(_)) => Err(ToolError::value(
            "Arguments `stdin` and `stdin_open` do not go together: `stdin` is the whole input.",
            "Leave `stdin` out and write its lines with ssh_job_input.",
        )),
    }
}

impl Tool for ExecRun {
    type Args = CommandArgs;
    type Reply = ExecOrJob;
    const SPEC: Spec = Spec::dangerous("ssh_exec_run", Group::Exec, "Run a shell command on one host (last resort)")
        .found_as("Run a command", "shell command bash execute kill chmod run on remote host server")
        .always_loaded()
        .more(REST);

    fn hosts(args: &Self::Args) -> Targets {
        Targets::host(&args.host)
    }

    async fn run(call: &Call, args: CommandArgs) -> Result<ExecOrJob, ToolError> {
        let host = call.host(&args.host)?;
        call.journal().command(&args.command);
        let around = args.surroundings()?;
        host.suggest_native_tool(RunsAs::LoginUser, &args.command, &around)?;
        host.posix(Host::WITHOUT_SHELL)?;
        let command = host.command(&args.command)?;
        let job = user_job(&host, &command, args.timeout)?;
        if let Some(wanted) = args.as_job() {
            return Ok(run_or_job(&Account::login(host), &job, &wanted, &around).await?.of_text(&args.command));
        }
        let output = Account::login(host.clone()).run_within(job, &around).await?;
        call.journal().exit_code(output.exit_code());
        Ok(ExecReply::of(&host, output).of_text(&args.command).with_place(&host, &args.command).await.into())
    }
}
