//! `ssh_job_list`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::answer::Standing;
use crate::model::error::ToolError;
use crate::model::tier::{Group, Tier};
use crate::toolkit::jobs::{LISTED, Record};
use crate::toolkit::{Call, Host, Spec, Targets, Tool};

/// The jobs of an account.
#[derive(Debug)]
pub(super) struct JobList;

/// Its arguments.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    /// host alias
    host: String,
    /// root's jobs in place of the account's
    #[serde(default)]
    sudo: bool,
}

/// One job.
#[derive(Debug, Serialize, JsonSchema)]
struct Row {
    job: String,
    #[serde(flatten)]
    standing: Standing,
    #[serde(skip_serializing_if = "Option::is_none")]
    age_seconds: Option<i64>,
    #[serde(skip_serializing_if = "String::is_empty")]
    label: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    tool: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_line: Option<String>,
    output_bytes: u64,
}

/// The jobs, the newest first.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Reply {
    host: String,
    running: usize,
    jobs: Vec<Row>,
    output_warnings: Vec<String>,
}

impl Tool for JobList {
    type Args = Args;
    type Reply = Reply;
    const SPEC: Spec = Spec::read("ssh_job_list", Group::Jobs, "List jobs on a host: state, age, label, last line")
        .found_as("Jobs", "background tasks running commands long status");

    fn hosts(args: &Args) -> Targets {
        Targets::host(&args.host).sudo(args.sudo)
    }

    async fn run(call: &Call, args: Args) -> Result<Reply, ToolError> {
        let host = call.host(&args.host)?;
        host.posix(Host::WITHOUT_SHELL)?;
        // What was run and what it said belongs to the tier of the tools that start jobs.
        let shown = call.snapshot().visibility.opens(Tier::Dangerous);
        let now = jiff::Timestamp::now().as_second();
        let (all, records) = host.list_jobs(args.sudo, shown).await?;
        if all > records.len() {
            call.left_out(
                format!("{} older jobs", all - records.len()),
                format!("at most {LISTED} are listed; ssh_job_forget removes jobs"),
            );
        }
        let rows: Vec<Row> = records.into_iter().rev().map(|record| row(&host, record, now, shown)).collect();
        let running = rows.iter().filter(|row| row.standing.is_running()).count();
        Ok(Reply { host: host.alias().to_owned(), running, jobs: rows, output_warnings: Vec::new() })
    }
}

fn row(host: &Host, record: Record, now: i64, shown: bool) -> Row {
    let shown = shown && host.may_read_job(&record).is_ok();
    let asked = record.asked.clone().unwrap_or_default();
    Row {
        standing: Standing::of(&record),
        age_seconds: record.started.map(|at| (now - at).max(0)),
        label: asked.label,
        tool: asked.tool,
        command: (shown && !asked.text.is_empty()).then_some(asked.text),
        last_line: if shown { record.last } else { None },
        output_bytes: record.out.size + record.err.size,
        job: record.id,
    }
}
