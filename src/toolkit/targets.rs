//! What a call is about, as its tool reads it from the decoded arguments: hosts by name, or by a handle of this server,
//! and whether it asks for root. Gates, observers and the audit learn of a call's hosts from here alone.

use serde_json::{Map, Value};

use super::state::ServerState;
use super::state::snapshot::Snapshot;

/// What one call is about. Made by [`super::Tool::hosts`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Targets {
    hosts: Vec<String>,
    handle: Option<Handle>,
    /// Calls that the call makes: tools and their arguments.
    calls: Vec<(String, Map<String, Value>)>,
    root: bool,
}

/// A thing that this server handed out, and that belongs to a host.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Handle {
    /// The id of a persistent shell.
    Session(String),
    /// The id of a kept output.
    Output(String),
    /// Every host to which a connection is open.
    Connected,
}

/// A host of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    /// Its alias; the argument as given where that names no host that this server may reach.
    pub name: String,
    /// The argument as given, its alias and its hostname.
    pub names: Vec<String>,
    /// The aliases and hostnames of the jump hosts on the way, as hosts.toml gives them.
    pub hops: Vec<String>,
}

impl Targets {
    /// A call that is about no host.
    pub fn none() -> Self {
        Targets::default()
    }

    /// A call on the host of this argument.
    pub fn host(argument: &str) -> Self {
        Targets::hosts([argument])
    }

    /// A call on the hosts of these arguments.
    pub fn hosts<S: AsRef<str>>(arguments: impl IntoIterator<Item = S>) -> Self {
        let hosts = arguments.into_iter().map(|argument| argument.as_ref().to_owned()).collect();
        Targets { hosts, ..Targets::default() }
    }

    /// A call on the host of this persistent shell.
    pub fn session(id: &str) -> Self {
        Targets { handle: Some(Handle::Session(id.to_owned())), ..Targets::default() }
    }

    /// A call on the hosts that this kept output came from.
    pub fn output(id: &str) -> Self {
        Targets { handle: Some(Handle::Output(id.to_owned())), ..Targets::default() }
    }

    /// A call on every host to which a connection is open; [`super::Call::its_hosts`] are those that gates were asked about.
    pub(crate) fn connected() -> Self {
        Targets { handle: Some(Handle::Connected), ..Targets::default() }
    }

    /// A call that makes these calls, on their hosts.
    pub fn calls(calls: Vec<(String, Map<String, Value>)>) -> Self {
        let root = calls.iter().any(|(_, args)| asks_root(args));
        Targets { calls, root, ..Targets::default() }
    }

    /// The same call, as root where `asked`.
    #[must_use]
    pub fn sudo(mut self, asked: bool) -> Self {
        self.root |= asked;
        self
    }

    /// The calls that the call makes.
    pub(super) fn inner_calls(&self) -> &[(String, Map<String, Value>)] {
        &self.calls
    }

    /// True when the call asks for root.
    pub fn asks_root(&self) -> bool {
        self.root
    }

    /// True when it names a host or a thing on one.
    pub fn is_about_a_host(&self) -> bool {
        !self.hosts.is_empty() || self.handle.is_some() || !self.calls.is_empty()
    }

    /// The hosts that its own arguments name, each once, in the order in which they do. Asks no host. A handle that is not known (any
    /// more) belongs to none.
    pub(super) fn resolve(&self, state: &ServerState, snapshot: &Snapshot) -> Vec<Target> {
        let of_handle = match &self.handle {
            Some(Handle::Session(id)) => {
                state.shells.get(id).ok().map(|session| session.alias.clone()).into_iter().collect()
            }
            Some(Handle::Output(id)) => state.outputs.hosts(id),
            Some(Handle::Connected) => {
                let rows = state.pool.sessions().into_iter().map(|row| row.alias);
                rows.filter(|alias| snapshot.resolve(alias).is_ok()).collect()
            }
            None => Vec::new(),
        };
        let mut targets: Vec<Target> = Vec::new();
        for given in self.hosts.iter().chain(&of_handle) {
            let target = match snapshot.resolve(given) {
                Ok(entry) => {
                    let (alias, hostname) = (entry.config.alias.clone(), entry.config.hostname.clone());
                    let hops = snapshot.config.hosts.chain(&entry.config).into_iter();
                    let hops = hops.flat_map(|hop| [hop.alias.clone(), hop.hostname.clone()]).collect();
                    Target { name: alias.clone(), names: vec![given.clone(), alias, hostname], hops }
                }
                Err(_) => Target { name: given.clone(), names: vec![given.clone()], hops: Vec::new() },
            };
            if !targets.contains(&target) {
                targets.push(target);
            }
        }
        targets
    }
}

/// True for arguments that ask for root.
pub(super) fn asks_root(args: &Map<String, Value>) -> bool {
    args.get("sudo").is_some_and(|sudo| *sudo != Value::Bool(false) && !sudo.is_null())
}
