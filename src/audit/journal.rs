//! The journal of one call, and the receipt without which no answer leaves.

use super::TARGET;
use super::chain::{AuditError, event};
use super::digest::HashKey;
use super::masking::mask_secrets;
use super::record::{Facts, Fields, HOSTS_MAX, NO_HOST, NO_TIER, Opening, host_text, now, tool_text};
use super::sink::Sink;
use crate::model::error::{ErrorName, ToolError};
use crate::model::hex::hex;
use crate::model::lock::LockAlways as _;
use crate::model::tier::Tier;
use serde_json::json;
use std::ops::Deref;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

/// The audit of one server: opens journals and writes their lines.
#[derive(Debug, Clone)]
pub struct Audit(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    key: HashKey,
    sink: Sink,
}

impl Audit {
    /// Opens the sinks. `file` is `SSH_AUDIT_FILE`; a file that cannot be used is an error here, and later refuses
    /// calls that change anything.
    pub fn open(key: HashKey, file: Option<&Path>) -> Result<Self, AuditError> {
        Ok(Audit(Arc::new(Inner { key, sink: Sink::open(file)? })))
    }

    /// Opens the journal of a call. From here on the call leaves a line, however it ends.
    pub fn journal(&self, opening: Opening) -> Journal {
        let correlation_id = correlation_id();
        let notes = Notes(Arc::new(Shared {
            audit: self.clone(),
            correlation_id,
            opening,
            start: Instant::now(),
            entry: Mutex::new(Entry::default()),
        }));
        Journal { notes, closed: false }
    }

    /// Refuses a call that changes anything while the audit file cannot take its line: `AuditUnavailable`.
    /// Asked before the call touches a host. Reading goes on.
    pub fn admit(&self, tier: Tier) -> Result<(), ToolError> {
        if tier == Tier::Read {
            return Ok(());
        }
        self.0.sink.ready().map_err(|error| {
            ToolError::new(
                ErrorName::AuditUnavailable,
                format!("The audit file cannot be written, so nothing may be changed: {error}."),
                "An operator must put the audit file right (SSH_AUDIT_FILE); reading tools still work.",
            )
        })
    }

    /// Writes the line of a start or reload: version, and a digest of the configuration in force.
    pub fn started(&self, name: &'static str, configuration: &str) -> Result<(), AuditError> {
        let mut fields = event(name);
        fields.insert("config_hash", json!(self.0.key.of(configuration)));
        fields.insert("version", json!(env!("CARGO_PKG_VERSION")));
        self.0.sink.write(fields)
    }
}

/// 16 hex digits, new for each call.
fn correlation_id() -> String {
    let mut bytes = [0_u8; 8];
    if getrandom::fill(&mut bytes).is_err() {
        // Without the system's randomness the clock and a counter keep ids apart; they are labels, not secrets.
        static COUNTER: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
        let count = COUNTER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        bytes = (now().to_bits().rotate_left(20) ^ u64::from(std::process::id()) ^ (count << 32)).to_be_bytes();
    }
    hex(&bytes)
}

#[derive(Debug)]
struct Shared {
    audit: Audit,
    correlation_id: String,
    opening: Opening,
    start: Instant,
    entry: Mutex<Entry>,
}

#[derive(Debug, Default)]
struct Entry {
    call: Facts,
    hosts: Vec<(String, Facts)>,
}

/// Where a call writes down what it does. Cheap to clone; what is noted after the journal closed is lost.
#[derive(Debug, Clone)]
pub struct Notes(Arc<Shared>);

impl Notes {
    /// The call's id, 16 hex digits.
    pub fn correlation_id(&self) -> &str {
        &self.0.correlation_id
    }

    /// The hosts of a call on several: each gets its own line, in this order, also when the call never reaches it.
    pub fn hosts<S: AsRef<str>>(&self, names: impl IntoIterator<Item = S>) {
        let mut entry = self.entry();
        for name in names {
            facts_of(&mut entry, name.as_ref());
        }
    }

