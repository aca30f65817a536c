//! `ssh_job_list`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::answer::Standing;
use crate::model::error::ToolError;
use crate::model::tier::{Group, Tier};
use crate::toolkit::jobs::{LISTED, Record, State};
use crate::toolkit::{Call, Host, Spec, Targets, Tool};

/// The jobs of an account.
#[derive(Debug)]
pub(super) struct JobList;

/// Its arguments.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Args {
    /// host alias; default all connected
    #[serde(default)]
    host: Option<String>,
    /// root's jobs in place of the account's
    #[serde(default)]
    sudo: bool,
}

/// One job.
#[derive(Debug, Serialize, JsonSchema)]
struct Row {
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<String>,
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
#[derive(Debug, Default, Serialize, JsonSchema)]
pub(crate) struct Reply {
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hosts: Vec<String>,
    running: usize,
    jobs: Vec<Row>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    error_details: BTreeMap<String, String>,
    output_warnings: Vec<String>,
}

impl Tool for JobList {
    type Args = Args;
    type Reply = Reply;
    const SPEC: Spec = Spec::read("ssh_job_list", Group::Jobs, "List jobs on a host: state, age, label, last line")
        .found_as("Jobs", "background tasks running commands long status");

    fn hosts(args: &Args) -> Targets {
        args.host.as_deref().map_or_else(Targets::connected, Targets::host).sudo(args.sudo)
    }

    async fn run(call: &Call, args: Args) -> Result<Reply, ToolError> {
        let Some(host) = &args.host else { return everywhere(call, args.sudo).await };
        let host = call.host(host)?;
        let mut reply = Reply { host: Some(host.alias().to_owned()), ..Reply::default() };
        reply.jobs = of_host(&host, args.sudo).await?;
        reply.running = reply.jobs.iter().filter(|row| row.standing.is_running()).count();
        Ok(reply)
    }
}

/// The jobs of all connected hosts, asked side by side. One that does not answer is named and holds up no other.
async fn everywhere(call: &Call, sudo: bool) -> Result<Reply, ToolError> {
    let hosts = call.hosts(call.its_hosts().iter().map(String::as_str))?;
    if hosts.is_empty() {
        call.warn("No connection is open, so no host was asked. Name a `host` to ask that one.");
    }
    let mut reply = Reply { hosts: hosts.iter().map(|host| host.alias().to_owned()).collect(), ..Reply::default() };
    reply.hosts.sort_unstable();
    let mut asked = tokio::task::JoinSet::new();
    for host in hosts {
        asked.spawn(async move {
            let rows = of_host(&host, sudo).await;
            host.call().journal().at(host.alias()).ended(rows.as_ref().map(|_| ()).map_err(|error| error.name));
            (host.alias().to_owned(), rows)
        });
    }
    while let Some(joined) = asked.join_next().await {
        let Ok((alias, rows)) = joined else { continue };
        match rows {
            Ok(rows) => reply.jobs.extend(rows.into_iter().map(|row| Row { host: Some(alias.clone()), ..row })),
            Err(error) => drop(reply.error_details.insert(alias, error.to_string())),
        }
    }
    call.alive()?;
    // Ids sort by time.
    reply.jobs.sort_by(|a, b| (&b.job, &a.host).cmp(&(&a.job, &b.host)));
    reply.running = reply.jobs.iter().filter(|row| row.standing.is_running()).count();
    Ok(reply)
}

/// The jobs of one host, the newest first.
async fn of_host(host: &Host, sudo: bool) -> Result<Vec<Row>, ToolError> {
    host.posix(Host::WITHOUT_SHELL)?;
    // What was run and what it said belongs to the tier of the tools that start jobs.
    let shown = host.call().snapshot().visibility.opens(Tier::Dangerous);
    let now = jiff::Timestamp::now().as_second();
    let (all, records) = host.list_jobs(sudo, shown).await?;
    if all > records.len() {
        host.call().left_out(
            format!("{} older jobs of `{}`", all - records.len(), host.alias()),
            format!("at most {LISTED} of a host are listed; ssh_job_forget removes jobs"),
        );
    }
    Ok(records.into_iter().rev().map(|record| row(host, record, now, shown)).collect())
}

fn row(host: &Host, record: Record, now: i64, shown: bool) -> Row {
    if record.state() != State::Running {
        host.see_job(&record.id, &record);
    }
    let shown = shown && host.may_read_job(&record).is_ok();
    let asked = record.asked.clone().unwrap_or_default();
    Row {
        host: None,
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
