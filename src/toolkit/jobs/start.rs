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

pub(super) const START: Script = Script::new(concat!(include_str!("store.sh"), include_str!("start.sh")));
pub(super) const RUNNER: Script =
    Script::new(concat!(include_str!("store.sh"), include_str!("halt.sh"), include_str!("runner.sh")));
const FORGET: Script = super::FORGET;

/// Longest label, in characters.
const LABEL_MAX: usize = 100;
/// Longest text of what was asked that is kept, in characters.
const TEXT_MAX: usize = 2000;
/// Longest text that is sent as a line, in bytes.
const LINE_MAX: usize = 1200;
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
}

impl<'a> Wanted<'a> {
    /// What a call says; nothing where it does not say how long it waits.
    pub(crate) fn of(
        wait: Option<u64>,
        label: Option<&'a str>,
        timeout: Option<u64>,
        command: Option<&'a str>,
    ) -> Option<Self> {
        Some(Wanted { wait: wait?, label, timeout, command })
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
    text: Vec<u8>,
    words: Vec<String>,
    wait: Duration,
    most: u64,
}

impl Account {
    /// Starts what a job description runs as a job that may outlive the call, and waits for it as long as the call says.
    pub(crate) async fn start_job(&self, work: &Job, wanted: &Wanted<'_>) -> Result<Started, ToolError> {
        let sent = self.prepare(work, wanted)?;
        let answered = self.run(sent.job()).await;
        let journal = self.host.call().journal();
        journal.job(sent.id.as_str(), "");
        let (looked, duration) = match answered {
            Ok(output) if matches!(output.status, Status::TimedOut(_)) => return Err(self.unseen(&sent.id)),
            Ok(output) => {
                let duration = output.duration;
                (Looked::of(success(output, "Starting the job")?), duration)
            }
            Err(error) if error.name == ErrorName::Cancelled => return Err(self.left_alone(&sent.id)),
            Err(error) if error.name == ErrorName::ConnectError && error.what.contains("may have run") => {
                (self.find_again(&sent).await?, Duration::ZERO)
            }
            Err(error) => return Err(error),
        };
        journal.job(sent.id.as_str(), looked.record.state().as_str());
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
        let mark = new_mark()?;
        let (text, input) = text_and_input(work, self.is_root())?;
        let asked = Asked {
            tool: self.host.call().spec().name.to_owned(),
            kind: if wanted.command.is_some() { "command" } else { "script" }.to_owned(),
            text: wanted.command.map_or_else(
                || format!("a script of {} bytes", text.len()),
                |command| mask_secrets(command).chars().take(TEXT_MAX).collect(),
            ),
            label: mask_secrets(label),
            limit: limit.as_secs(),
        };
        let asked = serde_json::to_string(&asked).unwrap_or_default();
        let oldest = (jiff::Timestamp::now() - KEPT).strftime("%Y%m%d").to_string();
        // A line is read by the shell itself, which is quicker than a program that counts bytes.
        let is_line = text.len() <= LINE_MAX && input.is_none() && !text.contains('\n');
        let (text, closing) = (text.as_bytes(), format!("#{mark}"));
        let mut data = [text, closing.as_bytes()].concat();
        let text_len = if is_line { "line".to_owned() } else { data.len().to_string() };
        if is_line {
            data.push(b'\n');
        }
        let input_len = input.as_ref().map(|input| input.len() + closing.len());
        if let Some(input) = input {
            data.extend_from_slice(&input);
            data.extend_from_slice(closing.as_bytes());
        }
        let most = settings.ssh_stdout_cap_bytes.max(settings.ssh_stderr_cap_bytes);
        let words = vec![
            if id.is_root() { "root" } else { "login" }.to_owned(),
            id.as_str().to_owned(),
            limit.as_secs().to_string(),
            wanted.wait.to_string(),
            settings.ssh_job_output_max_bytes.to_string(),
            settings.ssh_jobs_max.to_string(),
            oldest,
            text_len,
            input_len.map_or_else(|| "-".to_owned(), |len| len.to_string()),
            mark,
            asked,
            most.to_string(),
            format!("{COPY}\n{}", RUNNER.compact()),
            "-".to_owned(),
            jiff::Timestamp::now().as_second().to_string(),
        ];
        Ok(Sent { id, text: data, words, wait: Duration::from_secs(wanted.wait), most })
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
            let words = [if id.is_root() { "root" } else { "login" }, id.as_str()];
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
    fn job(&self) -> Job {
        let most = self.most + RECORD;
        Job::job_start(script_line(&START.compact(), &self.words))
            .data(self.text.clone())
            .timeout(Some(self.wait + GRACE))
            .caps(most, most)
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
