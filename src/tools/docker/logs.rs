//! `ssh_docker_logs`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::client::{Client, Limits};
use super::secrets;
use crate::model::docker::{ContainerName, DockerTime};
use crate::model::error::{ErrorName, ToolError};
use crate::model::tier::Group;
use crate::toolkit::{Call, EngineKind, Following, LINES_BEFORE, Output, Redact, Spec, Targets, Tool};
use crate::tools::exec::ExecReply;

/// Lines without `tail`.
pub(super) const TAIL: u32 = 50;
/// Bytes of each stream without `max_bytes`.
pub(super) const MAX_BYTES: u64 = 65_536;

/// Log lines, and the one that ended the following.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct LogReply {
    #[serde(flatten)]
    lines: ExecReply,
    #[serde(skip_serializing_if = "Option::is_none")]
    matched: Option<String>,
}

impl LogReply {
    /// Secrets are redacted; of what was not followed only the last lines are left.
    fn of(
        call: &Call,
        client: &Client,
        output: Output,
        matched: Option<String>,
        timed: bool,
        tail: Option<u32>,
    ) -> Result<Self, ToolError> {
        let mut output = if timed {
            secrets::in_log(&client.host, output, behind_a_time)?
        } else {
            secrets::in_output(&client.host, output)?
        };
        if let Some(tail) = tail {
            let are_older = keep_last(&mut output, tail, |_| None);
            tell_older(call, are_older, tail);
        }
        Ok(LogReply { lines: ExecReply::of(&client.host, output), matched })
    }
}

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
    /// seconds of new lines
    #[serde(default)]
    follow: Option<u64>,
    /// regular expression that ends it
    #[serde(default)]
    until_match: Option<String>,
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

/// Says that only the last lines are shown, where there are older ones.
pub(super) fn tell_older(call: &Call, are_there: bool, tail: u32) {
    if are_there {
        call.left_out(format!("what is older than the last {tail} lines"), "`tail` takes up to 10000");
    }
}

/// Keeps the last lines of each source on each stream, once they are redacted; true where older ones went.
pub(super) fn keep_last(
    output: &mut Output,
    tail: u32,
    source: impl for<'t> Fn(&'t str) -> Option<(usize, &'t str)>,
) -> bool {
    let mut went = output.stdout_truncated || output.stderr_truncated;
    for (stream, count) in
        [(&mut output.stdout, &mut output.stdout_bytes), (&mut output.stderr, &mut output.stderr_bytes)]
    {
        let text = String::from_utf8_lossy(stream).into_owned();
        let mut of: BTreeMap<&str, u32> = BTreeMap::new();
        let mut kept: Vec<&str> = text
            .split_inclusive('\n')
            .rev()
            .filter(|line| {
                let seen = of.entry(source(line).map_or("", |(_, name)| name)).or_default();
                *seen += 1;
                *seen <= tail
            })
            .collect();
        kept.reverse();
        let kept = kept.concat();
        if kept.len() < text.len() {
            went = true;
            *count = count.saturating_sub((text.len() - kept.len()) as u64);
            *stream = kept.into_bytes();
        }
    }
    went
}

/// A log of podman's that lies elsewhere than among its own files.
#[derive(Deserialize)]
struct OwnLog {
    of: String,
    log: String,
}

