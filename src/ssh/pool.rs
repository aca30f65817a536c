//! Connections by target: single-flight connect, several masters where one is full, idle close, and runs.

mod acquire;
mod fresh;
mod login_variables;
mod memory;
mod run;

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use openssh::Session;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::account::Purpose;
use super::apart::Apart;
use super::capabilities::{Capabilities, Learnt};
use super::channel::Ended;
use super::connect::master::Tries;
use super::connect::{self, ConnectFailure, ControlDir, FailureKind, Hop, MasterUp, SshEnv, Target};
use super::cut::Cut;
use super::known_hosts;
use super::queue::Queue;
use super::slots::Slots;
use super::wrapper::Stopped;
use crate::model::error::ToolError;
use crate::model::lock::LockAlways as _;
use crate::policy::host::Blocklist;
use crate::telemetry::meters::Gauge;
use crate::telemetry::{Span, carry};

/// A master unused for longer than this is asked whether it is alive before a script is sent on it (0.3 ms).
const CHECK_AFTER: Duration = Duration::from_secs(1);

/// How often it is looked whether the last command of a connection that gets no further work has ended.
const RETIRED_LOOK: Duration = Duration::from_millis(50);

/// How often idle connections are looked for.
const SWEEP: Duration = Duration::from_secs(15);

pub(crate) use acquire::SftpChannel;
use memory::Memory;

/// Why a run gave no result.
#[derive(Debug)]
pub enum RunFailure {
    /// No connection.
    Connect(Arc<ConnectFailure>),
    /// The connection or the channel broke. `may_have_run` says whether the script could have begun.
    Lost {
        /// What is known of it.
        reason: String,
        /// The script may have begun, so it is not repeated.
        may_have_run: bool,
    },
    /// The account logs in and runs no scripts: why, and what its login said.
    Account(Purpose, String),
    /// The call was cancelled, or its time ran out, before the script was sent.
    NotStarted(Cut),
}

/// A finished run.
#[derive(Debug)]
pub struct Finished {
    /// What the host reported.
    pub ended: Ended,
    /// The outcome of the stop, where one was asked for.
    pub stopped: Option<Stopped>,
    /// Wall time on the channel.
    pub duration: Duration,
}

/// A connection as `ssh_session_list` shows it.
#[derive(Debug, Clone)]
pub struct SessionRow {
    /// Login name.
    pub user: String,
    /// Alias of the host, of several on the same connection the first one.
    pub alias: String,
    /// Host connected to, as ssh resolved it.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Time since the last use.
    pub idle: Duration,
}

#[derive(Debug)]
struct Master {
    up: MasterUp,
    _counted: Gauge,
    slots: Arc<Slots>,
    healthy: Mutex<Instant>,
    /// The known_hosts files and their modification times when the key was checked.
    pinned: Vec<(std::path::PathBuf, Option<std::time::SystemTime>)>,
}

impl Master {
    /// True when the files that pin its host key changed since it was checked: a live master skips that check.
    fn pins_changed(&self) -> bool {
        self.pinned.iter().any(|(path, time)| modified(path) != *time)
    }

    async fn alive(&self) -> bool {
        if self.up.lease.is_over() {
            return false;
        }
        let fresh = self.healthy.lock_always().elapsed() < CHECK_AFTER;
        if fresh {
            return true;
        }
        let alive = self.slots.session().check().await.is_ok();
        if alive {
            self.mark_healthy();
        }
        alive
    }

    fn mark_healthy(&self) {
        *self.healthy.lock_always() = Instant::now();
    }
}

/// Whether channels are kept ready on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standbys {
    Kept,
    None,
}

type Opened = Result<Arc<Master>, Arc<ConnectFailure>>;

type Attempt = watch::Receiver<Option<Result<(), Arc<ConnectFailure>>>>;

#[derive(Debug, Default)]
struct LinkState {
    masters: Vec<Arc<Master>>,
    attempt: Option<Attempt>,
    memory: Memory,
    learnt: Arc<Learnt>,
}

/// The connections to one target.
#[derive(Debug)]
pub struct Link {
    target: Arc<Target>,
    pool: Arc<Shared>,
    state: Mutex<LinkState>,
    queue: Arc<Queue>,
    no_shell: AtomicBool,
    no_sessions: AtomicBool,
    no_scripts: AtomicBool,
    ends_idle: AtomicBool,
}

#[derive(Debug)]
struct Shared {
    env: Arc<SshEnv>,
    control: ControlDir,
    blocklist: Blocklist,
    max_masters: usize,
    idle_timeout: Duration,
    root: CancellationToken,
    links: Mutex<HashMap<String, Arc<Link>>>,
}

/// All links of this process.
#[derive(Debug, Clone)]
pub struct Pool {
    shared: Arc<Shared>,
}

