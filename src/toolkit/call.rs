//! One call in progress: what a tool may ask of its surroundings.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;

use super::decl::{BoxFuture, ToolDecl};
use super::host::Host;
use super::other_tools::Ended;
use super::spec::Spec;
use super::state::compose_cache::{Openings, Verdicts};
use super::state::kept_outputs::Outputs;
use super::state::shell_sessions::Shells;
use super::state::snapshot::Snapshot;
use super::state::{Reloaded, ServerState};
use crate::audit::Notes;
use crate::config::settings::Settings;
use crate::model::error::{ErrorName, ToolError};
use crate::model::lock::LockAlways as _;
use crate::policy::sudo::SudoGrant;

/// Most characters of the line that a sign of life shows.
const LINE_MAX: usize = 200;

/// Takes progress of one call. Never waits; what cannot be delivered in time is dropped, and so is everything that
/// comes after the answer.
pub trait ProgressSink: Send + Sync {
    /// One step: `progress` grows with every step, `total` where it is known, both in the tool's own unit.
    fn send(&self, progress: u64, total: Option<u64>, message: String);

    /// What is told with the next sign of life; nothing is sent for it.
    fn keep(&self, _message: String) {}
}

/// The tools of the server, for one of them.
pub trait OtherTools: Send + Sync {
    /// The tools that the caller may see, in the order of lists.
    fn visible(&self) -> Arc<[ToolDecl]>;

    /// Why `call` may not make this call, whatever the host says: for the middle of a sentence. Only what looks and changes
    /// nothing may be called so.
    fn refuses(&self, call: &Call, tool: &str, args: &Map<String, Value>) -> Option<String>;

    /// Bytes of content that each of these tools may answer, so that all find room in one answer.
    fn room(&self, call: &Call, tools: &[&str]) -> usize;

    /// Makes a call that [`OtherTools::refuses`] lets pass. `room` is what its tool may answer of content; all else comes
    /// back whole. `cancel` ends it.
    fn make(
        &self,
        call: Call,
        tool: String,
        args: Map<String, Value>,
        room: usize,
        cancel: CancellationToken,
    ) -> BoxFuture<'static, Ended>;

    /// Brings the answers into `room` bytes together. What is left out is kept.
    fn fit(&self, call: &Call, ended: &mut [Ended], room: usize);
}

/// A call in progress. Cheap to clone.
#[derive(Clone)]
pub struct Call(Arc<Inner>);

struct Inner {
    state: Arc<ServerState>,
    snapshot: Arc<Snapshot>,
    spec: Spec,
    notes: Notes,
    cancel: CancellationToken,
    steps: AtomicU64,
    warnings: Mutex<Vec<String>>,
    around: Around,
}

/// What surrounds a call.
pub(super) struct Around {
    /// Who is told of its progress.
    pub(super) progress: Option<Arc<dyn ProgressSink>>,
    /// Most bytes of its answer.
    pub(super) answer_bytes: usize,
    /// The aliases of the hosts that it is about.
    pub(super) hosts: Vec<String>,
    /// The other tools.
    pub(super) tools: Arc<dyn OtherTools>,
}

impl Call {
    pub(super) fn new(
        state: Arc<ServerState>,
        snapshot: Arc<Snapshot>,
        spec: Spec,
        notes: Notes,
        cancel: CancellationToken,
        around: Around,
    ) -> Self {
        let (steps, warnings) = (AtomicU64::new(0), Mutex::default());
        Call(Arc::new(Inner { state, snapshot, spec, notes, cancel, steps, warnings, around }))
    }

    /// Most bytes of the answer, in either form.
    pub fn answer_bytes(&self) -> usize {
        self.0.around.answer_bytes
    }

    /// The aliases of the hosts that audit and gates were told of before it ran.
    pub(crate) fn its_hosts(&self) -> &[String] {
        &self.0.around.hosts
    }

    /// The other tools of this server.
    pub fn tools(&self) -> &dyn OtherTools {
        self.0.around.tools.as_ref()
    }

    /// The tool's own declaration.
    pub fn spec(&self) -> &Spec {
        &self.0.spec
    }

    /// The settings in force for this call.
    pub fn settings(&self) -> &Settings {
        &self.0.snapshot.config.settings
    }

    /// The configuration in force for this call; a reload meanwhile does not change it.
    pub fn snapshot(&self) -> &Arc<Snapshot> {
        &self.0.snapshot
    }

    /// What lives as long as the server. A tool is given parts of it only, by the functions below.
    pub(super) fn state(&self) -> &Arc<ServerState> {
        &self.0.state
    }

    /// The persistent shells of this server.
    pub fn shells(&self) -> &Shells {
        &self.0.state.shells
    }

    /// What was kept of answers that were too long.
    pub fn outputs(&self) -> &Outputs {
        &self.0.state.outputs
    }

    /// Compose projects that were judged.
    pub fn verdicts(&self) -> &Verdicts {
        &self.0.state.verdicts
    }

