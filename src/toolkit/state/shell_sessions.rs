//! Persistent shells: a working directory and exported environment that outlive a call.
//!
//! Nothing of a session runs on the host between two calls, so there is nothing to lose with a connection, nothing to
//! stop but the running command, and no way for one command to wedge the next. Each call is a fresh shell that is
//! given the state, runs the command, and hands the state back as it ends.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::model::error::ToolError;
use crate::model::hex::random_mark;
use crate::model::lock::LockAlways as _;

/// Most sessions of one host.
const PER_HOST: usize = 20;

/// A session unused for longer than this is dropped.
const IDLE_MAX: Duration = Duration::from_secs(4 * 3600);

/// Most bytes of exported environment that are carried over.
pub(crate) const ENV_MAX: usize = 64 * 1024;

/// What a session remembers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct State {
    /// Working directory; `None` is the login directory.
    pub cwd: Option<String>,
    /// Statements of the session's own shell that restore its exported variables.
    pub environment: String,
}

/// One session.
#[derive(Debug)]
pub struct Session {
    /// 16 hexadecimal digits.
    pub id: String,
    /// The host's alias.
    pub alias: String,
    created: Instant,
    used: Mutex<Instant>,
    /// Held while a command runs: calls on one session follow one another.
    pub state: tokio::sync::Mutex<State>,
    shown_cwd: Mutex<String>,
}

/// A session as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its id.
    pub id: String,
    /// Its host's alias.
    pub alias: String,
    /// Its working directory; `~` until the first command.
    pub cwd: String,
    /// Time since its last command ended.
    pub idle: Duration,
    /// Time since it was opened.
    pub age: Duration,
}

/// All sessions of this server.
#[derive(Debug, Default)]
pub struct Shells(Mutex<HashMap<String, Arc<Session>>>);

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock_always()
}

impl Shells {
    /// Opens a session on a host.
    pub fn open(&self, alias: &str) -> Result<Arc<Session>, ToolError> {
        let mut sessions = locked(&self.0);
        expire(&mut sessions);
        if sessions.values().filter(|s| s.alias == alias).count() >= PER_HOST {
            return Err(ToolError::value(
                format!("`{alias}` has {PER_HOST} open sessions, which is the limit."),
                "Close one with ssh_shell_close; ssh_shell_list shows them.",
            ));
        }
        let id = random_mark::<8>()?;
        let now = Instant::now();
        let session = Arc::new(Session {
            id: id.clone(),
            alias: alias.to_owned(),
            created: now,
            used: Mutex::new(now),
            state: tokio::sync::Mutex::default(),
            shown_cwd: Mutex::new("~".to_owned()),
        });
        sessions.insert(id, session.clone());
        Ok(session)
    }

    /// The session of this id.
    pub fn get(&self, id: &str) -> Result<Arc<Session>, ToolError> {
        let mut sessions = locked(&self.0);
        expire(&mut sessions);
        sessions.get(id).cloned().ok_or_else(|| {
            ToolError::value(
                format!(
                    "There is no session {id:?}; it was closed, or unused for {} hours.",
                    IDLE_MAX.as_secs() / 3600
                ),
                "Open one with ssh_shell_open; ssh_shell_list shows the open ones.",
            )
        })
    }

    /// Closes a session; false when there was none.
    pub fn close(&self, id: &str) -> bool {
        locked(&self.0).remove(id).is_some()
    }

    /// The open sessions, oldest first.
    pub fn list(&self) -> Vec<Row> {
        let mut sessions = locked(&self.0);
        expire(&mut sessions);
        let mut rows: Vec<Row> = sessions
            .values()
            .map(|s| Row {
                id: s.id.clone(),
                alias: s.alias.clone(),
                cwd: locked(&s.shown_cwd).clone(),
                idle: locked(&s.used).elapsed(),
                age: s.created.elapsed(),
            })
            .collect();
        rows.sort_by_key(|row| std::cmp::Reverse(row.age));
        rows
    }
}

fn expire(sessions: &mut HashMap<String, Arc<Session>>) {
    expire_at(sessions, Instant::now());
}

/// Drops what nobody has used for [`IDLE_MAX`]; a session whose command still runs is in use.
fn expire_at(sessions: &mut HashMap<String, Arc<Session>>, now: Instant) {
    let idle = |s: &Session| now.saturating_duration_since(*locked(&s.used));
    sessions.retain(|_, s| idle(s) < IDLE_MAX || s.state.try_lock().is_err());
}

impl Session {
    /// Notes that a command ended, and where.
    pub fn ended(&self, state: &State) {
        *locked(&self.used) = Instant::now();
        if let Some(cwd) = &state.cwd {
            cwd.clone_into(&mut locked(&self.shown_cwd));
        }
    }

    /// The working directory as answers show it.
    pub fn shown_cwd(&self) -> String {
        locked(&self.shown_cwd).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unused_session_goes_and_one_that_works_stays() {
        let shells = Shells::default();
        let (unused, works) = (shells.open("a").unwrap(), shells.open("a").unwrap());
        let state = works.state.try_lock().unwrap();
        let now = Instant::now();
        let (earlier, later) = (now + IDLE_MAX / 2, now + IDLE_MAX);
        expire_at(&mut locked(&shells.0), earlier);
        assert_eq!(shells.list().len(), 2);
        expire_at(&mut locked(&shells.0), later);
        assert!(shells.get(&unused.id).is_err() && shells.get(&works.id).is_ok());
        drop(state);
        expire_at(&mut locked(&shells.0), later);
        assert!(shells.list().is_empty());
    }

    #[test]
    fn limits_and_unknown_ids() {
        let shells = Shells::default();
        for _ in 0..PER_HOST {
            shells.open("a").unwrap();
        }
        assert!(shells.open("a").is_err());
        let other = shells.open("b").unwrap();
        assert_eq!(shells.list().len(), PER_HOST + 1);
        assert!(shells.close(&other.id));
        assert!(!shells.close(&other.id));
        assert!(shells.get(&other.id).is_err());
    }
}
