//! A change of packages on its host: a process of its own there, which this side starts, follows and may stop.
//!
//! A package manager that is killed between unpacking and configuring leaves a host that needs repair. So the manager runs
//! in a session of its own with its output in files (`runner.sh`); the call only looks on. Neither the time limit, nor a lost
//! connection, nor the end of this program ends it. A cancelled call stops it while nothing is unpacked: who takes the
//! file `stoppable` away decides, apt itself (by its `DPkg::Pre-Invoke`) or the side that stops.

use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::manager::{self, Manager};
use super::progress::{self, Record, State};
use crate::model::error::{ErrorName, ToolError};
use crate::model::hex::random_mark;
use crate::toolkit::jobs::{self, Kept, Started};
use crate::toolkit::{Account, Host, Job, Output, Script, Surroundings};

const SCRIPT: Script =
    Script::new(concat!(include_str!("manager.sh"), include_str!("interrupted.sh"), include_str!("detached.sh")));
const RUNNER: Script = Script::new(include_str!("runner.sh"));
const CHANGE: Script = Script::new(include_str!("change.sh"));

/// How much later than its own limit the script on the host is given up: it answers at the limit by itself.
const GRACE: Duration = Duration::from_secs(10);
/// Longest time for stopping a run and looking at what it left.
const STOP: Duration = Duration::from_secs(6);
/// Pause before a run is looked for again over a new connection, and how often that is tried.
const AGAIN: Duration = Duration::from_secs(1);
const TRIES: usize = 5;

/// A change that is to run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    /// Only say what would change.
    pub simulate: bool,
    /// Verb, flags and packages for the script.
    pub words: &'a [String],
    /// The same for people.
    pub what: &'a str,
    /// Seconds to wait for another run.
    pub lock_wait: u64,
    /// The time that the run has; a job stops it then where that is safe.
    pub limit: Duration,
    /// How long the call follows it; then a job does.
    pub wait: Duration,
    /// The caller's words for that job.
    pub label: Option<&'a str>,
}

/// What came of it.
#[derive(Debug)]
pub(super) struct Run {
    /// Who ran.
    pub manager: Manager,
    /// What the host says of the run.
    pub record: Record,
    /// What the manager said, or the last lines of it where the run goes on.
    pub output: Output,
    /// The job that follows it then.
    pub job: Option<Box<Kept>>,
}

/// The side that asks the host.
struct Asker<'a> {
    host: &'a Host,
    account: Account,
    id: String,
    wanted: Wanted<'a>,
}

/// Makes a change, as root where `sudo` is set. A non-zero status is data.
pub(super) async fn change(host: &Host, wanted: Wanted<'_>, sudo: bool) -> Result<Run, ToolError> {
    let account = Account::chosen(host.call(), host.clone(), sudo).await?;
    let asker = Asker { host, account, id: new_id()?, wanted };
    let began = Instant::now();
    let verb = if wanted.simulate { "simulate" } else { "start" };
    let time = if wanted.simulate { wanted.limit } else { wanted.wait };
    match asker.ask(verb, time, None).await {
        Ok(output) => asker.followed(asker.read(output)?).await,
        Err(error) if wanted.simulate => Err(error),
        Err(error) if error.name == ErrorName::Cancelled => Err(asker.stop().await.unwrap_or_else(|_| unseen(host))),
        Err(error) if error.name == ErrorName::ConnectError => asker.rejoin(error, began).await,
        Err(error) => Err(error),
    }
}

