//! Starting a job and waiting for it for a while.

use std::sync::Arc;
use std::time::Duration;

use super::record::{Asked, Record, State};
use super::{Cursor, GRACE, JobId, Looked, RECORD, new_mark, success};
use crate::audit::mask_secrets;
use crate::model::error::{ErrorName, ToolError};
use crate::ssh::feed::Input;
use crate::ssh::wrapper::{COPY, Stopped, script_line};
use crate::toolkit::account::Account;
use crate::toolkit::job::{Job, Output, Status};
use crate::toolkit::script::Script;
use crate::toolkit::surroundings::Surroundings;

pub(super) const START: Script = Script::new(concat!(include_str!("store.sh"), include_str!("start.sh")));
pub(super) const RUNNER: Script =
    Script::new(concat!(include_str!("store.sh"), include_str!("halt.sh"), include_str!("runner.sh")));
const FORGET: Script = super::FORGET;

/// Longest label, in characters.
const LABEL_MAX: usize = 100;
/// Longest text of what was asked that is kept, in characters.
const TEXT_MAX: usize = 2000;
/// Longest text that travels in the environment of the runner, in bytes.
const WORD_MAX: usize = 60_000;
/// Longest time that a call waits for a job, in seconds.
const WAIT_MAX: u64 = 3600;
/// Limit of a job whose call names none.
const LIMIT: Duration = Duration::from_secs(86_400);
/// How long an ended job is kept.
const KEPT: jiff::SignedDuration = jiff::SignedDuration::from_hours(7 * 24);
/// How often a job is looked for again after its connection was lost, and the pause before.
const TRIES: usize = 3;
const AGAIN: Duration = Duration::from_secs(1);

/// What a call says of the job that it wants.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'a> {
    /// Seconds to wait for it.
    pub wait: u64,
    /// The caller's own words for it.
    pub label: Option<&'a str>,
    /// Its limit, in seconds.
    pub timeout: Option<u64>,
    /// The command, or `None` for a script.
    pub command: Option<&'a str>,
    /// Its standard input stays open for lines.
    pub stdin_open: bool,
    /// The run of packages that it follows, and that no stop of it may cut.
    pub run: Option<&'a str>,
}

impl<'a> Wanted<'a> {
    /// What a call says; nothing where it does not say how long it waits.
    pub(crate) fn of(
        wait: Option<u64>,
        label: Option<&'a str>,
        timeout: Option<u64>,
        command: Option<&'a str>,
    ) -> Option<Self> {
        Some(Wanted { wait: wait?, label, timeout, command, stdin_open: false, run: None })
    }

    /// The same with a standard input that stays open.
    #[must_use]
    pub(crate) fn with_stdin_open(self, stdin_open: bool) -> Self {
        Wanted { stdin_open, ..self }
    }
}

/// What came of a start.
#[derive(Debug)]
pub(crate) enum Started {
    /// It ended, and nothing of it is left on the host.
    Ended(Output),
    /// It goes on, or it said more than the answer holds.
    Kept(Output, Box<Kept>),
}

/// A job that is there after its call.
#[derive(Debug)]
pub(crate) struct Kept {
    /// Its id.
    pub id: JobId,
    /// What the host says of it.
    pub record: Record,
    /// Where reading goes on.
    pub after: Cursor,
    /// It goes on.
    pub running: bool,
}

/// What is sent to the host.
struct Sent {
    id: JobId,
    /// What `sh` is to run, and the lines of variables in front of it.
    text: String,
    lines: String,
    input: Option<Arc<[u8]>>,
    /// The input comes line by line.
    open: bool,
    /// Closes both, so that what did not arrive whole is not run.
    mark: String,
    asked: String,
    limit: Duration,
    wait: Duration,
    bound: u64,
    running_max: u64,
    most: u64,
}

