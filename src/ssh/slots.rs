//! The session slots of one master: standbys, channels in use, and the server's own limit, which is learned.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use openssh::Session;

use super::apart::Apart;
use super::capabilities::Learnt;
use super::channel::{Channel, OpenFailure};
use super::queue::Queue;
use crate::model::lock::LockAlways as _;

/// Sessions that sshd allows on one connection where its `MaxSessions` says nothing else (sshd_config(5)).
const DEFAULT_LIMIT: usize = 10;

/// Channels kept ready ahead of need, as the limit allows.
const STANDBYS: usize = 3;

/// After this time a learned limit is tried again: the refusal may have been a moment's.
const RELEARN: Duration = Duration::from_secs(60);

/// How long a standby that was taken is not replaced: opening one starts several processes on the host, which would slow
/// the call that took it. A call that ends sooner has it replaced at its end.
const REPLACE_AFTER: Duration = Duration::from_millis(25);

/// How long after the end of a channel a refusal may be about that one: the server's own account of it closes a moment
/// after the client has heard of the end.
const CLOSING: Duration = Duration::from_secs(2);

/// How long such a refusal is waited out before the server is asked again.
const ASK_AGAIN: Duration = Duration::from_millis(20);

#[derive(Debug)]
struct State {
    idle: Vec<Channel>,
    opening: usize,
    busy: usize,
    limit: usize,
    learned_at: Option<Instant>,
    last_used: Instant,
    /// When the last channel that had been open came back.
    ended_at: Option<Instant>,
    closed: bool,
    /// A replacement is waiting for its time.
    replacing: bool,
}

impl State {
    fn total(&self) -> usize {
        self.idle.len() + self.opening + self.busy
    }
}

/// The slots of one master.
#[derive(Debug)]
pub(crate) struct Slots {
    session: Arc<Session>,
    state: Mutex<State>,
    queue: Arc<Queue>,
    learnt: Arc<Learnt>,
    apart: Apart,
    standbys: usize,
}

/// What a caller got from the scheduler.
#[derive(Debug)]
pub(crate) enum AcquiredSlot {
    /// A channel to use once; its slot comes back through [`SlotGuard`].
    Channel(Box<Channel>, SlotGuard),
    /// Every slot is in use.
    Full,
}

/// Holds one slot; dropping it gives the slot back.
#[derive(Debug)]
pub struct SlotGuard {
    slots: Arc<Slots>,
    /// The server has granted a session for it.
    granted: bool,
}

impl Drop for SlotGuard {
    fn drop(&mut self) {
        self.slots.with(|s| {
            s.busy = s.busy.saturating_sub(1);
            s.last_used = Instant::now();
            if self.granted {
                s.ended_at = Some(s.last_used);
            }
        });
        self.slots.queue.wake_one();
        Slots::refill(&self.slots);
    }
}

impl Slots {
    /// The scheduler of a master that is up; `queue` and `learnt` are the host's, `apart` is the connection's. Without a
    /// shell on the host nothing stands by.
    pub(crate) fn new(
        session: Arc<Session>,
        shell: bool,
        queue: Arc<Queue>,
        learnt: Arc<Learnt>,
        apart: Apart,
    ) -> Arc<Self> {
        Arc::new(Slots {
            session,
            state: Mutex::new(State {
                idle: Vec::new(),
                opening: 0,
                busy: 0,
                limit: DEFAULT_LIMIT,
                learned_at: None,
                last_used: Instant::now(),
                ended_at: None,
                closed: false,
                replacing: false,
            }),
            queue,
            learnt,
            apart,
            standbys: if shell { STANDBYS } else { 0 },
        })
    }

    fn with<R>(&self, f: impl FnOnce(&mut State) -> R) -> R {
        f(&mut self.state.lock_always())
    }

    /// The attached mux session.
    pub(crate) fn session(&self) -> &Arc<Session> {
        &self.session
    }

    /// What keeps the opening of a channel and the end of another apart.
    pub(crate) fn apart(&self) -> &Apart {
        &self.apart
    }

    /// Channels in use by calls.
    pub(crate) fn busy(&self) -> usize {
        self.with(|s| s.busy)
    }

    /// Time since the last call ended; zero while one runs.
    pub(crate) fn idle_for(&self) -> Duration {
        self.with(|s| if s.busy > 0 { Duration::ZERO } else { s.last_used.elapsed() })
    }

