//! One call, start to end: gate, journal, run, clean, record, answer. Every way to a tool comes through here.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use super::answer;
use super::backend::{CallContext, ToolAnswer, UnknownTool};
use super::masked_arguments::mask_arguments;
use super::tool_backend::ToolBackend;
use crate::audit::Notes;
use crate::audit::Opening;
use crate::hooks::{Context, Event};
use crate::model::char_boundary::floor_char_boundary;
use crate::model::error::{ErrorName, ToolError};
use crate::model::tier::{Group, Tier};
use crate::redact::clean::{self, Limits, clean_json};
use crate::telemetry::{Parent, Span, carry, meters};
use crate::toolkit::call::{Around, Call, cancelled};
use crate::toolkit::state::ServerState;
use crate::toolkit::state::host_paths::Viewer;
use crate::toolkit::state::kept_outputs::{Cut, Keeping};
use crate::toolkit::state::snapshot::Snapshot;
use crate::toolkit::targets::{Target, Targets};
use crate::toolkit::tool::{Decoded, Entry};
use crate::toolkit::turns::{self, Turn};

/// Longest text of an error, in bytes: it may quote remote output.
const ERROR_MAX: usize = 4096;

/// After a cancelled call the remote stop is reported within this time; a call that takes longer is a defect.
const CANCEL_WAIT: Duration = Duration::from_secs(10);

/// Carries out one call.
pub(crate) async fn call(
    backend: &ToolBackend,
    name: &str,
    args: Map<String, Value>,
    cx: CallContext,
) -> Result<ToolAnswer, UnknownTool> {
    let state = backend.state();
    let Some(entry) = backend.entry(name) else {
        record_unknown(state, name);
        return Err(UnknownTool);
    };
    let snapshot = state.snapshot();
    let spec = entry.spec;
    // Decoding touches nothing but the arguments, so it comes first: what it says of the call's hosts is what the
    // audit, the gates and the observers are told.
    let args = entry.forgive(args);
    let shown = state.hooks.want_arguments().then(|| args.clone());
    let decoded = entry.decode(args);
    let targets = decoded.as_ref().map(|decoded| decoded.targets.clone()).unwrap_or_default();
    let hosts = hosts_of(backend, &targets, &snapshot);
    let names: Vec<String> = hosts.iter().map(|host| host.name.clone()).collect();
    let opening = Opening { tool: spec.name.to_owned(), tier: Some(spec.tier), hosts: names.clone() };
    let journal = state.audit.journal(opening);
    // A hidden tool is unknown to the caller; the operator still sees that it was tried.
    if let Err(closed) = snapshot.visibility.allows(spec.tier, spec.group, spec.name) {
        journal.close(Err(&closed));
        return Err(UnknownTool);
    }
    let notes = journal.notes();
    if let Some(batch) = &cx.batch {
        notes.batch(batch);
    }
    let parent = Parent {
        traceparent: cx.trace.traceparent.as_deref(),
        tracestate: cx.trace.tracestate.as_deref(),
        baggage: cx.trace.baggage.as_deref(),
    };
    let span = Span::call(spec.name, spec.tier, spec.group, journal.correlation_id(), parent);
    let mut facts = Context::of_call(Event::PreToolCall, spec.name, spec.group, spec.tier, journal.correlation_id())
        .as_root(targets.asks_root())
        .through(hosts.iter().flat_map(|host| host.hops.clone()))
        .on(hosts.into_iter().map(|host| host.names));
    if let (Some(shown), Ok(_)) = (shown, &decoded) {
        let listed = is_listed(&snapshot, &names, &shown);
        facts.arguments = mask_arguments(state, shown, listed);
    }
    state.hooks.observe(&facts);
    let cancel = cx.cancel.clone();
    let budget = cx.answer_bytes.unwrap_or_else(|| {
        answer::client::max_bytes(snapshot.config.settings.ssh_answer_max_bytes, cx.client.as_ref())
    });
    let room = if cx.batch.is_some() { usize::MAX } else { budget };
    let around = Around {
        progress: cx.progress.clone(),
        answer_bytes: budget,
        hosts: names.clone(),
        tools: Arc::new(backend.clone()),
    };
    let call = Call::new(state.clone(), snapshot, spec, notes.clone(), cancel.clone(), around);
    let result = span
        .scope(async {
            let decoded = decoded?;
            admit(state, spec.tier, facts.clone().at(Event::Gate), &notes).await?;
            in_turn(decoded, &call, &names).await
        })
        .await;
    let id = journal.correlation_id().to_owned();
    let result =
        result.map(|answer| finish(entry, &call, answer, room, &id, names)).map_err(|error| clean_error(&call, &error));
    let receipt = journal.close(result.as_ref().map(|_| ()));
    let took = Duration::from_millis(receipt.duration_ms());
    meters::call_ended(spec.name, spec.tier, receipt.error(), took);
    if let Some(error) = receipt.error() {
        span.failed(error);
    }
    drop(span);
    state.hooks.observe(&facts.at(Event::PostToolCall).ended(receipt.error(), receipt.duration_ms()));
    let mut meta = Map::new();
    meta.insert("correlation_id".into(), Value::String(receipt.correlation_id().to_owned()));
    let body = match result {
        Ok((text, structured)) => ToolAnswer { is_error: false, text, structured: Some(structured), meta },
        Err(error) => {
            meta.insert("error".into(), Value::String(error.name.as_str().to_owned()));
            ToolAnswer { is_error: true, text: error.to_string(), structured: None, meta }
        }
    };
    // Only a receipt makes an answer: nothing leaves unrecorded.
    let (_, answer) = receipt.seal(body).into_parts();
    Ok(answer)
}

