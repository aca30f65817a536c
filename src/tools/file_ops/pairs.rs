//! `ssh_mv`, `ssh_cp` and `ssh_link`: two names, both verified.

use schemars::JsonSchema;
use serde::Deserialize;

use super::carried::{self, UNJUDGED};
use super::over_sftp::mv_over_sftp;
use super::write::{WriteReply, finished, mark};
use crate::model::error::{ErrorName, ToolError};
use crate::model::file_name;
use crate::model::remote_path::{BadPath, RemotePath};
use crate::model::tier::Group;
use crate::toolkit::{
    Access, Account, AllowedPath, Call, Last, PathArg, Script, Side, Spec, Status, Targets, Tool, Turn, turns,
};
use crate::tools::script_or_sftp;

const MV: Script = Script::new(concat!(
    include_str!("pair.sh"),
    include_str!("carried.sh"),
    include_str!("temporary.sh"),
    include_str!("mv.sh")
));
const CP: Script = Script::new(concat!(
    include_str!("pair.sh"),
    include_str!("carried.sh"),
    include_str!("temporary.sh"),
    include_str!("cp.sh")
));
const LINK: Script = Script::new(concat!(include_str!("pair.sh"), include_str!("link.sh")));
const SYMLINK: Script = Script::new(include_str!("symlink.sh"));

/// Exit status of a script that was asked for a file and met a folder.
const IS_FOLDER: i32 = 99;

/// Arguments of two-path tools.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PairArgs {
    /// host alias
    host: String,
    /// absolute path
    pub(super) src: String,
    /// absolute path of the new name
    pub(super) dst: String,
}

/// A file is judged as a file; a folder is judged again with everything that may lie in it. `sides` are the turns of both,
/// where the call has none yet.
async fn pair(
    actor: &Account,
    args: &PairArgs,
    script: &Script,
    source: (Access, Last),
    last: Last,
    doing: &str,
    sides: Option<[Side; 2]>,
) -> Result<WriteReply, ToolError> {
    for is_tree in [false, true] {
        let turn = match sides {
            Some([_, side]) if is_tree => Some(actor.host.turn(side).await?),
            Some([side, _]) => Some(actor.host.turn(side).await?),
            None => None,
        };
        let done = as_one_kind(actor, args, script, source, last, doing, is_tree).await;
        if !turns::may_go_on(&done) {
            turn.into_iter().for_each(Turn::over);
        }
        if let Some(reply) = done? {
            return Ok(reply);
        }
    }
    Err(ToolError::value("The source turned into a folder while it was looked at.", "Call again."))
}

/// Nothing where it was asked for a file and met a folder.
async fn as_one_kind(
    actor: &Account,
    args: &PairArgs,
    script: &Script,
    source: (Access, Last),
    last: Last,
    doing: &str,
    is_tree: bool,
) -> Result<Option<WriteReply>, ToolError> {
    let (tree, from) = source;
    let mark = mark()?;
    // A link may be the way to what is closed: renaming one is more than reading it.
    let single = if tree == Access::MoveTree { Access::Move } else { Access::Read };
    let (read, write, kind) = if is_tree { (tree, Access::WriteTree, "tree") } else { (single, Access::Write, "file") };
    let source = PathArg::new(&args.src, read, from).named("src");
    let place = PathArg::new(&args.dst, write, last).named("dst");
    let paths = if is_tree { [source.looking(), place.looking()] } else { [source, place] };
    let mut judged = String::new();
    let mut rounds = 0;
    let done = loop {
        let done = actor.on_paths(&paths).words(&[kind, &mark, &judged]).run(script).await?;
        if done.output.status != Status::Exit(UNJUDGED) {
            break done;
        }
        rounds += 1;
        judged = carried::judge(actor, &done, rounds, doing)?;
    };
    if done.output.status == Status::Exit(IS_FOLDER) {
        return Ok(None);
    }
    let path = done.paths.last().map(|p| p.path().to_string()).unwrap_or_default();
    let said = finished(actor, done, doing)?;
    let mut reply = WriteReply::of(actor, path, "done");
    // The size, what was left out, and the mode.
    for line in said.lines() {
        match line.split_once(' ') {
            Some(("note", note)) => actor.host.call().warn(format!("{note}.")),
            Some(("mode", octal)) => reply.has_mode(actor.host.call(), octal),
            _ => reply.bytes_written = line.trim().parse().ok().or(reply.bytes_written),
        }
    }
    Ok(Some(reply))
}

/// What SFTP cannot do. The first call on an account finds out that it has no shell; calling again would not help.
async fn in_a_shell<T>(actor: &Account, work: impl Future<Output = Result<T, ToolError>>) -> Result<T, ToolError> {
    let done = work.await;
    if done.is_err() && actor.only_sftp() { Err(actor.needs_shell()) } else { done }
}

/// Renames.
#[derive(Debug)]
pub(super) struct Mv;

impl Tool for Mv {
    type Args = PairArgs;
    type Reply = WriteReply;
    const SPEC: Spec = Spec::low_access("ssh_mv", Group::FileOps, "Rename or move a remote file, link or directory")
        .found_as("Move or rename", "mv rename file folder")
        .carries_folders();

    fn hosts(args: &Self::Args) -> Targets {
        Targets::host(&args.host)
    }