impl Account {
    /// Starts what a job description runs as a job that may outlive the call, and waits for it as long as the call says.
    /// Folder, variables and input are those of a command without a job; no value of them is written on the host.
    pub(crate) async fn start_job(
        &self,
        work: &Job,
        wanted: &Wanted<'_>,
        around: &Surroundings,
    ) -> Result<Started, ToolError> {
        let mut sent = self.prepare(work, wanted)?;
        sent.lines = self.variable_lines(around).await?;
        if let Some(text) = around.stdin() {
            sent.input = Some(text.clone());
        }
        let answered = match around.cwd() {
            None => self.run(sent.job(None)).await,
            Some(cwd) => {
                self.run_entering(cwd, &|before, folder| sent.job(Some(folder)).behind(before, String::new())).await
            }
        };
        let journal = self.host.call().journal();
        journal.job(sent.id.as_str(), "");
        let (looked, duration) = match answered {
            Ok(output) if matches!(output.status, Status::TimedOut(_)) => return Err(self.unseen(&sent.id)),
            Ok(output) => {
                let duration = output.duration;
                let looked = Looked::of(success(output, "Starting the job")?);
                let cut = looked.record.whole && looked.stdout.len().max(looked.stderr.len()) as u64 > sent.most;
                (if cut { self.ended(&sent).await? } else { looked }, duration)
            }
            Err(error) if error.name == ErrorName::Cancelled => return Err(self.left_alone(&sent.id)),
            Err(error) if error.name == ErrorName::ConnectError && error.what.contains("may have run") => {
                (self.find_again(&sent).await?, Duration::ZERO)
            }
            Err(error) => return Err(error),
        };
        // From here on this server follows it.
        self.host.call().state().jobs.see(self.host.alias(), sent.id.as_str(), true);
        self.host.note_job(&sent.id, &looked.record);
        Ok(self.started(looked, duration, sent))
    }

    fn prepare(&self, work: &Job, wanted: &Wanted<'_>) -> Result<Sent, ToolError> {
        if wanted.wait > WAIT_MAX {
            return Err(ToolError::value(
                format!("Argument `wait`: {} is out of range.", wanted.wait),
                format!("Give 0 to {WAIT_MAX} seconds; ssh_job_read waits on."),
            ));
        }
        let label = wanted.label.unwrap_or_default();
        if label.chars().count() > LABEL_MAX || label.chars().any(char::is_control) {
            return Err(ToolError::value(
                "Argument `job_label` is too long or holds control characters.",
                format!("Give one line of at most {LABEL_MAX} characters."),
            ));
        }
        let limit = match wanted.timeout {
            Some(_) => self.host.limit(wanted.timeout)?,
            None => LIMIT,
        };
        let settings = self.host.call().settings();
        let id = JobId::new(self.is_root())?;
        let (text, input) = text_and_input(work, self.is_root())?;
        let asked = Asked {
            tool: self.host.call().spec().name.to_owned(),
            kind: match wanted {
                Wanted { run: Some(_), .. } => "packages",
                Wanted { command: Some(_), .. } => "command",
                _ => "script",
            }
            .to_owned(),
            text: wanted.command.map_or_else(
                || format!("a script of {} bytes", text.len()),
                |command| mask_secrets(command).chars().take(TEXT_MAX).collect(),
            ),
            label: mask_secrets(label),
            limit: limit.as_secs(),
            run: wanted.run.unwrap_or_default().to_owned(),
        };
        let asked = serde_json::to_string(&asked).unwrap_or_default();
        Ok(Sent {
            id,
            text,
            lines: String::new(),
            input,
            open: wanted.stdin_open,
            mark: new_mark()?,
            asked,
            limit,
            wait: Duration::from_secs(wanted.wait),
            bound: settings.ssh_job_output_max_bytes,
            running_max: settings.ssh_jobs_max,
            most: settings.ssh_stdout_cap_bytes.max(settings.ssh_stderr_cap_bytes),
        })
    }

