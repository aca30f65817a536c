//! A session slot for a run: by a standby, a new channel or a further connection, and in turn where all are taken.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use openssh::Session;
use tokio_util::sync::CancellationToken;

use super::{Link, Master, RunFailure};
use crate::ssh::account::Purpose;
use crate::ssh::apart::{Apart, OpeningTurn};
use crate::ssh::channel::{Channel, OpenFailure};
use crate::ssh::cut::Cut;
use crate::ssh::slots::{AcquiredSlot, SlotGuard};

/// A call that finds every slot taken, and none coming free for this time, has a further connection opened.
const PATIENCE: Duration = Duration::from_millis(250);

/// The same where slots come free, but it is not its turn yet: there another connection mostly takes from the host what
/// its commands need.
const LONG_PATIENCE: Duration = Duration::from_secs(1);

/// Longest wait for the host's answer to a new channel before another connection is tried.
const OPEN_WAIT: Duration = Duration::from_secs(15);

/// A connection that owed an answer for at least so long when the caller's time ran out is taken for dead or choked.
const OPEN_SUSPECT: Duration = Duration::from_secs(2);

impl Link {
    /// A channel on any master, connecting, queueing or opening a further master as needed.
    pub(super) async fn channel(
        self: &Arc<Self>,
        cancel: &CancellationToken,
    ) -> Result<(Arc<Master>, Box<Channel>, SlotGuard), RunFailure> {
        let began = Instant::now();
        // Who comes while others wait takes a place behind them.
        let mut place = self.queue.is_waited_for().then(|| self.queue.enter());
        let mut waits = place.is_some() && self.is_open();
        loop {
            if waits && let Some(place) = &mut place {
                tokio::select! {
                    () = cancel.cancelled() => return Err(RunFailure::NotStarted(Cut::Cancelled)),
                    _ = place.turn() => {}
                }
            }
            if cancel.is_cancelled() {
                return Err(RunFailure::NotStarted(Cut::Cancelled));
            }
            self.any_master(cancel).await?;
            let masters = self.masters();
            let mut lost = masters.is_empty();
            for master in &masters {
                let mut asked = PendingOpen { link: self, master, since: Instant::now(), answered: false };
                let taken = tokio::select! {
                    () = cancel.cancelled() => return Err(RunFailure::NotStarted(Cut::Cancelled)),
                    taken = master.slots.take() => taken,
                    () = tokio::time::sleep(OPEN_WAIT) => continue,
                };
                asked.answered = true;
                drop(asked);
                match taken {
                    Ok(AcquiredSlot::Channel(channel, busy)) => {
                        self.no_sessions.store(false, Ordering::Relaxed);
                        if let Some(place) = place {
                            place.leave();
                        }
                        return Ok((master.clone(), channel, busy));
                    }
                    Ok(AcquiredSlot::Full) => {}
                    Err(OpenFailure::Lost(reason)) => {
                        tracing::warn!(host = %master.up.hostname, %reason, "channel failed; connection dropped");
                        self.discard(master).await;
                        lost = true;
                    }
                    Err(OpenFailure::Refused) => {
                        self.no_sessions.store(true, Ordering::Relaxed);
                        return Err(RunFailure::Account(Purpose::NoSessions, String::new()));
                    }
                }
            }
            waits = false;
            if lost {
                continue;
            }
            let place = place.get_or_insert_with(|| self.queue.enter());
            waits = true;
            let waited = began.elapsed();
            let long = waited > LONG_PATIENCE || waited > PATIENCE && self.queue.stands_still(PATIENCE);
            if long && masters.len() < self.pool.max_masters {
                // Its turn may come before the further connection does, or the server may take none.
                tokio::select! {
                    connected = self.connect(cancel) => waits = connected.is_err(),
                    _ = place.turn() => waits = false,
                }
            }
        }
    }

    /// Opens the sftp subsystem on a slot of its own.
    pub async fn sftp_channel(self: &Arc<Self>, cancel: &CancellationToken) -> Result<SftpChannel, RunFailure> {
        let began = Instant::now();
        let mut place = self.queue.is_waited_for().then(|| self.queue.enter());
        loop {
            let master = self.any_master(cancel).await?;
            if let Some(busy) = master.slots.reserve() {
                if let Some(place) = place {
                    place.leave();
                }
                let (apart, turn) = (master.slots.apart().clone(), master.slots.apart().open().await);
                let mut command = Session::to_subsystem(master.slots.session().clone(), "sftp");
                command.stdin(openssh::Stdio::piped()).stdout(openssh::Stdio::piped()).stderr(openssh::Stdio::null());
                return match command.spawn().await {
                    Ok(child) => Ok(SftpChannel { child, busy, apart, turn }),
                    Err(error) => {
                        Err(RunFailure::Lost { reason: format!("the sftp subsystem: {error}"), may_have_run: false })
                    }
                };
            }
            if began.elapsed() > Duration::from_secs(30) {
                return Err(RunFailure::NotStarted(Cut::TimedOut));
            }
            tokio::select! {
                () = cancel.cancelled() => return Err(RunFailure::NotStarted(Cut::Cancelled)),
                _ = place.get_or_insert_with(|| self.queue.enter()).turn() => {}
            }
        }
    }
}

/// A new channel that the host has been asked for. When the wait for it is given up, the connection gets no further
/// work; what runs on it goes on.
struct PendingOpen<'a> {
    link: &'a Link,
    master: &'a Arc<Master>,
    since: Instant,
    answered: bool,
}

impl Drop for PendingOpen<'_> {
    fn drop(&mut self) {
        if !self.answered && self.since.elapsed() >= OPEN_SUSPECT {
            tracing::warn!(host = %self.master.up.hostname, "no answer to a new channel; the connection gets no more work");
            self.link.retire(self.master);
        }
    }
}

/// The sftp subsystem's channel and the slot it holds.
#[derive(Debug)]
pub struct SftpChannel {
    /// The remote child, its stdin and stdout piped.
    pub child: openssh::Child<Arc<Session>>,
    /// Gives the slot back when dropped.
    pub busy: SlotGuard,
    /// What the end of the conversation has to wait for.
    pub apart: Apart,
    /// Held until the server of files has answered.
    pub turn: OpeningTurn,
}
