//! Reachability and identity of a host: answers that need a connection but run no command of the caller's.

use std::time::Duration;

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
    /// The line by which it introduced itself; remote text.
    pub server_version: Option<String>,
}

impl From<ToolError> for Unreached {
    fn from(error: ToolError) -> Self {
        Unreached { error, showed_key: false, server_version: None }
    }
}

impl Host {
    /// Connects or takes the open connection, and makes one real round trip over it: a pooled connection over a
    /// dead link does not count as reachable.
    pub async fn reach(&self) -> Result<MasterUp, Unreached> {
        let cancel = self.call().cancel();
        let up = Box::pin(self.link().ready(cancel)).await.map_err(|failure| match &failure {
            RunFailure::Connect(connect) => Unreached {
                showed_key: connect.reached && connect.alias == self.link().target().alias,
                server_version: connect.server_version.clone(),
                error: self.failure(failure),
            },
            _ => self.failure(failure).into(),
        })?;
        if self.platform() == Platform::Posix {
            self.run(Job::script(&super::Script::new("exit 0"), [""; 0]).timeout(Some(ROUND_TRIP)))
                .await?
                .within_time("A round trip to the host")?;
        } else {
            let opened = tokio::time::timeout(ROUND_TRIP, Box::pin(self.link().sftp_channel(cancel))).await;
            let timeout = || {
                ToolError::new(
                    ErrorName::Timeout,
                    format!("`{}` did not answer in {} s.", self.alias(), ROUND_TRIP.as_secs()),
                    "Call again; the connection is made anew.",
                )
            };
            opened.map_err(|_| timeout())?.map_err(|f| self.failure(f))?;
        }
        Ok(up)
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