    /// Takes a standby, or opens a channel where the limit allows one more. The queue is not asked: that is for the
    /// caller to do.
    pub(crate) async fn take(self: &Arc<Self>) -> Result<AcquiredSlot, OpenFailure> {
        enum Step {
            Ready(Box<Channel>),
            Open(bool),
            Full,
        }
        let mut asked_again = false;
        loop {
            let step = self.with(|s| {
                s.last_used = Instant::now();
                if s.learned_at.is_some_and(|at| at.elapsed() > RELEARN) {
                    s.learned_at = None;
                    s.limit = DEFAULT_LIMIT;
                }
                if let Some(channel) = s.idle.pop() {
                    s.busy += 1;
                    Step::Ready(Box::new(channel))
                } else if s.total() < s.limit {
                    s.busy += 1;
                    Step::Open(s.ended_at.is_some_and(|at| at.elapsed() < CLOSING))
                } else {
                    Step::Full
                }
            });
            match step {
                Step::Ready(channel) => {
                    self.replace();
                    return Ok(AcquiredSlot::Channel(channel, SlotGuard { slots: self.clone(), granted: true }));
                }
                Step::Full => return Ok(AcquiredSlot::Full),
                Step::Open(closing) => {
                    // From here the slot is held by the guard, so that a cancelled call gives it back.
                    let mut busy = SlotGuard { slots: self.clone(), granted: false };
                    match Channel::open(&self.session, &self.learnt, &self.apart).await {
                        Ok(channel) => {
                            busy.granted = true;
                            return Ok(AcquiredSlot::Channel(Box::new(channel), busy));
                        }
                        Err(OpenFailure::Refused) => {
                            // A refusal that comes of the one before says nothing about the limit.
                            let doubtful = closing && !std::mem::replace(&mut asked_again, true);
                            let alone = !doubtful && self.learn_refusal(1);
                            drop(busy);
                            if doubtful || alone && closing {
                                tokio::time::sleep(ASK_AGAIN).await;
                            } else if alone {
                                return Err(OpenFailure::Refused);
                            }
                        }
                        Err(lost) => return Err(lost),
                    }
                }
            }
        }
    }

    /// Opens something else on a slot of its own (the sftp subsystem), giving up a standby where none is free.
    pub(crate) fn reserve(self: &Arc<Self>) -> Option<SlotGuard> {
        let given_up = self.with(|s| {
            let given_up = if s.total() >= s.limit { Some(s.idle.pop()?) } else { None };
            s.busy += 1;
            Some(given_up)
        })?;
        if let Some(channel) = given_up {
            tokio::spawn(channel.end());
        }
        Some(SlotGuard { slots: self.clone(), granted: true })
    }

    /// The server refused a session while others were open: what is open is the limit. True when none was open.
    fn learn_refusal(&self, own: usize) -> bool {
        self.with(|s| {
            let others = s.total().saturating_sub(own);
            s.limit = others.max(1).min(s.limit);
            s.learned_at = Some(Instant::now());
            others == 0
        })
    }

    /// Has a standby that was taken replaced: at once where it was the last one, else a little later.
    fn replace(self: &Arc<Self>) {
        let (last, later) = self.with(|s| {
            let last = s.idle.is_empty();
            let later = !last && !std::mem::replace(&mut s.replacing, true);
            (last, later)
        });
        if last {
            Slots::refill(self);
        } else if later {
            let slots = self.clone();
            tokio::spawn(async move {
                tokio::time::sleep(REPLACE_AFTER).await;
                slots.with(|s| s.replacing = false);
                Slots::refill(&slots);
            });
        }
    }

    /// Opens standbys in the background, one after the other. While somebody waits for a slot, a free one is theirs.
    pub(crate) fn refill(slots: &Arc<Slots>) {
        // In a terminal that somebody forced on the account nothing can wait.
        if slots.queue.is_waited_for() || slots.learnt.get().is_some_and(|known| known.terminal) {
            return;
        }
        let wanted = slots.with(|s| {
            let want = !s.closed && s.idle.len() + s.opening < slots.standbys && s.opening == 0 && s.total() < s.limit;
            if want {
                s.opening += 1;
            }
            want
        });
        if !wanted {
            return;
        }
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            slots.with(|s| s.opening -= 1);
            return;
        };
        let slots = slots.clone();
        runtime.spawn(async move {
            let opened = Channel::open(&slots.session, &slots.learnt, &slots.apart).await;
            let again = match opened {
                Ok(mut channel) => {
                    let ready = channel.make_ready().await;
                    slots.with(|s| {
                        s.opening -= 1;
                        if ready && !s.closed {
                            s.idle.push(channel);
                        }
                        ready
                    })
                }
                Err(OpenFailure::Refused) => {
                    slots.learn_refusal(1);
                    slots.with(|s| s.opening -= 1);
                    false
                }
                Err(OpenFailure::Lost(_)) => {
                    slots.with(|s| s.opening -= 1);
                    false
                }
            };
            slots.queue.wake_one();
            if again {
                Slots::refill(&slots);
            }
        });
    }

    /// Drops the standbys and opens no more: the master is about to be closed.
    pub(crate) fn close(&self) {
        let dropped = self.with(|s| {
            s.closed = true;
            std::mem::take(&mut s.idle)
        });
        drop(dropped);
    }
}
