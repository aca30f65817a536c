//! Whose turn it is on a machine: calls that exchange names there, or calls whose names an engine opens later.
//!
//! The engine of containers, its clients and compose take names only. What was judged has to lie under its name until they
//! have opened it, so while such a call is on its way no tool may put something else there. Calls of one side go on beside
//! each other. A turn is a lock on files of this machine, so that it also holds between several servers of one user.
//!
//! Each call locks the file of its own side, shared, and then looks whether the other side's file is free. Of two calls
//! that begin at once at least one sees the other; whoever does gives way and tries again.

use crate::model::hex::hex;
use crate::model::lock::LockAlways as _;
use std::collections::HashMap;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use nix::libc::O_NOFOLLOW;
use sha2::{Digest as _, Sha256};

/// How long a call that was cut may still be at work on the host: a client that is stopped has asked its engine already.
pub(crate) const CUT_FOR: Duration = Duration::from_secs(30);

/// Digits of the name of a lock.
const NAME_LEN: usize = 16;

/// What a call does to names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// It may put another object under a name: it moves, links, copies or removes.
    Names,
    /// Something opens its names after they were judged.
    Mounts,
    /// Both, and it looks at a whole folder before it acts: nobody may put anything into it meanwhile.
    Alone,
}

/// The locks of this user on this machine.
#[derive(Debug, Default)]
pub struct Turns {
    folder: OnceLock<PathBuf>,
    /// The folder where there is no other: for this process only.
    own: OnceLock<tempfile::TempDir>,
    machines: Mutex<HashMap<String, Vec<String>>>,
}

/// A turn. Dropped before [`Turn::over`], it ends some time later: what the call had asked for may still be under way.
#[derive(Debug)]
#[must_use]
pub struct Turn {
    held: Vec<Flock<File>>,
    lingers: Option<Duration>,
}

impl Turn {
    /// The call has ended, and so has all that it asked for.
    pub fn over(mut self) {
        self.lingers = None;
    }

    /// How long it goes on after a call that was cut.
    pub fn lingering(mut self, time: Duration) -> Self {
        self.lingers = Some(time);
        self
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let held = std::mem::take(&mut self.held);
        let (Some(time), Ok(runtime)) = (self.lingers, tokio::runtime::Handle::try_current()) else { return };
        runtime.spawn(async move {
            tokio::time::sleep(time).await;
            drop(held);
        });
    }
}

impl Turns {
    /// The names of a host's locks, once they are known. `key` is that of its connections.
    pub(in crate::toolkit) fn machines(&self, key: &str) -> Option<Vec<String>> {
        self.machines.lock_always().get(key).cloned()
    }

    /// Remembers them.
    pub(in crate::toolkit) fn remember_machines(&self, key: String, machines: Vec<String>) {
        self.machines.lock_always().insert(key, machines);
    }

    /// The turn of a call on these machines, if it is free now.
    pub(in crate::toolkit) fn attempt(
        &self,
        folder: &Path,
        machines: &[String],
        side: Side,
    ) -> io::Result<Option<Turn>> {
        Ok(attempt(folder, machines, side)?.map(|held| Turn { held, lingers: Some(CUT_FOR) }))
    }

    /// The folder of the locks: in the data folder, or one of this process's own.
    pub(in crate::toolkit) fn folder(&self, data: Option<PathBuf>) -> io::Result<&Path> {
        if let Some(folder) = self.folder.get() {
            return Ok(folder);
        }
        let made = data.map(|data| data.join("turns")).filter(|folder| {
            let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
            // A home without room or without locks leaves the calls of this process to each other.
            made.and_then(|()| lock(&folder.join("lock"), FlockArg::LockSharedNonblock).map(drop)).is_ok()
        });
        let folder = match made {
            Some(folder) => folder,
            None => {
                let own = tempfile::Builder::new().prefix("ssh-mcp-turns-").tempdir()?;
                self.own.get_or_init(|| own).path().to_owned()
            }
        };
        Ok(self.folder.get_or_init(|| folder))
    }
}

/// A lock's name for what identifies a machine.
pub(in crate::toolkit) fn lock_name(text: &str) -> String {
    hex(&Sha256::digest(text)).chars().take(NAME_LEN).collect()
}

/// Some milliseconds, not the same for two calls that gave way to each other.
pub(in crate::toolkit) fn pause() -> Duration {
    let mut byte = [0u8; 1];
    let _ = getrandom::fill(&mut byte);
    Duration::from_millis(5 + u64::from(byte[0] % 32))
}

