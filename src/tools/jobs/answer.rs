//! What answers say of a job.

use schemars::JsonSchema;
use serde::Serialize;

use crate::model::error::ToolError;
use crate::toolkit::jobs::{Kept, Record, Started, State, Wanted};
use crate::toolkit::{Account, End, Host, Job, Output, Surroundings, signal_name};
use crate::tools::exec::ExecReply;

/// A job that is there after the call that started it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct JobRef {
    id: String,
    started: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pid: Option<u32>,
    after: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    survives_logout: Option<bool>,
}

/// What a command did, or the job that goes on with it.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ExecOrJob {
    #[serde(flatten)]
    ended: ExecReply,
    // What is in it stands in the guide, and not in five schemas.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<serde_json::Map<String, serde_json::Value>>")]
    job: Option<JobRef>,
}

impl From<ExecReply> for ExecOrJob {
    fn from(ended: ExecReply) -> Self {
        ExecOrJob { ended, job: None }
    }
}

impl ExecOrJob {
    /// The answer about a job that is there after its call, and how to go on with it.
    pub(crate) fn of(host: &Host, output: Output, kept: &Kept) -> Self {
        let (alias, id) = (host.alias(), kept.id.as_str());
        if let Some(account) = &kept.record.ends_with_login {
            host.call().warn(format!(
                "The host ends what a login leaves (KillUserProcesses), so this job ends with the last connection of \
                 `{account}`. `loginctl enable-linger {account}`, run there once, lets the next one live."
            ));
        }
        let hint = if kept.running {
            format!(
                "Job {id} goes on on `{alias}`. Call ssh_job_read with host, job, after: \"{}\" and wait: 50.",
                kept.after
            )
        } else {
            format!(
                "The job has ended. Its whole output is read with ssh_job_read, job {id}; ssh_job_forget removes it."
            )
        };
        ExecOrJob { ended: ExecReply::of(host, output).hinting(&hint), job: Some(job_ref(kept)) }
    }

    /// See [`ExecReply::of_text`].
    #[must_use]
    pub(crate) fn of_text(self, text: &str) -> Self {
        ExecOrJob { ended: self.ended.of_text(text), ..self }
    }
}

/// Runs work as a job and answers as the same tool does without `wait` where it ended in time.
pub(crate) async fn run_or_job(
    account: &Account,
    work: &Job,
    wanted: &Wanted<'_>,
    around: &Surroundings,
) -> Result<ExecOrJob, ToolError> {
    let host = &account.host;
    match account.start_job(work, wanted, around).await? {
        Started::Ended(output) => {
            host.call().journal().exit_code(output.exit_code());
            Ok(ExecReply::of(host, output).into())
        }
        Started::Kept(output, kept) => Ok(ExecOrJob::of(host, output, &kept)),
    }
}

/// What answers say of it.
pub(crate) fn job_ref(kept: &Kept) -> JobRef {
    JobRef {
        id: kept.id.as_str().to_owned(),
        started: time(kept.record.started),
        pid: kept.record.pid,
        after: kept.after.to_string(),
        survives_logout: kept.record.ends_with_login.as_ref().map(|_| false),
    }
}

/// A time of the host, as `YYYY-MM-DDTHH:MM:SSZ`; empty where there is none.
pub(super) fn time(seconds: Option<i64>) -> String {
    seconds
        .and_then(|at| jiff::Timestamp::from_second(at).ok())
        .map_or_else(String::new, |at| at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}

/// How a job stands, in the fields that every answer about one has.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(super) struct Standing {
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    exit_code: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    killed_by_signal: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    started: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    ended: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pid: Option<u32>,
}

impl Standing {
    /// What the host says.
    pub(super) fn of(record: &Record) -> Self {
        let state = record.state();
        let (exit_code, killed_by_signal) = match record.end() {
            Some(End::Exit(code)) => (Some(code), None),
            Some(End::Signal(number)) => (None, Some(signal_name(number))),
            None => (None, None),
        };
        Standing {
            state: state.as_str(),
            exit_code,
            killed_by_signal,
            reason: record.lost_because(|at| time(Some(at))),
            started: time(record.started),
            ended: time(record.ended),
            pid: if state == State::Running { record.pid } else { record.work },
        }
    }
}

impl Standing {
    /// True while it goes on.
    pub(super) fn is_running(&self) -> bool {
        self.state == State::Running.as_str()
    }
}
