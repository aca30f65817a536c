//! What lives as long as the server: the table of tools, the configuration in force, connections, audit and hooks.

use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::answer::kept::Outputs;
use super::completion::Names;
use super::project_values::ProjectValues;
use super::shells::Shells;
use super::snapshot::Snapshot;
use super::tool::Entry;
use super::turns::Turns;
use super::verdicts::{Openings, Verdicts};
use crate::audit::Audit;
use crate::config::Config;
use crate::hooks::Hooks;
use crate::model::error::{ErrorName, ToolError};
use crate::redact::engine::MarkerKey;
use crate::ssh::connect::{ControlDir, SshEnv};
use crate::ssh::pool::Pool;

/// Longest wait for connections to close at the end, so that the whole server is gone within 2 s.
const CLOSE_WAIT: Duration = Duration::from_millis(1500);

/// The server's state.
pub struct Engine {
    /// Every registered tool, in the fixed order of lists.
    pub entries: Box<[Entry]>,
    snapshot: RwLock<Arc<Snapshot>>,
    /// Connections.
    pub pool: Pool,
    /// The audit.
    pub audit: Audit,
    /// The operator's hooks.
    pub hooks: Hooks,
    /// Persistent shells.
    pub shells: Shells,
    /// What calls have named, for completion.
    pub names: Names,
    /// Compose projects that were judged.
    pub verdicts: Verdicts,
    /// Compose projects whose files were judged and read.
    pub openings: Openings,
    /// Values of redact-listed files of compose projects.
    pub(super) values: ProjectValues,
    /// Whose turn it is on a machine.
    pub turns: Turns,
    /// What did not fit into answers.
    pub outputs: Outputs,
    /// Ends everything.
    pub root: CancellationToken,
    /// The key of redaction markers, once it was needed.
    pub(super) marker_key: OnceLock<MarkerKey>,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("tools", &self.entries.len()).finish_non_exhaustive()
    }
}

/// What an engine is made from.
#[derive(Debug)]
pub struct Parts {
    /// Every tool.
    pub entries: Vec<Entry>,
    /// The configuration.
    pub config: Config,
    /// The audit.
    pub audit: Audit,
    /// The operator's hooks.
    pub hooks: Hooks,
    /// How ssh is started.
    pub ssh: SshEnv,
    /// Where control sockets live.
    pub control: ControlDir,
}

/// What a reload changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reloaded {
    /// Hosts now in force.
    pub loaded: usize,
    /// The file, or `<none>`.
    pub source: String,
    /// Aliases that came.
    pub added: Vec<String>,
    /// Aliases that went.
    pub removed: Vec<String>,
    /// Aliases whose settings differ.
    pub changed: Vec<String>,
}

impl Engine {
    /// Puts the parts together. The faults are those of the rules, one line each.
    pub fn new(parts: Parts) -> Result<Arc<Self>, Vec<String>> {
        let snapshot = Snapshot::compile(parts.config)?;
        let root = CancellationToken::new();
        let settings = &snapshot.config.settings;
        let pool = Pool::new(
            Arc::new(parts.ssh),
            parts.control,
            snapshot.blocklist.clone(),
            usize::try_from(settings.ssh_max_connections_per_host).unwrap_or(1),
            settings.ssh_idle_timeout,
            root.clone(),
        );
        let mut entries = parts.entries;
        entries.sort_by_key(|entry| (group_order(entry.spec.group), entry.spec.name));
        Ok(Arc::new(Engine {
            entries: entries.into_boxed_slice(),
            snapshot: RwLock::new(Arc::new(snapshot)),
            pool,
            audit: parts.audit,
            hooks: parts.hooks,
            shells: Shells::default(),
            names: Names::default(),
            verdicts: Verdicts::default(),
            openings: Openings::default(),
            values: ProjectValues::default(),
            turns: Turns::default(),
            outputs: Outputs::default(),
            root,
            marker_key: OnceLock::new(),
        }))
    }

    /// The configuration in force.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The tool of this name, hidden or not.
    pub fn entry(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.spec.name == name)
    }

    /// The visible tools, in order.
    pub fn visible(&self) -> impl Iterator<Item = &Entry> {
        let snapshot = self.snapshot();
        self.entries
            .iter()
            .filter(move |entry| snapshot.visibility.allows(entry.spec.tier, entry.spec.group, entry.spec.name).is_ok())
    }

    /// Reads the hosts file again. On any fault the set in force stays. Connections to hosts that went or whose
    /// way of connecting changed are closed once their commands have ended, and kept outputs are let go of.
    pub async fn reload(&self) -> Result<Reloaded, ToolError> {
        let refused = |why: String| {
            ToolError::new(
                ErrorName::ValueError,
                format!("The new hosts file was refused, and the one in force stays: {why}"),
                "The operator corrects the file; `ssh-mcp check` shows every fault.",
            )
        };
        let now = self.snapshot();
        let (hosts, diff) = crate::config::reload_hosts(&now.config).map_err(|faults| refused(faults.to_string()))?;
        for warning in &diff.warnings {
            tracing::warn!("{warning}");
        }
        let next = now.with_hosts(hosts).map_err(|faults| refused(faults.join("; ")))?;
        let next = Arc::new(next);
        let source = next.config.hosts_file.as_ref().map_or("<none>".to_owned(), |p| p.display().to_string());
        let loaded = next.hosts().len();
        *self.snapshot.write().unwrap_or_else(PoisonError::into_inner) = next.clone();
        // Hosts and paths may be closed now that an earlier answer showed.
        self.outputs.clear();
        let keys: std::collections::HashSet<String> =
            next.hosts().iter().map(|h| h.target.key().as_str().to_owned()).collect();
        let bare = &next.config.settings.ssh_hosts_allowlist;
        self.pool.retain(|target| keys.contains(target.key().as_str()) || bare.contains(&target.alias)).await;
        Ok(Reloaded { loaded, source, added: diff.added, removed: diff.removed, changed: diff.changed })
    }

    /// Ends everything: calls, connections, hooks.
    pub async fn shutdown(&self) {
        self.root.cancel();
        match tokio::time::timeout(CLOSE_WAIT, self.pool.close()).await {
            Ok(count) => tracing::info!(connections = count, "shut down"),
            Err(_) => tracing::warn!("some connections did not close in time; their masters end by themselves"),
        }
        self.pool.remove_control_folder();
    }
}

fn group_order(group: crate::model::tier::Group) -> usize {
    crate::model::tier::Group::ALL.iter().position(|g| *g == group).unwrap_or(usize::MAX)
}
