//! Looking at a compose project.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::super::client::{Client, Limits};
use super::super::lists::{Labels, Services, listed};
use super::super::{logs, rows, secrets};
use super::project::{Listing, Project};
use crate::model::docker::ServiceName;
use crate::model::error::ToolError;
use crate::model::tier::Group;
use crate::toolkit::{Call, LINES_BEFORE, Spec, Targets, Tool};
use crate::tools::exec::ExecReply;

/// `ssh_docker_compose_ps`.
#[derive(Debug)]
pub(crate) struct Ps;

/// States of a project's container.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum State {
    Paused,
    Restarting,
    Removing,
    Running,
    Dead,
    Created,
    Exited,
}

impl State {
    const fn word(self) -> &'static str {
        match self {
            State::Paused => "paused",
            State::Restarting => "restarting",
            State::Removing => "removing",
            State::Running => "running",
            State::Dead => "dead",
            State::Created => "created",
            State::Exited => "exited",
        }
    }
}

/// Arguments of [`Ps`].
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PsArgs {
    /// host alias
    host: String,
    /// absolute path on the host
    compose_file: String,
    /// keep labels
    #[serde(default)]
    include_labels: bool,
    /// docker-compose instead of docker compose
    #[serde(default)]
    compose_v1: bool,
    /// this one only
    #[serde(default)]
    service: Option<ServiceName>,
    /// state
    #[serde(default)]
    status: Option<State>,
}

impl Tool for Ps {
    type Args = PsArgs;
    type Reply = Services;
    const SPEC: Spec = Spec::read("ssh_docker_compose_ps", Group::Docker, "Services of a compose project")
        .found_as("Compose services", "stack status running services");

    fn hosts(args: &Self::Args) -> Targets {
        Targets::host(&args.host)
    }

    async fn run(call: &Call, args: PsArgs) -> Result<Services, ToolError> {
        let client = Client::observing(call, &args.host)?;
        let mut project = Project::new(&client, &args.compose_file, args.compose_v1)?;
        let service = args.service.as_ref().map(ServiceName::as_str);
        let (mut output, listing) = project.list(service, args.status.map(State::word)).await?;
        let (mut containers, _) = rows::objects(&output.stdout);
        // A part of a value is no exact value, so what compose has shortened is left out.
        for row in &mut containers {
            if row.get("Command").and_then(Value::as_str).is_some_and(|command| command.contains('\u{2026}')) {
                row.remove("Command");
                output.stdout.clear();
            }
        }
        if output.stdout.is_empty() && !containers.is_empty() {
            output.stdout = rows::lines(&containers).into_bytes();
        }
        // podman-compose lists as podman does, which knows services by their labels only.
        let unnamed = containers.iter().any(|row| !row.contains_key("Service"));
        if matches!(listing, Listing::Containers) || unnamed {
            rows::as_services(&mut containers);
            output.stdout = rows::lines(&containers).into_bytes();
        }
        let labels = if args.include_labels { Labels::Keep } else { Labels::Strip };
        let mut listed = listed(&client, output, labels)?;
        if args.status.is_none() && matches!(listing, Listing::Rows) {
            listed.only_running(call, "`status` (exited, created, dead) brings them");
        }
        Ok(Services::new(&client, listed))
    }
}

/// `ssh_docker_compose_logs`.
#[derive(Debug)]
pub(crate) struct Logs;

/// Arguments of [`Logs`].
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LogsArgs {
    /// host alias
    host: String,
    /// absolute path on the host
    compose_file: String,
    /// last lines each, 1 to 10000
    #[serde(default = "logs::tail")]
    tail: u32,
    /// this one only
    #[serde(default)]
    service: Option<ServiceName>,
    /// per stream, 1024 to 10485760
    #[serde(default = "logs::max_bytes")]
    max_bytes: u64,
    /// docker-compose instead of docker compose
    #[serde(default)]
    compose_v1: bool,
}

impl Tool for Logs {
    type Args = LogsArgs;
    type Reply = ExecReply;
    const SPEC: Spec = Spec::read("ssh_docker_compose_logs", Group::Docker, "Logs of a compose project")
        .found_as("Compose logs", "service logs stack output")
        .more("`max_bytes` takes up to 10485760, `tail` fewer lines and `service` one service");

    fn hosts(args: &Self::Args) -> Targets {
        Targets::host(&args.host)
    }

    async fn run(call: &Call, args: LogsArgs) -> Result<ExecReply, ToolError> {
        logs::check_bounds(args.tail, args.max_bytes)?;
        let client = Client::observing(call, &args.host)?;
        let mut project = Project::new(&client, &args.compose_file, args.compose_v1)?;
        let tail = format!("--tail={}", args.tail + LINES_BEFORE);
        let mut verb = vec!["logs", tail.as_str()];
        if !project.is_podman_compose() {
            verb.push("--no-color");
        }
        verb.extend(args.service.as_ref().map(ServiceName::as_str));
        let output = project.direct(&verb, Limits { timeout: None, max_bytes: Some(args.max_bytes) }).await?;
        logs::refuse_own_logs(&client, None).await?;
        let mut output = secrets::in_log(&client.host, output, logs::behind_a_name)?;
        let are_older = logs::keep_last(&mut output, args.tail, logs::behind_a_name);
        logs::tell_older(call, are_older, args.tail);
        Ok(ExecReply::of(&client.host, output))
    }
}
