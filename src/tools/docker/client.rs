//! The engine's client on one host: which words start it, as whom, and what its failures mean.

use super::failures;
use crate::model::error::ToolError;
use crate::toolkit::docker::programs::{self, Generation};
use crate::toolkit::{Call, Host, Job, Output, Script, SudoGrant};

const CLIENT: Script = Script::new(include_str!("client.sh"));

/// What works on hosts without a POSIX shell.
const INSTEAD: &str = "The docker tools work on POSIX hosts only.";

/// A host's engine, for one call.
pub struct Client {
    /// The host.
    pub host: Host,
    takes_sudo: bool,
    root: Option<SudoGrant>,
}

/// How much a run may take.
#[derive(Debug, Clone, Copy, Default)]
pub struct Limits {
    /// Seconds; without it, `SSH_COMMAND_TIMEOUT`.
    pub timeout: Option<u64>,
    /// Most bytes of each stream; without it, the configured caps.
    pub max_bytes: Option<u64>,
}

impl Client {
    /// For a tool that only looks.
    pub fn observing(call: &Call, host: &str) -> Result<Self, ToolError> {
        Self::open(call, host, false, None)
    }

    /// For a tool that changes something: as root when the caller asks for it and the sudo tier is open.
    pub fn changing(call: &Call, host: &str, sudo: bool) -> Result<Self, ToolError> {
        Self::open(call, host, true, Some(sudo))
    }

    fn open(call: &Call, host: &str, takes_sudo: bool, sudo: Option<bool>) -> Result<Self, ToolError> {
        let host = call.host(host)?;
        host.posix(INSTEAD)?;
        let root = if sudo == Some(true) { Some(call.sudo(&host)?) } else { None };
        Ok(Client { host, takes_sudo, root })
    }

    /// A docker command line.
    pub fn docker<I, S>(&self, rest: I) -> Result<Vec<String>, ToolError>
    where
        I: IntoIterator<Item = S>,
        S: Into<String>,
    {
        Ok(self.line(programs::docker_words(&self.host.effective().docker_cmd)?, rest))
    }

    /// A compose command line.
    pub fn compose<I, S>(&self, generation: Generation, rest: I) -> Result<Vec<String>, ToolError>
    where
        I: IntoIterator<Item = S>,
        S: Into<String>,
    {
        let effective = self.host.effective();
        let compose = effective.docker_compose_cmd.as_deref();
        Ok(self.line(programs::compose_words(&effective.docker_cmd, compose, generation)?, rest))
    }

    fn line<I, S>(&self, program: Vec<String>, rest: I) -> Vec<String>
    where
        I: IntoIterator<Item = S>,
        S: Into<String>,
    {
        let mut words = match (&self.root, program.first().map(String::as_str)) {
            (Some(grant), first) if first != Some("sudo") => self.host.root_words(grant),
            _ => Vec::new(),
        };
        words.extend(program);
        words.extend(rest.into_iter().map(Into::into));
        words
    }

    /// Runs a command line of [`Self::docker`] or [`Self::compose`].
    pub async fn run(&self, words: &[String], limits: Limits) -> Result<Output, ToolError> {
        self.host.limit(limits.timeout)?;
        self.host.call().journal().words(words);
        self.finished(self.host.run(self.limited(Job::script(&CLIENT, words), limits)).await?)
    }

    /// Sets the limits of a job; callers have asked [`Host::limit`] before, which refuses what is out of range.
    pub fn limited(&self, job: Job, limits: Limits) -> Job {
        let settings = self.host.call().settings();
        let (out, err) = match limits.max_bytes {
            Some(bytes) => (bytes, bytes),
            None => (settings.ssh_stdout_cap_bytes, settings.ssh_stderr_cap_bytes),
        };
        job.timeout(self.host.limit(limits.timeout).ok()).caps(out, err)
    }

    /// The output of a run that reached the engine; a non-zero status is data.
    pub fn finished(&self, output: Output) -> Result<Output, ToolError> {
        self.host.call().journal().exit_code(output.exit_code());
        match failures::of(output.exit_code(), &output.stderr_text()) {
            None => Ok(output),
            Some(failure) => Err(failure.error(self.host.alias(), self.takes_sudo && self.root.is_none())),
        }
    }
}
