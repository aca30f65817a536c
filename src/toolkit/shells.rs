//! Commands of persistent shells: each is a fresh shell that is given the session's state and hands it back.

use std::time::Duration;

use super::host::Host;
use super::job::{Job, Output, Status};
use super::state::shell_sessions::{ENV_MAX, Session, State};
use crate::model::error::{ErrorName, ToolError};
use crate::model::hex::random_mark;
use crate::model::quote::sh_quote;
use crate::policy::command::AllowedCommand;

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
        let mark = random_mark::<16>()?;
        let line = match command.shell_text() {
            Some(text) => free_line(&state, text, &mark),
            None => single_line(&state, &command.to_sh_line(), &mark),
        };
        let settings = self.call().settings();
        // Room for the state behind the output; the tail that is kept of a long output is a quarter of the cap.
        let room = settings.ssh_stdout_cap_bytes + 4 * ENV_MAX as u64;
        let job = Job::session(line).timeout(Some(limit)).caps(room, settings.ssh_stderr_cap_bytes);
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
pub(crate) fn free_line(state: &State, command: &str, mark: &str) -> String {
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
pub(crate) fn single_line(state: &State, line: &str, mark: &str) -> String {
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
pub(crate) fn take_state(stdout: &mut Vec<u8>, mark: &str) -> Option<(String, String, usize)> {
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
}