/// Refuses logs that podman was told to keep at a place of its host: it opens them by name, as the engine. Without a container,
/// all of the host's: a project may call its containers what it likes.
pub(super) async fn refuse_own_logs(client: &Client, container: Option<&ContainerName>) -> Result<(), ToolError> {
    match client.engine_kind().await? {
        EngineKind::Docker => return Ok(()),
        EngineKind::PodmanService => {
            return Err(ToolError::new(
                ErrorName::PathRestricted,
                "Docker's client speaks to podman here, and is not told by it where a log lies.",
                "The operator sets `docker_cmd` to podman's own client.",
            ));
        }
        EngineKind::Podman => {}
    }
    let told = client.own_logs(container.map_or("", ContainerName::as_str)).await?;
    let text = told.stdout_text();
    let Some(line) = text.lines().next() else { return Ok(()) };
    let found = line.split_once(' ').and_then(|(_, json)| serde_json::from_str::<OwnLog>(json).ok());
    let OwnLog { of, log } = found.ok_or_else(|| {
        ToolError::new(
            ErrorName::PathRestricted,
            "podman did not say in a known form where its logs lie.",
            "Look at the container with ssh_docker_inspect.",
        )
    })?;
    Err(ToolError::new(
        ErrorName::PathRestricted,
        format!("The log of `{of}` lies at `{log}` on its host, where podman opens whatever has that name."),
        "Read it as a file, as far as its path is allowed.",
    ))
}

/// What `--timestamps` writes in front of a line: a time and a blank.
fn behind_a_time(line: &str) -> Option<(usize, &str)> {
    let (time, _) = line.split_once(' ')?;
    (time.starts_with(|c: char| c.is_ascii_digit()) && time.contains('T')).then_some((time.len() + 1, ""))
}

/// What compose writes in front of a line: the name of a container, in a column, and a bar; podman-compose writes its id.
pub(super) fn behind_a_name(line: &str) -> Option<(usize, &str)> {
    if let Some((id, _)) =
        line.split_once(' ').filter(|(id, _)| id.len() == 12 && id.bytes().all(|b| b.is_ascii_hexdigit()))
    {
        return Some((id.len() + 1, id));
    }
    let (name, _) = line.split_once('|')?;
    let front = name.len() + 1;
    let name = name.trim_end();
    let blank = line.get(front..).is_some_and(|rest| rest.starts_with(' '));
    (!name.is_empty() && !name.contains(char::is_whitespace)).then_some((front + usize::from(blank), name))
}

impl Tool for Logs {
    type Args = Args;
    type Reply = LogReply;
    const SPEC: Spec = Spec::read("ssh_docker_logs", Group::Docker, "Last log lines of a container")
        .found_as("Container logs", "docker logs tail output crash")
        .more("`max_bytes` takes up to 10485760, `tail` fewer lines and `since` a later time");

    fn hosts(args: &Self::Args) -> Targets {
        Targets::host(&args.host)
    }

    async fn run(call: &Call, args: Args) -> Result<LogReply, ToolError> {
        check_bounds(args.tail, args.max_bytes)?;
        let following = Following::of(args.follow, args.until_match.as_deref())?;
        let client = Client::observing(call, &args.host)?;
        let limits = Limits { timeout: None, max_bytes: Some(args.max_bytes) };
        refuse_own_logs(&client, Some(&args.container)).await?;
        // What is followed begins now, unless a time is named.
        let tail = match &following {
            Some(_) if args.since.is_none() => 0,
            Some(_) => args.tail,
            None => args.tail + LINES_BEFORE,
        };
        let mut words = vec!["logs".to_owned(), format!("--tail={tail}")];
        if following.is_some() {
            words.push("--follow".to_owned());
        }
        words.extend(args.since.map(|since| format!("--since={}", since.engine())));
        if args.timestamps {
            words.push("--timestamps".to_owned());
        }
        words.extend(["--".to_owned(), args.container.into()]);
        let words = client.docker(words)?;
        if let Some(following) = &following {
            let redact: Redact = if args.timestamps {
                |redactor, text| redactor.redact_log(text, behind_a_time)
            } else {
                |redactor, text| redactor.redact_text(text)
            };
            let (output, matched) = client.look_on(&words, limits, following, redact).await?;
            return LogReply::of(call, &client, output, matched, args.timestamps, None);
        }
        let output = client.run(&words, limits).await?;
        LogReply::of(call, &client, output, None, args.timestamps, Some(args.tail))
    }
}
