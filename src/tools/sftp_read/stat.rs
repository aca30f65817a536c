//! `ssh_sftp_stat`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::facts;
use crate::model::error::{ErrorName, ToolError};
use crate::model::tier::Group;
use crate::toolkit::{Access, Account, Call, Last, PathArg, Script, SftpName, Spec, Targets, Tool};
use crate::tools::script_or_sftp;

const STAT: Script = Script::new(include_str!("stat.sh"));

/// Facts of one path.
#[derive(Debug)]
pub(super) struct SftpStat;

/// Arguments.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    /// host alias
    host: String,
    /// absolute path
    path: String,
}

/// The facts. Where a link led to the object, `symlink_target` is what it led to, and the facts are of that.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Reply {
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
    const SPEC: Spec = Spec::read("ssh_sftp_stat", Group::SftpRead, "Metadata of one remote path")
        .found_as("File facts", "stat size owner permissions exists modified");

    fn hosts(args: &Self::Args) -> Targets {
        Targets::host(&args.host)
    }

    async fn run(call: &Call, args: Args) -> Result<Reply, ToolError> {
        let actor = Account::login(call.host(&args.host)?);
        let path = PathArg::new(&args.path, Access::Metadata, Last::Follow);
        script_or_sftp!(actor, by_script(&actor, path), over_sftp(&actor, path))
    }
}

async fn over_sftp<P: SftpName>(actor: &Account, arg: PathArg<'_>) -> Result<Reply, ToolError> {
    let files = actor.host.files().await?;
    let work = async {
        let path = files.settle::<P>(&arg).await?;
        let seen = files.server.facts(&path.for_server()).await;
        let seen = seen.map_err(|why| actor.sftp_error(ErrorName::SFTPError, "Looking", &why))?;
        Ok(Reply {
            host: actor.host.alias().to_owned(),
            kind: facts::kind(seen.raw_mode).to_owned(),
            size: seen.size,
            mode: facts::mode(seen.raw_mode),
            mtime: facts::time(seen.mtime),
            owner: seen.ids.map(|(owner, _)| owner.to_string()),
            group: seen.ids.map(|(_, group)| group.to_string()),
            symlink_target: path.moved.then(|| path.shown()),
            path: path.shown(),
            output_warnings: Vec::new(),
        })
    };
    files.within(actor.host.limit(None)?, work).await
}

async fn by_script(actor: &Account, path: PathArg<'_>) -> Result<Reply, ToolError> {
    let done = actor.on_paths(&[path]).run(&STAT).await?;
    let (path, moved) = (done.path(), done.moved.contains(&true));
    let next = "Call again; if it fails again, look with ssh_sftp_list at the folder.";
    let what = format!("Looking at `{path}`");
    let output = done.output.success(ErrorName::SFTPError, &what, next)?;
    let text = output.stdout_text();
    let mut fields = text.split_ascii_whitespace();
    let mut parse = || -> Option<Reply> {
        let raw = u32::from_str_radix(fields.next()?, 16).ok()?;
        Some(Reply {
            host: actor.host.alias().to_owned(),
            kind: facts::kind(raw).to_owned(),
            size: fields.next()?.parse().ok()?,
            mode: facts::mode(raw),
            mtime: facts::time_of(fields.next()?)?,
            owner: fields.next().map(str::to_owned),
            group: fields.next().map(str::to_owned),
            symlink_target: moved.then(|| path.clone()),
            path: path.clone(),
            output_warnings: Vec::new(),
        })
    };
    parse().ok_or_else(|| ToolError::new(ErrorName::SFTPError, format!("{what}: {text:?} cannot be read."), next))
}
