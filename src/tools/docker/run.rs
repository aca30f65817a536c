//! `ssh_docker_run`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::client::{Client, Limits};
use super::inner::{self, Mark};
use super::mounting::{self, Existing};
use crate::model::docker::{ContainerName, NetworkName};
use crate::model::error::ToolError;
use crate::model::image_ref::ImageRef;
use crate::model::tier::Group;
use crate::toolkit::docker::Escalation;
use crate::toolkit::docker::run_line::{self, JudgedRun, RunLine, RunOption};
use crate::toolkit::{Call, Spec, Targets, Tool};
use crate::tools::exec::ExecReply;

/// Starts a container.
#[derive(Debug)]
pub(super) struct Run;

/// What a run starts, in messages.
const CONTAINER: &str = "The container";

/// Arguments.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    /// host alias
    host: String,
    /// [registry/]name[:tag][@digest]
    image: ImageRef,
    /// docker options, then the command
    #[serde(default)]
    args: Option<Vec<String>>,
    /// container name
    #[serde(default)]
    name: Option<ContainerName>,
    /// remove it when it ends
    #[serde(default = "yes")]
    remove: bool,
    /// leave it running
    #[serde(default)]
    detached: bool,
    /// [addr:][host:]container[/proto] each
    #[serde(default)]
    ports: Vec<String>,
    /// source:target[:ro] each
    #[serde(default)]
    volumes: Vec<String>,
    /// environment
    #[serde(default)]
    env: BTreeMap<String, String>,
    /// network to join
    #[serde(default)]
    network: Option<NetworkName>,
    /// no, always, unless-stopped, on-failure
    #[serde(default)]
    restart: Option<String>,
    /// folder to start in
    #[serde(default)]
    workdir: Option<String>,
    /// user[:group]
    #[serde(default)]
    user: Option<String>,
    /// program instead of the image's
    #[serde(default)]
    entrypoint: Option<String>,
    /// the container's command, word by word
    #[serde(default)]
    command: Option<Vec<String>>,
    /// seconds
    #[serde(default)]
    timeout: Option<u64>,
    /// as root on the host, for docker
    #[serde(default)]
    sudo: bool,
}

const fn yes() -> bool {
    true
}

impl Args {
    /// Everything that was asked for, in docker's terms.
    fn line(&self, mode: Escalation) -> Result<RunLine, ToolError> {
        let mut line = run_line::parse(self.args.as_deref().unwrap_or_default(), mode)?;
        if let Some(command) = &self.command {
            if !line.command.is_empty() {
                return Err(ToolError::value(
                    "Both `args` and `command` hold a container command.",
                    "Give the command in one of them.",
                ));
            }
            line.command = run_line::command(command)?;
        }
        let mut options = Vec::new();
        // A container that is to be restarted cannot be one that removes itself.
        let restarts = self.restart.as_deref().is_some_and(|r| r != "no")
            || line.options.iter().any(|o| o.name == "restart" && o.value != "no");
        if self.remove && !restarts && !line.options.iter().any(|o| o.name == "rm") {
            options.push(RunOption::new("remove", "rm", "true"));
        }
        if self.detached {
            options.push(RunOption::new("detached", "detach", "true"));
        }
        options.extend(self.name.iter().map(|v| RunOption::new("name", "name", v.as_str())));
        options.extend(self.ports.iter().map(|v| RunOption::new("ports", "publish", v)));
        options.extend(self.volumes.iter().map(|v| RunOption::new("volumes", "volume", v)));
        options.extend(self.env.iter().map(|(k, v)| RunOption::new("env", "env", format!("{k}={v}"))));
        options.extend(self.network.iter().map(|v| RunOption::new("network", "network", v.as_str())));
        options.extend(self.restart.iter().map(|v| RunOption::new("restart", "restart", v)));
        options.extend(self.workdir.iter().map(|v| RunOption::new("workdir", "workdir", v)));
        options.extend(self.user.iter().map(|v| RunOption::new("user", "user", v)));
        options.extend(self.entrypoint.iter().map(|v| RunOption::new("entrypoint", "entrypoint", v)));
        options.append(&mut line.options);
        line.options = options;
        Ok(line)
    }
}

impl Tool for Run {
    type Args = Args;
    type Reply = ExecReply;
    const SPEC: Spec = Spec::dangerous("ssh_docker_run", Group::Docker, "Start a one-shot container")
        .found_as("Run a container", "docker run start one-off container");

    fn hosts(args: &Self::Args) -> Targets {
        Targets::host(&args.host).sudo(args.sudo)
    }

    async fn run(call: &Call, args: Args) -> Result<ExecReply, ToolError> {
        let mode = mounting::mode(call);
        let line = args.line(mode)?;
        let JudgedRun { options, sources, volumes } = run_line::judge(&line.options, mode)?;
        let client = Client::changing(call, &args.host, args.sudo).await?;
        let mark = Mark::new()?;
        let mut words = vec!["run".to_owned()];
        words.extend(options);
        words.push(mark.for_run());
        words.extend(["--".to_owned(), args.image.to_string()]);
        words.extend(line.command);
        let words = client.docker(words)?;
        let limits = Limits { timeout: args.timeout, max_bytes: None };
        let ran = if sources.is_empty() && volumes.is_empty() {
            client.run(&words, limits).await
        } else {
            client.host.call().journal().words(&words);
            let ran = mounting::run(
                &client,
                &Existing { mark: Some(mark.clone()), ..Existing::volumes(volumes) },
                &sources,
                &[],
                &mounting::RUN,
                &words,
                None,
                limits,
            )
            .await;
            match ran.and_then(|output| client.finished(mounting::restored(output))) {
                Ok(output) => Ok(client.without_values(output).await),
                Err(error) => Err(error),
            }
        };
        if !inner::was_cut(&ran) {
            return Ok(ExecReply::of(&client.host, ran?));
        }
        let found = inner::stop_run(&client, &mark).await;
        let output = ran.map_err(|error| inner::cancelled(error, CONTAINER, found))?;
        Ok(ExecReply::of(&client.host, output).elsewhere(found, &inner::sentence(CONTAINER, found)))
    }
}
