//! `ssh_batch`.

use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::model::char_boundary::floor_char_boundary;
use crate::model::error::ToolError;
use crate::model::tier::Group;
use crate::toolkit::other_tools::Ended;
use crate::toolkit::{Call, Spec, Targets, Tool};

/// Many looks in one call.
#[derive(Debug)]
pub(super) struct Batch;

/// Most calls of one batch.
const CALLS_MAX: usize = 20;

/// Longest time limit, in seconds: a day.
const TIMEOUT_MAX: u64 = 86_400;

/// Bytes of the answer beside the entries.
const AROUND: usize = 500;

/// Bytes of an entry beside its result: number, tool, host and verdict, in the larger of the two forms.
const ENTRY: usize = 120;

/// Least room for what an error says, in bytes.
const ERROR_MIN: usize = 240;

/// Arguments.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    /// 1 to 20
    calls: Vec<One>,
    /// all at once, not in order
    #[serde(default)]
    parallel: bool,
    /// begin no more after a failed one
    #[serde(default)]
    stop_on_error: bool,
    /// seconds for all, default 60
    #[serde(default)]
    timeout: Option<u64>,
}

// One call. No text of documentation: the schema would carry it.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct One {
    /// a read-only tool
    tool: String,
    /// as for the tool alone
    #[serde(default)]
    #[schemars(extend("properties" = {"host": {"type": "string"}}))]
    arguments: Map<String, Value>,
}

/// How one call ended.
#[derive(Debug, Serialize, JsonSchema)]
struct Done {
    call: usize,
    tool: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<String>,
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_detail: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Value>,
}

/// How all ended.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Reply {
    succeeded: usize,
    failed: usize,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    not_run: Vec<usize>,
    timed_out: bool,
    results: Vec<Done>,
    elapsed_ms: u64,
    output_warnings: Vec<String>,
}

impl Tool for Batch {
    type Args = Args;
    type Reply = Reply;
    const SPEC: Spec =
        Spec::read("ssh_batch", Group::Host, "Make up to 20 read-only calls at once, on one or several hosts")
            .found_as("Many looks in one call", "several tools together parallel compare hosts overview");
    const FORMED: &'static [&'static str] = &["results"];

    fn hosts(args: &Self::Args) -> Targets {
        Targets::calls(args.calls.iter().map(|one| (one.tool.clone(), one.arguments.clone())).collect())
    }

    async fn run(call: &Call, args: Args) -> Result<Reply, ToolError> {
        let limit = limit(call, &args)?;
        refuse(call, &args.calls)?;
        let began = Instant::now();
        let stop = call.cancel().child_token();
        let total = args.calls.len();
        let mut ended: Vec<Option<Ended>> = Vec::new();
        ended.resize_with(total, || None);
        let run = async {
            if args.parallel {
                side_by_side(call, &args, &stop, &mut ended).await;
            } else {
                in_order(call, &args, &stop, &mut ended).await;
            }
        };
        let timed_out = within(limit, run, &stop).await;
        call.alive()?;
        let not_run = (1..=total).filter(|n| ended.get(n - 1).is_none_or(Option::is_none)).collect();
        let ran = ended.into_iter().enumerate().filter_map(|(n, one)| Some((n, one?)));
        let (numbers, mut ended): (Vec<usize>, Vec<Ended>) = ran.unzip();
        let room = fit(call, &mut ended);
        let entry = |(n, one): (usize, Ended)| done(&args.calls, n, one, room);
        let results: Vec<Done> = numbers.into_iter().zip(ended).filter_map(entry).collect();
        Ok(Reply {
            succeeded: results.iter().filter(|one| one.ok).count(),
            failed: results.iter().filter(|one| !one.ok).count(),
            not_run,
            timed_out,
            results,
            elapsed_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
            output_warnings: Vec::new(),
        })
    }
}

fn limit(call: &Call, args: &Args) -> Result<Duration, ToolError> {
    if args.calls.is_empty() || args.calls.len() > CALLS_MAX {
        return Err(ToolError::value(
            format!("Argument `calls`: {} calls.", args.calls.len()),
            format!("Give 1 to {CALLS_MAX}, each with its `tool` and `arguments`."),
        ));
    }
    match args.timeout {
        None => Ok(call.settings().ssh_command_timeout),
        Some(seconds @ 1..=TIMEOUT_MAX) => Ok(Duration::from_secs(seconds)),
        Some(seconds) => Err(ToolError::value(
            format!("Argument `timeout`: {seconds} is out of range."),
            format!("Give 1 to {TIMEOUT_MAX} seconds, or leave it out."),
        )),
    }
}

