//! Keeps the opening of one channel and the end of another apart, on servers that cannot take both at once.
//!
//! When a process of one channel ends, Dropbear (from 2022.82 on, up to 2024.85) looks at every channel of the connection
//! whether it is to be closed, and takes one whose command it has not been asked for yet for ended. It closes that one, and
//! when the command then starts all the same, its first output breaks an assertion (`!channel->sent_close`), which ends
//! the whole connection with everything that ran there. So on a server that greets as Dropbear the wrapper of a channel
//! does not exit before it is let (`outer.sh`), and it is let only while no channel is being opened.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedRwLockReadGuard, RwLock, oneshot};

/// Longest time that the end of a channel waits for others to be open: as long as one may take to greet.
const OPEN_MAX: Duration = if cfg!(test) { Duration::from_millis(300) } else { super::greeting::GREETING_WAIT };

/// Longest time that others wait with their opening for the end of a channel.
const END_MAX: Duration = Duration::from_millis(if cfg!(test) { 300 } else { 5000 });

/// The turns of one connection; empty where the server needs none.
#[derive(Debug, Clone, Default)]
pub struct Apart(Option<Arc<RwLock<()>>>);

/// Held while a channel is being opened, up to the first output of its command.
#[derive(Debug)]
pub struct OpeningTurn(#[allow(dead_code)] Option<OwnedRwLockReadGuard<()>>);

/// Held until the process of a channel has ended.
#[derive(Debug)]
pub struct EndingTurn(#[allow(dead_code)] Option<oneshot::Sender<()>>);

impl Apart {
    /// For a server that introduced itself like this, as `SSH-2.0-dropbear_2022.83`.
    pub fn for_server(version: Option<&str>) -> Self {
        Apart(version.is_some_and(|version| version.to_ascii_lowercase().contains("dropbear")).then(Arc::default))
    }

    /// True where the wrapper has to wait with its end.
    pub fn matters(&self) -> bool {
        self.0.is_some()
    }

    /// How much longer the end of a channel may take for it.
    pub fn delay(&self) -> Duration {
        if self.matters() { OPEN_MAX } else { Duration::ZERO }
    }

    /// Waits until no channel is ending.
    pub async fn open(&self) -> OpeningTurn {
        match &self.0 {
            Some(lock) => OpeningTurn(Some(lock.clone().read_owned().await)),
            None => OpeningTurn(None),
        }
    }

    /// Drops what keeps the process of a channel from its end (the channel's input), once no channel is being opened. Until
    /// the turn is dropped, or its time is over, none is.
    pub fn end<T: Send + 'static>(&self, held: T) -> EndingTurn {
        let Some(lock) = self.0.clone() else {
            drop(held);
            return EndingTurn(None);
        };
        let (turn, ended) = oneshot::channel::<()>();
        tokio::spawn(async move {
            let alone = tokio::time::timeout(OPEN_MAX, lock.write_owned()).await;
            drop(held);
            let _ = tokio::time::timeout(END_MAX, ended).await;
            drop(alone);
        });
        EndingTurn(Some(turn))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tells when it is dropped.
    struct Held(Option<oneshot::Sender<()>>);

    impl Drop for Held {
        fn drop(&mut self) {
            let _ = self.0.take().unwrap().send(());
        }
    }

    fn held() -> (Held, oneshot::Receiver<()>) {
        let (tell, told) = oneshot::channel();
        (Held(Some(tell)), told)
    }

    const MOMENT: Duration = Duration::from_millis(50);

    #[tokio::test]
    async fn an_end_and_an_opening_exclude_each_other_on_dropbear() {
        let apart = Apart::for_server(Some("SSH-2.0-dropbear_2022.83"));
        assert!(apart.matters());
        let (first, second) = (apart.open().await, apart.open().await);
        let (kept, mut dropped) = held();
        let ending = apart.end(kept);
        tokio::time::sleep(MOMENT).await;
        drop(first);
        tokio::time::sleep(MOMENT).await;
        assert!(dropped.try_recv().is_err(), "one channel is still being opened");
        drop(second);
        dropped.await.unwrap();
        assert!(tokio::time::timeout(MOMENT, apart.open()).await.is_err(), "the process has not ended");
        drop(ending);
        apart.open().await;
    }

    #[tokio::test]
    async fn neither_waits_for_ever() {
        let apart = Apart::for_server(Some("SSH-2.0-dropbear"));
        let opening = apart.open().await;
        let (kept, dropped) = held();
        let ending = apart.end(kept);
        tokio::time::timeout(OPEN_MAX + MOMENT, dropped).await.unwrap().unwrap();
        drop((opening, ending));
        let (kept, dropped) = held();
        let _ending = apart.end(kept);
        dropped.await.unwrap();
        tokio::time::timeout(END_MAX + MOMENT, apart.open()).await.unwrap();
    }

    #[tokio::test]
    async fn other_servers_wait_for_nothing() {
        for version in [Some("SSH-2.0-OpenSSH_10.0p2 Debian-7"), None] {
            let apart = Apart::for_server(version);
            let _opening = apart.open().await;
            let (kept, mut dropped) = held();
            let _ending = apart.end(kept);
            assert!(!apart.matters() && dropped.try_recv().is_ok());
            let _another = apart.open().await;
        }
    }
}