/// The locks of a turn, if it is free now.
fn attempt(folder: &Path, machines: &[String], side: Side) -> io::Result<Option<Vec<Flock<File>>>> {
    let mut held = Vec::new();
    for machine in machines {
        let [names, mounts] = ["names", "mounts"].map(|side| folder.join(format!("{machine}.{side}")));
        let (first, how, second) = match side {
            Side::Names => (names, FlockArg::LockSharedNonblock, mounts),
            Side::Mounts => (mounts, FlockArg::LockSharedNonblock, names),
            Side::Alone => (names, FlockArg::LockExclusiveNonblock, mounts),
        };
        let Some(own) = lock(&first, how)? else { return Ok(None) };
        held.push(own);
        let Some(other) = lock(&second, FlockArg::LockExclusiveNonblock)? else { return Ok(None) };
        if side == Side::Alone {
            held.push(other);
        }
    }
    Ok(Some(held))
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600).custom_flags(O_NOFOLLOW).open(path)
}

/// A lock; nothing where somebody else holds it.
fn lock(path: &Path, how: FlockArg) -> io::Result<Option<Flock<File>>> {
    match Flock::lock(open(path)?, how) {
        Ok(held) => Ok(Some(held)),
        Err((_, Errno::EWOULDBLOCK | Errno::EINTR)) => Ok(None),
        Err((_, errno)) => Err(errno.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn one_side_goes_on_together_and_the_other_waits() {
        use Side::{Alone, Mounts, Names};
        let folder = tempfile::tempdir().unwrap();
        let machines = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        let (web, both) = (machines(&["a"]), machines(&["a", "b"]));
        for (holds, comes, goes_on) in [
            (Names, Names, true),
            (Mounts, Mounts, true),
            (Names, Mounts, false),
            (Mounts, Names, false),
            (Alone, Names, false),
            (Alone, Mounts, false),
            (Alone, Alone, false),
            (Names, Alone, false),
            (Mounts, Alone, false),
        ] {
            let held = attempt(folder.path(), &web, holds).unwrap();
            assert!(held.is_some());
            // A machine that is known by one more key is the same machine.
            for second in [&web, &both] {
                let got = attempt(folder.path(), second, comes).unwrap();
                assert_eq!(got.is_some(), goes_on, "{holds:?} {comes:?}");
            }
            assert!(attempt(folder.path(), &machines(&["c"]), comes).unwrap().is_some(), "another machine");
            drop(held);
            assert!(attempt(folder.path(), &both, comes).unwrap().is_some(), "{holds:?} {comes:?}");
        }
    }

    #[test]
    fn of_two_that_begin_at_once_never_both_go_on() {
        let folder = tempfile::tempdir().unwrap();
        let machines = ["a".to_owned()];
        let inside = [std::sync::atomic::AtomicU32::new(0), std::sync::atomic::AtomicU32::new(0)];
        let order = std::sync::atomic::Ordering::SeqCst;
        let rounds = std::sync::atomic::AtomicU32::new(0);
        std::thread::scope(|scope| {
            for n in 0..4 {
                let (folder, machines, inside, rounds) = (&folder, &machines, &inside, &rounds);
                let (side, own, other) = if n % 2 == 0 { (Side::Names, 0, 1) } else { (Side::Mounts, 1, 0) };
                scope.spawn(move || {
                    for _ in 0..400 {
                        let Some(held) = attempt(folder.path(), machines, side).unwrap() else { continue };
                        inside[own].fetch_add(1, order);
                        assert_eq!(inside[other].load(order), 0);
                        std::thread::yield_now();
                        assert_eq!(inside[other].load(order), 0);
                        inside[own].fetch_sub(1, order);
                        rounds.fetch_add(1, order);
                        drop(held);
                    }
                });
            }
        });
        assert!(rounds.load(order) > 0);
    }

    #[tokio::test]
    async fn a_turn_that_was_cut_goes_on_for_a_while() {
        let folder = tempfile::tempdir().unwrap();
        let machines = ["a".to_owned()];
        let free = || attempt(folder.path(), &machines, Side::Names).unwrap().is_some();
        let turn = |lingers| {
            let held = attempt(folder.path(), &machines, Side::Mounts).unwrap().unwrap();
            Turn { held, lingers }
        };
        turn(Some(CUT_FOR)).over();
        assert!(free());
        let began = Instant::now();
        drop(turn(Some(CUT_FOR)).lingering(Duration::from_millis(400)));
        assert!(!free());
        while !free() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert!(began.elapsed() >= Duration::from_millis(400));
    }
}
