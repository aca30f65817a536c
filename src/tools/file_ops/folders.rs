//! `ssh_mkdir` and `ssh_delete_folder`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::over_sftp::{delete_folder_over_sftp, mkdir_over_sftp};
use super::write::{WriteReply, check_mode, finished};
use crate::model::error::{ErrorName, ToolError};
use crate::model::file_name;
use crate::model::mode::Mode;
use crate::model::remote_path::RemotePath;
use crate::model::tier::Group;
use crate::toolkit::{Access, Account, AllowedPath, Call, Host, Last, PathArg, Script, Spec, Targets, Tool};
use crate::tools::script_or_sftp;

const MKDIR: Script = Script::new(include_str!("mkdir.sh"));
const MKDIRS: Script = Script::new(include_str!("mkdirs.sh"));
const DELETE_FOLDER: Script = Script::new(include_str!("delete_folder.sh"));

/// Most bytes of names in a dry run's answer.
const NAMES_CAP: u64 = 8 << 20;

/// Makes a folder.
#[derive(Debug)]
pub(super) struct Mkdir;

/// Arguments of `ssh_mkdir`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MkdirArgs {
    /// host alias
    host: String,
    /// absolute path
    path: String,
    /// make missing folders on the way
    #[serde(default)]
    parents: bool,
    /// octal text, such as "0755"
    #[serde(default = "default_mode")]
    mode: Mode,
    /// set-id bits in mode; sudo tier
    #[serde(default)]
    allow_setid: bool,
}

fn default_mode() -> Mode {
    Mode::of(0o755)
}

impl Tool for Mkdir {
    type Args = MkdirArgs;
    type Reply = WriteReply;
    const SPEC: Spec = Spec::low_access("ssh_mkdir", Group::FileOps, "Make a remote directory")
        .found_as("Make a folder", "create directory");

    fn hosts(args: &Self::Args) -> Targets {
        Targets::host(&args.host)
    }

    async fn run(call: &Call, args: MkdirArgs) -> Result<WriteReply, ToolError> {
        check_mode(call, Some(args.mode), args.allow_setid)?;
        let actor = Account::login(call.host(&args.host)?);
        script_or_sftp!(
            actor,
            mkdir_by_script(call, &actor, &args),
            mkdir_over_sftp(&actor, &args.path, args.parents, args.mode)
        )
    }
}

async fn mkdir_by_script(call: &Call, actor: &Account, args: &MkdirArgs) -> Result<WriteReply, ToolError> {
    let mode = args.mode.to_string();
    let (access, last) = (Access::Write, Last::MayBeNew);
    if args.parents {
        let host = actor.host.clone();
        let words = |paths: &[AllowedPath]| {
            let path = paths.first().map_or("", AllowedPath::as_str);
            vec![path.to_owned(), mode.clone(), highest(&host, path).to_string()]
        };
        let paths = [PathArg::new(&args.path, access, Last::Itself)];
        let done = actor.on_paths(&paths).words_of(words).proving_paths_itself().run(&MKDIRS).await?;
        let path = done.path();
        let said = finished(actor, done, "Making")?;
        return Ok(made(call, WriteReply::of(actor, path, "the directory is there"), &said));
    }
    let done = actor.on_paths(&[PathArg::new(&args.path, access, last)]).words(&[&mode, "no"]).run(&MKDIR).await?;
    let path = done.path();
    let said = finished(actor, done, "Making")?;
    Ok(made(call, WriteReply::of(actor, path, "made"), &said))
}

/// The answer with the mode that the folder has.
fn made(call: &Call, mut reply: WriteReply, said: &str) -> WriteReply {
    if let Some(octal) = said.trim().strip_prefix("mode ") {
        reply.has_mode(call, octal);
    }
    reply
}

/// Length of the highest folder on the way to a path that may be made; those above it have to be there.
fn highest(host: &Host, path: &str) -> usize {
    let mut highest = None;
    for (end, _) in path.match_indices('/').filter(|(end, _)| *end > 0) {
        let folder = path.get(..end).map(RemotePath::of_carried);
        if folder.is_some_and(|folder| folder.is_ok_and(|p| host.entry().paths.judge(&p, Access::Write).is_ok())) {
            highest.get_or_insert(end);
        } else {
            highest = None;
        }
    }
    highest.unwrap_or(path.len())
}

