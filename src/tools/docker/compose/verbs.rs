//! The verbs that change a compose project.

use schemars::JsonSchema;
use serde::Deserialize;

use super::super::client::{Client, Limits};
use super::super::secrets;
use super::project::Project;
use crate::model::error::ToolError;
use crate::model::tier::Group;
use crate::toolkit::{Call, Spec, Targets, Tool};
use crate::tools::exec::ExecReply;

/// Whether a verb can create or start containers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Runs {
    /// The rendering is judged, and the judged value runs.
    Judged,
    /// Only what is there is stopped or removed. Where the project has commands run then, it is judged as well.
    Stopping,
}

async fn carry_out(
    client: &Client,
    file: &str,
    v1: bool,
    runs: Runs,
    verb: &[&str],
    limits: Limits,
) -> Result<ExecReply, ToolError> {
    let mut project = Project::new(client, file, v1)?;
    let output = match runs {
        Runs::Stopping => project.stopped(verb, limits).await?,
        Runs::Judged => {
            client.host.limit(limits.timeout)?;
            project.changed(verb, limits).await?
        }
    };
    // In the foreground it shows the logs, and its complaints quote the file.
    Ok(ExecReply::of(&client.host, secrets::in_output(&client.host, output)?))
}

/// Arguments of `start`, `stop` and `restart`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlainArgs {
    /// host alias
    host: String,
    /// absolute path on the host
    compose_file: String,
    /// docker-compose instead of docker compose
    #[serde(default)]
    compose_v1: bool,
    /// as root on the host, for docker
    #[serde(default)]
    sudo: bool,
}

/// Arguments of `pull`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PullArgs {
    /// host alias
    host: String,
    /// absolute path on the host
    compose_file: String,
    /// seconds
    #[serde(default)]
    timeout: Option<u64>,
    /// docker-compose instead of docker compose
    #[serde(default)]
    compose_v1: bool,
    /// as root on the host, for docker
    #[serde(default)]
    sudo: bool,
}

/// Arguments of `up`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpArgs {
    /// host alias
    host: String,
    /// absolute path on the host
    compose_file: String,
    /// leave it running
    #[serde(default = "yes")]
    detached: bool,
    /// build images first
    #[serde(default)]
    build: bool,
    /// seconds
    #[serde(default)]
    timeout: Option<u64>,
    /// docker-compose instead of docker compose
    #[serde(default)]
    compose_v1: bool,
    /// as root on the host, for docker
    #[serde(default)]
    sudo: bool,
}

const fn yes() -> bool {
    true
}

/// Arguments of `down`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DownArgs {
    /// host alias
    host: String,
    /// absolute path on the host
    compose_file: String,
    /// named volumes with their data too
    #[serde(default)]
    volumes: bool,
    /// seconds
    #[serde(default)]
    timeout: Option<u64>,
    /// docker-compose instead of docker compose
    #[serde(default)]
    compose_v1: bool,
    /// as root on the host, for docker
    #[serde(default)]
    sudo: bool,
}

/// Declares a tool of one verb.
macro_rules! verb {
    ($(#[$doc:meta])* $name:ident, $args:ty, $spec:expr, $runs:expr, |$a:ident| $words:expr, $timeout:expr) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub(crate) struct $name;

        impl Tool for $name {
            type Args = $args;
            type Reply = ExecReply;
            const SPEC: Spec = $spec;

            fn hosts(args: &Self::Args) -> Targets {
                Targets::host(&args.host).sudo(args.sudo)
            }

            async fn run(call: &Call, $a: $args) -> Result<ExecReply, ToolError> {
                let client = Client::changing(call, &$a.host, $a.sudo).await?;
                let words: Vec<&str> = $words.into_iter().flatten().collect();
                let limits = Limits { timeout: $timeout, max_bytes: None };
                carry_out(&client, &$a.compose_file, $a.compose_v1, $runs, &words, limits).await
            }
        }
    };
}

verb!(
    /// `ssh_docker_compose_up`.
    Up,
    UpArgs,
    Spec::dangerous("ssh_docker_compose_up", Group::Docker, "Bring a compose project up").found_as("Compose up", "deploy start stack update"),
    Runs::Judged,
    |args| [Some("up"), args.detached.then_some("-d"), args.build.then_some("--build")],
    args.timeout
);

verb!(
    /// `ssh_docker_compose_down`.
    Down,
    DownArgs,
    Spec::dangerous("ssh_docker_compose_down", Group::Docker, "Tear a compose project down").found_as("Compose down", "stop remove stack"),
    Runs::Stopping,
    |args| [Some("down"), args.volumes.then_some("-v")],
    args.timeout
);

verb!(
    /// `ssh_docker_compose_start`.
    Start,
    PlainArgs,
    Spec::low_access("ssh_docker_compose_start", Group::Docker, "Start the services of a compose project").found_as("Compose start", "start stack services").idempotent(),
    Runs::Judged,
    |args| [Some("start")],
    None
);

verb!(
    /// `ssh_docker_compose_stop`.
    Stop,
    PlainArgs,
    Spec::low_access("ssh_docker_compose_stop", Group::Docker, "Stop the services of a compose project").found_as("Compose stop", "stop stack services").idempotent(),
    Runs::Stopping,
    |args| [Some("stop")],
    None
);

verb!(
    /// `ssh_docker_compose_restart`.
    Restart,
    PlainArgs,
    Spec::low_access("ssh_docker_compose_restart", Group::Docker, "Restart the services of a compose project").found_as("Compose restart", "restart service stack"),
    Runs::Judged,
    |args| [Some("restart")],
    None
);

verb!(
    /// `ssh_docker_compose_pull`.
    Pull,
    PullArgs,
    Spec::dangerous("ssh_docker_compose_pull", Group::Docker, "Pull the images of a compose project").found_as("Compose pull", "update images stack"),
    Runs::Judged,
    |args| [Some("pull")],
    args.timeout
);
