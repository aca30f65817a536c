//! What an account can do on its host, tried as the tools do it: a script on one channel, and the sftp subsystem.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::ssh::channel::Request;
use crate::ssh::cut::Cut;
use crate::ssh::pool::{Link, RunFailure};
use crate::ssh::sftp::Sftp;
use crate::ssh::wrapper::End;

/// How long an empty script may take: slow start-up files take some seconds.
const LIMIT: Duration = Duration::from_secs(20);

/// Why no script ran.
#[derive(Debug)]
pub(crate) struct Unable {
    /// What happened.
    pub what: String,
    /// What helps.
    pub next: String,
}

/// What an account runs scripts in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ran {
    /// As usual.
    Plainly,
    /// In a terminal that was forced on it and made transparent.
    InTerminal,
}

/// Runs an empty script, wrapped as each tool's is.
pub(crate) async fn try_shell(link: &Arc<Link>) -> Result<Ran, Unable> {
    let request = Request {
        script: "exit 0".to_owned(),
        data: None,
        timeout: LIMIT,
        stdout_cap: 1024,
        stderr_cap: 1024,
        cancel: CancellationToken::new(),
        on_chunk: None,
        sink: None,
    };
    let odd = |what: String| {
        Unable {
        what,
        next: "See what the account's login shell and its start-up files (.profile, .bashrc) start: another shell, a recorder or a menu in the way of `sh` keeps commands from running.".to_owned(),
    }
    };
    match Box::pin(link.run(&request, false)).await {
        Ok(done) => match (done.ended.cut, done.ended.closing.map(|closing| closing.end)) {
            (None, Some(End::Exit(0))) if done.ended.in_terminal => Ok(Ran::InTerminal),
            (None, Some(End::Exit(0))) => Ok(Ran::Plainly),
            (Some(Cut::TimedOut), _) => {
                Err(odd(format!("its login shell gave no sign of a script in {} s", LIMIT.as_secs())))
            }
            (_, end) => Err(odd(format!("an empty script ended with {end:?}"))),
        },
        Err(RunFailure::Account(purpose, said)) => Err(Unable {
            what: if said.is_empty() {
                purpose.what().to_owned()
            } else {
                format!("{}; it said: {said}", purpose.what())
            },
            next: purpose.next().to_owned(),
        }),
        Err(RunFailure::Lost { reason, .. }) => Err(odd(reason)),
        Err(RunFailure::Connect(failure)) => Err(Unable { what: failure.what.clone(), next: failure.next.clone() }),
        Err(RunFailure::NotStarted(_)) => Err(odd("no session was opened in time".to_owned())),
    }
}

/// Greets the sftp subsystem.
pub(crate) async fn try_sftp(link: &Arc<Link>) -> Result<(), String> {
    let greet = async {
        let channel = link.sftp_channel(&CancellationToken::new()).await.map_err(|failure| match failure {
            RunFailure::Lost { reason, .. } => reason,
            RunFailure::Account(purpose, _) => purpose.what().to_owned(),
            RunFailure::Connect(failure) => failure.what.clone(),
            RunFailure::NotStarted(_) => "no session was opened in time".to_owned(),
        })?;
        Sftp::begin(channel).await.map(drop).map_err(|fault| fault.to_string())
    };
    tokio::time::timeout(LIMIT, greet).await.unwrap_or_else(|_| Err("it did not greet".to_owned()))
}
