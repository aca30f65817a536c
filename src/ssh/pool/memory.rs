//! What is remembered of logins that failed: a host is not knocked at again for an answer that is known.
//!
//! Servers count failures of an address (`PerSourcePenalties` of OpenSSH 9.8 and later, fail2ban) and then shut the door
//! to it, for a person's own `ssh` too. The times below keep under the penalties that OpenSSH has by default: 5 s for a
//! refused login, 1 s for a connection without one.

use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::ssh::connect::{ConnectFailure, FailureKind};

/// How long a host key that was not accepted is remembered.
const KEY_REFUSED: Duration = Duration::from_secs(3);

/// How long a refused login is remembered.
const LOGIN_REFUSED: Duration = Duration::from_secs(6);

/// How long a host that hung up is left alone.
const HUNG_UP: Duration = Duration::from_secs(5);

/// How long a failure counts as the likely cause of a door that is shut afterwards.
const CAUSE: Duration = Duration::from_secs(600);

/// A file as it was: time of change, mode and size.
type Stamp = (PathBuf, Option<(i64, i64, u32, u64)>);

#[derive(Debug)]
struct Failed {
    at: Instant,
    held: Duration,
    failure: Arc<ConnectFailure>,
    /// The files of this machine that the answer depends on.
    files: Vec<Stamp>,
}

/// The failures of one target.
#[derive(Debug, Default)]
pub(super) struct Memory {
    last: Option<Failed>,
    /// The last failure at which the host itself was there.
    cause: Option<(Instant, Arc<ConnectFailure>)>,
}

impl Memory {
    /// The answer of a moment ago, where nothing on this machine has changed since.
    pub(super) fn recall(&self) -> Option<ConnectFailure> {
        let last = self.last.as_ref().filter(|last| last.at.elapsed() < last.held)?;
        if last.files.iter().any(|(path, seen)| stamp(path.clone()).1 != *seen) {
            return None;
        }
        let mut failure = ConnectFailure::clone(&last.failure);
        failure
            .what
            .push_str(&format!(" That was {} s ago; the host was not asked again.", last.at.elapsed().as_secs()));
        failure.next.push_str(" ssh_host_ping with `fresh: true` asks it at once.");
        Some(failure)
    }

    /// True when the host is better not knocked at several times for one call.
    pub(super) fn is_wary(&self) -> bool {
        self.last.is_some() || self.cause.is_some()
    }

    /// Keeps a failure. What comes back names the earlier one that may have shut the door.
    pub(super) fn note(&mut self, mut failure: ConnectFailure, files: Vec<PathBuf>) -> ConnectFailure {
        if failure.kind == FailureKind::Cancelled {
            return failure;
        }
        let shut = !failure.reached && failure.kind == FailureKind::Unreachable;
        if let Some((at, cause)) = self.cause.as_ref().filter(|(at, _)| shut && at.elapsed() < CAUSE) {
            failure.what.push_str(&format!(" {} s before: {}", at.elapsed().as_secs(), cause.what));
            failure.next = format!(
                "After such failures a host may shut its door to this address for a while (PerSourcePenalties of OpenSSH 9.8 and later, fail2ban): wait some minutes. What led to it: {} {}",
                cause.next, failure.next
            );
        }
        let held = match failure.kind {
            FailureKind::UnknownHost | FailureKind::HostKeyChanged | FailureKind::HostKeyRevoked => Some(KEY_REFUSED),
            FailureKind::Authentication if failure.reached => Some(LOGIN_REFUSED),
            _ if failure.hung_up => Some(HUNG_UP),
            _ => None,
        };
        if held.is_some() && failure.reached {
            self.cause = Some((Instant::now(), Arc::new(failure.clone())));
        }
        self.last = held.map(|held| Failed {
            at: Instant::now(),
            held,
            failure: Arc::new(failure.clone()),
            files: files.into_iter().map(stamp).collect(),
        });
        failure
    }

    /// The host let us in.
    pub(super) fn clear(&mut self) {
        *self = Memory::default();
    }
}

fn stamp(path: PathBuf) -> Stamp {
    let seen = std::fs::metadata(&path).ok().map(|m| (m.ctime(), m.ctime_nsec(), m.mode(), m.size()));
    (path, seen)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(kind: FailureKind, reached: bool, hung_up: bool) -> ConnectFailure {
        ConnectFailure { reached, hung_up, ..ConnectFailure::new(kind, "It refused.", "Do this.") }
    }

    #[test]
    fn an_answer_is_given_again_until_something_changes_here() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut memory = Memory::default();
        assert!(memory.recall().is_none());
        memory.note(failure(FailureKind::UnknownHost, true, false), vec![file.path().to_owned()]);
        let told = memory.recall().unwrap();
        assert_eq!(told.kind, FailureKind::UnknownHost);
        assert!(told.what.contains("was not asked again"), "{told}");
        std::fs::write(file.path(), "pinned").unwrap();
        assert!(memory.recall().is_none());
        memory.note(failure(FailureKind::Authentication, true, false), Vec::new());
        memory.clear();
        assert!(memory.recall().is_none() && !memory.is_wary());
    }

    #[test]
    fn what_asked_nothing_of_the_host_is_not_kept() {
        let mut memory = Memory::default();
        for kind in [FailureKind::Authentication, FailureKind::Unreachable, FailureKind::Broken, FailureKind::Cancelled]
        {
            memory.note(failure(kind, false, false), Vec::new());
            assert!(memory.recall().is_none() && !memory.is_wary(), "{kind:?}");
        }
    }

    #[test]
    fn a_shut_door_names_what_led_to_it() {
        let mut memory = Memory::default();
        memory.note(failure(FailureKind::Authentication, true, false), Vec::new());
        let mut shut = failure(FailureKind::Unreachable, false, true);
        (shut.what, shut.next) = ("Closed.".into(), "Look.".into());
        for _ in 0..2 {
            let told = memory.note(shut.clone(), Vec::new());
            assert!(told.what.contains("Closed. 0 s before: It refused."), "{told}");
            assert!(told.next.contains("PerSourcePenalties") && told.next.contains("Do this."), "{told}");
        }
        assert!(memory.recall().unwrap().what.contains("It refused."));
    }
}
