//! `ssh_job_forget`.

use schemars::JsonSchema;
use serde::Serialize;

use super::stop::JobArgs;
use crate::model::error::ToolError;
use crate::model::tier::Group;
use crate::toolkit::jobs::JobId;
use crate::toolkit::{Call, Host, Spec, Targets, Tool};

/// Takes away what is kept of a job that has ended.
#[derive(Debug)]
pub(super) struct JobForget;

/// What was taken away.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Reply {
    host: String,
    job: String,
    forgotten: bool,
}

impl Tool for JobForget {
    type Args = JobArgs;
    type Reply = Reply;
    const SPEC: Spec = Spec::dangerous("ssh_job_forget", Group::Jobs, "Remove what is kept of a job that has ended")
        .found_as("Forget a job", "delete clean up remove job output");

    fn hosts(args: &JobArgs) -> Targets {
        args.targets()
    }

    async fn run(call: &Call, args: JobArgs) -> Result<Reply, ToolError> {
        let id = JobId::parse(&args.job)?;
        let host = call.host(&args.host)?;
        host.posix(Host::WITHOUT_SHELL)?;
        call.journal().job(id.as_str(), "");
        host.may_touch_job(&id)?;
        host.forget_job(&id).await?;
        Ok(Reply { host: host.alias().to_owned(), job: id.as_str().to_owned(), forgotten: true })
    }
}
