//! Jobs: work on a host that outlives the call, the connection and this program.
//!
//! The host is the store. A job is a private folder of the account (root's own for root) with what was asked, the processes
//! with their start times and the boot id, both streams, and the end, written by a rename. Any server finds it there, on any
//! later day; nothing is remembered here. Its runner (`runner.sh`) is plain sh in a session of its own: the limit and the
//! bound of the output hold without anybody. Text and input of the work reach it by a pipe and are never written.

mod record;
mod start;

use std::time::Duration;

pub(crate) use record::{Record, State, Stream};
pub(crate) use start::{Kept, Started, Wanted};

use super::account::Account;
use super::host::Host;
use super::job::{Job, Output, Status, Stopped};
use super::script::Script;
use crate::hooks::{Context, Event};
use crate::model::error::{ErrorName, ToolError};
use crate::model::tier::Tier;
use crate::ssh::wrapper::{End, signal_name};

const READ: Script = Script::new(concat!(include_str!("store.sh"), include_str!("read.sh")));
const LIST: Script = Script::new(concat!(include_str!("store.sh"), include_str!("list.sh")));
const STOP: Script = Script::new(concat!(include_str!("store.sh"), include_str!("halt.sh"), include_str!("stop.sh")));
/// Counts the running jobs of the account.
pub(super) const RUNNING: Script = Script::new(concat!(include_str!("store.sh"), include_str!("running.sh")));
const ASK: Script = Script::new(concat!(include_str!("store.sh"), include_str!("ask.sh")));
const INPUT: Script = Script::new(concat!(include_str!("store.sh"), include_str!("input.sh")));
const FORGET: Script = Script::new(concat!(include_str!("store.sh"), include_str!("forget.sh")));

/// How much longer than the host's own work a call waits for it.
const GRACE: Duration = Duration::from_secs(15);
/// How long the runner of a job of root's may take to stop it at the login account's request.
const ASKED: Duration = Duration::from_secs(20);
/// Longest time for stopping a job and looking at what is left.
const STOPPING: Duration = Duration::from_secs(40);
/// What marks the id of a job of root's.
const OF_ROOT: &str = "-root";
/// Most bytes of a record beside the output.
const RECORD: u64 = 16 << 10;
/// Most bytes of a line for a job, its end included: what every system writes into a pipe whole or not at all.
pub(crate) const LINE_MAX: usize = 4096;
/// Most jobs that are listed of one account.
pub(crate) const LISTED: usize = 200;

/// The id of a job: our own alphabet, so that it is one name below the folder of jobs and nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobId(String);

impl JobId {
    /// Reads an argument.
    pub fn parse(text: &str) -> Result<Self, ToolError> {
        let good = (8..=48).contains(&text.len())
            && text.starts_with(|c: char| c.is_ascii_digit())
            && text.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_lowercase() || b == b'-');
        if good {
            return Ok(JobId(text.to_owned()));
        }
        Err(ToolError::value(
            format!("Argument `job`: {:?} is not the id of a job.", text.chars().take(64).collect::<String>()),
            "Give the id of an answer or of ssh_job_list, such as 20260102-030405-0a1b2c3d4e.",
        ))
    }

    fn new(root: bool) -> Result<Self, ToolError> {
        let mark = new_mark()?;
        let now = jiff::Timestamp::now().strftime("%Y%m%d-%H%M%S");
        let random: String = mark.chars().take(10).collect();
        Ok(JobId(format!("{now}-{random}{}", if root { OF_ROOT } else { "" })))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// True for a job that runs as root.
    pub fn is_root(&self) -> bool {
        self.0.ends_with(OF_ROOT)
    }
}

fn new_mark() -> Result<String, ToolError> {
    crate::ssh::wrapper::new_mark().map_err(|e| ToolError::value(format!("No random numbers: {e}."), "Call again."))
}

/// Where reading goes on: so many bytes of standard output and of standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// In standard output.
    pub out: u64,
    /// In standard error.
    pub err: u64,
}

impl Cursor {
    /// Reads an argument.
    pub fn parse(text: &str) -> Result<Self, ToolError> {
        let parsed = text.split_once('.').and_then(|(out, err)| {
            let number = |word: &str| word.parse::<u64>().ok().filter(|n| *n < 1 << 50);
            Some(Cursor { out: number(out)?, err: number(err)? })
        });
        parsed.ok_or_else(|| {
            ToolError::value(
                format!("Argument `after`: {:?} is no cursor.", text.chars().take(64).collect::<String>()),
                "Give `after` of an earlier answer about this job, such as 1024.0, or leave it out.",
            )
        })
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.out, self.err)
    }
}

