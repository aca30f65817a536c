//! Persistent shells: a working directory and exported environment that outlive a call.
//!
//! Nothing of a session runs on the host between two calls, so there is nothing to lose with a connection, nothing to
//! stop but the running command, and no way for one command to wedge the next. Each call is a fresh shell that is
//! given the state, runs the command, and hands the state back as it ends.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::host::Host;
use super::job::{Job, Output, Status};
use crate::model::error::{ErrorName, ToolError};
use crate::model::quote::sh_quote;
use crate::policy::command::AllowedCommand;
use crate::ssh::wrapper::{ACCOUNT, new_mark};

/// Most sessions of one host.
const PER_HOST: usize = 20;

/// A session unused for longer than this is dropped.
const IDLE_MAX: Duration = Duration::from_secs(4 * 3600);

/// Most bytes of exported environment that are carried over.
pub const ENV_MAX: usize = 64 * 1024;

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
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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
        let mut bytes = [0u8; 8];
        getrandom::fill(&mut bytes).map_err(|e| ToolError::value(format!("No random numbers: {e}."), "Call again."))?;
        let id: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
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

impl Host {
    /// Refuses where the operator wants no persistent shells on this host.
    pub fn persistent(&self) -> Result<(), ToolError> {
        if self.config().persistent_session {
            return Ok(());
        }
        Err(ToolError::value(
            format!("`{}` allows no persistent shells (persistent_session = false).", self.alias()),
            "Run single commands with ssh_exec_run.",
        ))
    }

    /// Runs a judged command in a session and keeps the state it hands back. A command that is stopped at its time
    /// limit, or that replaces its shell, leaves the state as it was.
    pub async fn run_in_session(
        &self,
        session: &Session,
        command: &AllowedCommand,
        limit: Duration,
    ) -> Result<Output, ToolError> {
        let cancel = self.call().cancel();
        let mut state = tokio::select! {
            state = session.state.lock() => state,
            () = cancel.cancelled() => return Err(super::call::cancelled("another command of the session was running")),
        };
        let mark = new_mark().map_err(|e| ToolError::value(format!("No random numbers: {e}."), "Call again."))?;
        let line = match command.shell_text() {
            Some(text) => free_line(&state, text, &mark),
            None => single_line(&state, &command.to_sh_line(), &mark),
        };
        let settings = self.call().settings();
        // Room for the state behind the output; the tail that is kept of a long output is a quarter of the cap.
        let room = settings.ssh_stdout_cap_bytes + 4 * ENV_MAX as u64;
        let job = Job::line(format!("{ACCOUNT} {line}")).timeout(Some(limit)).caps(room, settings.ssh_stderr_cap_bytes);
        let mut output = self.run(job).await?;
        if output.stdout == gone(&mark).as_bytes() {
            return Err(folder_gone(self.alias(), state.cwd.as_deref().unwrap_or("~")));
        }
        let shell = command.shell_text().is_some();
        if let Some((cwd, environment, taken)) = take_state(&mut output.stdout, &mark) {
            output.stdout_bytes = output.stdout_bytes.saturating_sub(taken as u64);
            // Some shells hand their state back even when they are stopped, some do not; no caller could tell.
            if matches!(output.status, Status::TimedOut(_)) {
                self.call()
                    .warn("The command was stopped: the session keeps the folder and the exports that it had before.");
                session.ended(&state);
                return Ok(output);
            }
            state.cwd = Some(cwd);
            if environment.len() > ENV_MAX {
                self.call()
                    .warn("The exported environment is too large to be carried over; the session keeps the old one.");
            } else if !environment.trim().is_empty() {
                state.environment = environment;
            }
        } else if shell {
            self.call().warn(
                "The command did not hand its state back: it was stopped or killed, replaced its shell (exec), or set a trap \
                 on EXIT. The session keeps the folder and the exports that it had before.",
            );
        }
        session.ended(&state);
        Ok(output)
    }
}

/// The line for a session's shell: restore, run, hand back. `mark` opens the state on standard output.
///
/// The login shell runs it where it is one of the POSIX family, `sh` where it is not: the state is in its syntax. The
/// state is written by a trap, so that `exit` in the command ends the command and not the session.
pub fn free_line(state: &State, command: &str, mark: &str) -> String {
    let cd = enter(state, mark);
    let body = format!(
        "{}\n{cd}\n__e=$(export -p)\ntrap 'set +e; {{ printf \"%s%s\\n\" {mark} \"$PWD\"; [ \"$__e\" = \"$(export -p)\" ] || \
         export -p; printf \"%s\" {mark}; }} >&9' EXIT\n{command}\n",
        state.environment
    );
    format!(
        "case ${{SHELL##*/}} in bash|dash|sh|ash|zsh|ksh|ksh93|mksh|oksh) s=$SHELL;; *) s=sh;; esac; exec \"$s\" -c {} 9>&1",
        sh_quote(&body)
    )
}

/// The line for one judged process in the session's directory; such a process cannot change the state.
pub fn single_line(state: &State, line: &str, mark: &str) -> String {
    format!("{}; {line}", enter(state, mark))
}

/// Goes to the session's folder. Where that is gone nothing else may run: the command was meant for it.
fn enter(state: &State, mark: &str) -> String {
    match &state.cwd {
        Some(cwd) => format!("cd -- {} 2>/dev/null || {{ printf '%s' '{}'; exit 1; }}", sh_quote(cwd), gone(mark)),
        None => "cd".to_owned(),
    }
}

/// What [`enter`] prints, and nothing else then does.
fn gone(mark: &str) -> String {
    format!("{mark}-gone")
}

fn folder_gone(alias: &str, cwd: &str) -> ToolError {
    ToolError::new(
        ErrorName::RuntimeError,
        format!("The session's folder `{cwd}` on `{alias}` is gone, or closed to the account. Nothing was run."),
        "Make the folder again and call again, or open another session with ssh_shell_open.",
    )
}

/// Cuts the state off the end of standard output. `None` when the command ended without handing it back.
pub fn take_state(stdout: &mut Vec<u8>, mark: &str) -> Option<(String, String, usize)> {
    let mark = mark.as_bytes();
    let before_last = stdout.strip_suffix(mark)?;
    let at = before_last.windows(mark.len()).rposition(|window| window == mark)?;
    let text = String::from_utf8(before_last.get(at + mark.len()..)?.to_vec()).ok()?;
    let (cwd, environment) = text.split_once('\n')?;
    let result = (cwd.to_owned(), environment.to_owned(), stdout.len() - at);
    stdout.truncate(at);
    Some(result)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_comes_off_the_end() {
        let mut out = b"hello MM/tmp/x\nexport A='1'\nMM".to_vec();
        assert_eq!(take_state(&mut out, "MM"), Some(("/tmp/x".into(), "export A='1'\n".into(), 24)));
        assert_eq!(out, b"hello ");
        let mut out = b"no state".to_vec();
        assert_eq!(take_state(&mut out, "MM"), None);
        assert_eq!(out, b"no state");
    }

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