fn modified(path: &std::path::Path) -> Option<std::time::SystemTime> {
    std::fs::metadata(path).and_then(|m| m.modified()).ok()
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock_always()
}

impl Pool {
    /// An empty pool; `root` ends every connect and run.
    pub fn new(
        env: Arc<SshEnv>,
        control: ControlDir,
        blocklist: Blocklist,
        max_masters: usize,
        idle_timeout: Duration,
        root: CancellationToken,
    ) -> Self {
        let max_masters = max_masters.max(1);
        let shared = Shared { env, control, blocklist, max_masters, idle_timeout, root, links: Mutex::default() };
        Pool { shared: Arc::new(shared) }
    }

    /// Starts the background sweep that closes idle connections. Ends with the root token.
    pub fn start_sweep(&self) {
        let pool = self.clone();
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    () = pool.shared.root.cancelled() => return,
                    () = tokio::time::sleep(SWEEP.min(pool.shared.idle_timeout)) => pool.sweep().await,
                }
            }
        });
    }

    /// The link to a target; targets that differ in anything that matters have links of their own.
    pub fn link(&self, target: &Arc<Target>) -> Arc<Link> {
        self.shared.link(target)
    }

    /// The environment that connections are made in.
    pub fn env(&self) -> &Arc<SshEnv> {
        &self.shared.env
    }

    /// The open connections, ordered by host and port; one whose end nobody has met yet is none.
    pub fn sessions(&self) -> Vec<SessionRow> {
        let links: Vec<Arc<Link>> = locked(&self.shared.links).values().cloned().collect();
        let mut rows: Vec<SessionRow> = Vec::new();
        for link in links {
            for master in link.masters().iter().filter(|master| !master.up.lease.is_over()) {
                rows.push(SessionRow {
                    user: master.up.user.clone(),
                    alias: link.target.alias.clone(),
                    host: master.up.hostname.clone(),
                    port: master.up.port,
                    idle: master.slots.idle_for(),
                });
            }
        }
        rows.sort_by(|a, b| (&a.host, a.port, &a.user).cmp(&(&b.host, b.port, &b.user)));
        rows
    }

    /// Closes what is idle longer than the limit. A channel in use keeps its connection.
    async fn sweep(&self) {
        let links: Vec<Arc<Link>> = locked(&self.shared.links).values().cloned().collect();
        for link in links {
            for master in link.masters() {
                let idle = master.slots.idle_for();
                if idle >= self.shared.idle_timeout && master.slots.busy() == 0 {
                    tracing::info!(host = %master.up.hostname, "idle connection closed");
                    link.discard(&master).await;
                }
            }
        }
    }

    /// Closes the connections of targets that `keep` does not name any more (reload, blocklist).
    pub async fn retain(&self, keep: impl Fn(&Target) -> bool) {
        let gone: Vec<Arc<Link>> = {
            let mut links = locked(&self.shared.links);
            let keys: Vec<String> = links.iter().filter(|(_, l)| !keep(&l.target)).map(|(k, _)| k.clone()).collect();
            keys.iter().filter_map(|k| links.remove(k)).collect()
        };
        for link in gone {
            link.close().await;
        }
    }

    /// Closes everything; returns how many connections there were.
    pub async fn close(&self) -> usize {
        let links: Vec<Arc<Link>> = locked(&self.shared.links).drain().map(|(_, l)| l).collect();
        let mut closing = tokio::task::JoinSet::new();
        let mut count = 0;
        for link in links {
            count += link.masters().len();
            closing.spawn(async move { link.close().await });
        }
        while closing.join_next().await.is_some() {}
        count
    }

    /// Removes the control folder. The last thing before the process ends: background tasks may still hold the pool, and
    /// then dropping it comes too late.
    pub fn remove_control_folder(&self) {
        self.shared.control.remove();
    }
}

impl Shared {
    fn link(self: &Arc<Self>, target: &Arc<Target>) -> Arc<Link> {
        let mut links = locked(&self.links);
        links
            .entry(target.key().as_str().to_owned())
            .or_insert_with(|| {
                Arc::new(Link {
                    target: target.clone(),
                    pool: self.clone(),
                    state: Mutex::default(),
                    queue: Arc::default(),
                    no_shell: AtomicBool::new(false),
                    no_sessions: AtomicBool::new(false),
                    no_scripts: AtomicBool::new(false),
                    ends_idle: AtomicBool::new(false),
                })
            })
            .clone()
    }
}

impl Link {
    /// What it connects to.
    pub fn target(&self) -> &Arc<Target> {
        &self.target
    }

    fn masters(&self) -> Vec<Arc<Master>> {
        locked(&self.state).masters.clone()
    }

