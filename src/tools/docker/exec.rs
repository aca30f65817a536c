//! `ssh_docker_exec`.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::client::{Client, Limits};
use crate::model::docker::ContainerName;
use crate::model::error::ToolError;
use crate::model::tier::Group;
use crate::toolkit::{Call, Spec, Targets, Tool};
use crate::tools::exec::{ExecReply, exec_text};

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
    const SPEC: Spec = Spec::dangerous("ssh_docker_exec", Group::Docker, "Run a command inside a container");

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
        words.extend(["--".to_owned(), args.container.into()]);
        match command.argv() {
            // Under a restricted list the words of one process go to the engine; no shell reads them again.
            Some(argv) => words.extend(argv.words().iter().cloned()),
            None => words.extend(["sh".to_owned(), "-c".to_owned(), args.command]),
        }
        let limits = Limits { timeout: args.timeout, max_bytes: None };
        let output = client.run(&client.docker(words)?, limits).await?;
        let reply = ExecReply::of(&client.host, output);
        if reply.timed_out {
            call.warn("The docker client was stopped; a process inside the container may still run (ssh_docker_top).");
        }
        Ok(reply)
    }

    fn text(answer: &Value) -> String {
        exec_text(answer)
    }
}
