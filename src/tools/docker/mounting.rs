//! Runs that show paths of the host to containers: the path policy judges each path, the host verifies it, and the
//! rules for host sources are asked again with the name that the host gives it.
//!
//! What containers and volumes that exist already show is asked of the engine by the script that acts. Where that is
//! nothing, or what was judged before, it goes on in the same round trip; otherwise it answers with it and has done nothing.
//!
//! The engine opens the path by name afterwards. So the call has its turn on the host meanwhile, in which no tool puts
//! something else under a name; another account that may change folders on the way is not kept out.

use std::sync::Arc;
use std::time::Duration;

use super::client::{Client, Limits};
use super::inner::{self, Mark};
use crate::model::error::{ErrorName, ToolError};
use crate::model::quote::Argv;
use crate::toolkit::docker::seen::{self, Purpose, Seen};
use crate::toolkit::docker::{BindRoots, Escalation, HostSource, check_host_source};
use crate::toolkit::{
    Access, AllowedPath, Call, Last, OnPaths, Output, PathArg, Script, Side, Status, Turn, Viewer, turns,
};

/// Runs the engine's client.
pub(super) const RUN: Script =
    Script::client(concat!(include_str!("engine_kind.sh"), include_str!("sources.sh"), include_str!("run.sh")));

/// The status of the scripts for mounts that were not judged yet.
const UNJUDGED: i32 = 84;
/// The status of the scripts for a host source that is a socket.
const SOCKET: i32 = 95;
/// The status of the scripts for a client's status that the path check uses itself; the true one is on the last
/// line of standard error.
const TAKEN: i32 = 98;
/// Longest time for which a container that stops is waited for, in seconds: one hour, as the tools' own.
const STOP_MAX: u64 = 3600;
/// How often the mounts may turn out to be others before the call gives up.
const ROUNDS: usize = 4;

/// Whether the operator has switched the escalation rules off.
pub(super) fn mode(call: &Call) -> Escalation {
    if call.settings().allow_docker_privileged { Escalation::Allowed } else { Escalation::Refused }
}

/// The containers and volumes that a run touches and that may exist already. Names without blanks.
#[derive(Debug, Clone)]
pub(super) struct Existing {
    /// What is done with them.
    pub purpose: Purpose,
    /// Containers.
    pub containers: Vec<String>,
    /// Containers that may be missing.
    pub others: Vec<String>,
    /// Volumes.
    pub volumes: Vec<String>,
    /// Volumes whose names are these, or end in these behind a `_`.
    pub volume_ends: Vec<String>,
    /// The folder and the name of a compose project, whose containers are meant.
    pub project: Option<(String, String)>,
    /// What the run does to names of the host.
    pub side: Side,
    /// How long the engine may go on with a run whose client was stopped.
    pub goes_on: Duration,
    /// The mark of a new container. Once it runs it has opened what it mounts, and may run for long.
    pub mark: Option<Mark>,
}

impl Existing {
    /// Only volumes, about to be mounted.
    pub(super) fn volumes(volumes: Vec<String>) -> Self {
        Existing {
            purpose: Purpose::Start,
            containers: Vec::new(),
            others: Vec::new(),
            volumes,
            volume_ends: Vec::new(),
            project: None,
            side: Side::Mounts,
            goes_on: turns::CUT_FOR,
            mark: None,
        }
    }

    /// One container.
    pub(super) fn container(name: &str, purpose: Purpose) -> Self {
        Existing { purpose, containers: vec![name.to_owned()], ..Existing::volumes(Vec::new()) }
    }

    /// The parameters of `sources.sh`, behind what was judged.
    fn words(&self, client: &Client) -> Result<Vec<String>, ToolError> {
        let engine = Argv::from_words(client.docker([""; 0])?).map(|words| words.to_shell()).unwrap_or_default();
        let (folder, name) = self.project.clone().unwrap_or_default();
        let purpose = if self.purpose == Purpose::Start { "start" } else { "copy" };
        let lists = [&self.containers, &self.others, &self.volumes, &self.volume_ends].map(|list| list.join(" "));
        let [containers, others, volumes, ends] = lists;
        Ok(vec![engine, purpose.to_owned(), containers, others, volumes, ends, folder, name])
    }
}