    /// What the call does on one of its hosts. The first mention of a host gives it a line of its own.
    pub fn at(&self, host: &str) -> HostNotes<'_> {
        facts_of(&mut self.entry(), host);
        HostNotes { notes: self, host: host.to_owned() }
    }

    /// A path the call acts on, canonical where it is known. The first one is `path_hash`; where there are more,
    /// `path_hashes` lists all.
    pub fn path(&self, path: impl AsRef<str>) {
        let hash = self.key().of(path.as_ref());
        self.entry().call.path(hash);
    }

    /// A path on one of the call's hosts: on the line of that host alone where the call has several.
    pub fn path_at(&self, host: &str, path: impl AsRef<str>) {
        if self.several() {
            self.at(host).path(path);
        } else {
            self.path(path);
        }
    }

    /// Raw content of a redact-listed path of this host was delivered.
    pub fn redact_bypass_at(&self, host: &str) {
        if self.several() {
            self.at(host).redact_bypass();
        } else {
            self.redact_bypass();
        }
    }

    fn several(&self) -> bool {
        self.entry().hosts.len() > 1
    }

    /// The host's canonical form of a path noted before.
    pub fn path_resolved(&self, noted: impl AsRef<str>, canonical: impl AsRef<str>) {
        let (old, new) = (self.key().of(noted.as_ref()), self.key().of(canonical.as_ref()));
        let mut entry = self.entry();
        let entry = &mut *entry;
        for facts in std::iter::once(&mut entry.call).chain(entry.hosts.iter_mut().map(|(_, facts)| facts)) {
            for hash in facts.paths.iter_mut().filter(|hash| **hash == old) {
                hash.clone_from(&new);
            }
        }
    }

    /// The command; secrets are masked before it is digested.
    pub fn command(&self, command: impl AsRef<str>) {
        let hash = self.key().of(&mask_secrets(command.as_ref()));
        self.entry().call.command = Some(hash);
    }

    /// A command given as words (arguments, or an action and its packages): joined by spaces, masked, digested.
    pub fn words<S: AsRef<str>>(&self, words: impl IntoIterator<Item = S>) {
        let words: Vec<String> = words.into_iter().map(|word| mask_secrets(word.as_ref())).collect();
        self.command(words.join(" "));
    }

    /// The systemd unit.
    pub fn unit(&self, unit: impl AsRef<str>) {
        let hash = self.key().of(unit.as_ref());
        self.entry().call.unit = Some(hash);
    }

    /// The exit status of the remote command.
    pub fn exit_code(&self, code: i32) {
        self.entry().call.exit_code = Some(code);
    }

    /// The job that the call is about, and its state as it was seen; empty where it was not.
    pub fn job(&self, id: &str, state: &'static str) {
        self.entry().call.job = Some((id.to_owned(), state));
    }

    /// Raw content of a redact-listed path was delivered.
    pub fn redact_bypass(&self) {
        self.entry().call.redact_bypass = true;
    }

    /// A native tool covers the command.
    pub fn cheatsheet(&self, pattern_id: &'static str) {
        self.entry().call.cheatsheet = Some(pattern_id);
    }

    /// The call acted as root.
    pub fn sudo(&self) {
        self.entry().call.sudo = true;
    }

    /// The gate hook that refused the call.
    pub fn gate(&self, name: impl Into<String>) {
        self.entry().call.gate = Some(name.into());
    }

    /// The id of the batch that made the call.
    pub fn batch(&self, id: impl Into<String>) {
        self.entry().call.batch = Some(id.into());
    }

    fn entry(&self) -> MutexGuard<'_, Entry> {
        self.0.entry.lock_always()
    }

    fn key(&self) -> &HashKey {
        &self.0.audit.0.key
    }
}

impl Facts {
    fn path(&mut self, hash: String) {
        if !self.paths.contains(&hash) {
            self.paths.push(hash);
        }
    }
}

fn facts_of<'e>(entry: &'e mut Entry, host: &str) -> &'e mut Facts {
    let at = entry.hosts.iter().position(|(name, _)| name == host).unwrap_or_else(|| {
        entry.hosts.push((host.to_owned(), Facts::default()));
        entry.hosts.len() - 1
    });
    // The position was found or made above; the spare entry only satisfies the types.
    match entry.hosts.get_mut(at) {
        Some((_, facts)) => facts,
        None => &mut entry.call,
    }
}

/// What a call does on one host of several.
#[derive(Debug)]
pub struct HostNotes<'n> {
    notes: &'n Notes,
    host: String,
}

impl HostNotes<'_> {
    /// A path on this host.
    pub fn path(&self, path: impl AsRef<str>) -> &Self {
        let hash = self.notes.key().of(path.as_ref());
        self.note(|facts| facts.path(hash))
    }

    /// The exit status of the command on this host.
    pub fn exit_code(&self, code: i32) -> &Self {
        self.note(|facts| facts.exit_code = Some(code))
    }

    /// Raw content of a redact-listed path of this host was delivered.
    pub fn redact_bypass(&self) -> &Self {
        self.note(|facts| facts.redact_bypass = true)
    }

    /// How the share of this host ended, where that differs from the call's end.
    pub fn ended(&self, outcome: Result<(), ErrorName>) -> &Self {
        self.note(|facts| facts.end = Some(outcome.map_err(ErrorName::as_str)))
    }

    fn note(&self, write: impl FnOnce(&mut Facts)) -> &Self {
        write(facts_of(&mut self.notes.entry(), &self.host));
        self
    }
}

