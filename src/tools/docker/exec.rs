//! `ssh_docker_exec`.

use schemars::JsonSchema;
use serde::Deserialize;

use super::client::{Client, Limits};
use super::inner::{self, Mark};
use crate::model::docker::ContainerName;
use crate::model::error::ToolError;
use crate::model::tier::Group;
use crate::toolkit::{Call, Spec, Targets, Tool};
use crate::tools::exec::ExecReply;

/// What an exec starts, in messages.
const INSIDE: &str = "The process inside the container";

/// Runs a command inside a container.
#[derive(Debug)]
pub struct Exec;

/// Arguments.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
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
        let mut words = vec!["exec".to_owned()];
        if args.interactive {
            words.push("-i".to_owned());
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
        let ran = client.run(&client.docker(words)?, limits).await;
        if !inner::was_cut(&ran) {
            return Ok(ExecReply::of(&client.host, ran?));
        }
        let found = inner::stop_exec(&client, args.container.as_str(), &mark).await;
        let output = ran.map_err(|error| inner::cancelled(error, INSIDE, found))?;
        Ok(ExecReply::of(&client.host, output).elsewhere(found, &inner::sentence(INSIDE, found)))
    }
}
