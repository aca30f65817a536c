//! `ssh_exec_script`.

use schemars::JsonSchema;
use serde::Deserialize;

use super::answer::{ExecReply, REST};
use super::run::stays_open;
use crate::model::error::ToolError;
use crate::model::tier::Group;
use crate::toolkit::jobs::Wanted;
use crate::toolkit::{Account, Call, Host, Job, Spec, Surroundings, Targets, Tool, Variables};
use crate::tools::jobs::{ExecOrJob, run_or_job};

/// Runs a script body.
#[derive(Debug)]
pub(super) struct ExecScript;

/// Largest script, in bytes.
const SCRIPT_MAX: usize = 1024 * 1024;

/// Arguments of the tools that run a script body on one host.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScriptArgs {
    /// host alias
    pub host: String,
    /// sh script body
    pub script: String,
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

impl ScriptArgs {
    /// The folder, variables and input.
    pub(crate) fn surroundings(&self) -> Result<Surroundings, ToolError> {
        stays_open(self.stdin_open, self.wait, self.stdin.as_deref())?;
        Surroundings::new(self.cwd.clone(), self.env.clone(), self.stdin.clone())
    }

    /// What is wanted of a job, where one is.
    pub(crate) fn as_job(&self) -> Option<Wanted<'_>> {
        Wanted::of(self.wait, self.job_label.as_deref(), self.timeout, None)
            .map(|wanted| wanted.with_stdin_open(self.stdin_open))
    }

    /// Refuses a body over the limit, and one that no shell can hold.
    pub(crate) fn check(&self) -> Result<(), ToolError> {
        if self.script.contains('\0') {
            return Err(ToolError::value(
                "Argument `script` holds a NUL character, which a shell leaves out.",
                "Give the script without it; write such bytes with printf '\\000'.",
            ));
        }
        if self.script.len() <= SCRIPT_MAX {
            return Ok(());
        }
        Err(ToolError::value(
            format!("Argument `script`: {} bytes is too large.", self.script.len()),
            format!("Give at most {SCRIPT_MAX} bytes, or upload the file and run it."),
        ))
    }
}

impl Tool for ExecScript {
    type Args = ScriptArgs;
    type Reply = ExecOrJob;
    const SPEC: Spec = Spec::dangerous("ssh_exec_script", Group::Exec, "Run a script body through sh")
        .found_as("Run a script", "bash script several commands pipeline")
        .more(REST);

    fn hosts(args: &Self::Args) -> Targets {
        Targets::host(&args.host)
    }

    async fn run(call: &Call, args: ScriptArgs) -> Result<ExecOrJob, ToolError> {
        let host = call.host(&args.host)?;
        host.posix(Host::WITHOUT_SHELL)?;
        let permission = host.entry().commands.judge_script()?;
        args.check()?;
        let around = args.surroundings()?;
        let settings = call.settings();
        let job = Job::user_script(&permission, &args.script)
            .timeout(Some(host.limit(args.timeout)?))
            .caps(settings.ssh_stdout_cap_bytes, settings.ssh_stderr_cap_bytes);
        if let Some(wanted) = args.as_job() {
            return Ok(run_or_job(&Account::login(host), &job, &wanted, &around).await?.of_text(&args.script));
        }
        let output = Account::login(host.clone()).run_within(job, &around).await?;
        call.journal().exit_code(output.exit_code());
        Ok(ExecReply::of(&host, output).of_text(&args.script).with_place(&host, "").await.into())
    }
}
