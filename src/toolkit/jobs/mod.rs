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
use super::job::{Job, Output, Status};
use super::script::Script;
use crate::model::error::{ErrorName, ToolError};
use crate::model::tier::Tier;

const READ: Script = Script::new(concat!(include_str!("store.sh"), include_str!("read.sh")));
const LIST: Script = Script::new(concat!(include_str!("store.sh"), include_str!("list.sh")));
const STOP: Script = Script::new(concat!(include_str!("store.sh"), include_str!("halt.sh"), include_str!("stop.sh")));
const FORGET: Script = Script::new(concat!(include_str!("store.sh"), include_str!("forget.sh")));

/// How much longer than the host's own work a call waits for it.
const GRACE: Duration = Duration::from_secs(15);
/// Longest time for stopping a job and looking at what is left.
const STOPPING: Duration = Duration::from_secs(40);
/// What marks the id of a job of root's.
const OF_ROOT: &str = "-root";
/// Most bytes of a record beside the output.
const RECORD: u64 = 16 << 10;
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

    /// Stops a job and says what is left of it.
    pub async fn stop_job(&self, id: &JobId) -> Result<Record, ToolError> {
        let output = self.of_store(&STOP, id, &[], |job| job.timeout(Some(STOPPING))).await?;
        let record = record::one(&output.stdout_text());
        if record.is_missing() { Err(self.no_job(id)) } else { Ok(record) }
    }

    /// Takes the folder of a job away that has ended.
    pub async fn forget_job(&self, id: &JobId) -> Result<(), ToolError> {
        let output = self.of_store(&FORGET, id, &[], |job| job).await?;
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
