//! `ssh_docker_exec`.

use schemars::JsonSchema;
use serde::Deserialize;

use super::client::{Client, Limits};
use super::inner::{self, Mark};
use crate::model::docker::ContainerName;
use crate::model::error::{ErrorName, ToolError};
use crate::model::tier::Group;
use crate::toolkit::{Call, Host, Spec, Surroundings, Targets, Tool, Variables};
use crate::tools::exec::ExecReply;

/// What an exec starts, in messages.
const INSIDE: &str = "The process inside the container";

/// Runs a command inside a container.
#[derive(Debug)]
pub(super) struct Exec;

/// Arguments.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    /// host alias
    host: String,
    /// name or id
    container: ContainerName,
    /// shell command
    command: String,
    /// seconds
    #[serde(default)]
    timeout: Option<u64>,
    /// keep standard input open
    #[serde(default)]
    interactive: bool,
    /// as root on the host, for docker
    #[serde(default)]
    sudo: bool,
    /// folder of the container
    #[serde(default)]
    cwd: Option<String>,
    /// variables
    #[serde(default)]
    env: Option<Variables>,
    /// text to read, at most 1 MiB
    #[serde(default)]
    stdin: Option<String>,
}

impl Tool for Exec {
    type Args = Args;
    type Reply = ExecReply;
    const SPEC: Spec = Spec::dangerous("ssh_docker_exec", Group::Docker, "Run a command inside a container")
        .found_as("Run in a container", "docker exec command inside container");

    fn hosts(args: &Self::Args) -> Targets {
        Targets::host(&args.host).sudo(args.sudo)
    }

    async fn run(call: &Call, args: Args) -> Result<ExecReply, ToolError> {
        let client = Client::changing(call, &args.host, args.sudo).await?;
        call.journal().command(&args.command);
        let command = client.host.command(&args.command)?;
        let around = Surroundings::new(args.cwd, args.env, args.stdin)?;
        around.judge_names(&client.host)?;
        let mut words = vec!["exec".to_owned()];
        if args.interactive || around.stdin().is_some() {
            words.push("-i".to_owned());
        }
        if let Some(folder) = around.cwd() {
            words.push(workdir(&client.host, folder)?);
        }
        let variables = env_file(&around)?;
        if !variables.is_empty() {
            words.push("--env-file=/dev/fd/3".to_owned());
        }
        let mark = Mark::new()?;
        words.push(mark.for_exec());
        words.extend(["--".to_owned(), args.container.as_str().to_owned()]);
        match command.argv() {
            // Under a restricted list the words of one process go to the engine; no shell reads them again.
            Some(argv) => words.extend(argv.words().iter().cloned()),
            None => words.extend(["sh".to_owned(), "-c".to_owned(), args.command]),
        }
        let limits = Limits { timeout: args.timeout, max_bytes: None };
        let ran = client.run_fed(&client.docker(words)?, &variables, around.stdin(), limits).await;
        if !inner::was_cut(&ran) {
            return Ok(ExecReply::of(&client.host, ran?));
        }
        let found = inner::stop_exec(&client, args.container.as_str(), &mark).await;
        let output = ran.map_err(|error| inner::cancelled(error, INSIDE, found))?;
        Ok(ExecReply::of(&client.host, output).elsewhere(found, &inner::sentence(INSIDE, found)))
    }
}

/// The option for a folder of the container. Who may write there is not known here, so a restricted list has none.
fn workdir(host: &Host, folder: &str) -> Result<String, ToolError> {
    if host.entry().surroundings.is_restricted() {
        return Err(ToolError::new(
            ErrorName::CommandNotAllowed,
            "Argument `cwd` is refused: this host has a restricted command list, and who may write a container's folder is not known.",
            "Call without `cwd`, and give programs absolute paths.",
        ));
    }
    if !folder.starts_with('/') || folder.chars().any(char::is_control) {
        return Err(ToolError::value(
            format!("Argument `cwd`: {folder:?} is not an absolute path."),
            "Give an absolute path inside the container, without control characters.",
        ));
    }
    Ok(format!("--workdir={folder}"))
}

/// The variables as the client reads them from a file: one a line, with nothing quoted.
fn env_file(around: &Surroundings) -> Result<String, ToolError> {
    let mut lines = Vec::new();
    for (name, value) in around.variables() {
        if value.contains(['\n', '\r']) {
            return Err(ToolError::value(
                format!(
                    "Argument `env`: the value of `{name}` holds a line break, which the engine's client takes for its end."
                ),
                "Give such text as `stdin`, or in several variables.",
            ));
        }
        lines.push(format!("{name}={value}"));
    }
    Ok(lines.join("\n"))
}