/// What the host says of a job, with what was read of its output.
#[derive(Debug)]
pub struct Looked {
    /// Everything but the output.
    pub record: Record,
    /// Of standard output, from [`Stream::from`] on.
    pub stdout: Vec<u8>,
    /// Of standard error, likewise.
    pub stderr: Vec<u8>,
}

impl Looked {
    fn of(mut output: Output) -> Self {
        let mut record = record::take_record(&mut output.stdout);
        if record.whole {
            (record.out.size, record.err.size) = (output.stdout.len() as u64, output.stderr.len() as u64);
        }
        for (stream, bytes) in [(&mut record.out, &mut output.stdout), (&mut record.err, &mut output.stderr)] {
            // Where no hole could be made, the file was emptied under its writer: what stands in front of the next bytes is nothing.
            if stream.lost > 0 && stream.from == stream.lost {
                let gone = bytes.iter().take_while(|byte| **byte == 0).count();
                bytes.drain(..gone);
                stream.lost += gone as u64;
                stream.from = stream.lost;
            }
        }
        Looked { record, stdout: output.stdout, stderr: output.stderr }
    }

    /// Nothing.
    pub fn empty() -> Self {
        Looked { record: Record::default(), stdout: Vec::new(), stderr: Vec::new() }
    }

    /// Where the next reading begins. A character of which only the beginning is there is left for it.
    pub fn next(&self) -> Cursor {
        let running = self.record.state() == State::Running;
        let end = |stream: Stream, bytes: &[u8]| {
            let cut = if running { half_a_character(bytes) } else { 0 };
            stream.from + bytes.len().saturating_sub(cut) as u64
        };
        Cursor { out: end(self.record.out, &self.stdout), err: end(self.record.err, &self.stderr) }
    }
}

/// How many bytes at the end are the beginning of a character.
pub(crate) fn half_a_character(bytes: &[u8]) -> usize {
    let tail = bytes.get(bytes.len().saturating_sub(3)..).unwrap_or_default();
    match std::str::from_utf8(tail) {
        Ok(_) => 0,
        Err(_) => (1..=tail.len())
            .find(|n| {
                let end = tail.get(tail.len() - n..).unwrap_or_default();
                std::str::from_utf8(end).is_err_and(|e| e.valid_up_to() == 0 && e.error_len().is_none())
            })
            .unwrap_or(0),
    }
}

impl Host {
    /// Notes in the audit which job a call is about and how it was seen, and tells the operator's hooks of its end where that is
    /// seen for the first time of a job that this server started or followed.
    pub(crate) fn note_job(&self, id: &JobId, record: &Record) {
        let state = record.state();
        self.call().journal().job(id.as_str(), state.as_str());
        if let Some(End::Exit(code)) = record.end() {
            self.call().journal().exit_code(code);
        }
        self.see_job(id.as_str(), record);
    }

    /// The same without the audit, for a list.
    pub(crate) fn see_job(&self, id: &str, record: &Record) {
        let running = record.state() == State::Running;
        if self.call().state().jobs.see(self.alias(), id, running) {
            self.tell_end(id, record);
        }
    }

    fn tell_end(&self, id: &str, record: &Record) {
        let (spec, journal) = (self.call().spec(), self.call().journal());
        let mut context = Context::of_call(Event::JobEnded, spec.name, spec.group, spec.tier, journal.correlation_id())
            .as_root(id.ends_with(OF_ROOT))
            .on([[self.alias(), self.alias(), self.hostname()]]);
        let label = record.asked.as_ref().map(|asked| asked.label.clone()).filter(|label| !label.is_empty());
        let (exit_code, signal) = match record.end() {
            Some(End::Exit(code)) => (Some(code), None),
            Some(End::Signal(number)) => (None, Some(signal_name(number))),
            None => (None, None),
        };
        let facts = serde_json::json!({
            "job": id, "job_state": record.state().as_str(), "label": label, "exit_code": exit_code, "signal": signal,
            "started": record.started, "ended": record.ended,
        });
        if let serde_json::Value::Object(facts) = facts {
            context.payload = facts.into_iter().filter(|(_, value)| !value.is_null()).collect();
        }
        self.call().state().hooks.observe(&context);
    }

    /// How many jobs of this host ran when this server last looked at those that it started or followed.
    pub(crate) fn known_jobs(&self) -> usize {
        self.call().state().jobs.running(self.alias())
    }

