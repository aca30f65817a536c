//! A login of its own beside the open connections: does the host let us in now, not: did it once.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::{Link, RunFailure, Standbys};
use crate::ssh::account::Purpose;
use crate::ssh::channel::OpenFailure;
use crate::ssh::connect::{self, MasterUp};
use crate::ssh::cut::Cut;
use crate::ssh::slots::AcquiredSlot;
use crate::telemetry::carry;

impl Link {
    /// Logs in anew, opens a session (without a shell: the sftp subsystem), and ends both. What is open stays as it is;
    /// jump hosts on the way are reached over their open connections.
    pub async fn log_in_anew(self: &Arc<Self>, cancel: &CancellationToken) -> Result<MasterUp, RunFailure> {
        let link = self.clone();
        // A task of its own closes the connection even when nobody waits any more.
        let task = tokio::spawn(carry(async move {
            let master = link.open_master(Standbys::None).await.map_err(RunFailure::Connect)?;
            let opened = link.one_session(&master).await;
            master.slots.close();
            connect::close_master(&master.up.control_path, master.up.pid).await;
            opened.map(|()| master.up.clone())
        }));
        tokio::select! {
            () = cancel.cancelled() => Err(RunFailure::NotStarted(Cut::Cancelled)),
            done = task => done.unwrap_or(Err(RunFailure::NotStarted(Cut::Cancelled))),
        }
    }

    async fn one_session(&self, master: &super::Master) -> Result<(), RunFailure> {
        let lost = |reason: String| RunFailure::Lost { reason, may_have_run: false };
        if !self.target.shell {
            let mut command = openssh::Session::to_subsystem(master.slots.session().clone(), "sftp");
            command.stdin(openssh::Stdio::piped()).stdout(openssh::Stdio::piped()).stderr(openssh::Stdio::null());
            return command.spawn().await.map(drop).map_err(|error| lost(format!("the sftp subsystem: {error}")));
        }
        match master.slots.take().await {
            Ok(AcquiredSlot::Channel(..)) => Ok(()),
            Ok(AcquiredSlot::Full) | Err(OpenFailure::Refused) => {
                Err(RunFailure::Account(Purpose::NoSessions, String::new()))
            }
            Err(OpenFailure::Lost(reason)) => Err(lost(reason)),
        }
    }
}
