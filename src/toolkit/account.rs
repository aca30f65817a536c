//! Who acts on a host: the login account, or root through sudo. A call asks once, and what it runs is the same for both.

use std::sync::Arc;

use super::call::Call;
use super::host::Host;
use super::job::{Job, Output};
use super::paths::{OnPaths, PathArg, Proof};
use super::script::Script;
use super::state::host_paths::Viewer;
use super::sudo::Root;
use crate::model::error::{ErrorName, ToolError};
use crate::policy::path::{AllowedPath, PathPolicy, Platform};
use crate::ssh::feed::Input;
use crate::ssh::sftp::SftpFault;

/// An account on a host, for one call.
#[derive(Clone)]
pub(crate) struct Account {
    /// The host.
    pub host: Host,
    root: Option<Root>,
}

impl Account {
    /// The login account.
    pub(crate) fn login(host: Host) -> Self {
        Account { host, root: None }
    }

    /// Root, through sudo: where the tier is open and the operator allows it on this host. Asks the password sources, which
    /// may run a local command.
    pub(crate) async fn root(call: &Call, host: Host) -> Result<Self, ToolError> {
        host.posix("Windows hosts have no sudo.")?;
        let root = host.root(&call.sudo(&host)?).await?;
        Ok(Account { host, root: Some(root) })
    }

    /// Root where the call asks for it, else the login account.
    pub(crate) async fn chosen(call: &Call, host: Host, sudo: bool) -> Result<Self, ToolError> {
        if sudo { Account::root(call, host).await } else { Ok(Account::login(host)) }
    }

    /// The same, for files that have further names too where the call says so. Root can read what an account could link,
    /// but not read itself.
    #[must_use]
    pub(crate) fn with_hard_links(self, allowed: bool) -> Self {
        Account { root: self.root.map(|root| root.with_hard_links(allowed)), ..self }
    }

    /// True for root.
    pub(crate) fn is_root(&self) -> bool {
        self.root.is_some()
    }

    /// Whose view of the host's paths counts.
    pub(crate) fn viewer(&self) -> Viewer {
        if self.is_root() { Viewer::Root } else { Viewer::Login }
    }

    /// The path rules as this account sees the host.
    pub(crate) fn rules(&self) -> Arc<PathPolicy> {
        self.host.entry().paths.rules(self.viewer())
    }

    /// The error name of its failures; `login` is the one for the login account.
    pub(crate) fn error(&self, login: ErrorName) -> ErrorName {
        if self.is_root() { ErrorName::SudoFileOpError } else { login }
    }

    /// True where the login account's files are reached over SFTP alone.
    pub(crate) fn only_sftp(&self) -> bool {
        !self.is_root() && self.host.only_sftp()
    }

    /// The refusal of what only a script can do.
    pub(crate) fn needs_shell(&self) -> ToolError {
        ToolError::new(
            ErrorName::PlatformNotSupported,
            format!(
                "{} needs a POSIX shell on the host, which `{}` does not have.",
                self.host.call().spec().name,
                self.host.alias()
            ),
            "Over SFTP alone these work: ssh_sftp_list, _stat and _download, ssh_find by name, ssh_file_hash, \
             ssh_read_redacted, ssh_upload, ssh_deploy, ssh_edit, ssh_patch, ssh_mkdir, ssh_delete, ssh_delete_folder, ssh_mv, ssh_transfer.",
        )
    }

    /// The failure of work over SFTP.
    pub(crate) fn sftp_error(&self, login: ErrorName, doing: &str, fault: &SftpFault) -> ToolError {
        let next = match fault {
            SftpFault::NotText => "ssh_sftp_list shows the names of such a folder.",
            SftpFault::Broken(_) => "Check the result on the host before you call again.",
            _ => "Nothing was changed. Look at the path with ssh_sftp_stat; servers of Windows say little about why.",
        };
        ToolError::new(self.error(login), format!("{doing} failed: {fault}."), next)
    }