    /// Compose projects whose files were judged and read.
    pub fn openings(&self) -> &Openings {
        &self.0.state.openings
    }

    /// The open connections, for a list.
    pub fn sessions(&self) -> Vec<crate::ssh::pool::SessionRow> {
        self.0.state.pool.sessions()
    }

    /// Reads the hosts file again.
    pub async fn reload(&self) -> Result<Reloaded, ToolError> {
        self.0.state.reload().await
    }

    /// The payload of `ssh_server_info`.
    pub fn server_info(&self) -> serde_json::Value {
        self.0.state.server_info()
    }

    /// The audit notes of this call.
    pub fn journal(&self) -> &Notes {
        &self.0.notes
    }

    /// Ends when the client cancels, the client's stream ends, or the server shuts down.
    pub fn cancel(&self) -> &CancellationToken {
        &self.0.cancel
    }

    /// An error once the call is cancelled, for loops without IO of their own.
    pub fn alive(&self) -> Result<(), ToolError> {
        if self.0.cancel.is_cancelled() { Err(cancelled("nothing more was done")) } else { Ok(()) }
    }

    /// The host of this argument: resolved, not blocked, on record in the audit.
    pub fn host(&self, argument: &str) -> Result<Host, ToolError> {
        let entry = self.0.snapshot.resolve(argument)?;
        self.journal().hosts([entry.config.alias.as_str()]);
        Ok(Host::new(self.clone(), entry))
    }

    /// A host's entry for its local facts: resolved and not blocked, but not on record, because nothing reaches it.
    pub fn look(&self, argument: &str) -> Result<Host, ToolError> {
        Ok(Host::new(self.clone(), self.0.snapshot.resolve(argument)?))
    }

    /// The time now, as `YYYY-MM-DDTHH:MM:SSZ`.
    pub fn utc_now(&self) -> String {
        jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }

    /// Several hosts, each with an audit line of its own.
    pub fn hosts<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Result<Vec<Host>, ToolError> {
        let entries = arguments.into_iter().map(|a| self.0.snapshot.resolve(a)).collect::<Result<Vec<_>, _>>()?;
        self.journal().hosts(entries.iter().map(|e| e.config.alias.as_str()));
        Ok(entries.into_iter().map(|entry| Host::new(self.clone(), entry)).collect())
    }

    /// Permission to act as root on this host, on record in the audit.
    pub fn sudo(&self, host: &Host) -> Result<SudoGrant, ToolError> {
        let grant = crate::policy::sudo::grant(&self.0.snapshot.visibility, host.alias(), host.platform())?;
        self.journal().sudo();
        Ok(grant)
    }

    /// True when somebody listens for progress.
    pub fn wants_progress(&self) -> bool {
        self.0.around.progress.is_some()
    }

    /// One step of progress. The text is cleaned here, because it leaves before the answer does.
    pub fn progress(&self, message: &str) {
        if let Some(sink) = &self.0.around.progress {
            let step = self.0.steps.fetch_add(1, Ordering::Relaxed) + 1;
            sink.send(step, None, self.shown(message));
        }
    }

    /// A text that leaves before the answer does: cleaned, and without the secrets that a redacting reader has masked. It may
    /// begin and end inside of one.
    fn shown(&self, text: &str) -> String {
        let text = crate::redact::clean::clean(text).text.into_owned();
        self.0.state.masked_values.mask_part(&text).unwrap_or(text)
    }

    /// What a command printed last, for the next sign of life.
    pub(super) fn last_line(&self, line: &str) {
        if let Some(sink) = &self.0.around.progress {
            sink.keep(self.shown(line).chars().take(LINE_MAX).collect());
        }
    }

    /// Progress with amounts, such as bytes of a transfer.
    pub fn progress_of(&self, done: u64, total: Option<u64>, message: &str) {
        if let Some(sink) = &self.0.around.progress {
            sink.send(done, total, self.shown(message));
        }
    }

    /// Adds a sentence to `output_warnings` of the answer; the same sentence is told once.
    pub fn warn(&self, sentence: impl Into<String>) {
        let sentence = sentence.into();
        let mut warnings = self.0.warnings.lock_always();
        if !warnings.contains(&sentence) {
            warnings.push(sentence);
        }
    }

    /// Says in the answer that something is left out of it: what, how much, and what brings it.
    pub fn left_out(&self, what: impl std::fmt::Display, brings: impl std::fmt::Display) {
        self.warn(format!("Left out: {what}; {brings}."));
    }

    pub(super) fn take_warnings(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.warnings.lock_always())
    }
}

/// The error of a cancelled call; `state` says what became of the remote work.
pub(super) fn cancelled(state: &str) -> ToolError {
    ToolError::new(
        ErrorName::Cancelled,
        format!("The call was cancelled; {state}."),
        "Call again if it is still wanted.",
    )
}
