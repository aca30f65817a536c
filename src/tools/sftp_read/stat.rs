//! `ssh_sftp_stat`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::actor::Actor;
use super::facts;
use crate::model::error::{ErrorName, ToolError};
use crate::model::tier::Group;
use crate::toolkit::{Access, Call, Last, PathArg, Script, Spec, Tool};

const STAT: Script = Script::new(include_str!("stat.sh"));

/// Facts of one path.
#[derive(Debug)]
pub struct SftpStat;

/// Arguments.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    /// host alias
    host: String,
    /// absolute path
    path: String,
}

/// The facts. Where a link led to the object, `symlink_target` is what it led to, and the facts are of that.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Reply {
    host: String,
    path: String,
    kind: String,
    size: u64,
    mode: String,
    mtime: String,
    owner: Option<String>,
    group: Option<String>,
    symlink_target: Option<String>,
    output_warnings: Vec<String>,
}

impl Tool for SftpStat {
    type Args = Args;
    type Reply = Reply;
    const SPEC: Spec = Spec::read("ssh_sftp_stat", Group::SftpRead, "Metadata of one remote path");

    async fn run(call: &Call, args: Args) -> Result<Reply, ToolError> {
        let actor = Actor::login(call.host(&args.host)?)?;
        let path = PathArg::new(&args.path, Access::Metadata, Last::Follow);
        let done = actor.on_paths(&[path], &STAT, &[], None, |job| job).await?;
        let (path, moved) = (done.path(), done.moved.contains(&true));
        let next = "Call again; if it fails again, look with ssh_sftp_list at the folder.";
        let what = format!("Looking at `{path}`");
        let output = done.output.success(ErrorName::SFTPError, &what, next)?;
        let text = output.stdout_text();
        let mut fields = text.split_ascii_whitespace();
        let mut parse = || -> Option<Reply> {
            let raw = u32::from_str_radix(fields.next()?, 16).ok()?;
            Some(Reply {
                host: actor.host.hostname().to_owned(),
                kind: facts::kind(raw).to_owned(),
                size: fields.next()?.parse().ok()?,
                mode: facts::mode(raw),
                mtime: facts::time(fields.next()?.parse().ok()?),
                owner: fields.next().map(str::to_owned),
                group: fields.next().map(str::to_owned),
                symlink_target: moved.then(|| path.clone()),
                path: path.clone(),
                output_warnings: Vec::new(),
            })
        };
        parse().ok_or_else(|| ToolError::new(ErrorName::SFTPError, format!("{what}: {text:?} cannot be read."), next))
    }
}
