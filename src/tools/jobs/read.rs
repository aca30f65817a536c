//! `ssh_job_read`.

use std::time::{Duration, Instant};

use regex::Regex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::answer::Standing;
use crate::model::error::ToolError;
use crate::model::tier::Group;
use crate::toolkit::jobs::{Cursor, JobId, Looked};
use crate::toolkit::reading::{Asked, Selection, pattern};
use crate::toolkit::{Call, Host, Spec, Targets, Tool};

/// How a job stands and what it says.
#[derive(Debug)]
pub(super) struct JobRead;

/// Longest wait of one call, in seconds: clients give up after 60.
const WAIT_MAX: u64 = 55;
/// Longest that the host is asked to wait before it is asked again.
const ROUND: Duration = Duration::from_secs(20);
/// Bytes of each stream from its end, where nothing says which.
const TAIL: u64 = 32 << 10;
/// Most bytes of each stream in which a call looks for lines.
const SEARCHED: u64 = 16 << 20;
/// Bytes of the answer that are not the text.
const AROUND: usize = 800;

/// Its arguments.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    /// host alias
    host: String,
    /// id of the job
    job: String,
    /// only this one; default both
    #[serde(default)]
    stream: Option<StreamName>,
    /// cursor of an earlier answer
    #[serde(default)]
    after: Option<String>,
    /// seconds to wait for its end, to 55
    #[serde(default)]
    wait: u64,
    /// regular expression that ends it
    #[serde(default)]
    until_match: Option<String>,
    /// seconds without output that end it
    #[serde(default)]
    silence: Option<u64>,
    /// first line, from 1
    #[serde(default)]
    from_line: Option<u64>,
    /// most lines, or matches
    #[serde(default)]
    lines: Option<u64>,
    /// only the last lines
    #[serde(default)]
    tail_lines: Option<u64>,
    /// regular expression
    #[serde(default)]
    grep: Option<String>,
    /// lines around a match
    #[serde(default)]
    context: Option<u64>,
    /// only how many
    #[serde(default)]
    count_only: bool,
}

/// One of the two streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum StreamName {
    Stdout,
    Stderr,
}

/// How it stands, and the part that was asked for.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Reply {
    host: String,
    job: String,
    #[serde(flatten)]
    standing: Standing,
    #[serde(skip_serializing_if = "String::is_empty")]
    label: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    matched: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stdout: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stderr: Option<String>,
    stdout_bytes: u64,
    stderr_bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    lines_total: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    matches: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_from_line: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<String>,
    after: String,
    output_warnings: Vec<String>,
}

impl Tool for JobRead {
    type Args = Args;
    type Reply = Reply;
    const SPEC: Spec =
        Spec::dangerous("ssh_job_read", Group::Jobs, "Read a job's state and output; wait for its end or a line")
            .found_as("Read a job", "follow wait progress result output of background task tail")
            .large_answers()
            .more("`after` or `from_line` brings the rest")
            .looks_only();
    const WHOLE: &'static [&'static str] = &["content"];

    fn hosts(args: &Args) -> Targets {
        Targets::host(&args.host).sudo(JobId::parse(&args.job).is_ok_and(|id| id.is_root()))
    }

    async fn run(call: &Call, args: Args) -> Result<Reply, ToolError> {
        let id = JobId::parse(&args.job)?;
        let asked = args.selection();
        let selection = asked.is_a_part().then(|| Selection::of(&asked)).transpose()?;
        let after = args.after.as_deref().map(Cursor::parse).transpose()?;
        let until = Until::of(&args)?;
        let host = call.host(&args.host)?;
        host.posix(Host::WITHOUT_SHELL)?;
        call.journal().job(id.as_str(), "");
        host.may_touch_job(&id)?;
        let (begin, most) = match (&selection, after) {
            (None, None) => (None, TAIL),
            (None, Some(_)) => (after, call.settings().ssh_stdout_cap_bytes),
            (Some(_), _) if args.tail_lines.is_some() && args.grep.is_none() => {
                (after, call.settings().ssh_stdout_cap_bytes)
            }
            (Some(_), _) => (Some(after.unwrap_or(Cursor { out: 0, err: 0 })), SEARCHED),
        };
        let mut seen = Seen::read(&host, &id, begin, most).await?;
        // Nothing was delivered so far: what the job ran is only known now.
        host.may_read_job(&seen.looked.record)?;
        let matched = until.wait(&host, &id, &mut seen, most).await?;
        host.note_job(&id, &seen.looked.record);
        Ok(reply(call, args, &seen, matched, selection.as_ref()))
    }
}