    /// True when the account's login has answered a script with something else than a shell.
    pub fn has_no_shell(&self) -> bool {
        self.no_shell.load(Ordering::Relaxed)
    }

    /// True when the last script was not sent, because the account's login answered with something else.
    pub fn takes_no_scripts(&self) -> bool {
        self.no_scripts.load(Ordering::Relaxed)
    }

    /// True when the server granted no session at the last try, although it had let us in.
    pub fn gets_no_session(&self) -> bool {
        self.no_sessions.load(Ordering::Relaxed)
    }

    /// What the host has, as far as that is known within this time.
    pub async fn capabilities(&self, limit: Duration) -> Option<Arc<Capabilities>> {
        let learnt = locked(&self.state).learnt.clone();
        learnt.within(limit).await
    }

    /// What the open connections learnt.
    pub(super) fn learnt(&self) -> Arc<Learnt> {
        locked(&self.state).learnt.clone()
    }

    /// Where a new connection keeps what it learns: beside the others, or anew.
    fn learning(&self) -> Arc<Learnt> {
        let state = &mut locked(&self.state);
        if state.masters.is_empty() {
            state.learnt = Arc::default();
        }
        state.learnt.clone()
    }

    /// True when a connection is open now.
    pub fn is_open(&self) -> bool {
        !locked(&self.state).masters.is_empty()
    }

    /// Facts about the open connection, opening it where there is none. A live answer: the master is asked.
    pub async fn ready(self: &Arc<Self>, cancel: &CancellationToken) -> Result<MasterUp, RunFailure> {
        let master = self.any_master(cancel).await?;
        Ok(master.up.clone())
    }

    /// The control socket of an open connection, for a hop that goes through it.
    async fn control_path(self: &Arc<Self>, cancel: &CancellationToken) -> Result<std::path::PathBuf, RunFailure> {
        Ok(self.any_master(cancel).await?.up.control_path.clone())
    }

    async fn any_master(self: &Arc<Self>, cancel: &CancellationToken) -> Result<Arc<Master>, RunFailure> {
        loop {
            if let Some(master) = self.masters().first().cloned() {
                if master.pins_changed() {
                    self.retire(&master);
                } else if master.alive().await {
                    return Ok(master);
                } else {
                    self.discard(&master).await;
                }
                continue;
            }
            self.connect(cancel).await?;
        }
    }

    /// Opens one master. Concurrent callers share one attempt and its outcome; the attempt itself outlives a
    /// caller that is cancelled.
    async fn connect(self: &Arc<Self>, cancel: &CancellationToken) -> Result<(), RunFailure> {
        let mut attempt = {
            let mut state = locked(&self.state);
            match &state.attempt {
                Some(attempt) => attempt.clone(),
                None => {
                    if let Some(told) = state.memory.recall() {
                        return Err(RunFailure::Connect(Arc::new(told)));
                    }
                    let (tell, attempt) = watch::channel(None);
                    state.attempt = Some(attempt.clone());
                    let link = self.clone();
                    tokio::spawn(carry(async move {
                        let outcome = link.open_master(Standbys::Kept).await;
                        let result = {
                            let mut state = locked(&link.state);
                            state.attempt = None;
                            outcome.map(|master| state.masters.push(master))
                        };
                        let _ = tell.send(Some(result));
                        link.queue.wake_all();
                    }));
                    attempt
                }
            }
        };
        let finished = tokio::select! {
            () = cancel.cancelled() => return Err(RunFailure::NotStarted(Cut::Cancelled)),
            finished = attempt.wait_for(Option::is_some) => finished,
        };
        match finished.ok().and_then(|r| r.clone()) {
            Some(Ok(())) => Ok(()),
            Some(Err(failure)) => Err(RunFailure::Connect(failure)),
            None => Err(RunFailure::Lost { reason: "the connect attempt ended early".into(), may_have_run: false }),
        }
    }

    /// The way to the host, none of it blocked: neither by the name that was configured nor by the one that ssh_config
    /// makes of it, jump hosts included.
    async fn route(&self, cancel: &CancellationToken) -> Result<Vec<Hop>, ConnectFailure> {
        let way = connect::plan(&self.pool.env, &self.target, cancel).await?;
        for hop in &way {
            let checked = self.pool.blocklist.check(hop.target.hostname.as_str(), Some(hop.resolved.hostname.as_str()));
            checked.map_err(|refused| ConnectFailure::new(FailureKind::Blocked, refused.what, refused.next))?;
        }
        Ok(way)
    }