    /// Runs a job. See [`Host::run`].
    pub(crate) async fn run(&self, job: Job) -> Result<Output, ToolError> {
        let Some(root) = &self.root else { return Box::pin(self.host.run(job)).await };
        let (line, input) = root.wrap(&job);
        root.finish(&self.host, Box::pin(self.host.send(line, job.input(input))).await?)
    }

    /// A script on paths that the host verifies first, in this account's view; [`PathRun::run`] runs it.
    pub(crate) fn on_paths<'a>(&'a self, paths: &'a [PathArg<'a>]) -> PathRun<'a> {
        PathRun {
            account: self,
            paths,
            check: Box::new(|_| Ok(())),
            words: Box::new(|_| Vec::new()),
            shape: Box::new(|job| job),
            data: None,
            proves_paths: false,
        }
    }
}

type Check<'a> = Box<dyn Fn(&[AllowedPath]) -> Result<(), ToolError> + Send + Sync + 'a>;
type Words<'a> = Box<dyn Fn(&[AllowedPath]) -> Vec<String> + Send + Sync + 'a>;
type Shape<'a> = Box<dyn Fn(Job) -> Job + Send + Sync + 'a>;

/// A script that is about to run on paths. Made by [`Account::on_paths`].
#[must_use]
pub(crate) struct PathRun<'a> {
    account: &'a Account,
    paths: &'a [PathArg<'a>],
    check: Check<'a>,
    words: Words<'a>,
    shape: Shape<'a>,
    data: Option<Input>,
    proves_paths: bool,
}

impl<'a> PathRun<'a> {
    /// Rules beyond the path policy: sees the paths of every round, under the names that the host gave them, and nothing runs
    /// on paths that it refuses.
    pub(crate) fn checked(
        mut self,
        check: impl Fn(&[AllowedPath]) -> Result<(), ToolError> + Send + Sync + 'a,
    ) -> Self {
        self.check = Box::new(check);
        self
    }

    /// The script's parameters behind the paths.
    pub(crate) fn words(self, words: &'a [&'a str]) -> Self {
        self.words_of(|_| words.iter().map(ToString::to_string).collect())
    }

    /// The same where they depend on the paths of the round.
    pub(crate) fn words_of(mut self, words: impl Fn(&[AllowedPath]) -> Vec<String> + Send + Sync + 'a) -> Self {
        self.words = Box::new(words);
        self
    }

    /// Standard input of the script.
    pub(crate) fn data(mut self, data: impl Into<Option<Input>>) -> Self {
        self.data = data.into();
        self
    }

    /// Sets caps and time limit of the job of each round.
    pub(crate) fn shaped(mut self, shape: impl Fn(Job) -> Job + Send + Sync + 'a) -> Self {
        self.shape = Box::new(shape);
        self
    }

    /// The script proves its paths itself, and its parameters are the words alone. What the rules name is proven for it.
    pub(crate) fn proving_paths_itself(mut self) -> Self {
        self.proves_paths = true;
        self
    }

    /// Runs the script.
    ///
    /// Its positional parameters are the canonical paths, then the words. It starts in the folder of the last path with that
    /// path's name in `$L`, so that it can work on `./$L`.
    pub(crate) async fn run(self, script: &Script) -> Result<OnPaths, ToolError> {
        if !self.account.is_root() && self.account.host.platform() == Platform::Windows {
            return Err(self.account.needs_shell());
        }
        let make = |proof: &Proof, paths: &[AllowedPath]| {
            (self.check)(paths)?;
            let words = (self.words)(paths);
            let job = if self.proves_paths {
                Job::proven(script, Some(proof.rules.clone()), words)
            } else {
                let paths = paths.iter().map(|path| path.as_str().to_owned());
                Job::proven(script, Some(proof.all()), paths.chain(words))
            };
            let job = (self.shape)(job);
            Ok(match &self.data {
                Some(data) => job.input(data.clone()),
                None => job,
            })
        };
        self.account.run_on_paths(self.paths, &make).await
    }
}
