//! Who waits for a session slot of a host: served in the order in which they came, whichever connection has one.
//!
//! Without an order somebody waits long while others pass, and a long wait opens a further connection, which takes from a
//! busy host what its commands need.

use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio::sync::futures::OwnedNotified;

use crate::model::lock::LockAlways as _;

/// How long one waits before one looks by oneself: a limit that was learned may have been a moment's.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// The queue of one host.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    freed: Arc<Notify>,
    waiting: AtomicUsize,
    moved: Mutex<Option<Instant>>,
}

impl Queue {
    /// A place at the end.
    pub(crate) fn enter(self: &Arc<Self>) -> QueueTicket {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let turn = waiting(&self.freed);
        QueueTicket { queue: self.clone(), turn, served: false }
    }

    /// True while somebody waits.
    pub(crate) fn is_waited_for(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
    }

    /// A slot is free: the first may look.
    pub(crate) fn wake_one(&self) {
        *self.moved.lock_always() = Some(Instant::now());
        self.freed.notify_one();
    }

    /// True when no slot came free for so long.
    pub(crate) fn stands_still(&self, long: Duration) -> bool {
        self.moved.lock_always().is_none_or(|at| at.elapsed() > long)
    }

    /// Many are: all may look.
    pub(crate) fn wake_all(&self) {
        self.freed.notify_waiters();
    }
}

fn waiting(freed: &Arc<Notify>) -> Pin<Box<OwnedNotified>> {
    let mut turn = Box::pin(freed.clone().notified_owned());
    // From now on it is in line, not only once it is waited for.
    turn.as_mut().enable();
    turn
}

/// A place in the queue. Dropping it leaves the queue.
#[derive(Debug)]
pub(crate) struct QueueTicket {
    queue: Arc<Queue>,
    turn: Pin<Box<OwnedNotified>>,
    served: bool,
}

impl QueueTicket {
    /// Waits until a slot may be free: true when it is its turn, false when it is only time to look. Then the place is
    /// kept.
    pub(crate) async fn turn(&mut self) -> bool {
        let called = tokio::time::timeout(LOOK_AGAIN, self.turn.as_mut()).await.is_ok();
        if called {
            self.turn = waiting(&self.queue.freed);
        }
        called
    }

    /// Leaves with what was waited for.
    pub(crate) fn leave(mut self) {
        self.served = true;
    }
}

impl Drop for QueueTicket {
    fn drop(&mut self) {
        self.queue.waiting.fetch_sub(1, Ordering::Relaxed);
        if !self.served {
            // It may have been this one's turn.
            self.queue.freed.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_came_first_is_served_first_however_long_it_takes() {
        let queue = Arc::new(Queue::default());
        let (told, mut served) = tokio::sync::mpsc::unbounded_channel();
        for n in 0..5 {
            let mut place = queue.enter();
            let told = told.clone();
            tokio::spawn(async move {
                let mut looks = 0;
                while !place.turn().await {
                    looks += 1;
                }
                place.leave();
                told.send((n, looks)).unwrap();
            });
        }
        // Those who looked by themselves meanwhile keep their places.
        tokio::time::sleep(LOOK_AGAIN * 3).await;
        assert!(queue.is_waited_for());
        for n in 0..5 {
            queue.wake_one();
            let (first, looks) = served.recv().await.unwrap();
            assert_eq!(first, n);
            assert!(looks >= 2, "{looks}");
        }
        assert!(!queue.is_waited_for());
    }

    #[tokio::test]
    async fn who_leaves_without_a_slot_gives_the_turn_on() {
        let queue = Arc::new(Queue::default());
        let (mut first, mut second) = (queue.enter(), queue.enter());
        assert!(queue.stands_still(Duration::ZERO));
        queue.wake_one();
        assert!(!queue.stands_still(LOOK_AGAIN));
        assert!(first.turn().await);
        drop(first);
        assert!(second.turn().await);
        // One whose turn came while it was elsewhere gives it on as well.
        let third = queue.enter();
        let mut fourth = queue.enter();
        second.leave();
        queue.wake_one();
        third.leave();
        assert!(fourth.turn().await);
    }
}