    fn open_master(self: &Arc<Self>, standbys: Standbys) -> Pin<Box<dyn Future<Output = Opened> + Send + '_>> {
        // Boxed because a hop's master is opened by this same function.
        Box::pin(async move {
            let root = &self.pool.root;
            let mut way = self.route(root).await.map_err(Arc::new)?;
            let hops = way.len().saturating_sub(1);
            let Some(hop) = way.pop() else { return Err(Arc::new(ConnectFailure::cancelled(&self.target.alias))) };
            let via = match way.pop() {
                None => None,
                Some(before) => {
                    let before = self.pool.link(&Arc::new(before.target));
                    match before.control_path(root).await {
                        Ok(path) => Some(path),
                        Err(RunFailure::Connect(failure)) => return Err(failure),
                        Err(_) => return Err(Arc::new(ConnectFailure::cancelled(&self.target.alias))),
                    }
                }
            };
            let files = hop.resolved.known_hosts_files();
            let pinned = files.into_iter().map(|path| (path.clone(), modified(&path))).collect();
            let (alias, login) = (&hop.target.alias, hop.target.login.method());
            let span = Span::connect(alias, hop.resolved.port, &hop.resolved.user, login, hops);
            let socket = self.pool.control.fresh(hop.key.as_str());
            let tries = if locked(&self.state).memory.is_wary() { Tries::One } else { Tries::Several };
            let opening = connect::master::open(&self.pool.env, &hop, via.as_deref(), &socket, tries, root);
            let up = span.scope(opening).await;
            let up = {
                let memory = &mut locked(&self.state).memory;
                up.inspect(|_| memory.clear()).map_err(|failure| {
                    Arc::new(memory.note(failure, connect::identity::files_of(&self.pool.env, &hop)))
                })
            };
            match &up {
                Ok(_) => span.connected(),
                Err(failure) => span.failed(ToolError::from(ConnectFailure::clone(failure)).name),
            }
            drop(span);
            let up = up?;
            let stand_by = self.target.shell && standbys == Standbys::Kept;
            let apart = Apart::for_server(up.server_version.as_deref());
            let session = Session::resume_mux(up.control_path.clone().into_boxed_path(), None);
            let slots = Slots::new(Arc::new(session), stand_by, self.queue.clone(), self.learning(), apart);
            tracing::info!(host = %up.hostname, port = up.port, "connection opened");
            Slots::refill(&slots);
            let counted = Gauge::connection(&hop.target.alias);
            Ok(Arc::new(Master { up, _counted: counted, slots, healthy: Mutex::new(Instant::now()), pinned }))
        })
    }

    /// Takes a master off the list. True for the one caller that did it.
    fn remove(&self, master: &Arc<Master>) -> bool {
        let mut state = locked(&self.state);
        let before = state.masters.len();
        state.masters.retain(|m| !Arc::ptr_eq(m, master));
        state.masters.len() < before
    }

    /// Gives a master no further work and closes it once its running commands have ended.
    fn retire(&self, master: &Arc<Master>) {
        if !self.remove(master) {
            return;
        }
        let (master, root) = (master.clone(), self.pool.root.clone());
        tokio::spawn(async move {
            master.slots.close();
            while master.slots.busy() > 0 && !root.is_cancelled() {
                tokio::time::sleep(RETIRED_LOOK).await;
            }
            connect::close_master(&master.up.control_path, master.up.pid).await;
        });
    }

    /// What known_hosts pins for this host.
    pub async fn pinned(&self, cancel: &CancellationToken) -> Result<Vec<known_hosts::Pinned>, ConnectFailure> {
        let way = connect::plan(&self.pool.env, &self.target, cancel).await?;
        match way.last() {
            Some(hop) => known_hosts::pinned(&self.pool.env, &hop.resolved, cancel).await,
            None => Ok(Vec::new()),
        }
    }

    /// The key that the host shows now, by a handshake of its own through the jump hosts on the way.
    pub async fn host_key(
        self: &Arc<Self>,
        cancel: &CancellationToken,
    ) -> Result<known_hosts::HostKeyReport, RunFailure> {
        let failed = |failure| RunFailure::Connect(Arc::new(failure));
        let env = &self.pool.env;
        let mut way = self.route(cancel).await.map_err(failed)?;
        let Some(hop) = way.pop() else { return Err(RunFailure::NotStarted(Cut::Cancelled)) };
        let via = match way.pop() {
            None => None,
            Some(before) => Some(self.pool.link(&Arc::new(before.target)).control_path(cancel).await?),
        };
        connect::live_key::live_key(env, &hop, via.as_deref(), cancel).await.map_err(failed)
    }

    async fn discard(&self, master: &Arc<Master>) {
        if self.remove(master) {
            master.slots.close();
            connect::close_master(&master.up.control_path, master.up.pid).await;
        }
    }

    /// Closes every connection of this link.
    pub async fn close(&self) {
        for master in self.masters() {
            self.discard(&master).await;
        }
    }
}
