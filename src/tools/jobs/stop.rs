//! `ssh_job_stop`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::answer::Standing;
use crate::model::error::ToolError;
use crate::model::tier::{Group, Tier};
use crate::toolkit::jobs::{JobId, State};
use crate::toolkit::{Account, Call, Host, Spec, Stopped, Targets, Tool};
use crate::tools::pkg::stop_run;

/// Stops a job.
#[derive(Debug)]
pub(super) struct JobStop;

/// Arguments of the tools about one job.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct JobArgs {
    /// host alias
    pub host: String,
    /// id of the job
    pub job: String,
}

impl JobArgs {
    /// What such a call is about.
    pub(super) fn targets(&self) -> Targets {
        Targets::host(&self.host).sudo(JobId::parse(&self.job).is_ok_and(|id| id.is_root()))
    }
}

/// What was found after the stop.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Reply {
    host: String,
    job: String,
    stop: &'static str,
    #[serde(flatten)]
    standing: Standing,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
    output_warnings: Vec<String>,
}

impl Tool for JobStop {
    type Args = JobArgs;
    type Reply = Reply;
    const SPEC: Spec =
        Spec::dangerous("ssh_job_stop", Group::Jobs, "Stop a job: TERM, KILL, and a look at what is left")
            .found_as("Stop a job", "cancel kill abort background task")
            .idempotent();

    fn hosts(args: &JobArgs) -> Targets {
        args.targets()
    }

    async fn run(call: &Call, args: JobArgs) -> Result<Reply, ToolError> {
        let id = JobId::parse(&args.job)?;
        let host = call.host(&args.host)?;
        host.posix(Host::WITHOUT_SHELL)?;
        call.journal().job(id.as_str(), "");
        let asks = id.is_root() && !call.snapshot().visibility.opens(Tier::Sudo);
        let mut record = if asks { host.ask_job_to_stop(&id).await? } else { host.stop_job(&id, false).await? };
        if record.guarded {
            let run = record.asked.clone().unwrap_or_default().run;
            let account = Account::chosen(call, host.clone(), id.is_root()).await?;
            if let Some(goes_on) = stop_run(&host, account, &run).await? {
                host.note_job(&id, &record);
                return Ok(Reply {
                    host: host.alias().to_owned(),
                    job: id.as_str().to_owned(),
                    stop: "still_running",
                    standing: Standing::of(&record),
                    hint: Some(goes_on),
                    output_warnings: Vec::new(),
                });
            }
            record = host.stop_job(&id, true).await?;
        }
        host.note_job(&id, &record);
        let lost = record.state() == State::Lost && record.work.is_none();
        let (stop, hint) = match record.verdict {
            _ if record.before => ("stopped", Some("It had ended by itself before this call.")),
            Some(Stopped::Stopped) if asks => {
                ("stopped", Some("Its own runner stopped it; how it ended needs the sudo tier."))
            }
            Some(Stopped::Stopped) => ("stopped", None),
            Some(Stopped::StillRunning) => (
                "still_running",
                Some("Processes of it are left that KILL did not end; ssh_host_processes shows them."),
            ),
            // Nothing of a job outlives a restart of its host.
            None if lost => {
                ("stopped", Some("It was not running any more; `reason` says why its end is not on record."))
            }
            Some(Stopped::Unknown) | None => {
                ("unknown", Some("The host does not show whether processes of it are left."))
            }
        };
        Ok(Reply {
            host: host.alias().to_owned(),
            job: id.as_str().to_owned(),
            stop,
            standing: Standing::of(&record),
            hint: hint.map(str::to_owned),
            output_warnings: Vec::new(),
        })
    }
}