/// True where the path of a call is redact-listed on one of its hosts, as it is written.
fn is_listed(snapshot: &Snapshot, hosts: &[String], args: &Map<String, Value>) -> bool {
    let Some(path) = args.get("path").and_then(Value::as_str) else { return false };
    let entries = hosts.iter().filter_map(|host| snapshot.resolve(host).ok());
    entries.into_iter().any(|entry| entry.paths.rules(Viewer::Login).redact_lists(path))
}

/// The hosts that a call is about, those of the calls that it makes included. A call within a call within a call is refused,
/// so it leads nowhere.
pub(super) fn hosts_of(backend: &ToolBackend, targets: &Targets, snapshot: &Snapshot) -> Vec<Target> {
    let mut hosts = targets.resolve(backend.state(), snapshot);
    for (tool, args) in targets.inner_calls() {
        let decoded = backend.entry(tool).and_then(|entry| entry.decode(args.clone()).ok());
        for host in decoded.into_iter().flat_map(|inner| inner.targets.resolve(backend.state(), snapshot)) {
            if !hosts.contains(&host) {
                hosts.push(host);
            }
        }
    }
    hosts
}

/// A call of a tool that does not exist leaves a line too: it may be somebody who looks for a way in.
fn record_unknown(state: &ServerState, name: &str) {
    let journal = state.audit.journal(Opening { tool: name.to_owned(), tier: None, hosts: Vec::new() });
    journal.close(Err(&ToolError::value("There is no tool of this name.", "Call a tool of tools/list.")));
}

/// What stands between a well-formed call and its tool: a working audit, and the operator's gates.
async fn admit(state: &Arc<ServerState>, tier: Tier, facts: Context, notes: &Notes) -> Result<(), ToolError> {
    state.audit.admit(tier)?;
    state.hooks.gates(&facts).await.map_err(|refusal| {
        notes.gate(refusal.gate);
        refusal.error
    })
}

