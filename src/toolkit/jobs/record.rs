//! What the host says of a job: `key value` lines in front of its output. Pure; every field is taken for hostile text.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ssh::wrapper::{Closing, End, Stopped, parse_closing};

/// How a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It goes on.
    Running,
    /// It ended by itself, or by a signal of somebody else.
    Exited,
    /// It was stopped by a call.
    Stopped,
    /// It was stopped at its limit.
    TimedOut,
    /// Its end is not on record.
    Lost,
}

impl State {
    /// Its name in answers and audit lines.
    pub const fn as_str(self) -> &'static str {
        match self {
            State::Running => "running",
            State::Exited => "exited",
            State::Stopped => "stopped",
            State::TimedOut => "timed_out",
            State::Lost => "lost",
        }
    }
}

/// What was asked for, as the store keeps it: secrets are masked, scripts and input are not in it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Asked {
    /// The tool that started it.
    pub tool: String,
    /// `command` or `script`.
    pub kind: String,
    /// The command, or what is said of the script.
    pub text: String,
    /// The caller's own words.
    pub label: String,
    /// Its limit, in seconds.
    pub limit: u64,
    /// The run of packages that it follows.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub run: String,
}

/// One stream of a job.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stream {
    /// Bytes that were written to it.
    pub size: u64,
    /// Bytes from its beginning that were let go of.
    pub lost: u64,
    /// Where what was read begins.
    pub from: u64,
}

/// All that the host said of one job.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Record {
    /// Its id, in a list.
    pub id: String,
    /// The word of the host: `running`, `ended`, `lost`, `none`, `odd`, `forgotten`.
    pub word: String,
    /// Process id of its runner.
    pub pid: Option<u32>,
    /// When it started, in seconds since 1970.
    pub started: Option<i64>,
    /// When it ended, likewise.
    pub ended: Option<i64>,
    /// How it ended.
    pub closing: Option<Closing>,
    /// `stopped` or `timed_out`, where somebody ended it.
    pub why: String,
    /// Why its end is not on record.
    pub reason: String,
    /// When the host started, where it was restarted since.
    pub restarted: Option<i64>,
    /// The process of its work, where that goes on without its runner.
    pub work: Option<u32>,
    /// What was found after its runner stopped it, or after a stop.
    pub verdict: Option<Stopped>,
    /// It follows a run of packages, which has to be asked first.
    pub guarded: bool,
    /// It had ended before it was to be stopped.
    pub before: bool,
    /// What was read begins at the beginning, and its own size is that of the stream.
    pub whole: bool,
    /// Standard output.
    pub out: Stream,
    /// Standard error.
    pub err: Stream,
    /// What was asked for.
    pub asked: Option<Asked>,
    /// Its last line.
    pub last: Option<String>,
    /// What became of a line for it: `taken`, `full`, `closed` or `over`.
    pub input: String,
    /// The account whose logout ends it.
    pub ends_with_login: Option<String>,
}

impl Record {
    /// True where the store has no such job.
    pub fn is_missing(&self) -> bool {
        self.word == "none" || self.word.is_empty()
    }

    /// How it stands.
    pub fn state(&self) -> State {
        match (self.word.as_str(), self.why.as_str()) {
            ("running", _) => State::Running,
            ("ended", "stopped") => State::Stopped,
            ("ended", "timed_out") => State::TimedOut,
            ("ended", _) if self.closing.is_some() => State::Exited,
            _ => State::Lost,
        }
    }

    /// Exit status, or the number of the signal.
    pub fn end(&self) -> Option<End> {
        self.closing.map(|closing| closing.end)
    }

    /// Why its end is not on record, for people.
    pub fn lost_because(&self, since: impl Fn(i64) -> String) -> Option<String> {
        if self.state() != State::Lost {
            return None;
        }
        Some(match (self.word.as_str(), self.reason.as_str(), self.restarted) {
            ("odd", ..) => "its folder is not one that this account made".to_owned(),
            ("ended", ..) => "the shell around its command was killed".to_owned(),
            (_, "restarted", Some(at)) => format!("the host was restarted at {}", since(at)),
            (_, "restarted", None) => "the host was restarted".to_owned(),
            (_, "folder", _) => "its folder was changed or emptied, or it never began".to_owned(),
            _ if self.work.is_some() => {
                "its runner was killed; its command goes on, and its end will not be known".to_owned()
            }
            _ => "its runner was killed".to_owned(),
        })
    }

    fn take(&mut self, key: &str, value: &str) {
        let number = || value.parse::<i64>().ok();
        match key {
            "state" => value.clone_into(&mut self.word),
            "pid" => self.pid = value.parse().ok(),
            "started" => self.started = number().filter(|at| *at > 0),
            "close" => {
                let (at, closing) = value.split_once(' ').unwrap_or((value, ""));
                self.ended = at.parse().ok();
                self.closing = parse_closing(closing);
            }
            "why" => value.clone_into(&mut self.why),
            "reason" => value.clone_into(&mut self.reason),
            "restarted" => self.restarted = number(),
            "work" => self.work = value.parse().ok(),
            "halted" | "verdict" => self.verdict = verdict(value),
            "guarded" => self.guarded = true,
            "before" => self.before = true,
            "whole" => self.whole = true,
            "out" => stream(&mut self.out, value),
            "err" => stream(&mut self.err, value),
            "from-out" => self.out.from = value.parse().unwrap_or_default(),
            "from-err" => self.err.from = value.parse().unwrap_or_default(),
            "asked" => self.asked = serde_json::from_str(value).ok(),
            "input" => value.clone_into(&mut self.input),
            "last" => self.last = Some(value.to_owned()),
            "survives" => self.ends_with_login = Some(value.to_owned()),
            _ => {}
        }
    }
}

