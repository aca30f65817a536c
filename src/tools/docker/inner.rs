//! What a docker client that was stopped had started: it runs in the engine, not in the client's session, so it is stopped
//! and looked for there. A mark in the environment, or a label, tells it from everything else.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::client::Client;
use crate::model::error::{ErrorName, ToolError};
use crate::model::hex::random_mark;
use crate::toolkit::{Output, Status, Stopped};

/// Variable that marks what an exec starts, and label that marks a container.
const MARK: &str = "SSH_MCP_EXEC";
const LABEL: &str = "ssh-mcp.call";
/// Longest time for stopping and looking.
const STOP: Duration = Duration::from_secs(7);

/// When a new container is looked for at first, and the longest pause between two looks.
const FIRST_LOOK: Duration = Duration::from_secs(1);
const LAST_LOOK: Duration = Duration::from_secs(4);

/// In the container: ends what carries the mark `$1`, TERM first, and looks. 10: nothing is left, 11: something is, 12: it
/// cannot be seen.
const STOP_MARKED: &str = r#"
[ -r /proc/self/environ ] || exit 12
f() { n=; for p in /proc/[0-9]*; do tr '\000' '\n' <$p/environ 2>/dev/null | grep -qxF -e "$1" && n="$n ${p#/proc/}"; done; [ -n "$n" ]; }
s=TERM; i=0
while f "$1"; do i=$((i+1)); [ $i -lt 9 ] || exit 11; [ $i -lt 5 ] || s=KILL
for p in $n; do kill -$s $p 2>/dev/null; done; sleep 0.3 2>/dev/null || sleep 1; done
exit 10"#;

/// A name for what one call starts.
#[derive(Debug, Clone)]
pub(super) struct Mark(String);

impl Mark {
    /// 64 random bits.
    pub(super) fn new() -> Result<Self, ToolError> {
        Ok(Mark(random_mark::<8>()?))
    }

    /// An option of `docker exec`.
    pub(super) fn for_exec(&self) -> String {
        format!("--env={MARK}={}", self.0)
    }

    /// An option of `docker run`.
    pub(super) fn for_run(&self) -> String {
        format!("--label={LABEL}={}", self.0)
    }
}

/// Whether the client of a run was stopped: by the time limit, or with the call.
pub(super) fn was_cut(ran: &Result<Output, ToolError>) -> bool {
    match ran {
        Ok(output) => matches!(output.status, Status::TimedOut(_)),
        Err(error) => error.name == ErrorName::Cancelled,
    }
}

/// The error of a cancelled call, with what was found in the engine.
pub(super) fn cancelled(mut error: ToolError, what: &str, found: Stopped) -> ToolError {
    if error.name == ErrorName::Cancelled {
        error.what = format!("{} {}", error.what, sentence(what, found));
    }
    error
}

/// What was found, for people.
pub(super) fn sentence(what: &str, found: Stopped) -> String {
    match found {
        Stopped::Stopped => format!("{what} was stopped too: it was looked for in the engine and is gone."),
        Stopped::StillRunning => format!("{what} could NOT be stopped and still runs in the engine."),
        Stopped::Unknown => format!("{what} lives in the engine, where it could not be looked for: it may still run."),
    }
}

/// Stops what an exec started, by a second exec in the same container.
pub(super) async fn stop_exec(client: &Client, container: &str, mark: &Mark) -> Stopped {
    let marked = format!("{MARK}={}", mark.0);
    let words = ["exec", "--", container, "sh", "-c", STOP_MARKED.trim(), "sh", &marked];
    match ask(client, &words).await.map(|output| output.status) {
        Some(Status::Exit(10)) => Stopped::Stopped,
        Some(Status::Exit(11)) => Stopped::StillRunning,
        _ => Stopped::Unknown,
    }
}

/// Ends once the container that a run starts is running. One that has ended by then is not seen; the run ends with it.
pub(super) async fn started(client: &Client, mark: &Mark) {
    let filter = format!("label={LABEL}={}", mark.0);
    let mut pause = FIRST_LOOK;
    loop {
        tokio::time::sleep(pause).await;
        let listed = ask(client, &["ps", "--quiet", "--filter", &filter]).await;
        if listed.is_some_and(|output| output.status == Status::Exit(0) && !output.stdout.trim_ascii().is_empty()) {
            return;
        }
        pause = (pause * 2).min(LAST_LOOK);
    }
}

/// Stops the container that a run started, and looks whether it runs.
pub(super) async fn stop_run(client: &Client, mark: &Mark) -> Stopped {
    let filter = format!("label={LABEL}={}", mark.0);
    let listing = ["ps", "--quiet", "--filter", &filter];
    let running = |output: Output| match output.status {
        Status::Exit(0) => Some(output.stdout_text().split_whitespace().map(str::to_owned).collect::<Vec<_>>()),
        _ => None,
    };
    let Some(ids) = ask(client, &listing).await.and_then(running) else { return Stopped::Unknown };
    if !ids.is_empty() {
        let mut words = vec!["stop", "-t", "2", "--"];
        words.extend(ids.iter().map(String::as_str));
        let _ = ask(client, &words).await;
    }
    match ask(client, &listing).await.and_then(running) {
        Some(ids) if ids.is_empty() => Stopped::Stopped,
        Some(_) => Stopped::StillRunning,
        None => Stopped::Unknown,
    }
}

/// Asks the engine after the call's own run was cut.
async fn ask(client: &Client, words: &[&str]) -> Option<Output> {
    let words = client.docker(words.iter().copied()).ok()?;
    client.run_after(&words, STOP, CancellationToken::new()).await.ok()
}