impl Args {
    fn selection(&self) -> Asked<'_> {
        Asked {
            from_line: self.from_line,
            lines: self.lines,
            tail_lines: self.tail_lines,
            offset: None,
            grep: self.grep.as_deref(),
            context: self.context,
            count_only: self.count_only,
        }
    }
}

/// What was read in one call.
#[derive(Debug)]
struct Seen {
    looked: Looked,
    next: Cursor,
}

impl Seen {
    async fn read(host: &Host, id: &JobId, begin: Option<Cursor>, most: u64) -> Result<Self, ToolError> {
        let looked = host.read_job(id, begin, most, Duration::ZERO).await?;
        let next = looked.next();
        Ok(Seen { looked, next }.trimmed())
    }

    /// Adds what came since, and says whether something did.
    fn add(&mut self, later: Looked) -> bool {
        let (out, err) = (self.looked.record.out.from, self.looked.record.err.from);
        let next = later.next();
        let more = next != self.next;
        self.looked.stdout.extend_from_slice(&later.stdout);
        self.looked.stderr.extend_from_slice(&later.stderr);
        self.looked.record = later.record;
        (self.looked.record.out.from, self.looked.record.err.from) = (out, err);
        self.next = next;
        *self = Seen { looked: std::mem::replace(&mut self.looked, Looked::empty()), next }.trimmed();
        more
    }

    /// What is left for the next reading is not in this one.
    fn trimmed(mut self) -> Self {
        let bytes = |from: u64, to: u64| usize::try_from(to.saturating_sub(from)).unwrap_or(usize::MAX);
        self.looked.stdout.truncate(bytes(self.looked.record.out.from, self.next.out));
        self.looked.stderr.truncate(bytes(self.looked.record.err.from, self.next.err));
        self
    }
}

/// What ends a wait besides the end of the job.
#[derive(Debug)]
struct Until {
    wait: Duration,
    line: Option<Regex>,
    silence: Option<Duration>,
}

impl Until {
    fn of(args: &Args) -> Result<Self, ToolError> {
        let range = |name: &str, given: u64, least: u64| {
            if (least..=WAIT_MAX).contains(&given) {
                return Ok(Duration::from_secs(given));
            }
            Err(ToolError::value(
                format!("Argument `{name}`: {given} is out of range."),
                format!("Give {least} to {WAIT_MAX} seconds; call again to wait on."),
            ))
        };
        let until = Until {
            wait: range("wait", args.wait, 0)?,
            line: args.until_match.as_deref().map(|text| pattern("until_match", text)).transpose()?,
            silence: args.silence.map(|seconds| range("silence", seconds, 1)).transpose()?,
        };
        if until.wait.is_zero() && (until.line.is_some() || until.silence.is_some()) {
            return Err(ToolError::value(
                "Arguments `until_match` and `silence` end a wait, and `wait` is 0.",
                format!("Give `wait` too, 1 to {WAIT_MAX} seconds."),
            ));
        }
        Ok(until)
    }

