//! What lives as long as the server: the configuration in force, connections, audit, hooks, and what calls left behind for
//! later ones.

use std::os::unix::fs::DirBuilderExt as _;
use std::sync::{Arc, OnceLock, RwLock};
use std::time::Duration;

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::compose_cache::{Openings, Verdicts};
use super::engine_kinds::EngineKinds;
use super::kept_outputs::Outputs;
use super::known_jobs::KnownJobs;
use super::masked_values::MaskedValues;
use super::project_values::ProjectValues;
use super::remembered_names::Names;
use super::shell_sessions::Shells;
use super::snapshot::Snapshot;
use super::turn_locks::Turns;
use crate::audit::Audit;
use crate::config::Config;
use crate::hooks::Hooks;
use crate::model::error::{ErrorName, ToolError};
use crate::model::lock::ReadWriteAlways as _;
use crate::model::tier::{Group, Tier};
use crate::redact::engine::{KeyError, MarkerKey};
use crate::skills::Library;
use crate::ssh::connect::{ControlDir, SshEnv};
use crate::ssh::pool::Pool;

/// Longest wait for connections to close at the end, so that the whole server is gone within 2 s.
const CLOSE_WAIT: Duration = Duration::from_millis(1500);

/// The server's state.
pub struct ServerState {
    /// Every registered tool, in the fixed order of lists.
    pub offers: Box<[Offer]>,
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
    pub project_values: ProjectValues,
    /// Which kinds of container engines the hosts have.
    pub(crate) engine_kinds: EngineKinds,
    /// Whose turn it is on a machine.
    pub turns: Turns,
    /// What did not fit into answers.
    pub outputs: Outputs,
    /// Jobs whose end was not told yet.
    pub(crate) jobs: KnownJobs,
    /// Secrets that redacting readers have masked.
    pub(crate) masked_values: MaskedValues,
    /// Guides and runbooks.
    pub guides: Arc<Library>,
    /// Ends everything.
    pub root: CancellationToken,
    /// The key of redaction markers, once it was needed.
    marker_key: OnceLock<MarkerKey>,
}

impl std::fmt::Debug for ServerState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerState").field("tools", &self.offers.len()).finish_non_exhaustive()
    }
}

/// A registered tool, as far as it is known down here: by what opens it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offer {
    /// The tool's name.
    pub name: &'static str,
    /// Its tier.
    pub tier: Tier,
    /// Its group.
    pub group: Group,
}

/// What a server is made from, beside its tools.
#[derive(Debug)]
pub struct Parts {
    /// The configuration.
    pub config: Config,
    /// The audit.
    pub audit: Audit,
    /// The operator's hooks.
    pub hooks: Hooks,
    /// Guides and runbooks.
    pub guides: Arc<Library>,
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

impl Offer {
    /// True where it may be listed and called.
    pub fn is_open(&self, snapshot: &Snapshot) -> bool {
        snapshot.visibility.allows(self.tier, self.group, self.name).is_ok()
    }
}

impl ServerState {
    /// Puts the parts together. The faults are those of the rules, one line each.
    pub fn new(offers: Vec<Offer>, parts: Parts) -> Result<Arc<Self>, Vec<String>> {
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
        Ok(Arc::new(ServerState {
            offers: offers.into_boxed_slice(),
            snapshot: RwLock::new(Arc::new(snapshot)),
            pool,
            audit: parts.audit,
            hooks: parts.hooks,
            shells: Shells::default(),
            names: Names::default(),
            verdicts: Verdicts::default(),
            openings: Openings::default(),
            project_values: ProjectValues::default(),
            engine_kinds: EngineKinds::default(),
            turns: Turns::default(),
            outputs: Outputs::default(),
            jobs: KnownJobs::default(),
            masked_values: MaskedValues::default(),
            guides: parts.guides,
            root,
            marker_key: OnceLock::new(),
        }))
    }

    /// The configuration in force.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.read_always().clone()
    }

    /// True where this configuration lists the tool of this name.
    pub fn offers(&self, name: &str, snapshot: &Snapshot) -> bool {
        self.offers.iter().any(|offer| offer.name == name && offer.is_open(snapshot))
    }

    /// The payload of `ssh_server_info` and its resource.
    pub fn server_info(&self) -> Value {
        let snapshot = self.snapshot();
        let tiers: Vec<&str> =
            Tier::ALL.iter().filter(|t| snapshot.visibility.opens(**t)).map(|t| t.as_str()).collect();
        let groups: Vec<&str> = snapshot.config.settings.ssh_enabled_groups.iter().map(|g| g.as_str()).collect();
        let mut info = json!({
            "name": "ssh-mcp",
            "version": env!("CARGO_PKG_VERSION"),
            "total_tools": self.offers.iter().filter(|offer| offer.is_open(&snapshot)).count(),
            "enabled_tiers": tiers,
        });
        // None is named where all are enabled; an answer leaves out what is empty.
        if let (false, Some(info)) = (groups.is_empty(), info.as_object_mut()) {
            info.insert("enabled_groups".to_owned(), json!(groups));
        }
        info
    }

    /// The key of this installation, made on first use; without a data folder, one for this process.
    pub(in crate::toolkit) fn installed_key(&self) -> Result<MarkerKey, KeyError> {
        if let Some(key) = self.marker_key.get() {
            return Ok(key.clone());
        }
        let key = match self.snapshot().config.env.data_dir() {
            Some(folder) => {
                std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
                MarkerKey::load_or_create(&folder)?
            }
            None => MarkerKey::random()?,
        };
        Ok(self.marker_key.get_or_init(|| key).clone())
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
        *self.snapshot.write_always() = next.clone();
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
