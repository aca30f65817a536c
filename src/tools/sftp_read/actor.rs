//! Who looks at a file: the login account, or root through sudo. The scripts are the same.

use crate::model::error::{ErrorName, ToolError};
use crate::toolkit::{
    AllowedPath, Call, Host, Input, Job, OnPaths, PathArg, PathPolicy, Platform, Root, Script, SftpFault, Viewer,
};

/// Most bytes of content inside an answer or a call: base64 of it still fits the 16 MiB frame of MCP clients.
pub(in crate::tools) const INLINE_MAX: u64 = 11 << 20;

/// Most bytes of content inside an answer or a call, by the operator's setting and the protocol.
pub(in crate::tools) fn inline_cap(call: &Call) -> u64 {
    call.settings().ssh_upload_max_file_bytes.min(INLINE_MAX)
}

/// An account that works on files of a host.
#[derive(Clone)]
pub(in crate::tools) struct Actor {
    /// The host.
    pub host: Host,
    root: Option<Root>,
}

impl Actor {
    /// The login account.
    pub fn login(host: Host) -> Self {
        Actor { host, root: None }
    }

    /// True where the login account's files are reached over SFTP alone.
    pub fn only_sftp(&self) -> bool {
        self.root.is_none() && self.host.only_sftp()
    }

    /// The refusal of what only a script can do.
    pub fn needs_shell(&self) -> ToolError {
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
    pub fn sftp_error(&self, login: ErrorName, doing: &str, fault: &SftpFault) -> ToolError {
        let next = match fault {
            SftpFault::Broken(_) => "Look at what is there before you call again.",
            _ => "Nothing was changed. Look at the path with ssh_sftp_stat; servers of Windows say little about why.",
        };
        ToolError::new(self.error(login), format!("{doing} failed: {fault}."), next)
    }

    /// Root, through sudo.
    pub async fn root(call: &Call, host: Host) -> Result<Self, ToolError> {
        host.posix("Windows hosts have no sudo.")?;
        let grant = call.sudo(&host)?;
        let root = host.root(&grant).await?;
        Ok(Actor { host, root: Some(root) })
    }

    /// The same, for files that have further names too where the call says so.
    pub fn with_hard_links(self, allowed: bool) -> Self {
        Actor { root: self.root.map(|root| root.with_hard_links(allowed)), ..self }
    }

    /// The path rules as this account sees the host.
    pub fn rules(&self) -> std::sync::Arc<PathPolicy> {
        self.host.entry().paths.rules(if self.root.is_some() { Viewer::Root } else { Viewer::Login })
    }

    /// The error name of its failures; `login` is the one for the login account.
    pub fn error(&self, login: ErrorName) -> ErrorName {
        if self.root.is_some() { ErrorName::SudoFileOpError } else { login }
    }

    /// Runs a script on verified paths. See [`Host::on_paths`].
    pub async fn on_paths(
        &self,
        paths: &[PathArg<'_>],
        script: &Script,
        args: &[&str],
        data: Option<Input>,
        shape: impl Fn(Job) -> Job + Send + Sync,
    ) -> Result<OnPaths, ToolError> {
        self.on_paths_checked(paths, |_| Ok(()), script, args, data, shape).await
    }

    /// The same with rules beyond the path policy. See [`Host::on_paths_checked`].
    pub async fn on_paths_checked(
        &self,
        paths: &[PathArg<'_>],
        check: impl Fn(&[AllowedPath]) -> Result<(), ToolError> + Send + Sync,
        script: &Script,
        args: &[&str],
        data: Option<Input>,
        shape: impl Fn(Job) -> Job + Send + Sync,
    ) -> Result<OnPaths, ToolError> {
        if self.root.is_none() && self.host.platform() == Platform::Windows {
            return Err(self.needs_shell());
        }
        match &self.root {
            Some(root) => self.host.on_paths_as_root_checked(root, paths, check, script, args, data, shape).await,
            None => {
                let with_data = |job: Job| match &data {
                    Some(data) => shape(job.input(data.clone())),
                    None => shape(job),
                };
                self.host.on_paths_checked(paths, check, script, args, with_data).await
            }
        }
    }
}
