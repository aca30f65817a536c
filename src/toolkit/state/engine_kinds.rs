//! Which kind of engine a host's container client is, as it said itself.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long an answer holds; packages change.
const HOLDS: Duration = Duration::from_secs(600);

/// Most answers that are kept.
const KEPT_MAX: usize = 512;

/// What stands behind the words of a container client. The name of the program says nothing: Debian's `podman-docker` calls
/// podman `docker`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EngineKind {
    /// Docker, or another engine of its kind.
    Docker,
    /// podman's own client.
    Podman,
    /// Docker's client before podman's service, which tells less of a container than podman's own client does.
    PodmanService,
}

/// The answers, by host and client.
#[derive(Debug, Default)]
pub(crate) struct EngineKinds(Mutex<HashMap<(String, String), (EngineKind, Instant)>>);

impl EngineKinds {
    /// What the client of a host said within the last minutes.
    pub(in crate::toolkit) fn known(&self, host: &str, client: &str) -> Option<EngineKind> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (kind, since) = kept.get(&(host.to_owned(), client.to_owned()))?;
        (since.elapsed() < HOLDS).then_some(*kind)
    }

    /// Keeps an answer.
    pub(in crate::toolkit) fn keep(&self, host: &str, client: &str, kind: EngineKind) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT_MAX {
            kept.clear();
        }
        kept.insert((host.to_owned(), client.to_owned()), (kind, Instant::now()));
    }
}
