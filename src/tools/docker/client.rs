//! The engine's client on one host: which words start it, as whom, and what its failures mean.

use super::failures;
use crate::model::error::{ErrorName, ToolError};
use crate::toolkit::docker::programs::{self, Generation};
use crate::toolkit::jobs::{Started, Wanted};
use crate::toolkit::{
    Account, AllowedPath, Call, EngineKind, Following, Host, Input, Job, OnPaths, Output, PathArg, Redact, Script,
    Stopped, Surroundings,
};
use crate::tools::exec::ExecReply;
use crate::tools::jobs::ExecOrJob;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

const CLIENT: Script = Script::client(include_str!("client.sh"));
const KIND: Script = Script::client(concat!(include_str!("engine_kind.sh"), include_str!("kind.sh")));
const OWN_LOGS: Script = Script::client(include_str!("own_logs.sh"));
const EXEC: Script = Script::client(include_str!("exec.sh"));
const LISTING: Script = Script::client(concat!(include_str!("listing.sh"), include_str!("../part.sh")));

/// What is said where a client was stopped: the engine has been asked, and goes on without it.
pub(super) const ENGINE: &str =
    "The engine may go on with what it was asked; ssh_docker_ps and ssh_docker_images show what is.";

/// What works on hosts without a POSIX shell.
const INSTEAD: &str = "The docker tools work on POSIX hosts only.";

/// A host's engine, for one call.
pub(super) struct Client {
    /// The host.
    pub host: Host,
    account: Account,
    takes_sudo: bool,
}

/// How much a run may take.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Limits {
    /// Seconds; without it, `SSH_COMMAND_TIMEOUT`.
    pub timeout: Option<u64>,
    /// Most bytes of each stream; without it, the configured caps.
    pub max_bytes: Option<u64>,
}

impl Client {
    /// For a tool that only looks.
    pub(super) fn observing(call: &Call, host: &str) -> Result<Self, ToolError> {
        let host = call.host(host)?;
        host.posix(INSTEAD)?;
        Ok(Client { account: Account::login(host.clone()), host, takes_sudo: false })
    }

    /// For a tool that changes something: as root when the caller asks for it and the sudo tier is open.
    pub(super) async fn changing(call: &Call, host: &str, sudo: bool) -> Result<Self, ToolError> {
        let host = call.host(host)?;
        host.posix(INSTEAD)?;
        let account = Account::chosen(call, host.clone(), sudo).await?;
        Ok(Client { host, account, takes_sudo: true })
    }

    /// Whether it runs as root.
    pub(super) fn is_root(&self) -> bool {
        self.account.is_root()
    }

    /// A docker command line.
    pub(super) fn docker<I, S>(&self, rest: I) -> Result<Vec<String>, ToolError>
    where
        I: IntoIterator<Item = S>,
        S: Into<String>,
    {
        let mut words = programs::docker_words(&self.host.effective().docker_cmd)?;
        words.extend(rest.into_iter().map(Into::into));
        Ok(words)
    }

    /// What stands behind the client's words, which the host is asked once in a while.
    pub(super) async fn engine_kind(&self) -> Result<EngineKind, ToolError> {
        if let Some(kind) = self.host.known_engine() {
            return Ok(kind);
        }
        let words = programs::docker_words(&self.host.effective().docker_cmd)?;
        let output = self.account.run(self.limited(Job::script(&KIND, &words), Limits::default())).await?;
        let output = self.finished(output)?;
        let kind = match output.stdout_text().trim() {
            "podman" => EngineKind::Podman,
            "service" => EngineKind::PodmanService,
            "docker" => EngineKind::Docker,
            _ => {
                let said = failures::Failure::EngineDown(output.stderr_line());
                return Err(said.error(self.host.alias(), false));
            }
        };
        self.host.keep_engine(kind);
        Ok(kind)
    }

    /// Where podman keeps the log of a container, or of all, if not among its own files; see `own_logs.sh`.
    pub(super) async fn own_logs(&self, container: &str) -> Result<Output, ToolError> {
        let mut words = vec![container.to_owned()];
        words.extend(programs::docker_words(&self.host.effective().docker_cmd)?);
        let output = self.account.run(self.limited(Job::script(&OWN_LOGS, &words), Limits::default())).await?;
        self.finished(output)
    }

    /// Whether podman is behind it, which reads some options in its own way.
    pub(super) async fn is_podman(&self) -> Result<bool, ToolError> {
        Ok(self.engine_kind().await? != EngineKind::Docker)
    }

    /// A compose command line.
    pub(super) fn compose<I, S>(&self, generation: Generation, rest: I) -> Result<Vec<String>, ToolError>
    where
        I: IntoIterator<Item = S>,
        S: Into<String>,
    {
        let effective = self.host.effective();
        let compose = effective.docker_compose_cmd.as_deref();
        let mut words = programs::compose_words(&effective.docker_cmd, compose, generation)?;
        words.extend(rest.into_iter().map(Into::into));
        Ok(words)
    }

    /// Runs a command line of [`Self::docker`] or [`Self::compose`].
    pub(super) async fn run(&self, words: &[String], limits: Limits) -> Result<Output, ToolError> {
        self.host.call().journal().words(words);
        self.run_by(&CLIENT, words, limits).await
    }

    /// Runs a command line that lists; how many lines were left out on the host comes with it.
    pub(super) async fn list(&self, words: &[String]) -> Result<(Output, Option<u64>), ToolError> {
        self.host.call().journal().words(words);
        let most = Output::part_of(self.host.call().settings().ssh_stdout_cap_bytes).to_string();
        let words: Vec<String> = std::iter::once(most).chain(words.iter().cloned()).collect();
        let mut output = self.run_by(&LISTING, &words, Limits::default()).await?;
        let left = output.take_left();
        Ok((output, left))
    }

