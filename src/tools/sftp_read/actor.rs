//! Who looks at a file: the login account, or root through sudo. The scripts are the same.

use std::sync::Arc;

use crate::model::error::{ErrorName, ToolError};
use crate::toolkit::{Call, Host, Job, OnPaths, PathArg, Root, Script};

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
    pub fn login(host: Host) -> Result<Self, ToolError> {
        host.posix("Windows hosts have no POSIX shell, which file tools work through.")?;
        Ok(Actor { host, root: None })
    }

    /// Root, through sudo.
    pub async fn root(call: &Call, host: Host) -> Result<Self, ToolError> {
        host.posix("Windows hosts have no sudo.")?;
        let grant = call.sudo(&host)?;
        let root = host.root(&grant).await?;
        Ok(Actor { host, root: Some(root) })
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
        data: Option<Arc<[u8]>>,
        shape: impl Fn(Job) -> Job + Send + Sync,
    ) -> Result<OnPaths, ToolError> {
        match &self.root {
            Some(root) => self.host.on_paths_as_root(root, paths, script, args, data, shape).await,
            None => {
                let with_data = |job: Job| match &data {
                    Some(data) => shape(job.data(data.clone())),
                    None => shape(job),
                };
                self.host.on_paths(paths, script, args, with_data).await
            }
        }
    }
}