/// Runs a script on verified host sources: its parameters are the sources, the paths of `more`, `--`, those of
/// `sources.sh`, with which it begins, and `words`. It starts in the folder of the last of `more`, with `data` on its
/// standard input. The output has the script's own status; [`restored`] gives the client's.
#[allow(clippy::too_many_arguments)] // What runs, on what, and how much it may take.
pub(super) async fn run(
    client: &Client,
    existing: &Existing,
    sources: &[HostSource],
    more: &[PathArg<'_>],
    script: &Script,
    words: &[String],
    data: Option<Arc<[u8]>>,
    limits: Limits,
) -> Result<Output, ToolError> {
    let mut turn = None;
    let done = in_turn(client, existing, sources, more, script, words, data, limits, &mut turn).await;
    let is_cut = match &done {
        Ok(output) => matches!(output.status, Status::TimedOut(_)),
        done => turns::may_go_on(done),
    };
    if !is_cut {
        turn.into_iter().for_each(Turn::over);
    }
    done
}

#[allow(clippy::too_many_arguments)] // Those of `run`.
async fn in_turn(
    client: &Client,
    existing: &Existing,
    sources: &[HostSource],
    more: &[PathArg<'_>],
    script: &Script,
    words: &[String],
    data: Option<Arc<[u8]>>,
    limits: Limits,
    turn: &mut Option<Turn>,
) -> Result<Output, ToolError> {
    let mode = mode(client.host.call());
    let roots = BindRoots::new(&client.host.effective().docker_bind_allowlist);
    let own = existing.words(client)?;
    let mut judged = String::new();
    let mut seen = Seen::default();
    for _ in 0..ROUNDS {
        let all: Vec<HostSource> = sources.iter().chain(&seen.sources).cloned().collect();
        let mut paths: Vec<PathArg<'_>> = sources.iter().map(|source| argument(source, Purpose::Start)).collect();
        paths.extend(
            seen.sources.iter().map(|source| argument(source, existing.purpose).named("container (its mount)")),
        );
        paths.extend_from_slice(more);
        let check = |allowed: &[AllowedPath]| match mode {
            Escalation::Allowed => Ok(()),
            Escalation::Refused => allowed.iter().zip(&all).try_for_each(|(path, source)| {
                let source = HostSource { path: path.path().clone(), ..source.clone() };
                check_host_source(&source)?;
                roots.check(&source)
            }),
        };
        let mut args = vec!["--", judged.as_str()];
        args.extend(own.iter().map(String::as_str));
        args.extend(words.iter().map(String::as_str));
        let names_nothing = paths.is_empty() && existing.volumes.is_empty() && existing.volume_ends.is_empty();
        if turn.is_none() && !names_nothing {
            *turn = Some(client.host.turn(existing.side).await?);
        }
        let goes_on = existing.goes_on + Duration::from_secs(seen.stop_seconds.min(STOP_MAX));
        *turn = turn.take().map(|turn| turn.lingering(goes_on));
        let run = client.on_paths(&paths, check, script, &args, data.clone(), limits);
        let output = until_started(client, existing, turn, run).await?.output;
        match output.status {
            Status::Exit(SOCKET) => {
                let stderr = output.stderr_text();
                let Some(path) = stderr.strip_prefix("ssh-mcp: socket ") else { return Ok(output) };
                let path = path.trim_end();
                return Err(ToolError::value(
                    format!("The host path `{path}` is a socket, which gives a container its server's rights."),
                    "Mount a folder or file that holds data.",
                ));
            }
            Status::Exit(UNJUDGED) if !output.stdout_truncated => {
                output.stdout_text().trim_end().clone_into(&mut judged);
                seen = seen::read(&judged, existing.purpose, mode)?;
                let viewer = if client.is_root() { Viewer::Root } else { Viewer::Login };
                let rules = client.host.entry().paths.rules(viewer);
                seen.storage.iter().try_for_each(|place| rules.closed(place))?;
            }
            Status::Exit(UNJUDGED) => {
                return Err(ToolError::value(
                    "The mounts of these containers are too many to be judged.",
                    "Act on fewer containers, or raise SSH_STDOUT_CAP_BYTES.",
                ));
            }
            _ => return Ok(output),
        }
    }
    Err(ToolError::new(
        ErrorName::RuntimeError,
        "The mounts kept changing while they were judged. Nothing was done.",
        "Call again when the containers no longer change.",
    ))
}

/// Gives the turn back as soon as a new container runs.
async fn until_started(
    client: &Client,
    existing: &Existing,
    turn: &mut Option<Turn>,
    run: impl Future<Output = Result<OnPaths, ToolError>>,
) -> Result<OnPaths, ToolError> {
    let (Some(mark), true) = (&existing.mark, turn.is_some()) else { return run.await };
    let mut run = Box::pin(run);
    tokio::select! {
        biased;
        done = &mut run => return done,
        () = inner::started(client, mark) => turn.take().into_iter().for_each(Turn::over),
    }
    run.await
}

fn argument(source: &HostSource, purpose: Purpose) -> PathArg<'_> {
    let path = source.path.as_str();
    let argument = match purpose {
        Purpose::CopyIn => PathArg::new(path, Access::WriteTree, Last::MayBeNew),
        Purpose::Start | Purpose::CopyOut => PathArg::tree(path, Last::MayBeNew),
    };
    argument.named("volumes").carried()
}

/// The output with the client's own status, where the scripts had to give another one.
pub(super) fn restored(mut output: Output) -> Output {
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

#[cfg(test)]
mod tests {
    use std::process::Command;

    /// What the host's script makes of one container of which the engine says this.
    fn looked(host: &str) -> (Option<i32>, String) {
        let folder = tempfile::tempdir().unwrap();
        let engine = folder.path().join("engine");
        std::fs::write(&engine, format!("cat <<'end'\nh {{\"of\":\"/w\",\"host\":{host}}}\nend\n")).unwrap();
        let script = concat!(include_str!("engine_kind.sh"), include_str!("sources.sh"), "look\n");
        let engine = format!("sh {}", engine.to_str().unwrap());
        let ran = Command::new("sh")
            .args(["-c", script, "sh", "--", "", &engine, "start", "w", "", "", "", "", ""])
            .output()
            .unwrap();
        (ran.status.code(), String::from_utf8(ran.stdout).unwrap())
    }

    #[test]
    fn the_host_answers_with_every_right_that_may_be_refused() {
        let has_own_cgroups = std::path::Path::new("/sys/fs/cgroup/cgroup.controllers").exists();
        let plain = r#"{"CgroupnsMode":"private","OomScoreAdj":0,"MaskedPaths":["/proc/kcore"],"ReadonlyPaths":null,"Runtime":"runc","Ulimits":[{"Name":"nofile"}]}"#;
        for (host, is_news) in [
            (plain, false),
            (r#"{"Privileged":true}"#, true),
            (r#"{"MaskedPaths":[],"ReadonlyPaths":["/proc/sys"]}"#, true),
            (r#"{"MaskedPaths":null,"ReadonlyPaths":[]}"#, true),
            (r#"{"OomScoreAdj":-900}"#, true),
            (r#"{"Ulimits":[{"Name":"rtprio","Hard":99,"Soft":99}]}"#, true),
            (r#"{"CgroupnsMode":"host"}"#, has_own_cgroups),
            (r#"{"CgroupMode":"host"}"#, has_own_cgroups),
        ] {
            let (status, said) = looked(host);
            let expected = if is_news {
                (Some(super::UNJUDGED), format!("h {{\"of\":\"/w\",\"host\":{host}}}\n"))
            } else {
                (Some(0), String::new())
            };
            assert_eq!((status, said), expected, "{host}");
        }
    }
}
