//! The first words of a channel: whether the account's login started our wrapper.
//!
//! Nothing but a word that ends a shell is sent before the wrapper has greeted. So a login that starts something else (a
//! menu, a shell out of a start-up file, a program that only transfers files) never reads a command of ours, and that
//! nothing was run is known and not guessed.

use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use openssh::{Child, ChildStderr, ChildStdin, ChildStdout, Session};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::capabilities::{Capabilities, Learnt, Opening, REPORT_MAX};
use super::cut::Cut;
use super::wrapper::{self, Terminal};

/// Longest wait for the wrapper's greeting. Start-up files of a login may take seconds.
pub(crate) const GREETING_WAIT: Duration = Duration::from_secs(20);

/// How long a host is waited for that shall say what it has. It starts some 20 programs for that.
const REPORT_WAIT: Duration = Duration::from_secs(10);

/// How long a channel whose streams have ended is asked for the status of its login.
const STATUS_WAIT: Duration = Duration::from_secs(2);

/// Most bytes kept of what a login prints on each stream before the greeting.
const NOISE_KEPT: usize = 4096;

/// Why a script was not sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NotBegun {
    /// What kept it.
    pub why: Why,
    /// What the login printed instead of a greeting.
    pub noise: String,
}

/// What kept a script from being sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// The channel ended first. The status is that of the account's login, where the server told one.
    Ended(Option<i32>),
    /// There was no greeting in this time.
    Silent(Duration),
    /// A terminal stands between, which changes what passes through it.
    Terminal,
    /// This side ended the wait.
    Cut(Cut),
    /// This machine or the connection failed.
    Broken,
}

/// What a channel has printed so far, before its greeting.
#[derive(Debug)]
pub(super) struct Greeting {
    out: Vec<u8>,
    err: Vec<u8>,
    found: Option<Terminal>,
    /// The wrapper was asked for a report of what the host has.
    asked: bool,
    learnt: Arc<Learnt>,
    /// The wrapper is to wait with its end until it is let.
    lingers: bool,
}

/// The end of a line as a transparent terminal shows it.
const LINE_END: u8 = b'\n';

impl Greeting {
    /// Nothing was printed yet. With `lingers` the wrapper is told to wait with its end until the channel's input ends.
    pub(super) fn new(learnt: Arc<Learnt>, lingers: bool) -> Self {
        Greeting { out: Vec::new(), err: Vec::new(), found: None, asked: false, learnt, lingers }
    }

    /// Waits for the greeting and sends the wrapper. May be dropped at any time and called again.
    pub(super) async fn wait(
        &mut self,
        stdin: &mut ChildStdin,
        stdout: &mut ChildStdout,
        stderr: &mut ChildStderr,
    ) -> Result<(), Why> {
        self.wait_for(stdin, stdout, stderr, false).await
    }

    /// The same for a channel that stands by: where nothing is known of the host yet, it reports what the host has.
    pub(super) async fn wait_and_learn(
        &mut self,
        stdin: &mut ChildStdin,
        stdout: &mut ChildStdout,
        stderr: &mut ChildStderr,
    ) -> Result<(), Why> {
        self.wait_for(stdin, stdout, stderr, true).await?;
        if !self.asked {
            return Ok(());
        }
        let report = tokio::time::timeout(REPORT_WAIT, self.report(stdout)).await.ok().flatten();
        // A host that does not say is asked once; what scripts need, each channel then finds out for itself.
        let known = report.is_some();
        self.learnt.set(report.unwrap_or_default());
        if known { Ok(()) } else { Err(Why::Ended(None)) }
    }

    /// Reads on to the report.
    async fn report(&self, stdout: &mut ChildStdout) -> Option<Capabilities> {
        let terminal = self.found.is_some_and(|terminal| terminal != Terminal::None);
        let (mut buffer, mut report) = ([0u8; 1024], self.out.clone());
        loop {
            if let Some(found) = Capabilities::find(&report, terminal) {
                return Some(found);
            }
            match stdout.read(&mut buffer).await {
                Ok(n) if n > 0 && report.len() < REPORT_MAX => {
                    report.extend_from_slice(buffer.get(..n).unwrap_or_default());
                }
                _ => return None,
            }
        }
    }

    async fn wait_for(
        &mut self,
        stdin: &mut ChildStdin,
        stdout: &mut ChildStdout,
        stderr: &mut ChildStderr,
        report: bool,
    ) -> Result<(), Why> {
        if let Some(terminal) = self.found {
            return passable(terminal);
        }
        let (mut out_buffer, mut err_buffer) = ([0u8; 1024], [0u8; 1024]);
        let mut err_open = true;
        loop {
            tokio::select! {
                biased;
                read = stderr.read(&mut err_buffer), if err_open => match read {
                    Ok(n) if n > 0 => keep(&mut self.err, err_buffer.get(..n).unwrap_or_default()),
                    _ => err_open = false,
                },
                read = stdout.read(&mut out_buffer) => match read {
                    Ok(n) if n > 0 => {
                        keep(&mut self.out, out_buffer.get(..n).unwrap_or_default());
                        if let Some(terminal) = self.greeted() {
                            self.found = Some(terminal);
                            passable(terminal)?;
                            let opening = match self.learnt.get() {
                                Some(known) => known.opening(),
                                None => Opening::Look { all: report },
                            };
                            self.asked = opening == (Opening::Look { all: true });
                            let preamble = wrapper::preamble_for(&opening, self.lingers);
                            return stdin.write_all(&preamble).await.map_err(|_| Why::Broken);
                        }
                    }
                    _ => {
                        if err_open {
                            let mut rest = Vec::new();
                            let _ = tokio::time::timeout(STATUS_WAIT, stderr.read_to_end(&mut rest)).await;
                            keep(&mut self.err, &rest);
                        }
                        return Err(Why::Ended(None));
                    }
                },
            }
        }
    }

    /// What the greeting says of the terminal, once that is known: of one that claims to be transparent the end of the line
    /// has to be what was sent.
    fn greeted(&self) -> Option<Terminal> {
        let (end, terminal) = wrapper::find_greeting(&self.out)?;
        match (terminal, self.out.get(end)) {
            (Terminal::Transparent, None) => None,
            (Terminal::Transparent, Some(byte)) if *byte != LINE_END => Some(Terminal::Opaque),
            _ => Some(terminal),
        }
    }

    /// True where a terminal stands between that passes every byte as it is.
    pub(super) fn in_terminal(&self) -> bool {
        self.found == Some(Terminal::Transparent)
    }

    /// What was printed, one stream after the other.
    pub(super) fn noise(&self) -> String {
        let mut text = String::from_utf8_lossy(&self.err).into_owned();
        text.push_str(&String::from_utf8_lossy(&self.out));
        text.trim().to_owned()
    }
}

/// The status of a login that has ended, where the server tells one.
pub(super) async fn login_status(child: Child<Arc<Session>>) -> Option<i32> {
    let ended = tokio::time::timeout(STATUS_WAIT, child.wait()).await;
    ended.ok()?.ok().as_ref().and_then(ExitStatus::code)
}

fn passable(terminal: Terminal) -> Result<(), Why> {
    match terminal {
        Terminal::None | Terminal::Transparent => Ok(()),
        Terminal::Opaque => Err(Why::Terminal),
    }
}

fn keep(kept: &mut Vec<u8>, more: &[u8]) {
    kept.extend_from_slice(more);
    let excess = kept.len().saturating_sub(NOISE_KEPT);
    kept.drain(..excess);
}