    /// Runs a command line that takes variables from `/dev/fd/3` and a text from its standard input.
    pub(super) async fn run_fed(
        &self,
        words: &[String],
        variables: &str,
        stdin: Option<&Arc<[u8]>>,
        limits: Limits,
    ) -> Result<Output, ToolError> {
        self.host.call().journal().words(words);
        self.host.limit(limits.timeout)?;
        let all = std::iter::once(variables).chain(words.iter().map(String::as_str));
        let job = self.limited(Job::script(&EXEC, all), limits);
        let output = self
            .account
            .run(match stdin {
                None => job,
                Some(text) => job.input(Input::Text(text.clone())),
            })
            .await?;
        let output = self.finished(output)?;
        Ok(self.without_values(output).await)
    }

    /// Runs a command line as a job, and waits for it as long as is said. With `or_plain` it runs without one where the host takes
    /// no jobs.
    pub(crate) async fn run_as_job(
        &self,
        words: &[String],
        limits: Limits,
        wanted: &Wanted<'_>,
        or_plain: bool,
    ) -> Result<ExecOrJob, ToolError> {
        self.host.call().journal().words(words);
        self.host.limit(limits.timeout)?;
        let job = self.limited(Job::script(&CLIENT, words), limits);
        let output = match self.account.start_job(&job, wanted, &Surroundings::default()).await {
            Ok(Started::Ended(output)) => output,
            Ok(Started::Kept(output, kept)) => {
                return Ok(ExecOrJob::of(&self.host, self.without_values(output).await, &kept));
            }
            Err(error) if or_plain && error.name == ErrorName::PlatformNotSupported => {
                self.host.call().warn(format!("It ran without a job: {}", error.what));
                self.account.run(job).await?
            }
            Err(error) => return Err(error),
        };
        let output = self.without_values(self.finished(output)?).await;
        Ok(ExecReply::of(&self.host, output).elsewhere(Stopped::Unknown, ENGINE).into())
    }

    /// Runs a command line that is followed; the line that ended it comes with its output.
    pub(crate) async fn look_on(
        &self,
        words: &[String],
        limits: Limits,
        following: &Following,
        redact: Redact,
    ) -> Result<(Output, Option<String>), ToolError> {
        self.host.call().journal().words(words);
        let (job, watched) =
            following.watch(&self.host, self.limited(Job::script(&CLIENT, words), limits), redact).await?;
        let (output, matched) = watched.end(self.account.run(job).await?);
        let output = self.finished(output)?;
        Ok((self.without_values(output).await, matched))
    }

    async fn run_by(&self, script: &'static Script, words: &[String], limits: Limits) -> Result<Output, ToolError> {
        self.host.limit(limits.timeout)?;
        let output = self.account.run(self.limited(Job::script(script, words), limits)).await?;
        let output = self.finished(output)?;
        Ok(self.without_values(output).await)
    }

    /// An output without the values of redact-listed files of compose projects on this host.
    pub(super) async fn without_values(&self, mut output: Output) -> Output {
        for stream in [&mut output.stdout, &mut output.stderr] {
            let text = String::from_utf8_lossy(stream).into_owned();
            let after = self.host.without_values(text.clone()).await;
            if after != text {
                *stream = after.into_bytes();
            }
        }
        output
    }

    /// Runs a command line after the call's own run was cut: neither its cancellation nor its limits hold any more.
    pub(super) async fn run_after(
        &self,
        words: &[String],
        limit: Duration,
        token: CancellationToken,
    ) -> Result<Output, ToolError> {
        let job = Job::script(&CLIENT, words).timeout(Some(limit)).caps(65_536, 65_536).cancel(token);
        self.account.run(job).await
    }

    /// Runs a script on paths that the host verifies first, in the view of whoever runs it. `check` sees the paths
    /// under the names that the host gives them.
    pub(super) async fn on_paths(
        &self,
        paths: &[PathArg<'_>],
        check: impl Fn(&[AllowedPath]) -> Result<(), ToolError> + Send + Sync,
        script: &Script,
        args: &[&str],
        data: Option<Arc<[u8]>>,
        limits: Limits,
    ) -> Result<OnPaths, ToolError> {
        self.host.limit(limits.timeout)?;
        let run = self.account.on_paths(paths).checked(check).words(args).data(data.map(Input::Bytes));
        run.shaped(|job| self.limited(job, limits)).run(script).await
    }

    /// Sets the limits of a job; [`Host::limit`] was asked before and refused what is out of range.
    fn limited(&self, job: Job, limits: Limits) -> Job {
        let settings = self.host.call().settings();
        let (out, err) = match limits.max_bytes {
            Some(bytes) => (bytes, bytes),
            None => (settings.ssh_stdout_cap_bytes, settings.ssh_stderr_cap_bytes),
        };
        job.timeout(self.host.limit(limits.timeout).ok()).caps(out, err)
    }

    /// The output of a run that reached the engine; a non-zero status is data.
    pub(super) fn finished(&self, output: Output) -> Result<Output, ToolError> {
        self.host.call().journal().exit_code(output.exit_code());
        match failures::of(output.exit_code(), &output.stderr_text()) {
            None => Ok(output),
            Some(failure) => Err(failure.error(self.host.alias(), self.takes_sudo && !self.account.is_root())),
        }
    }
}
