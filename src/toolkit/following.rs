//! Looking on for a while: what a program of ours prints until a time is over, a line matches, or it ends by itself. Lines are told as
//! progress while they come, redacted; the answer is one, at the end, when the program was stopped on its host.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use regex::Regex;
use tokio_util::sync::CancellationToken;

use super::host::Host;
use super::job::{Job, Output, Status, Stopped};
use super::reading::pattern;
use crate::model::error::ToolError;
use crate::model::lock::LockAlways as _;
use crate::redact::engine::Redactor;
use crate::ssh::channel::Stream;

/// Longest time, in seconds. Clients that stop waiting after a minute say so by a cancellation.
const LONGEST: u64 = 600;

/// Least time between two lines that are told, and the longest line.
const PAUSE: Duration = Duration::from_millis(100);
const LINE_MAX: usize = 200;

/// Bytes of a stream in which a line is looked for; what comes before is let go of.
const HELD: usize = 256 << 10;

/// How lines of a log are redacted, as their tool does in its answer.
pub(crate) type Redact = fn(&Redactor, &str) -> String;

/// How long is looked on, and for what.
#[derive(Debug, Clone)]
pub(crate) struct Following {
    limit: Duration,
    until: Option<Regex>,
}

impl Following {
    /// Takes the arguments `follow` and `until_match`.
    pub(crate) fn of(follow: Option<u64>, until_match: Option<&str>) -> Result<Option<Self>, ToolError> {
        let until = until_match.map(|text| pattern("until_match", text)).transpose()?;
        match (follow, until) {
            (None, None) => Ok(None),
            (None, Some(_)) => Err(ToolError::value(
                "Argument `until_match` ends the following, and `follow` is left out.",
                format!("Give `follow` too, 1 to {LONGEST} seconds."),
            )),
            (Some(seconds), until) if (1..=LONGEST).contains(&seconds) => {
                Ok(Some(Following { limit: Duration::from_secs(seconds), until }))
            }
            (Some(seconds), _) => Err(ToolError::value(
                format!("Argument `follow`: {seconds} is out of range."),
                format!("Give 1 to {LONGEST} seconds; call again with `since` to follow on."),
            )),
        }
    }

    /// Gives a job this time, and has its lines looked at and told as they come.
    pub(crate) async fn watch(&self, host: &Host, job: Job, redact: Redact) -> Result<(Job, Watched), ToolError> {
        let (redactor, filter) = (host.redactor()?, host.value_filter().await);
        let watched = Watched {
            host: host.clone(),
            shown: Arc::new(move |text| filter(redact(&redactor, text))),
            until: self.until.clone(),
            ends: host.call().cancel().child_token(),
            seen: Arc::default(),
        };
        let eyes = watched.clone();
        let job = job.timeout(Some(self.limit)).ends(watched.ends.clone());
        Ok((job.on_chunk(Arc::new(move |stream, bytes| eyes.take(stream, bytes))), watched))
    }
}

/// What is seen while it comes.
#[derive(Clone)]
pub(crate) struct Watched {
    host: Host,
    shown: Arc<dyn Fn(&str) -> String + Send + Sync>,
    until: Option<Regex>,
    ends: CancellationToken,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    out: Vec<u8>,
    err: Vec<u8>,
    told: Option<Instant>,
    matched: Option<String>,
}

impl Watched {
    fn take(&self, stream: Stream, bytes: &[u8]) {
        let mut seen = self.seen.lock_always();
        let held = match stream {
            Stream::Stdout => &mut seen.out,
            Stream::Stderr => &mut seen.err,
        };
        // Whole lines that are new, from the one that was only begun.
        let begun = held.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
        held.extend_from_slice(bytes);
        let Some(end) = held.iter().rposition(|b| *b == b'\n').filter(|end| *end >= begun) else { return };
        let text = String::from_utf8_lossy(held.get(..=end).unwrap_or_default()).into_owned();
        let fresh = String::from_utf8_lossy(held.get(begun..end).unwrap_or_default()).into_owned();
        if held.len() > HELD {
            held.drain(..held.len() - HELD / 2);
        }
        if seen.matched.is_none()
            && let Some(until) = &self.until
            && let Some(line) = fresh.lines().find(|line| until.is_match(line))
        {
            seen.matched = Some((self.shown)(line));
            self.ends.cancel();
        }
        if self.host.call().wants_progress() && seen.told.is_none_or(|at| at.elapsed() >= PAUSE) {
            seen.told = Some(Instant::now());
            // All of it is redacted together, so that no line of a key is shown by itself.
            let shown = (self.shown)(&text);
            if let Some(line) = shown.lines().next_back() {
                self.host.call().progress(&line.chars().take(LINE_MAX).collect::<String>());
            }
        }
    }

    /// The output of the job as that of one that ended well, and the line that ended it. What the host could not be shown to have
    /// stopped is told.
    pub(crate) fn end(&self, output: Output) -> (Output, Option<String>) {
        let Status::TimedOut(stopped) = output.status else { return (output, self.matched()) };
        if stopped != Stopped::Stopped {
            self.host.call().warn(format!(
                "Whether the program that was followed has ended on `{}` is not known.",
                self.host.alias()
            ));
        }
        (Output { status: Status::Exit(0), ..output }, self.matched())
    }

    fn matched(&self) -> Option<String> {
        self.seen.lock_always().matched.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is told while it comes is redacted with all that came before it.
    #[test]
    fn a_key_that_is_only_begun_is_not_shown() {
        use crate::redact::engine::{MarkerKey, Options};
        let redactor = Redactor::new(Options::new(MarkerKey::random().unwrap()));
        let begun = "x\n-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA7bq4pWmC\nZx9QkPjv2Lr8sTnYw0Ua\n";
        let shown = redactor.redact_text(begun);
        assert!(!shown.contains("MIIEpAIBAAKCAQEA7bq4pWmC") && !shown.contains("Zx9QkPjv2Lr8sTnYw0Ua"), "{shown}");
    }

    #[test]
    fn a_time_and_a_pattern_are_checked() {
        assert!(Following::of(None, None).unwrap().is_none());
        assert!(Following::of(Some(5), Some("a|b")).unwrap().is_some());
        for (follow, until) in [(Some(0), None), (Some(601), None), (None, Some("a")), (Some(5), Some("("))] {
            assert!(Following::of(follow, until).is_err(), "{follow:?} {until:?}");
        }
    }
}