    /// Refuses what belongs to the tool that started a job where that tool's tier is closed. What the folder says of the tool
    /// is not asked: every tool that starts jobs is of the dangerous tier, and root's jobs are root's.
    pub fn may_touch_job(&self, id: &JobId) -> Result<(), ToolError> {
        if id.is_root() {
            self.call().sudo(self)?;
        }
        let snapshot = self.call().snapshot();
        if snapshot.visibility.opens(Tier::Dangerous) {
            return Ok(());
        }
        Err(ToolError::new(
            ErrorName::TierNotAllowed,
            "Output of jobs belongs to the dangerous tier, which is closed.",
            "The operator opens it with ALLOW_DANGEROUS_TOOLS=true and a restart; ssh_job_list shows the states.",
        ))
    }

    /// Refuses the output of a job that this server would not have started on this host: its command has to be allowed now.
    pub fn may_read_job(&self, record: &Record) -> Result<(), ToolError> {
        let asked = record.asked.clone().unwrap_or_default();
        let allowed = match asked.kind.as_str() {
            "command" => self.command(&asked.text).map(drop).and_then(|()| self.guard_job_command(&asked.text)),
            // A script cannot be judged, and what is not known neither.
            _ => self.entry().commands.judge_script().map(drop),
        };
        allowed.map_err(|error| {
            ToolError::new(
                error.name,
                format!(
                    "The output is not shown, because the job's command is not allowed on `{}` now: {}",
                    self.alias(),
                    error.what
                ),
                error.next,
            )
        })
    }

    /// Refuses lines for a job where a command list is: a line can be any command to whoever reads it.
    pub(crate) fn may_feed_job(&self) -> Result<(), ToolError> {
        if self.entry().commands.allows_anything() {
            return Ok(());
        }
        Err(ToolError::new(
            ErrorName::CommandNotAllowed,
            format!("`{}` has a command list, and a line for a job could ask for anything.", self.alias()),
            "Start the job with all of its input in `stdin`; the operator allows lines by `command_allowlist = [\"*\"]`.",
        ))
    }

    fn guard_job_command(&self, text: &str) -> Result<(), ToolError> {
        match crate::policy::command::grammar::parse(text) {
            Ok(words) => self.guard_redact_listed(&words, None),
            Err(_) => Ok(()),
        }
    }

    /// Looks at a job: what is there from `after` on, or the last `most` bytes of each stream. With `wait` the host answers when there is more than
    /// that, when the job has ended, or after so long.
    pub async fn read_job(
        &self,
        id: &JobId,
        after: Option<Cursor>,
        most: u64,
        wait: Duration,
    ) -> Result<Looked, ToolError> {
        let (out, err) = after.map_or(("-".to_owned(), "-".to_owned()), |at| (at.out.to_string(), at.err.to_string()));
        let wait_text = if after.is_some() { wait.as_secs().to_string() } else { "0".to_owned() };
        let most_text = most.to_string();
        let args = [out.as_str(), &err, &most_text, &wait_text];
        let output =
            self.of_store(&READ, id, &args, |job| job.timeout(Some(wait + GRACE)).caps(most + RECORD, most)).await?;
        let looked = Looked::of(output);
        if looked.record.is_missing() { Err(self.no_job(id)) } else { Ok(looked) }
    }

    /// Stops a job and says what is left of it. One that follows a run of packages is stopped only where `all` is set.
    pub(crate) async fn stop_job(&self, id: &JobId, all: bool) -> Result<Record, ToolError> {
        let output =
            self.of_store(&STOP, id, &[if all { "all" } else { "-" }], |job| job.timeout(Some(STOPPING))).await?;
        let record = record::one(&output.stdout_text());
        if record.is_missing() { Err(self.no_job(id)) } else { Ok(record) }
    }

    /// Asks the runner of a job of root's to stop it, as the login account that started it: where the sudo tier was closed since.
    pub(crate) async fn ask_job_to_stop(&self, id: &JobId) -> Result<Record, ToolError> {
        let words = ["login", id.as_str(), &ASKED.as_secs().to_string()];
        let job = Job::script(&ASK, words).timeout(Some(ASKED + GRACE));
        let output = success(Account::login(self.clone()).run(job).await?, "Asking for the stop")?;
        if record::one(&output.stdout_text()).word != "taken" {
            return Err(ToolError::new(
                ErrorName::RuntimeError,
                format!("Nothing on `{}` answered to the request to stop job {}.", self.alias(), id.as_str()),
                "It has ended, its runner was killed, or another account started it; root's own look at it needs the sudo tier.",
            ));
        }
        let (word, why) = ("ended".to_owned(), "stopped".to_owned());
        Ok(Record { word, why, verdict: Some(Stopped::Stopped), ..Record::default() })
    }

