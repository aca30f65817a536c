//! Events, what a hook is told, and what it can answer.

use crate::model::error::ErrorName;
use crate::model::tier::{Group, Tier};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How long a hook may take unless it says otherwise.
pub(super) const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);

/// When a hook runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// The server is ready, and has not answered a request yet. Waited for.
    Startup,
    /// The server ends, and its connections still stand. Waited for.
    Shutdown,
    /// A call begins. Not waited for.
    PreToolCall,
    /// A call ended, well or not. Not waited for.
    PostToolCall,
    /// A call is about to run, and may be refused. Waited for.
    Gate,
    /// A call saw that a job has ended which this server started or followed. Not waited for.
    JobEnded,
}

impl Event {
    /// All events.
    pub(crate) const ALL: [Event; 6] =
        [Event::Startup, Event::Shutdown, Event::PreToolCall, Event::PostToolCall, Event::Gate, Event::JobEnded];

    /// The name in hooks.toml and in the context.
    pub const fn as_str(self) -> &'static str {
        match self {
            Event::Startup => "startup",
            Event::Shutdown => "shutdown",
            Event::PreToolCall => "pre_tool_call",
            Event::PostToolCall => "post_tool_call",
            Event::Gate => "gate",
            Event::JobEnded => "job_ended",
        }
    }

    /// True for events about one call.
    pub const fn concerns_a_call(self) -> bool {
        matches!(self, Event::PreToolCall | Event::PostToolCall | Event::Gate | Event::JobEnded)
    }
}

impl std::fmt::Display for Event {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a hook is told; a command hook gets it as one JSON object on its standard input. Absent fields are left out.
#[derive(Debug, Clone, Serialize)]
pub struct Context {
    /// What happens.
    pub event: Event,
    /// Unix seconds.
    pub timestamp: f64,
    /// The tool.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// The tool's group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<Group>,
    /// The tool's tier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier: Option<Tier>,
    /// The call asks for root: a tool of the sudo tier, or `sudo: true`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub sudo: bool,
    /// The host's alias; the argument as given where it names no host; `?` for a call on none or on several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// All hosts of a call on several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<String>,
    /// The same id as on the audit line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
    /// `ok` or `error`, once the call ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<&'static str>,
    /// The error's name, if it ended with one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorName>,
    /// How long the call took, once it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// The arguments, with secrets masked, for hooks that ask for them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arguments: Option<Map<String, Value>>,
    /// Further facts of the event.
    pub payload: Map<String, Value>,
    /// Every name that the call's hosts go by (alias, hostname, argument as given). Host filters look at these, so
    /// that a gate for an alias also sees the call that names the host otherwise.
    #[serde(skip)]
    pub host_names: Vec<String>,
    /// The aliases and hostnames of the jump hosts of hosts.toml that the call logs in to on its way. Host filters of gates
    /// look at these too; observers are told of the hosts that a call acts on.
    #[serde(skip)]
    pub hop_names: Vec<String>,
}

impl Context {
    /// An event about no call.
    pub fn of_server(event: Event) -> Self {
        Context {
            event,
            timestamp: unix_seconds(),
            tool: None,
            group: None,
            tier: None,
            sudo: false,
            host: None,
            hosts: Vec::new(),
            correlation_id: None,
            result: None,
            error: None,
            duration_ms: None,
            arguments: None,
            payload: Map::new(),
            host_names: Vec::new(),
            hop_names: Vec::new(),
        }
    }

    /// An event about a call.
    pub fn of_call(event: Event, tool: &str, group: Group, tier: Tier, correlation_id: &str) -> Self {
        Context {
            tool: Some(tool.to_owned()),
            group: Some(group),
            tier: Some(tier),
            sudo: tier == Tier::Sudo,
            host: Some("?".to_owned()),
            correlation_id: Some(correlation_id.to_owned()),
            ..Context::of_server(event)
        }
    }

    /// As root where `asked`. Filters see such a call in the sudo tier, too.
    #[must_use]
    pub fn as_root(mut self, asked: bool) -> Self {
        self.sudo |= asked;
        self
    }

    /// On these hosts, each with the names it goes by: the argument as given, then its alias and hostname.
    #[must_use]
    pub fn on<S: Into<String>, N: IntoIterator<Item = S>>(mut self, hosts: impl IntoIterator<Item = N>) -> Self {
        let hosts: Vec<Vec<String>> =
            hosts.into_iter().map(|names| names.into_iter().map(Into::into).collect()).collect();
        let mut shown: Vec<String> = hosts.iter().filter_map(|names| names.get(1).or(names.first())).cloned().collect();
        match shown.as_slice() {
            [_] => self.host = shown.pop(),
            _ => self.hosts = shown,
        }
        self.host_names = hosts.concat();
        self
    }

    /// By way of the hosts of these names.
    #[must_use]
    pub fn through(mut self, hops: impl IntoIterator<Item = String>) -> Self {
        self.hop_names = hops.into_iter().collect();
        self
    }

    /// The tiers that filters see.
    pub fn tiers(&self) -> impl Iterator<Item = Tier> {
        self.tier.into_iter().chain(self.sudo.then_some(Tier::Sudo))
    }

    /// The same call once it ended.
    #[must_use]
    pub fn ended(mut self, error: Option<ErrorName>, duration_ms: u64) -> Self {
        self.event = Event::PostToolCall;
        self.timestamp = unix_seconds();
        self.result = Some(if error.is_some() { "error" } else { "ok" });
        self.error = error;
        self.duration_ms = Some(duration_ms);
        self
    }

    /// The same call at another of its events.
    #[must_use]
    pub fn at(mut self, event: Event) -> Self {
        self.event = event;
        self.timestamp = unix_seconds();
        self
    }
}

fn unix_seconds() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros() as f64 / 1e6
}

/// What a hook answers. Only a gate's answer matters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing against it.
    Allow,
    /// The call must not run, for this reason.
    Refuse(String),
}

/// Why a hook gave no answer. The text says what happened, for the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct HookError(pub String);

/// What [`Hook::call`] returns.
pub type HookFuture<'a> = Pin<Box<dyn Future<Output = Result<Verdict, HookError>> + Send + 'a>>;

/// One hook. Dropping the future of [`Hook::call`] must stop what it does: that is how the time limit works.
pub trait Hook: Send + Sync + 'static {
    /// Its name in logs, refusals and the audit.
    fn name(&self) -> &str;

    /// Whether it runs at this event at all. Asked once, when it is registered.
    fn events(&self) -> &[Event];

    /// Whether it wants to know of this one.
    fn wants(&self, _context: &Context) -> bool {
        true
    }

    /// The words of the program that it is and the folder in which that runs, to keep tools away from both.
    fn command(&self) -> Option<(&[String], &Path)> {
        None
    }

    /// Whether it is told the arguments of calls, with secrets masked.
    fn wants_arguments(&self) -> bool {
        false
    }

    /// How long it may take.
    fn timeout(&self) -> Duration {
        DEFAULT_TIMEOUT
    }

    /// Runs it.
    fn call<'a>(&'a self, context: &'a Context) -> HookFuture<'a>;
}