impl Asker<'_> {
    /// Runs the script on the host. With a token, the run ends by it in place of the call's cancellation.
    async fn ask(&self, verb: &str, limit: Duration, cancel: Option<CancellationToken>) -> Result<Output, ToolError> {
        let settings = self.host.call().settings();
        // Behind another run it waits for that one first.
        let time = limit.max(Duration::from_secs(self.wanted.lock_wait));
        let job = self
            .script(verb, limit)
            .timeout(Some(time + GRACE))
            .caps(settings.ssh_stdout_cap_bytes, settings.ssh_stderr_cap_bytes);
        let job = match cancel {
            Some(token) => job.cancel(token),
            None => job,
        };
        self.account.run(job).await
    }

    fn script(&self, verb: &str, limit: Duration) -> Job {
        let (seconds, lock_wait) = (limit.as_secs().to_string(), self.wanted.lock_wait.to_string());
        let texts = [RUNNER.compact(), CHANGE.compact()];
        let head = [verb, &self.id, &seconds, &lock_wait, self.wanted.what, &texts[0], &texts[1]];
        Job::script(&SCRIPT, head.into_iter().chain(self.wanted.words.iter().map(String::as_str)))
    }

    /// Has a job follow a run that goes on. Where the host takes no jobs the run goes on all the same, and is told as before.
    async fn followed(&self, run: Run) -> Result<Run, ToolError> {
        if run.record.state != State::Running {
            return Ok(run);
        }
        let limit = if self.wanted.limit > self.wanted.wait { self.wanted.limit } else { Duration::ZERO };
        let wanted = jobs::Wanted {
            wait: 0,
            label: self.wanted.label,
            timeout: None,
            command: Some(self.wanted.what),
            stdin_open: false,
            run: Some(&self.id),
        };
        match self.account.start_job(&self.script("watch", limit), &wanted, &Surroundings::default()).await {
            Ok(Started::Kept(_, kept)) => Ok(Run { job: Some(kept), ..run }),
            // It ended meanwhile.
            Ok(Started::Ended(_)) => self.read(self.ask("follow", AGAIN, None).await?),
            Err(error) if error.name == ErrorName::Cancelled => Err(error),
            Err(error) => {
                self.host.call().warn(format!("No job follows the run: {}", error.what));
                Ok(run)
            }
        }
    }

    fn read(&self, output: Output) -> Result<Run, ToolError> {
        if matches!(output.status, crate::toolkit::Status::TimedOut(_)) {
            return Err(if self.wanted.simulate { late(self.host) } else { unseen(self.host) });
        }
        let mut answer = manager::answered(self.host, output)?;
        let record = progress::take_record(&mut answer.output.stdout);
        Ok(Run { manager: answer.manager, record, output: answer.output, job: None })
    }

    /// The channel was lost: the run is looked for over a new connection and followed there.
    async fn rejoin(&self, lost: ToolError, began: Instant) -> Result<Run, ToolError> {
        for _ in 0..TRIES {
            tokio::time::sleep(AGAIN).await;
            self.host.call().alive().map_err(|_| unseen(self.host))?;
            let left = self.wanted.wait.saturating_sub(began.elapsed()).max(AGAIN);
            match self.ask("follow", left, None).await {
                Ok(output) => {
                    let run = self.read(output)?;
                    return if run.record.state == State::None {
                        Err(nothing_run(lost))
                    } else {
                        self.followed(run).await
                    };
                }
                Err(error) if error.name == ErrorName::Cancelled => {
                    return Err(self.stop().await.unwrap_or_else(|_| unseen(self.host)));
                }
                Err(error) if error.name == ErrorName::ConnectError => {}
                Err(_) => break,
            }
        }
        Err(unseen(self.host))
    }

    /// Stops the run where that is safe, and says what became of it.
    async fn stop(&self) -> Result<ToolError, ToolError> {
        let asked = tokio::time::timeout(STOP, self.ask("stop", STOP, Some(CancellationToken::new())));
        let output = asked.await.map_err(|_| unseen(self.host))??;
        let run = self.read(output)?;
        Ok(cancelled(self.host, &run))
    }
}

/// Stops a run that a job follows where nothing is unpacked yet. Otherwise it goes on, and that is told.
pub(crate) async fn stop_run(host: &Host, account: Account, run: &str) -> Result<Option<String>, ToolError> {
    if run.len() != 32 || !run.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Ok(None);
    }
    let wanted = Wanted { simulate: false, words: &[], what: "", lock_wait: 0, limit: STOP, wait: STOP, label: None };
    let asker = Asker { host, account, id: run.to_owned(), wanted };
    let stopped = asker.read(asker.ask("stop", STOP, None).await?)?;
    if !matches!(stopped.record.state, State::Running | State::Busy) {
        return Ok(None);
    }
    let what = stopped.record.run.as_ref().map_or_else(String::new, ToString::to_string);
    Ok(Some(format!(
        "Packages are being changed, so the run is not cut and goes on to its end: {what}. ssh_job_read waits for it."
    )))
}

/// The error of a cancelled call: what the host says of the run.
fn cancelled(host: &Host, run: &Run) -> ToolError {
    let record = &run.record;
    let alias = host.alias();
    let state = match record.state {
        State::Stopped | State::None => {
            format!("`{alias}`: the run was stopped before anything was unpacked; nothing was changed")
        }
        State::Ended | State::Simulated => {
            format!(
                "`{alias}`: the run had ended with status {} before it could be stopped",
                record.status.unwrap_or(-1)
            )
        }
        State::Cut => format!("`{alias}`: the run was cut on the host, not by this call"),
        State::Running | State::Busy => format!(
            "`{alias}`: packages are being changed, so it cannot be stopped safely and goes on: {}",
            record.run.as_ref().map_or_else(String::new, ToString::to_string)
        ),
    };
    let (broken, fix) = match &record.interrupted {
        Some(found) => (format!(" Unfinished: {}.", found.state), format!("Run as root: {}.", found.fix)),
        None if record.state == State::Running => (String::new(), LOOK.to_owned()),
        None => (String::new(), "Call again if it is still wanted.".to_owned()),
    };
    ToolError::new(ErrorName::Cancelled, format!("The call was cancelled. {state}.{broken}"), fix)
}

/// How to see a run that goes on.
pub(super) const LOOK: &str = "Call the same tool with `simulate: true` (and the same `sudo`): it answers at once how far the run is, \
                        or how it ended. Do not kill it.";

/// The error where the host can no longer be asked about a run that may go on.
fn unseen(host: &Host) -> ToolError {
    ToolError::new(
        ErrorName::ConnectError,
        format!(
            "`{}` no longer answers. A package run that had begun is not cut by that: it goes on to its end on the host.",
            host.alias()
        ),
        LOOK,
    )
}

fn late(host: &Host) -> ToolError {
    ToolError::new(
        ErrorName::Timeout,
        format!("`{}`: the simulation reached its time limit; a simulation changes nothing.", host.alias()),
        "Give a larger `timeout`.",
    )
}

/// The connection was lost before the run began.
fn nothing_run(lost: ToolError) -> ToolError {
    let what = lost.what.replace("The command may have run, so it was not repeated.", "The run had not begun.");
    ToolError::new(lost.name, format!("{what} Nothing was changed."), "Call again.")
}

/// A name that nobody can guess: 128 random bits in hexadecimal.
fn new_id() -> Result<String, ToolError> {
    random_mark::<16>()
}