/// One error that names every call that can never be made so; then nothing is run.
fn refuse(call: &Call, calls: &[One]) -> Result<(), ToolError> {
    let faults: Vec<String> = calls
        .iter()
        .enumerate()
        .filter_map(|(n, one)| {
            let why = call.tools().refuses(call, &one.tool, &one.arguments)?;
            let tool: String = one.tool.chars().take(64).collect();
            Some(format!("call {} ({tool}): {why}", n + 1))
        })
        .collect();
    if faults.is_empty() {
        return Ok(());
    }
    Err(ToolError::value(
        format!("Nothing was run. {}.", faults.join("; ")),
        "Leave these out; a batch takes tools that are read-only by their hint.",
    ))
}

/// Runs until the limit. Then what still runs is stopped, and its end awaited. True where the limit was reached.
async fn within(limit: Duration, run: impl Future<Output = ()>, stop: &CancellationToken) -> bool {
    let mut run = std::pin::pin!(run);
    tokio::select! {
        () = &mut run => false,
        () = tokio::time::sleep(limit) => {
            stop.cancel();
            run.await;
            true
        }
    }
}

async fn in_order(call: &Call, args: &Args, stop: &CancellationToken, ended: &mut [Option<Ended>]) {
    let room = room(call, args);
    let total = args.calls.len() as u64;
    for (n, (one, slot)) in args.calls.iter().zip(ended).enumerate() {
        if stop.is_cancelled() {
            return;
        }
        let done = make(call, one.clone(), room, stop.clone()).await;
        tell(call, n as u64 + 1, total, &one.tool, &done);
        let failed = done.answer.is_err();
        *slot = Some(done);
        if failed && args.stop_on_error {
            return;
        }
    }
}

async fn side_by_side(call: &Call, args: &Args, stop: &CancellationToken, ended: &mut [Option<Ended>]) {
    let room = room(call, args);
    let mut running = JoinSet::new();
    for (n, one) in args.calls.iter().enumerate() {
        let (call, one, stop) = (call.clone(), one.clone(), stop.clone());
        running.spawn(async move { (n, make(&call, one, room, stop).await) });
    }
    let (mut count, total) = (0, args.calls.len() as u64);
    while let Some(joined) = running.join_next().await {
        let Ok((n, done)) = joined else { continue };
        count += 1;
        tell(call, count, total, args.calls.get(n).map_or("", |one| &one.tool), &done);
        if done.answer.is_err() && args.stop_on_error {
            stop.cancel();
        }
        if let Some(slot) = ended.get_mut(n) {
            *slot = Some(done);
        }
    }
}

fn room(call: &Call, args: &Args) -> usize {
    let tools: Vec<&str> = args.calls.iter().map(|one| one.tool.as_str()).collect();
    call.tools().room(call, &tools)
}

async fn make(call: &Call, one: One, room: usize, stop: CancellationToken) -> Ended {
    call.tools().make(call.clone(), one.tool, one.arguments, room, stop).await
}

fn tell(call: &Call, count: u64, total: u64, tool: &str, done: &Ended) {
    let end = done.answer.as_ref().err().map_or("ok", |(name, _)| name);
    let on = done.hosts.first().map(|host| format!(" on {host}")).unwrap_or_default();
    call.progress_of(count, Some(total), &format!("{tool}{on}: {end}"));
}

/// Brings the answers into the room of the batch; the value is the room for what each error says.
fn fit(call: &Call, ended: &mut [Ended]) -> usize {
    let room = call.answer_bytes().saturating_sub(AROUND + ended.len() * ENTRY);
    let error = (room / ended.len().max(1)).max(ERROR_MIN);
    let errors: usize =
        ended.iter().filter_map(|one| one.answer.as_ref().err()).map(|(_, said)| said.len().min(error)).sum();
    call.tools().fit(call, ended, room.saturating_sub(errors));
    error
}

fn done(calls: &[One], n: usize, one: Ended, error_room: usize) -> Option<Done> {
    let host = (!one.hosts.is_empty()).then(|| one.hosts.join(", "));
    let tool = calls.get(n)?.tool.clone();
    let (ok, error, error_detail, result) = match one.answer {
        Ok(result) => (true, None, None, Some(result)),
        Err((name, said)) => {
            let what = said.strip_prefix(&format!("{name}: ")).unwrap_or(&said);
            (false, Some(name), Some(shortened(what, error_room)), None)
        }
    };
    Some(Done { call: n + 1, tool, host, ok, error, error_detail, result })
}

fn shortened(text: &str, room: usize) -> String {
    if text.len() <= room {
        return text.to_owned();
    }
    format!("{}...", text.get(..floor_char_boundary(text, room)).unwrap_or_default())
}
