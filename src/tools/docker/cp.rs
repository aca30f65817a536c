//! `ssh_docker_cp`.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::client::{Client, Limits};
use crate::model::docker::ContainerName;
use crate::model::error::ToolError;
use crate::model::tier::Group;
use crate::toolkit::{Access, Call, Last, PathArg, Script, Spec, Targets, Tool};
use crate::tools::exec::{ExecReply, exec_text};

const CP: Script = Script::new(include_str!("cp.sh"));

/// Longest path inside a container, in bytes (`PATH_MAX` on Linux).
const CONTAINER_PATH_MAX: usize = 4096;

/// Copies between a container and the host.
#[derive(Debug)]
pub struct Cp;

/// Which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Direction {
    FromContainer,
    ToContainer,
}

/// Arguments.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    /// host alias
    host: String,
    /// name or id
    container: ContainerName,
    /// path inside it
    container_path: String,
    /// absolute path on the host
    host_path: String,
    /// which way
    direction: Direction,
    /// seconds
    #[serde(default)]
    timeout: Option<u64>,
    /// as root on the host, for docker
    #[serde(default)]
    sudo: bool,
}

impl Tool for Cp {
    type Args = Args;
    type Reply = ExecReply;
    const SPEC: Spec = Spec::low_access("ssh_docker_cp", Group::Docker, "Copy between a container and the host");

    fn hosts(args: &Self::Args) -> Targets {
        Targets::host(&args.host).sudo(args.sudo)
    }

    async fn run(call: &Call, args: Args) -> Result<ExecReply, ToolError> {
        let inside = &args.container_path;
        if inside.is_empty() || inside.len() > CONTAINER_PATH_MAX || inside.chars().any(char::is_control) {
            return Err(ToolError::value(
                format!(
                    "Argument `container_path`: {:?} is no usable path.",
                    inside.chars().take(80).collect::<String>()
                ),
                "Give a path inside the container without control characters, at most 4096 bytes long.",
            ));
        }
        let client = Client::changing(call, &args.host, args.sudo).await?;
        let end = format!("{}:{inside}", args.container);
        let (direction, access, last) = match args.direction {
            Direction::FromContainer => ("from", Access::WriteTree, Last::MayBeNew),
            Direction::ToContainer => ("to", Access::ReadTree, Last::Follow),
        };
        let path = PathArg::new(&args.host_path, access, last).named("host_path");
        let mut words = vec![direction.to_owned(), end];
        words.extend(client.docker([""; 0])?);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let limits = Limits { timeout: args.timeout, max_bytes: None };
        client.host.call().journal().words(&words);
        let done = client.on_paths(&[path], |_| Ok(()), &CP, &words, None, limits).await?;
        Ok(ExecReply::of(&client.host, client.finished(done.output)?))
    }

    fn text(answer: &Value) -> String {
        exec_text(answer)
    }
}