    /// A job that has ended and said more than an answer holds. Its end may not be on record yet.
    async fn ended(&self, sent: &Sent) -> Result<Looked, ToolError> {
        let mut looked = self.host.read_job(&sent.id, None, sent.most, Duration::ZERO).await?;
        for _ in 0..TRIES {
            if looked.record.state() != State::Running {
                break;
            }
            tokio::time::sleep(AGAIN).await;
            looked = self.host.read_job(&sent.id, None, sent.most, Duration::ZERO).await?;
        }
        Ok(looked)
    }

    /// The channel was lost: the job is looked for over a new connection.
    async fn find_again(&self, sent: &Sent) -> Result<Looked, ToolError> {
        for _ in 0..TRIES {
            tokio::time::sleep(AGAIN).await;
            match Box::pin(self.host.read_job(&sent.id, None, sent.most, Duration::ZERO)).await {
                Err(error) if error.name == ErrorName::ConnectError => {}
                Err(error) if error.name == ErrorName::ValueError => {
                    return Err(ToolError::new(
                        ErrorName::ConnectError,
                        format!(
                            "The connection to `{}` was lost before the job had begun. Nothing was run.",
                            self.host.alias()
                        ),
                        "Call again.",
                    ));
                }
                found => return found,
            }
        }
        Err(self.unseen(&sent.id))
    }

    fn started(&self, looked: Looked, duration: Duration, sent: Sent) -> Started {
        let after = looked.next();
        let Looked { record, mut stdout, mut stderr } = looked;
        let running = record.state() == State::Running;
        stdout.truncate(usize::try_from(after.out - record.out.from).unwrap_or(usize::MAX));
        stderr.truncate(usize::try_from(after.err - record.err.from).unwrap_or(usize::MAX));
        let output = Output {
            status: status(&record),
            stdout_bytes: record.out.size,
            stderr_bytes: record.err.size,
            stdout_truncated: record.out.from > 0,
            stderr_truncated: record.err.from > 0,
            stdout,
            stderr,
            duration,
            background: record.closing.is_some_and(|closing| closing.background),
            began: true,
        };
        let whole = !output.stdout_truncated && !output.stderr_truncated;
        if whole && !running && record.closing.is_some() {
            self.forget_later(sent.id);
            return Started::Ended(output);
        }
        Started::Kept(output, Box::new(Kept { id: sent.id, record, after, running }))
    }

    /// The folder of a job whose whole answer is here is taken away, beside the answer.
    fn forget_later(&self, id: JobId) {
        let account = self.clone();
        let cancel = self.host.call().state().root.child_token();
        tokio::spawn(async move {
            let words = [if id.is_root() { "root" } else { "login" }, id.as_str(), "1"];
            let job = Job::script(&FORGET, words).cancel(cancel).timeout(Some(GRACE));
            if let Err(error) = account.run(job).await {
                tracing::debug!(%error, "the folder of an ended job stays for 7 days");
            }
        });
    }

    fn left_alone(&self, id: &JobId) -> ToolError {
        ToolError::new(
            ErrorName::Cancelled,
            format!(
                "The call was cancelled; job {} is not stopped by that and goes on on `{}`.",
                id.as_str(),
                self.host.alias()
            ),
            "ssh_job_read brings its output, ssh_job_stop stops it.",
        )
    }

    fn unseen(&self, id: &JobId) -> ToolError {
        ToolError::new(
            ErrorName::ConnectError,
            format!(
                "`{}` no longer answers. Job {} may have begun; it goes on there whoever is connected.",
                self.host.alias(),
                id.as_str()
            ),
            "Call ssh_job_read with this job when the host answers again, before anything is started a second time.",
        )
    }
}