/// Deletes a folder.
#[derive(Debug)]
pub(super) struct DeleteFolder;

/// Arguments of `ssh_delete_folder`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DeleteArgs {
    /// host alias
    host: String,
    /// absolute path
    path: String,
    /// with everything in it
    #[serde(default)]
    recursive: bool,
    /// only say what would go
    #[serde(default)]
    dry_run: bool,
}

/// What was deleted, or would be.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct DeleteReply {
    host: String,
    path: String,
    success: bool,
    bytes_written: u64,
    message: Option<String>,
    local_path_written: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    would_delete: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dry_run: Option<bool>,
    output_warnings: Vec<String>,
}

impl Tool for DeleteFolder {
    type Args = DeleteArgs;
    type Reply = DeleteReply;
    const SPEC: Spec = Spec::low_access("ssh_delete_folder", Group::FileOps, "Delete a remote directory")
        .found_as("Delete a folder", "rm -r rmdir remove directory")
        .destroys()
        .exchanges_names();

    fn hosts(args: &Self::Args) -> Targets {
        Targets::host(&args.host)
    }

    async fn run(call: &Call, args: DeleteArgs) -> Result<DeleteReply, ToolError> {
        let actor = Account::login(call.host(&args.host)?);
        let most = call.settings().ssh_delete_folder_max_entries;
        let (path, names) = script_or_sftp!(
            actor,
            delete_by_script(&actor, &args, most),
            delete_folder_over_sftp(&actor, &args.path, (args.recursive, args.dry_run), most)
        )?;
        Ok(DeleteReply {
            host: actor.host.alias().to_owned(),
            success: true,
            bytes_written: 0,
            message: Some(if args.dry_run { "nothing was deleted".to_owned() } else { "deleted".to_owned() }),
            local_path_written: None,
            would_delete: args.dry_run.then_some(names),
            dry_run: args.dry_run.then_some(true),
            path,
            output_warnings: Vec::new(),
        })
    }
}

/// The path, and what it holds in a dry run.
async fn delete_by_script(actor: &Account, args: &DeleteArgs, most: u64) -> Result<(String, Vec<String>), ToolError> {
    let (limit, most) = (most, most.to_string());
    let (access, how) = match (args.dry_run, args.recursive) {
        (true, _) => (Access::RemoveTree, "look"),
        (false, true) => (Access::RemoveTree, "tree"),
        (false, false) => (Access::Write, "one"),
    };
    let arg = PathArg::new(&args.path, access, Last::Follow);
    let arg = if access == Access::RemoveTree { arg.looking() } else { arg };
    let done = actor
        .on_paths(&[arg])
        .words(&[how, &most])
        .shaped(|job| job.caps(NAMES_CAP, 65_536))
        .run(&DELETE_FOLDER)
        .await?;
    let path = done.path();
    let folder = done.paths.first().map(|path| path.path().folder());
    let said = done.output.stdout.clone();
    finished(actor, done, "Deleting")?;
    let name = |line: &[u8]| {
        let name: Vec<u8> = line.iter().map(|b| if *b == 0 { b'\n' } else { *b }).collect();
        let name = file_name::carried(name.strip_prefix(b"./").unwrap_or(&name));
        folder.as_ref().and_then(|folder| folder.join(&name).ok())
    };
    let lines = said.split(|b| *b == b'\n').filter(|line| !line.is_empty());
    let names: Vec<String> = lines.filter_map(name).map(|path| path.to_string()).collect();
    if names.len() as u64 > limit {
        return Err(ToolError::new(
            actor.error(ErrorName::WriteError),
            format!("Deleting `{path}` would fail: it holds more than {limit} entries."),
            "Delete folders in it one by one, or ask the operator to raise SSH_DELETE_FOLDER_MAX_ENTRIES.",
        ));
    }
    Ok((path, names))
}