fn verdict(word: &str) -> Option<Stopped> {
    match word {
        "stopped" => Some(Stopped::Stopped),
        "still_running" => Some(Stopped::StillRunning),
        "unknown" => Some(Stopped::Unknown),
        _ => None,
    }
}

fn stream(stream: &mut Stream, value: &str) {
    let mut numbers = value.split(' ').map(|word| word.parse().unwrap_or_default());
    stream.size = numbers.next().unwrap_or_default();
    stream.lost = numbers.next().unwrap_or_default();
}

/// Takes the record and the empty line behind it off an answer.
pub(super) fn take_record(stdout: &mut Vec<u8>) -> Record {
    let Some(end) = stdout.windows(2).position(|two| two == b"\n\n") else { return Record::default() };
    let text = String::from_utf8_lossy(stdout.get(..end).unwrap_or_default()).into_owned();
    stdout.drain(..end + 2);
    one(&text)
}

/// One record.
pub(super) fn one(text: &str) -> Record {
    let mut record = Record::default();
    for line in text.lines() {
        let (key, value) = line.split_once(' ').unwrap_or((line, ""));
        record.take(key, value);
    }
    record
}

/// How many jobs there are, and the records of those that were listed.
pub(super) fn list(text: &str) -> (usize, Vec<Record>) {
    let mut all = 0;
    let mut records: Vec<Record> = Vec::new();
    for line in text.lines() {
        let (key, value) = line.split_once(' ').unwrap_or((line, ""));
        match (key, records.last_mut()) {
            ("all", None) => all = value.parse().unwrap_or_default(),
            ("job", _) => records.push(Record { id: value.to_owned(), ..Record::default() }),
            (_, Some(record)) => record.take(key, value),
            (_, None) => {}
        }
    }
    (all, records)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_record_stands_in_front_of_the_output() {
        let mut stdout =
            b"state running\npid 42\nstarted 100\nout 9 0\nerr 4 2\nfrom-out 3\nfrom-err 2\n\nabc\n\nd".to_vec();
        let record = take_record(&mut stdout);
        assert_eq!(stdout, b"abc\n\nd");
        assert_eq!((record.state(), record.pid, record.started), (State::Running, Some(42), Some(100)));
        assert_eq!(record.out, Stream { size: 9, lost: 0, from: 3 });
        assert_eq!(record.err, Stream { size: 4, lost: 2, from: 2 });
        assert!(take_record(&mut b"no record".to_vec()).is_missing());
    }

    #[test]
    fn every_end_has_a_state() {
        let state = |text: &str| one(text).state();
        assert_eq!(state("close 7 e=3 z= q= b=0\nstate ended"), State::Exited);
        assert_eq!(one("close 7 e=137 z=1 q= b=0\nstate ended").end(), Some(End::Signal(9)));
        assert_eq!(one("close 7 e=137 z= q= b=0\nstate ended").end(), Some(End::Exit(137)));
        assert_eq!(state("close 7 e=143 z=1 q= b=0\nstate ended\nwhy stopped"), State::Stopped);
        assert_eq!(state("close 7 e=143 z=1 q= b=0\nstate ended\nwhy timed_out"), State::TimedOut);
        assert_eq!(state("close 7 e=- z= q= b=0\nstate ended"), State::Lost);
        assert_eq!(state("state odd"), State::Lost);
        let why = |text: &str| one(text).lost_because(|at| at.to_string()).unwrap();
        assert!(why("state lost\nrestarted 12\nreason restarted").ends_with("restarted at 12"));
        assert!(why("state lost\nwork 9\nreason runner").contains("goes on"));
        assert!(why("state lost\nreason folder").contains("folder"));
        assert_eq!(one("state running").lost_because(|_| String::new()), None);
    }

    #[test]
    fn lists_and_what_was_edited_by_hand() {
        let text = "all 3\njob 1-a\nstate running\nasked {\"tool\":\"t\",\"kind\":\"command\",\"text\":\"make\"}\nlast x y\n\
                    job 1-b\nstate odd\njob 1-c\nclose x\nstate ended\npid -4\nasked {\"tool\":7}\nout 99999999999999999999999 x";
        let (all, jobs) = list(text);
        assert_eq!((all, jobs.len()), (3, 3));
        assert_eq!(jobs[0].asked.as_ref().unwrap().text, "make");
        assert_eq!(jobs[0].last.as_deref(), Some("x y"));
        assert_eq!((jobs[2].pid, jobs[2].asked.is_none(), jobs[2].out.size), (None, true, 0));
        assert_eq!(jobs[2].state(), State::Lost);
    }
}