    /// Reads on until something ends the wait. The line that did, if one did.
    async fn wait(&self, host: &Host, id: &JobId, seen: &mut Seen, most: u64) -> Result<Option<String>, ToolError> {
        let (began, mut changed) = (Instant::now(), Instant::now());
        let mut checked = (0, 0);
        loop {
            if let Some(line) = &self.line {
                let found = first_match(line, &seen.looked.stdout, &mut checked.0)
                    .or_else(|| first_match(line, &seen.looked.stderr, &mut checked.1));
                if found.is_some() {
                    return Ok(found);
                }
            }
            let held = seen.looked.stdout.len().max(seen.looked.stderr.len()) as u64;
            let mut left = self.wait.saturating_sub(began.elapsed());
            if let Some(silence) = self.silence {
                left = left.min(silence.saturating_sub(changed.elapsed()));
            }
            let running = seen.looked.record.state() == crate::toolkit::jobs::State::Running;
            if !running || left.is_zero() || held >= most {
                return Ok(None);
            }
            // The host counts whole seconds.
            let round = Duration::from_secs(left.min(ROUND).as_secs().max(1));
            let later = tokio::time::timeout(
                left.max(Duration::from_millis(50)),
                host.read_job(id, Some(seen.next), most, round),
            );
            let Ok(later) = later.await else { continue };
            if seen.add(later?) {
                changed = Instant::now();
                if host.call().wants_progress()
                    && let Some(line) = String::from_utf8_lossy(&seen.looked.stdout).lines().next_back()
                {
                    host.call().progress(&line.chars().take(200).collect::<String>());
                }
            }
        }
    }
}

/// The first line that matches, from `checked` on, which is moved to the last line that may still grow.
fn first_match(pattern: &Regex, bytes: &[u8], checked: &mut usize) -> Option<String> {
    let fresh = bytes.get(*checked..).unwrap_or_default();
    let text = String::from_utf8_lossy(fresh);
    let found = text.lines().find(|line| pattern.is_match(line)).map(str::to_owned);
    *checked += fresh.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
    found
}

fn reply(call: &Call, args: Args, seen: &Seen, matched: Option<String>, selection: Option<&Selection>) -> Reply {
    let record = &seen.looked.record;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    for (name, stream, bytes) in
        [("stdout", record.out, &seen.looked.stdout), ("stderr", record.err, &seen.looked.stderr)]
    {
        if stream.lost > 0 {
            call.warn(format!(
                "Bytes 0 to {} of {name} are gone: a job keeps SSH_JOB_OUTPUT_MAX_BYTES of each stream, the newest.",
                stream.lost
            ));
        }
        let end = stream.from + bytes.len() as u64;
        if end < stream.size {
            call.left_out(
                format!("{} later bytes of {name}", stream.size - end),
                "`after` of this answer goes on there",
            );
        }
        if stream.from > stream.lost && args.after.is_none() {
            call.left_out(
                format!("{} earlier bytes of {name}", stream.from - stream.lost),
                "after: \"0.0\" begins at the start",
            );
        }
    }
    let mut reply = Reply {
        host: args.host,
        job: args.job,
        standing: Standing::of(record),
        label: record.asked.clone().unwrap_or_default().label,
        matched: matched.map(|line| line.chars().take(400).collect()),
        stdout: None,
        stderr: None,
        stdout_bytes: record.out.size,
        stderr_bytes: record.err.size,
        lines_total: None,
        matches: None,
        next_from_line: None,
        content: None,
        after: seen.next.to_string(),
        output_warnings: Vec::new(),
    };
    match selection {
        None => {
            let wanted = |name| args.stream.is_none_or(|only| only == name);
            reply.stdout = wanted(StreamName::Stdout).then(|| text(&seen.looked.stdout));
            reply.stderr = wanted(StreamName::Stderr).then(|| text(&seen.looked.stderr));
        }
        Some(selection) => {
            let bytes = match args.stream {
                Some(StreamName::Stderr) => &seen.looked.stderr,
                _ => &seen.looked.stdout,
            };
            let found = selection.select_for(&text(bytes), call.answer_bytes().saturating_sub(AROUND));
            reply.lines_total = Some(found.lines_total);
            reply.matches = found.matches;
            reply.next_from_line = found.next_line;
            reply.content = (!args.count_only).then_some(found.text);
        }
    }
    reply
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_grows_is_looked_at_again() {
        let pattern = Regex::new("^done$").unwrap();
        let mut checked = 0;
        assert_eq!(first_match(&pattern, b"a\ndo", &mut checked), None);
        assert_eq!(checked, 2);
        assert_eq!(first_match(&pattern, b"a\ndone\nb", &mut checked).as_deref(), Some("done"));
        assert_eq!(checked, 7);
    }
}
