//! `ssh_docker_cp`.

use schemars::JsonSchema;
use serde::Deserialize;

use super::client::{Client, Limits};
use super::mounting::{self, Existing};
use crate::model::docker::ContainerName;
use crate::model::error::{ErrorName, ToolError};
use crate::model::tier::Group;
use crate::toolkit::docker::archive;
use crate::toolkit::docker::seen::Purpose;
use crate::toolkit::{Access, Call, Last, Output, PathArg, Script, Side, Spec, Status, Targets, Tool, Viewer};
use crate::tools::exec::ExecReply;

const COPY_IN: Script = Script::client(concat!(include_str!("sources.sh"), include_str!("cp.sh")));
const COPY_OUT: Script = Script::client(concat!(include_str!("sources.sh"), include_str!("cp_out.sh")));

/// The status of the script for links that were not judged yet.
const UNJUDGED_LINKS: i32 = 85;

/// Most bytes of their list; the script cuts it there.
const LINKS_MAX: usize = 65_536;

/// How often the links may turn out to be others before the call gives up.
const ROUNDS: usize = 3;

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

impl Args {
    fn end(&self) -> String {
        format!("{}:{}", self.container, self.container_path)
    }
}

/// The folder of the kernel's files that a path inside a container begins with, once `.` and `..` are taken out.
fn kernel_folder(inside: &str) -> Option<&str> {
    let mut parts: Vec<&str> = Vec::new();
    for part in inside.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.first().copied().filter(|first| matches!(*first, "proc" | "sys" | "dev"))
}

impl Tool for Cp {
    type Args = Args;
    type Reply = ExecReply;
    const SPEC: Spec = Spec::low_access("ssh_docker_cp", Group::Docker, "Copy between a container and the host")
        .found_as("Copy from or to a container", "docker copy file container");

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
        if let Some(folder) = kernel_folder(inside) {
            return Err(ToolError::value(
                format!("Argument `container_path`: `/{folder}` of a container holds its kernel's files, no copies."),
                "Give a path outside /proc, /sys and /dev.",
            ));
        }
        let client = Client::changing(call, &args.host, args.sudo).await?;
        let limits = Limits { timeout: args.timeout, max_bytes: None };
        let output = match args.direction {
            Direction::FromContainer => copy_out(&client, &args, limits).await?,
            Direction::ToContainer => copy_in(&client, &args, limits).await?,
        };
        Ok(ExecReply::of(&client.host, client.finished(mounting::restored(output))?))
    }
}

/// As the engine's client does it, once every mount that could be meant may be written.
async fn copy_in(client: &Client, args: &Args, limits: Limits) -> Result<Output, ToolError> {
    let path = PathArg::tree(&args.host_path, Last::Follow).named("host_path");
    let mut words = vec![args.end()];
    words.extend(client.docker([""; 0])?);
    client.host.call().journal().words(["to"].into_iter().chain(words.iter().map(String::as_str)));
    let existing = Existing::container(args.container.as_str(), Purpose::CopyIn);
    mounting::run(client, &existing, &[], &[path], &COPY_IN, &words, None, limits).await
}

/// Out of the archive that the engine gives, once every mount that could be meant may be read and every link in the
/// archive may be laid down.
async fn copy_out(client: &Client, args: &Args, limits: Limits) -> Result<Output, ToolError> {
    let host = &client.host;
    let path = PathArg::new(&args.host_path, Access::WriteTree, Last::MayBeNew).named("host_path");
    let engine = client.docker([""; 0])?;
    let end = args.end();
    host.call().journal().words(["from", &end].into_iter().chain(engine.iter().map(String::as_str)));
    // The engine opens the mounts of a container that does not run, and what comes may hold links.
    let existing = Existing { side: Side::Alone, ..Existing::container(args.container.as_str(), Purpose::CopyOut) };
    let mut judged = String::new();
    for _ in 0..ROUNDS {
        let mut words = vec![judged.clone(), end.clone(), name_of(&args.container_path)];
        words.extend(engine.iter().cloned());
        let output = mounting::run(client, &existing, &[], &[path], &COPY_OUT, &words, None, limits).await?;
        if output.status != Status::Exit(UNJUDGED_LINKS) {
            return Ok(output);
        }
        if output.stdout_truncated || output.stdout.len() >= LINKS_MAX {
            return Err(ToolError::value(
                "What would be copied out holds too many links to be judged.",
                "Copy a part of it, or pack it into one file inside the container.",
            ));
        }
        output.stdout_text().trim_end().clone_into(&mut judged);
        let viewer = if client.is_root() { Viewer::Root } else { Viewer::Login };
        let rules = host.entry().paths.rules(viewer);
        archive::judge(&judged, &|target| rules.judge(target, Access::Read).map(drop))?;
    }
    Err(ToolError::new(
        ErrorName::RuntimeError,
        "What would be copied kept changing while it was judged. Nothing was done.",
        "Call again once nothing writes it.",
    ))
}

/// The name that a copy has inside of a folder; nothing where only the content of a folder is meant.
fn name_of(inside: &str) -> String {
    if matches!(inside, "/" | ".") || inside.ends_with("/.") {
        return String::new();
    }
    inside.trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_owned()
}
