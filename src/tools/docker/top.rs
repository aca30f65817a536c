//! `ssh_docker_top`.

use schemars::JsonSchema;
use serde::Deserialize;

use super::client::{Client, Limits};
use super::secrets;
use crate::model::docker::{ContainerName, PsOptions};
use crate::model::error::ToolError;
use crate::model::tier::Group;
use crate::toolkit::{Call, Spec, Targets, Tool};
use crate::tools::exec::ExecReply;

/// Processes of one container, as the host's `ps` shows them; secrets in their arguments are redacted.
#[derive(Debug)]
pub(super) struct Top;

/// Arguments.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    /// host alias
    host: String,
    /// name or id
    container: ContainerName,
    /// such as aux or -o pid,args
    #[serde(default)]
    ps_options: Option<PsOptions>,
}

impl Tool for Top {
    type Args = Args;
    type Reply = ExecReply;
    const SPEC: Spec = Spec::read("ssh_docker_top", Group::Docker, "Processes inside a container")
        .found_as("Processes of a container", "docker top ps inside container");

    fn hosts(args: &Self::Args) -> Targets {
        Targets::host(&args.host)
    }

    async fn run(call: &Call, args: Args) -> Result<ExecReply, ToolError> {
        let client = Client::observing(call, &args.host)?;
        let mut words = vec!["top".to_owned(), "--".to_owned(), args.container.into()];
        if let Some(options) = &args.ps_options {
            words.extend(options.as_str().split(' ').filter(|w| !w.is_empty()).map(str::to_owned));
        }
        let output = client.run(&client.docker(words)?, Limits::default()).await?;
        Ok(ExecReply::of(&client.host, secrets::in_output(&client.host, output)?))
    }
}
