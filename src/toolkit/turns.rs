//! A call's turn on a host: it waits for those that exchange names there, or for those whose names something opens later.

use std::io;
use std::time::{Duration, Instant};

use super::call::cancelled;
use super::host::Host;
pub(crate) use super::state::turn_locks::{CUT_FOR, Side, Turn};
use super::state::turn_locks::{lock_name, pause};
use crate::model::error::{ErrorName, ToolError};
use crate::ssh::known_hosts::Role;

/// Longest wait for a turn.
const WAIT: Duration = Duration::from_secs(30);

impl Host {
    /// Waits for this call's turn on the host.
    pub async fn turn(&self, side: Side) -> Result<Turn, ToolError> {
        let failed = |why: io::Error| {
            ToolError::new(
                ErrorName::InternalError,
                format!("Nothing was done, because its turn could not be locked: {why}."),
                "The operator looks after the folder `turns` in this program's data folder.",
            )
        };
        let turns = &self.call().state().turns;
        let folder = turns.folder(self.call().snapshot().config.env.data_dir()).map_err(failed)?;
        let machines = self.machines().await;
        let limit = WAIT.min(self.call().settings().ssh_command_timeout);
        let began = Instant::now();
        loop {
            if let Some(turn) = turns.attempt(folder, &machines, side).map_err(failed)? {
                return Ok(turn);
            }
            if began.elapsed() > limit {
                return Err(self.busy(side, limit));
            }
            tokio::select! {
                () = self.call().cancel().cancelled() => return Err(cancelled("nothing was run on the host")),
                () = tokio::time::sleep(pause()) => {}
            }
        }
    }

    fn busy(&self, side: Side, waited: Duration) -> ToolError {
        let (what, next) = match side {
            Side::Names => (
                "containers are being started or copied from there, and until that is over no name may lead elsewhere",
                "Call again when the container tools' calls on this host have ended (one that was cut counts half a minute longer).",
            ),
            Side::Mounts | Side::Alone => (
                "other calls move, link, copy or delete there, or start containers or copy from them",
                "Call again when they have ended.",
            ),
        };
        ToolError::new(
            ErrorName::RuntimeError,
            format!("`{}` is busy, and nothing was done: {what}. Waited {} s.", self.alias(), waited.as_secs()),
            next,
        )
    }

    /// The names of the host's locks: one for its name and one for each key that is pinned for it, so that two entries for
    /// one machine meet.
    pub(super) async fn machines(&self) -> Vec<String> {
        let turns = &self.call().state().turns;
        let key = self.entry().target.key().as_str().to_owned();
        if let Some(known) = turns.machines(&key) {
            return known;
        }
        let pinned = Box::pin(self.link().pinned(self.call().cancel())).await;
        let known = pinned.is_ok();
        let keys = pinned.unwrap_or_default().into_iter().filter(|pin| pin.role == Role::Key);
        let name = format!("name {}", self.hostname().to_ascii_lowercase());
        let mut machines: Vec<String> =
            keys.map(|pin| format!("key {}", pin.fingerprint)).chain([name]).map(|text| lock_name(&text)).collect();
        machines.sort();
        machines.dedup();
        if known {
            turns.remember_machines(key, machines.clone());
        }
        machines
    }
}

/// Whether what a call had asked for may still be under way on the host.
pub(crate) fn may_go_on<T>(done: &Result<T, ToolError>) -> bool {
    done.as_ref().is_err_and(|error| {
        matches!(
            error.name,
            ErrorName::Timeout | ErrorName::Cancelled | ErrorName::ConnectError | ErrorName::InternalError
        )
    })
}
