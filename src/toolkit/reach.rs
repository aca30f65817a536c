//! Reachability and identity of a host: answers that need a connection but run no command of the caller's.

use std::time::{Duration, Instant};

use super::host::Host;
use super::job::Job;
use crate::model::error::{ErrorName, ToolError};
use crate::policy::path::Platform;
use crate::ssh::connect::{ConnectFailure, MasterUp};
use crate::ssh::known_hosts::{HostKeyReport, Role};
use crate::ssh::pool::RunFailure;

/// Longest wait for the round trip over a connection that is already up.
const ROUND_TRIP: Duration = Duration::from_secs(10);

/// A host that could not be logged in to.
#[derive(Debug)]
pub struct Unreached {
    /// Why.
    pub error: ToolError,
    /// The host itself showed its key, so it is there and speaks SSH.
    pub showed_key: bool,
    /// The login worked; what failed came after it.
    pub logged_in: bool,
    /// The line by which it introduced itself; remote text.
    pub server_version: Option<String>,
}

impl From<ToolError> for Unreached {
    fn from(error: ToolError) -> Self {
        Unreached { error, showed_key: false, logged_in: false, server_version: None }
    }
}

/// A host that was reached.
#[derive(Debug)]
pub struct Reached {
    /// The connection that answered.
    pub up: MasterUp,
    /// How long it had been open; `None` when this call logged in.
    pub open_for: Option<Duration>,
    /// Jobs of the account that are running there, as far as that was asked.
    pub running_jobs: usize,
}

impl Reached {
    /// `new` or `open`, for answers.
    pub fn connection(&self) -> &'static str {
        if self.open_for.is_some() { "open" } else { "new" }
    }
}

impl Host {
    /// Logs in anew beside the open connections, and leaves them as they are.
    pub async fn reach_anew(&self) -> Result<Reached, Unreached> {
        let up = Box::pin(self.link().log_in_anew(self.call().cancel())).await.map_err(|f| self.unreached(f))?;
        Ok(Reached { up, open_for: None, running_jobs: 0 })
    }

    fn unreached(&self, failure: RunFailure) -> Unreached {
        match &failure {
            RunFailure::Connect(connect) => Unreached {
                showed_key: connect.reached && connect.alias == self.link().target().alias,
                logged_in: false,
                server_version: connect.server_version.clone(),
                error: self.failure(failure),
            },
            // Only after a login is it found out what an account is for.
            RunFailure::Account(..) => Unreached { showed_key: true, logged_in: true, ..self.failure(failure).into() },
            _ => self.failure(failure).into(),
        }
    }

    /// Connects or takes the open connection, and makes one real round trip over it: a pooled connection over a
    /// dead link does not count as reachable.
    pub async fn reach(&self) -> Result<Reached, Unreached> {
        let mut reached = self.connected().await?;
        let cancel = self.call().cancel();
        // On a connection from before, silence may as well mean that the link is dead.
        let over_it = |error: ToolError| {
            let link = self.link();
            let logged_in =
                reached.open_for.is_none() || link.takes_no_scripts() || link.has_no_shell() || link.gets_no_session();
            let server_version = reached.up.server_version.clone().filter(|_| logged_in);
            Unreached { error, showed_key: logged_in, logged_in, server_version }
        };
        if self.platform() == Platform::Posix {
            let done = self
                .run(Job::script(&super::jobs::RUNNING, ["login"]).timeout(Some(ROUND_TRIP)))
                .await
                .and_then(|done| done.within_time("A round trip to the host"))
                .map_err(over_it)?;
            reached.running_jobs = done.stdout_text().trim().parse().unwrap_or_default();
        } else {
            let opened = tokio::time::timeout(ROUND_TRIP, Box::pin(self.link().sftp_channel(cancel))).await;
            let timeout = || {
                ToolError::new(
                    ErrorName::Timeout,
                    format!("`{}` did not answer in {} s.", self.alias(), ROUND_TRIP.as_secs()),
                    "Call again; the connection is made anew.",
                )
            };
            opened.map_err(|_| timeout()).and_then(|o| o.map_err(|f| self.failure(f))).map_err(over_it)?;
        }
        Ok(reached)
    }

    /// The open connection, or a new one where there is none. Nothing is sent over one that is open.
    pub async fn connected(&self) -> Result<Reached, Unreached> {
        let began = Instant::now();
        let up = Box::pin(self.link().ready(self.call().cancel())).await.map_err(|f| self.unreached(f))?;
        let open_for = began.checked_duration_since(up.opened_at).filter(|age| !age.is_zero());
        Ok(Reached { up, open_for, running_jobs: 0 })
    }

    /// The fingerprints that known_hosts pins for this host.
    pub async fn pinned_fingerprints(&self) -> Result<Vec<String>, ToolError> {
        let pinned = Box::pin(self.link().pinned(self.call().cancel())).await.map_err(tool_error)?;
        Ok(pinned.into_iter().filter(|p| p.role != Role::Revoked).map(|p| p.fingerprint).collect())
    }

    /// The key that the host shows in a handshake of its own, beside the pinned ones.
    pub async fn key_report(&self) -> Result<HostKeyReport, ToolError> {
        Box::pin(self.link().host_key(self.call().cancel())).await.map_err(|f| self.failure(f))
    }
}

fn tool_error(failure: ConnectFailure) -> ToolError {
    failure.into()
}