    /// Writes a line into the standard input of a job, and ends that input where `end` is set. The record says what became of
    /// it, and where its output stood before.
    pub(crate) async fn feed_job(&self, id: &JobId, line: Option<&str>, end: bool) -> Result<Record, ToolError> {
        let kind = if line.is_some() { "line" } else { "-" };
        let args = [kind, line.unwrap_or_default(), if end { "end" } else { "-" }];
        let output = self.of_store(&INPUT, id, &args, |job| job.timeout(Some(GRACE))).await?;
        let record = record::one(&output.stdout_text());
        if record.is_missing() { Err(self.no_job(id)) } else { Ok(record) }
    }

    /// Takes the folder of a job away that has ended.
    pub async fn forget_job(&self, id: &JobId) -> Result<(), ToolError> {
        let output = self.of_store(&FORGET, id, &["0"], |job| job).await?;
        match record::one(&output.stdout_text()).word.as_str() {
            "forgotten" => Ok(()),
            "running" => Err(ToolError::value(
                format!("Job {} is running on `{}`, so it is not forgotten.", id.as_str(), self.alias()),
                "Stop it with ssh_job_stop, or wait for its end with ssh_job_read.",
            )),
            _ => Err(self.no_job(id)),
        }
    }

    /// The jobs of the account, or of root: how many there are, and the newest of them.
    pub async fn list_jobs(&self, root: bool, last_lines: bool) -> Result<(usize, Vec<Record>), ToolError> {
        let listed = LISTED.to_string();
        let args = [if root { "root" } else { "login" }, &listed, if last_lines { "1" } else { "0" }];
        let account = Account::chosen(self.call(), self.clone(), root).await?;
        let output = account.run(Job::script(&LIST, args)).await?;
        let output = success(output, "Listing the jobs")?;
        Ok(record::list(&output.stdout_text()))
    }

    async fn of_store(
        &self,
        script: &Script,
        id: &JobId,
        args: &[&str],
        shape: impl FnOnce(Job) -> Job + Send,
    ) -> Result<Output, ToolError> {
        let words = [if id.is_root() { "root" } else { "login" }, id.as_str()].into_iter().chain(args.iter().copied());
        let account = Account::chosen(self.call(), self.clone(), id.is_root()).await?;
        let output = account.run(shape(Job::script(script, words))).await?;
        success(output, "Looking at the job")
    }

    fn no_job(&self, id: &JobId) -> ToolError {
        ToolError::value(
            format!("`{}` has no job {} of this account.", self.alias(), id.as_str()),
            "ssh_job_list shows those that are there. One that ended is kept for 7 days.",
        )
    }
}

/// The words of the store for why it is not used are an error.
fn success(output: Output, what: &str) -> Result<Output, ToolError> {
    match output.status {
        Status::Exit(97) => Err(ToolError::new(
            ErrorName::PlatformNotSupported,
            format!("{what} was refused by the host: {}.", output.stderr_line()),
            "Nothing was begun or changed. Put right what is named, or work without `wait`.",
        )),
        _ => output.success(ErrorName::RuntimeError, what, "Call again; ssh_job_list shows the jobs that are there."),
    }
}

#[cfg(test)]
mod script_tests;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_one_name() {
        let id = JobId::new(false).unwrap();
        assert_eq!(JobId::parse(id.as_str()).unwrap(), id);
        assert!(!id.is_root() && JobId::new(true).unwrap().is_root());
        for bad in [
            "",
            "..",
            "../../etc",
            "20260102-030405/..",
            "20260102-030405-A",
            "-r20260102",
            "1",
            "20260102 30405",
            "20260102-\u{661}",
        ] {
            assert!(JobId::parse(bad).is_err(), "{bad}");
        }
        assert!(JobId::parse(&"1".repeat(49)).is_err());
    }

    #[test]
    fn cursors_come_back() {
        let cursor = Cursor { out: 12, err: 0 };
        assert_eq!(Cursor::parse(&cursor.to_string()).unwrap(), cursor);
        for bad in ["", "1", "1.", ".1", "a.b", "-1.0", "1.0.0", "99999999999999999999.0", "9999999999999999.0"] {
            assert!(Cursor::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn half_a_character_waits_for_the_rest() {
        assert_eq!(half_a_character("abc".as_bytes()), 0);
        assert_eq!(half_a_character(&"\u{20ac}".as_bytes()[..2]), 2);
        assert_eq!(half_a_character(b"ab\xe2"), 1);
        assert_eq!(half_a_character(b"ab\xff"), 0, "never the beginning of one");
        assert_eq!(half_a_character("a\u{20ac}".as_bytes()), 0);
    }
}