    async fn run(call: &Call, args: PairArgs) -> Result<WriteReply, ToolError> {
        let actor = Account::login(call.host(&args.host)?);
        let source = (Access::MoveTree, Last::Itself);
        script_or_sftp!(
            actor,
            pair(&actor, &args, &MV, source, Last::Itself, "Moving", None),
            mv_over_sftp(&actor, &args.src, &args.dst)
        )
    }
}

/// Copies.
#[derive(Debug)]
pub(super) struct Cp;

impl Tool for Cp {
    type Args = PairArgs;
    type Reply = WriteReply;
    const SPEC: Spec = Spec::low_access("ssh_cp", Group::FileOps, "Copy a remote file or directory on its host")
        .found_as("Copy", "cp copy file folder backup")
        .takes_its_turn();

    fn hosts(args: &Self::Args) -> Targets {
        Targets::host(&args.host)
    }

    async fn run(call: &Call, args: PairArgs) -> Result<WriteReply, ToolError> {
        let actor = Account::login(call.host(&args.host)?);
        let source = (Access::ReadTree, Last::Follow);
        in_a_shell(
            &actor,
            pair(&actor, &args, &CP, source, Last::MayBeNew, "Copying", Some([Side::Names, Side::Alone])),
        )
        .await
    }
}

/// Links.
#[derive(Debug)]
pub(super) struct Link;

/// Arguments of `ssh_link`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LinkArgs {
    /// host alias
    host: String,
    /// what it leads to
    src: String,
    /// absolute path of the link
    dst: String,
    /// symbolic, not hard
    #[serde(default)]
    symbolic: bool,
    /// hard: link the target of a link
    #[serde(default = "yes")]
    follow_symlinks: bool,
}

fn yes() -> bool {
    true
}

impl Tool for Link {
    type Args = LinkArgs;
    type Reply = WriteReply;
    const SPEC: Spec = Spec::low_access("ssh_link", Group::FileOps, "Make a hard or symbolic link")
        .found_as("Make a link", "ln symlink current release")
        .exchanges_names();

    fn hosts(args: &Self::Args) -> Targets {
        Targets::host(&args.host)
    }

    async fn run(call: &Call, args: LinkArgs) -> Result<WriteReply, ToolError> {
        let actor = Account::login(call.host(&args.host)?);
        if !args.symbolic {
            let last = if args.follow_symlinks { Last::Follow } else { Last::Itself };
            let both = PairArgs { host: args.host, src: args.src, dst: args.dst };
            let source = (Access::ReadTree, last);
            return in_a_shell(&actor, pair(&actor, &both, &LINK, source, Last::Itself, "Linking", None)).await;
        }
        let path = in_a_shell(&actor, symlink(&actor, &args)).await?;
        Ok(WriteReply::of(&actor, path, "linked"))
    }
}

/// The target need not exist. It is judged as text and as it resolves from the folder where the link will lie; whoever
/// follows the link later is judged again.
async fn symlink(actor: &Account, args: &LinkArgs) -> Result<String, ToolError> {
    let unusable = |why: BadPath| {
        ToolError::value(format!("Argument `src`: {:?} is not a usable target: {why}.", args.src), "Give a path.")
    };
    let beside = RemotePath::argument(&args.dst).map(|dst| dst.folder().to_string()).unwrap_or_default();
    let typed = if args.src.starts_with('/') { args.src.clone() } else { format!("{beside}/{}", args.src) };
    let typed = RemotePath::argument(&typed).map_err(unusable)?;
    // The text of the link, as it is written.
    let parts: Vec<String> = args.src.split('/').map(file_name::read).collect::<Result<_, _>>().map_err(unusable)?;
    if parts.iter().skip_while(|part| matches!(part.as_str(), "" | "." | "..")).any(|part| part == "..") {
        return Err(ToolError::new(
            ErrorName::PathNotAllowed,
            format!("Argument `src`: {:?} has `..` behind a name, which may become a link later.", args.src),
            "Give a target with `..` only at its beginning.",
        ));
    }
    let text = parts.join("/");
    let mut real = typed.clone();
    let arg = PathArg::new(&args.dst, Access::Write, Last::Itself).named("dst");
    for _ in 0..carried::ROUNDS {
        // In each round, since the first call on a host finds out where the rules lead there.
        let judge = |_: &[AllowedPath]| {
            let rules = actor.rules();
            let both = [
                rules.judge(&typed, Access::Read)?,
                rules.judge(&real, Access::Read).map_err(|error| ToolError {
                    what: error.what.replace(&format!("`{real}`"), &format!("`{typed}`")),
                    ..error
                })?,
            ];
            actor.host.note_bypass(&both);
            Ok(())
        };
        let words = [text.as_str(), real.as_str()];
        let done = actor.on_paths(&[arg]).checked(judge).words(&words).run(&SYMLINK).await?;
        if done.output.status != Status::Exit(UNJUDGED) {
            let path = done.path();
            finished(actor, done, "Linking")?;
            return Ok(path);
        }
        real = RemotePath::of_host(&done.output.stdout).map_err(|why| {
            ToolError::value(
                format!("Argument `src`: it cannot be determined where `{typed}` leads: {why}."),
                "Name the target itself.",
            )
        })?;
    }
    Err(carried::changing())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_through_a_folder_before_it_carries_it_is_alone() {
        assert_eq!(Mv::SPEC.turn, Some(Side::Alone));
        // One file is copied beside other calls; a folder is not, which it learns of first.
        assert_eq!((Cp::SPEC.turn, Cp::SPEC.exchanges_names), (None, true));
        assert_eq!(Link::SPEC.turn, Some(Side::Names));
    }
}
