//! Runs that show paths of the host to containers: the path policy judges each path, the host verifies it, and the
//! rules for host sources are asked again with the name that the host gives it.
//!
//! The engine opens the path by name afterwards. Whoever may change folders on the way could still lead it
//! elsewhere in between; no client of the engine can close that gap.

use std::sync::Arc;

use super::client::{Client, Limits};
use crate::model::error::ToolError;
use crate::toolkit::docker::{Escalation, HostSource, check_host_source};
use crate::toolkit::{Access, AllowedPath, Call, Last, Output, PathArg, Script, Status};

/// The status of the scripts for a host source that is a socket.
const SOCKET: i32 = 95;
/// The status of the scripts for a client's status that the path check uses itself; the true one is on the last
/// line of standard error.
const TAKEN: i32 = 98;

/// Whether the operator has switched the escalation rules off.
pub fn mode(call: &Call) -> Escalation {
    if call.settings().allow_docker_privileged { Escalation::Allowed } else { Escalation::Refused }
}

/// Runs a script on verified host sources: its parameters are the sources, the paths of `more`, `--`, and `words`.
/// It starts in the folder of the last of `more`, with `data` on its standard input. The output has the script's own
/// status; [`restored`] gives the client's.
pub async fn run(
    client: &Client,
    sources: &[HostSource],
    more: &[PathArg<'_>],
    script: &Script,
    words: &[String],
    data: Option<Arc<[u8]>>,
    limits: Limits,
) -> Result<Output, ToolError> {
    let mode = mode(client.host.call());
    let mut paths: Vec<PathArg<'_>> = sources
        .iter()
        .map(|source| PathArg::new(source.path.as_str(), Access::ReadTree, Last::MayBeNew).named("volumes"))
        .collect();
    paths.extend_from_slice(more);
    let check = |allowed: &[AllowedPath]| match mode {
        Escalation::Allowed => Ok(()),
        Escalation::Refused => allowed.iter().zip(sources).try_for_each(|(path, source)| {
            check_host_source(&HostSource { path: path.path().clone(), ..source.clone() })
        }),
    };
    let mut args = vec!["--"];
    args.extend(words.iter().map(String::as_str));
    let done = client.on_paths(&paths, check, script, &args, data, limits).await?;
    let stderr = done.output.stderr_text();
    if let (Status::Exit(SOCKET), Some(path)) = (&done.output.status, stderr.strip_prefix("ssh-mcp: socket ")) {
        return Err(ToolError::value(
            format!("The host path `{}` is a socket, which gives a container its server's rights.", path.trim_end()),
            "Mount a folder or file that holds data.",
        ));
    }
    Ok(done.output)
}

/// The output with the client's own status, where the scripts had to give another one.
pub fn restored(mut output: Output) -> Output {
    let stderr = output.stderr_text();
    if output.status == Status::Exit(TAKEN)
        && let Some((before, status)) = stderr.trim_end().rsplit_once("ssh-mcp: status ")
        && let Ok(status) = status.parse()
    {
        output.stderr = before.as_bytes().to_vec();
        output.stderr_bytes = output.stderr_bytes.saturating_sub((stderr.len() - before.len()) as u64);
        output.status = Status::Exit(status);
    }
    output
}
