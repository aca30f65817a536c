//! `ssh_job_input`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::answer::Standing;
use crate::model::error::{ErrorName, ToolError};
use crate::model::tier::Group;
use crate::toolkit::jobs::{Cursor, JobId, LINE_MAX, Record};
use crate::toolkit::{Call, Host, Spec, Targets, Tool};

/// Gives a job a line to read.
#[derive(Debug)]
pub(crate) struct JobInput;

/// Its arguments.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Args {
    /// host alias
    host: String,
    /// id of the job
    job: String,
    /// its line end is added
    #[serde(default)]
    line: Option<String>,
    /// nothing follows: the job reads the end
    #[serde(default)]
    end: bool,
}

/// What became of the line.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Reply {
    host: String,
    job: String,
    written_bytes: usize,
    #[serde(flatten)]
    standing: Standing,
    after: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'static str>,
    output_warnings: Vec<String>,
}

impl Tool for JobInput {
    type Args = Args;
    type Reply = Reply;
    const SPEC: Spec = Spec::dangerous("ssh_job_input", Group::Jobs, "Write a line to a job's standard input")
        .found_as("Answer a job", "type send answer prompt stdin interactive reply confirm");

    fn hosts(args: &Args) -> Targets {
        Targets::host(&args.host).sudo(JobId::parse(&args.job).is_ok_and(|id| id.is_root()))
    }

    async fn run(call: &Call, args: Args) -> Result<Reply, ToolError> {
        let id = JobId::parse(&args.job)?;
        let host = call.host(&args.host)?;
        host.posix(Host::WITHOUT_SHELL)?;
        args.check()?;
        call.journal().job(id.as_str(), "");
        host.may_feed_job()?;
        host.may_touch_job(&id)?;
        let record = host.feed_job(&id, args.line.as_deref(), args.end).await?;
        host.note_job(&id, &record);
        taken(&host, &id, &record)?;
        let standing = Standing::of(&record);
        Ok(Reply {
            host: args.host,
            job: args.job,
            written_bytes: args.line.map_or(0, |line| line.len() + 1),
            hint: standing
                .is_running()
                .then_some("ssh_job_read with this `after` and `wait` brings what it says to that."),
            standing,
            after: Cursor { out: record.out.from, err: record.err.from }.to_string(),
            output_warnings: Vec::new(),
        })
    }
}

impl Args {
    fn check(&self) -> Result<(), ToolError> {
        let why = match &self.line {
            None if !self.end => "and `end` are both left out",
            Some(line) if line.contains(['\n', '\0']) => "holds a line end or a NUL character",
            Some(line) if line.len() >= LINE_MAX => "is too long for one line",
            _ => return Ok(()),
        };
        Err(ToolError::value(
            format!("Argument `line` {why}."),
            format!("Give one line of at most {} bytes, or `end: true` alone.", LINE_MAX - 1),
        ))
    }
}

/// An error where the line is not in the job's input.
fn taken(host: &Host, id: &JobId, record: &Record) -> Result<(), ToolError> {
    let (id, alias) = (id.as_str(), host.alias());
    match record.input.as_str() {
        "taken" => Ok(()),
        "full" => Err(ToolError::new(
            ErrorName::RuntimeError,
            format!("Job {id} on `{alias}` does not read: its input is full. The line was not written."),
            "ssh_job_read shows what it does; write again when it reads, or stop it with ssh_job_stop.",
        )),
        "over" => Err(ToolError::value(
            format!("Job {id} on `{alias}` takes no input: its state is {}.", record.state().as_str()),
            "ssh_job_read shows its end and its output.",
        )),
        _ => Err(ToolError::value(
            format!("The input of job {id} on `{alias}` is not open. The line was not written."),
            "Lines are taken by a job that was started with `stdin_open: true`, until `end: true` was given.",
        )),
    }
}
