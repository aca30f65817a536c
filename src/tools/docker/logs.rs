//! `ssh_docker_logs`.

use schemars::JsonSchema;
use serde::Deserialize;

use super::client::{Client, Limits};
use super::secrets;
use crate::model::docker::{ContainerName, DockerTime};
use crate::model::error::{ErrorName, ToolError};
use crate::model::tier::Group;
use crate::toolkit::{Call, Output, Spec, Targets, Tool};
use crate::tools::exec::ExecReply;

/// Lines without `tail`.
pub(super) const TAIL: u32 = 50;
/// Bytes of each stream without `max_bytes`.
pub(super) const MAX_BYTES: u64 = 65_536;

/// Log lines of one container, secrets redacted.
#[derive(Debug)]
pub(super) struct Logs;

/// Arguments.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    /// host alias
    host: String,
    /// name or id
    container: ContainerName,
    /// last lines, 1 to 10000
    #[serde(default = "tail")]
    tail: u32,
    /// 30m, epoch, ISO time
    #[serde(default)]
    since: Option<DockerTime>,
    /// with the time of each line
    #[serde(default)]
    timestamps: bool,
    /// per stream, 1024 to 10485760
    #[serde(default = "max_bytes")]
    max_bytes: u64,
}

pub(super) const fn tail() -> u32 {
    TAIL
}

pub(super) const fn max_bytes() -> u64 {
    MAX_BYTES
}

/// Refuses bounds outside the interface's.
pub(super) fn check_bounds(tail: u32, max_bytes: u64) -> Result<(), ToolError> {
    if !(1..=10_000).contains(&tail) {
        return Err(ToolError::value(format!("Argument `tail`: {tail} is out of range."), "Give 1 to 10000."));
    }
    if !(1024..=10_485_760).contains(&max_bytes) {
        return Err(ToolError::value(
            format!("Argument `max_bytes`: {max_bytes} is out of range."),
            "Give 1024 to 10485760.",
        ));
    }
    Ok(())
}

/// Says that only the last lines were asked for, where there may be older ones.
pub(super) fn tell_older(call: &Call, output: &Output, tail: u32) {
    let lines = |bytes: &[u8]| memchr::memchr_iter(b'\n', bytes).count();
    let shown = lines(&output.stdout) + lines(&output.stderr);
    if output.stdout_truncated || output.stderr_truncated || shown >= tail as usize {
        call.left_out(
            format!("what is older than the last {tail} lines, if there is more"),
            "`tail` takes up to 10000",
        );
    }
}

/// Refuses a log that podman was told to keep at a place of its host: it is opened by its name, as the engine.
async fn own_log(client: &Client, container: &ContainerName, limits: Limits) -> Result<(), ToolError> {
    let ask = ["inspect", "--type=container", "--format={{.HostConfig.LogConfig.Path}}", "--", container.as_str()];
    let words = client.docker(ask)?;
    if !words.iter().any(|word| word.rsplit('/').next() == Some("podman")) {
        return Ok(());
    }
    let told = client.run(&words, limits).await?;
    let path = told.stdout_text();
    let path = path.trim();
    let is_own = |place: &str| path.starts_with(place) || path.contains("/containers/storage/");
    if told.exit_code() != 0 || path.is_empty() || path == "<no value>" || is_own("/run/containers/") {
        return Ok(());
    }
    Err(ToolError::new(
        ErrorName::PathRestricted,
        format!("The log of `{container}` lies at `{path}` on its host, where podman opens whatever has that name."),
        "Read it as a file, as far as its path is allowed.",
    ))
}

impl Tool for Logs {
    type Args = Args;
    type Reply = ExecReply;
    const SPEC: Spec = Spec::read("ssh_docker_logs", Group::Docker, "Last log lines of a container")
        .found_as("Container logs", "docker logs tail output crash")
        .more("`max_bytes` takes up to 10485760, `tail` fewer lines and `since` a later time");

    fn hosts(args: &Self::Args) -> Targets {
        Targets::host(&args.host)
    }

    async fn run(call: &Call, args: Args) -> Result<ExecReply, ToolError> {
        check_bounds(args.tail, args.max_bytes)?;
        let client = Client::observing(call, &args.host)?;
        let limits = Limits { timeout: None, max_bytes: Some(args.max_bytes) };
        own_log(&client, &args.container, limits).await?;
        let mut words = vec!["logs".to_owned(), format!("--tail={}", args.tail)];
        words.extend(args.since.map(|since| format!("--since={}", since.engine())));
        if args.timestamps {
            words.push("--timestamps".to_owned());
        }
        words.extend(["--".to_owned(), args.container.into()]);
        let output = client.run(&client.docker(words)?, limits).await?;
        tell_older(call, &output, args.tail);
        Ok(ExecReply::of(&client.host, secrets::in_output(&client.host, output)?))
    }
}