/// Runs the tool. One that may put another object under a name waits until nothing on its hosts opens names that were
/// judged.
async fn in_turn(decoded: Decoded, call: &Call, hosts: &[String]) -> Result<Value, ToolError> {
    let mut turns = Vec::new();
    if let Some(side) = call.spec().turn {
        for host in hosts.iter().filter_map(|host| call.look(host).ok()) {
            turns.push(host.turn(side).await?);
        }
    }
    let done = run(decoded, call.clone()).await;
    if !turns::may_go_on(&done) {
        turns.into_iter().for_each(Turn::over);
    }
    done
}

/// Runs the tool in a task of its own, so that a defect in it is an answer and not the end of the server.
async fn run(decoded: Decoded, call: Call) -> Result<Value, ToolError> {
    let cancel = call.cancel().clone();
    let mut task = tokio::spawn(carry((decoded.run)(call)));
    let joined = tokio::select! {
        joined = &mut task => joined,
        () = async {
            cancel.cancelled().await;
            tokio::time::sleep(CANCEL_WAIT).await;
        } => {
            task.abort();
            return Err(cancelled("the remote work did not report its end in time"));
        }
    };
    joined.unwrap_or_else(|_| {
        Err(ToolError::new(
            ErrorName::InternalError,
            "A defect in this tool ended the call; nothing was delivered.",
            "Report it with the correlation id; other tools go on working.",
        ))
    })
}

/// Cleans every string of the answer, adds what was found to `output_warnings`, and gives it the form in which it leaves.
/// What has no room is kept under the correlation id.
fn finish(entry: &Entry, call: &Call, mut answer: Value, room: usize, id: &str, hosts: Vec<String>) -> (String, Value) {
    let found = clean_json(&mut answer, &Limits::default());
    let mut warnings = call.take_warnings();
    for warning in &mut warnings {
        *warning = clean::clean(warning).text.into_owned();
    }
    warnings.extend(found.messages());
    answer::warn(&mut answer, warnings);
    if call.spec().prints() {
        // What a job, a part of an output or a command that goes on has printed may begin and end inside of a value.
        let parts = matches!(call.spec().group, Group::Jobs)
            || call.spec().name == "ssh_output_read"
            || answer.get("job").is_some_and(|job| !job.is_null())
            || answer.get("timed_out") == Some(&Value::Bool(true));
        call.state().masked_values.mask_json(&mut answer, parts);
    }
    let cuts = answer::arrange(&mut answer, room, entry.shape, id);
    if let Some(missing) = keep(call, id, hosts, &cuts) {
        answer::warn(&mut answer, vec![missing]);
    }
    (answer::render(&answer), answer)
}

/// Keeps what was cut; says what is not kept of it.
pub(super) fn keep(call: &Call, id: &str, hosts: Vec<String>, cuts: &[Cut]) -> Option<String> {
    if cuts.is_empty() {
        return None;
    }
    // A reload takes effect first and clears then: what a call of before keeps after that would outlive it.
    let valid = || Arc::ptr_eq(call.snapshot(), &call.state().snapshot());
    let missing = match call.state().outputs.keep(id, hosts, cuts, valid) {
        Ok(Keeping::Whole) => return None,
        Ok(Keeping::Outdated) => {
            "What was left out is not kept: the hosts file was read again while the call ran.".to_owned()
        }
        Ok(Keeping::Beginning) => "Of what was left out only the first 64 MiB are kept.".to_owned(),
        Err(error) => format!("What was left out is not kept: {error}."),
    };
    tracing::warn!("{missing}");
    Some(missing)
}

fn clean_error(call: &Call, error: &ToolError) -> ToolError {
    let bounded = |text: &str| {
        let mut text = clean::clean(text).text.into_owned();
        if let Some(masked) = call.state().masked_values.mask(&text).filter(|_| call.spec().prints()) {
            text = masked;
        }
        if text.len() > ERROR_MAX {
            text.truncate(floor_char_boundary(&text, ERROR_MAX));
            text.push_str("...");
        }
        text
    };
    ToolError::new(error.name, bounded(&error.what), bounded(&error.next))
}