/// The journal of one call. Holds the notes, and writes the lines once: on [`Journal::close`], or when dropped.
#[derive(Debug)]
#[must_use = "dropping a journal records the call as cancelled"]
pub struct Journal {
    notes: Notes,
    closed: bool,
}

impl Deref for Journal {
    type Target = Notes;

    fn deref(&self) -> &Notes {
        &self.notes
    }
}

impl Journal {
    /// A handle for writing notes, to be passed on.
    pub fn notes(&self) -> Notes {
        self.notes.clone()
    }

    /// Milliseconds since the call began.
    pub fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.notes.0.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Ends the call: writes its lines. `Ok` means that the tool returned, whatever the remote exit status.
    pub fn close(mut self, outcome: Result<(), &ToolError>) -> Receipt {
        self.closed = true;
        if let Err(error) = outcome {
            // Debug formatting escapes control characters of remote text.
            tracing::debug!(target: TARGET, correlation_id = self.correlation_id(), "{:?}", error.to_string());
        }
        let duration_ms = self.elapsed_ms();
        let failed = self.write(outcome.map_err(|error| error.name), duration_ms);
        Receipt {
            correlation_id: self.correlation_id().to_owned(),
            duration_ms,
            error: outcome.err().map(|error| error.name),
            file_failed: failed.map(|error| error.to_string()),
        }
    }

    fn write(&self, outcome: Result<(), ErrorName>, duration_ms: u64) -> Option<AuditError> {
        let shared = &self.notes.0;
        let opening = &shared.opening;
        let entry = std::mem::take(&mut *self.notes.entry());
        let call = Facts { end: Some(outcome.map_err(ErrorName::as_str)), ..entry.call };
        let mut hosts = entry.hosts;
        if hosts.is_empty() {
            hosts.extend(opening.hosts.iter().take(HOSTS_MAX).map(|host| (host.clone(), Facts::default())));
        }
        if hosts.is_empty() {
            hosts.push((NO_HOST.to_owned(), Facts::default()));
        }
        let mut failed = None;
        for (host, facts) in hosts {
            let mut fields = Fields::from([
                ("ts", json!(now())),
                ("correlation_id", json!(shared.correlation_id)),
                ("tool", json!(tool_text(&opening.tool))),
                ("tier", json!(opening.tier.map_or(NO_TIER, Tier::as_str))),
                ("host", json!(host_text(&host))),
                ("duration_ms", json!(duration_ms)),
            ]);
            call.fill(&mut fields);
            facts.fill(&mut fields);
            if let Err(error) = shared.audit.0.sink.write(fields) {
                failed = Some(error);
            }
        }
        failed
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        if self.closed {
            return;
        }
        let name = if std::thread::panicking() { ErrorName::InternalError } else { ErrorName::Cancelled };
        // The sink has said on stderr what is wrong with the file; there is no caller to tell.
        let _ = self.write(Err(name), self.elapsed_ms());
    }
}

/// Proof that a call was recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    correlation_id: String,
    duration_ms: u64,
    error: Option<ErrorName>,
    file_failed: Option<String>,
}

impl Receipt {
    /// The id to hand to an operator.
    pub fn correlation_id(&self) -> &str {
        &self.correlation_id
    }

    /// How long the call took, in milliseconds, as recorded.
    pub fn duration_ms(&self) -> u64 {
        self.duration_ms
    }

    /// The error recorded; `None` for a call that returned.
    pub fn error(&self) -> Option<ErrorName> {
        self.error
    }

    /// Why the audit file did not take the line although the call was let through. The line is on stderr, and is
    /// written to the file once it works again.
    pub fn file_failed(&self) -> Option<&str> {
        self.file_failed.as_deref()
    }

    /// Makes the answer of the recorded call.
    pub fn seal<T>(self, body: T) -> Sealed<T> {
        Sealed { receipt: self, body }
    }
}

/// An answer that may leave. Only [`Receipt::seal`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed<T> {
    receipt: Receipt,
    body: T,
}

impl<T> Sealed<T> {
    /// The receipt.
    pub fn receipt(&self) -> &Receipt {
        &self.receipt
    }

    /// The answer itself.
    pub fn body(&self) -> &T {
        &self.body
    }

    /// Takes it apart, at the edge where it is sent.
    pub fn into_parts(self) -> (Receipt, T) {
        (self.receipt, self.body)
    }
}