impl Sent {
    /// The start, in a folder that was proven just before.
    fn job(&self, folder: Option<&str>) -> Job {
        let (text, closing) = (self.work(folder), format!("#{}", self.mark));
        // A short text goes along with the words, which costs nothing.
        let is_word = text.len() <= WORD_MAX;
        let mut data = Vec::new();
        if !is_word {
            data.extend_from_slice(text.as_bytes());
            data.extend_from_slice(closing.as_bytes());
        }
        let text_len = if is_word { "-".to_owned() } else { data.len().to_string() };
        let input_len = match &self.input {
            Some(input) => (input.len() + closing.len()).to_string(),
            None => if self.open { "open" } else { "-" }.to_owned(),
        };
        if let Some(input) = &self.input {
            data.extend_from_slice(input);
            data.extend_from_slice(closing.as_bytes());
        }
        let words = [
            if self.id.is_root() { "root" } else { "login" },
            self.id.as_str(),
            &self.limit.as_secs().to_string(),
            &self.wait.as_secs().to_string(),
            &self.bound.to_string(),
            &self.running_max.to_string(),
            &(jiff::Timestamp::now() - KEPT).strftime("%Y%m%d").to_string(),
            &text_len,
            &input_len,
            &self.mark,
            &self.asked,
            &self.most.to_string(),
            &format!("{COPY}\n{}", RUNNER.compact()),
            &jiff::Timestamp::now().as_second().to_string(),
            if is_word { &text } else { "" },
        ];
        let most = self.most + RECORD;
        let job = Job::job_start(script_line(&START.compact(), words));
        let job = if data.is_empty() { job } else { job.data(data) };
        job.timeout(Some(self.wait + GRACE)).caps(most, most)
    }

    /// What `sh` is to run: in the folder that was proven, or not at all.
    fn work(&self, folder: Option<&str>) -> String {
        let enter = folder.map_or_else(String::new, |folder| {
            format!(
                "cd -P -- {folder} 2>/dev/null && [ \"$PWD\" = {folder} ] || \
                 {{ echo 'ssh-mcp: the folder was exchanged while the job began; nothing was run' >&2; exit 126; }}; \
                 PWD={folder}; export PWD; unset OLDPWD; "
            )
        });
        format!("{enter}{}{}", self.lines, self.text)
    }
}

/// What `sh` is to run, and its standard input.
type TextAndInput = (String, Option<Arc<[u8]>>);

fn text_and_input(work: &Job, as_root: bool) -> Result<TextAndInput, ToolError> {
    let Some(text) = work.work(as_root) else {
        return Err(ToolError::new(
            ErrorName::InternalError,
            "A script of this program was to run as a job.",
            "Report this defect with the correlation id.",
        ));
    };
    match &work.data {
        None => Ok((text, None)),
        Some(Input::Bytes(bytes)) if !bytes.contains(&0) => Ok((text, Some(bytes.clone()))),
        Some(_) => Err(ToolError::value(
            "Argument `stdin` holds a NUL character, which the runner of a job cannot keep.",
            "Leave out `wait`, or upload the bytes and let the command read the file.",
        )),
    }
}

/// How it ended, as an ordinary answer says it.
fn status(record: &Record) -> Status {
    use crate::ssh::wrapper::{End, signal_name};
    match (record.state(), record.end()) {
        (State::TimedOut, _) => Status::TimedOut(record.verdict.unwrap_or(Stopped::Unknown)),
        (_, Some(End::Exit(code))) => Status::Exit(code),
        (_, Some(End::Signal(number))) => Status::Signal(signal_name(number)),
        (_, None) => Status::Exit(-1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_told_as_without_a_job() {
        let of = |text: &str| status(&super::super::record::one(text));
        assert_eq!(of("close 1 e=3 z= q= b=0\nstate ended"), Status::Exit(3));
        assert_eq!(of("close 1 e=143 z=1 q= b=0\nstate ended"), Status::Signal("TERM".to_owned()));
        let timed = "close 1 e=143 z=1 q= b=0\nstate ended\nwhy timed_out\nhalted stopped";
        assert_eq!(of(timed), Status::TimedOut(Stopped::Stopped));
    }
}
