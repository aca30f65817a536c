//! Changes over SFTP, where no script can run. Files are written beside their place and renamed into it; a server that
//! cannot put one file in place of another at once only makes new ones.

use sha2::{Digest as _, Sha256};

use super::payload::sha256;
use super::write::{Order, SET_ID, WriteReply, backup_allowed};
use crate::model::error::{ErrorName, ToolError};
use crate::model::hex::hex;
use crate::model::mode::Mode;
use crate::toolkit::{Access, Account, Files, Last, PathArg, Platform, Settled, SftpFacts, SftpFault, SftpName};
use crate::tools::sftp_read::INLINE_MAX;

/// Most entries of a folder that are looked at for links before it is moved.
const LOOKED_AT_MAX: usize = 20_000;

/// Time for a whole change, in seconds: content travels in it.
const WRITE_LIMIT: u64 = 3600;

fn refused(doing: &str, why: &str) -> ToolError {
    ToolError::new(
        ErrorName::WriteError,
        format!("{doing} failed: {why}. What was there before is unchanged."),
        "Look with ssh_sftp_stat and call again.",
    )
}

/// A file or folder beside the path.
fn beside<P: SftpName>(path: &Settled<P>, name: &str, doing: &str) -> Result<String, ToolError> {
    let beside = path.allowed.path().folder().below(name).map(|path| path.for_server());
    beside.ok_or_else(|| refused(doing, "the name cannot be used"))
}

/// All bytes of a file, for a comparison or a backup.
async fn content<P: SftpName>(files: &Files, path: &Settled<P>, most: u64) -> Result<Vec<u8>, SftpFault> {
    let mut reader = files.open(path, 0).await?;
    let mut bytes = Vec::new();
    loop {
        let block = reader.read(u64::MAX).await?;
        if block.is_empty() {
            return Ok(bytes);
        }
        bytes.extend_from_slice(&block);
        if bytes.len() as u64 > most {
            return Err(SftpFault::Failed(format!("the old file is larger than {most} bytes")));
        }
    }
}

/// Writes a file whole or not at all.
pub(super) async fn write_over_sftp<P: SftpName>(order: &Order<'_>) -> Result<WriteReply, ToolError> {
    let Order { actor, payload, how, mark, .. } = *order;
    let files = actor.host.files().await?;
    let bytes = payload.whole().await?;
    let work = async {
        let path = files.settle::<P>(&order.arg()).await?;
        if how.backup {
            backup_allowed(actor, &path.allowed, path.allowed.access())?;
        }
        let (shown, name) = (path.shown(), path.for_server());
        let doing = format!("Writing `{shown}`");
        let failed = |why| actor.sftp_error(ErrorName::WriteError, &doing, &why);
        let old = match files.server.own_facts(&name).await {
            Ok(facts) if facts.is_file() => Some(facts),
            Ok(_) => return Err(refused(&doing, "it is not a regular file")),
            Err(SftpFault::Missing) => None,
            Err(why) => return Err(failed(why)),
        };
        if old.is_some() && how.old.in_place {
            return Err(ToolError::new(
                ErrorName::PlatformNotSupported,
                format!("{doing} failed: over SFTP nothing is written into a file that is there (`in_place`)."),
                "Leave `in_place` out: the file is replaced; or use an account with a shell.",
            ));
        }
        match (how.expected, old) {
            (None, _) | (Some("new"), None) => {}
            (Some("new"), Some(_)) => return Err(refused(&doing, "there is a file of that name")),
            (Some(_), None) => return Err(refused(&doing, "the file is gone")),
            (Some(expected), Some(_)) => {
                let bytes = content(&files, &path, INLINE_MAX).await.map_err(failed)?;
                if sha256(&bytes) != expected {
                    return Err(refused(&doing, "the file is not as it was when it was read"));
                }
            }
        }
        if old.is_some() && !files.server.replaces() {
            return Err(ToolError::new(
                ErrorName::PlatformNotSupported,
                format!("{doing} failed: the SFTP server has no posix-rename, so no file can be replaced at once."),
                "Only new files can be made there.",
            ));
        }
        let kept = old.map(|old| old.raw_mode & if how.setid { 0o7777 } else { 0o7777 & !SET_ID });
        let mode = how.mode.map(Mode::bits).or(kept.filter(|mode| *mode != 0));
        let mode = mode.or(how.fresh).unwrap_or(0o644);
        let temporary = beside(&path, &format!(".ssh-mcp-tmp.{mark}"), &doing)?;
        let mut reply = WriteReply::of(actor, shown.clone(), format!("{} bytes written over SFTP", bytes.len()));
        let placing = async {
            files.server.write_new(&temporary, &bytes, mode).await?;
            // What the server has is what was sent.
            let mut back = files.server.open(&temporary, 0).await?;
            let mut digest = Sha256::new();
            loop {
                let block = back.read(bytes.len() as u64 + 1).await?;
                if block.is_empty() {
                    break;
                }
                digest.update(&block);
            }
            let arrived = hex(&digest.finalize());
            if arrived != sha256(&bytes) {
                return Err(SftpFault::Failed("the content arrived damaged".to_owned()));
            }
            let mut backup = None;
            if how.backup && old.is_some() {
                let kept = format!("{}.bak-{}", path.allowed.path().name(), order.stamp());
                let place = path.allowed.path().folder().below(&kept);
                let place = place.ok_or_else(|| SftpFault::Failed("no name for the backup".to_owned()))?;
                let old = content(&files, &path, INLINE_MAX).await?;
                files.server.write_new(&place.for_server(), &old.into(), mode).await?;
                backup = Some(place.to_string());
            }
            files.server.rename(&temporary, &name).await?;
            Ok(backup)
        };
        match placing.await {
            Ok(backup) => reply.backup_path = backup,
            Err(why) => {
                let _ = files.server.remove_file(&temporary).await;
                return Err(failed(why));
            }
        }
        reply.bytes_written = Some(bytes.len() as u64);
        reply.sha256 = Some(sha256(&bytes));
        show_mode(actor, &files.server.own_facts(&name).await, &mut reply);
        Ok(reply)
    };
    files.within(std::time::Duration::from_secs(WRITE_LIMIT), work).await
}

/// Makes a folder, and with `parents` those above it that the policy allows.
pub(super) async fn mkdir_over_sftp<P: SftpName>(
    actor: &Account,
    path: &str,
    parents: bool,
    mode: Mode,
) -> Result<WriteReply, ToolError> {
    let files = actor.host.files().await?;
    let work = async {
        let whole = P::argument(path)?;
        let mut wanted = vec![whole.clone()];
        let rules = &actor.host.entry().paths;
        let mut above = whole.folder();
        while parents && !above.name().is_empty() && rules.judge(&above, Access::Write).is_ok() {
            wanted.push(above.clone());
            above = above.folder();
        }
        let mut shown = path.to_owned();
        for folder in wanted.iter().rev() {
            let text = folder.to_string();
            let settled = files.settle::<P>(&PathArg::new(&text, Access::Write, Last::MayBeNew)).await?;
            shown = settled.shown();
            let doing = format!("Making `{shown}`");
            match files.server.facts(&settled.for_server()).await {
                Ok(facts) if facts.is_dir() && parents => continue,
                Ok(_) => return Err(refused(&doing, "there is something of that name")),
                Err(_) => {}
            }
            let made = files.server.make_folder(&settled.for_server(), mode.bits()).await;
            made.map_err(|why| actor.sftp_error(ErrorName::WriteError, &doing, &why))?;
        }
        let last = files.settle::<P>(&PathArg::new(path, Access::Write, Last::MayBeNew)).await?;
        let mut reply = WriteReply::of(actor, shown, "the directory is there");
        show_mode(actor, &files.server.facts(&last.for_server()).await, &mut reply);
        Ok(reply)
    };
    files.within(actor.host.limit(None)?, work).await
}

/// Shows the permission bits that the server tells; those of Windows say nothing.
fn show_mode(actor: &Account, facts: &Result<SftpFacts, SftpFault>, reply: &mut WriteReply) {
    if let Ok(facts) = facts
        && actor.host.platform() == Platform::Posix
    {
        reply.has_mode(actor.host.call(), &format!("{:o}", facts.raw_mode & 0o7777));
    }
}

/// Deletes a file, or a link itself.
pub(super) async fn delete_over_sftp<P: SftpName>(actor: &Account, path: &str) -> Result<WriteReply, ToolError> {
    let files = actor.host.files().await?;
    let work = async {
        let path = files.settle::<P>(&PathArg::new(path, Access::Write, Last::Itself)).await?;
        let doing = format!("Deleting `{}`", path.shown());
        let failed = |why| actor.sftp_error(ErrorName::WriteError, &doing, &why);
        if files.server.own_facts(&path.for_server()).await.map_err(failed)?.is_dir() {
            return Err(refused(&doing, "it is a folder: use ssh_delete_folder"));
        }
        files.server.remove_file(&path.for_server()).await.map_err(failed)?;
        Ok(WriteReply::of(actor, path.shown(), "deleted"))
    };
    files.within(actor.host.limit(None)?, work).await
}

/// Deletes a folder, with `tree` everything in it, children first; with `look` only tells what would go.
pub(super) async fn delete_folder_over_sftp<P: SftpName>(
    actor: &Account,
    path: &str,
    (tree, look): (bool, bool),
    most: u64,
) -> Result<(String, Vec<String>), ToolError> {
    let files = actor.host.files().await?;
    let work = async {
        let access = if tree || look { Access::RemoveTree } else { Access::Write };
        let path = files.settle::<P>(&PathArg::new(path, access, Last::Follow)).await?;
        let doing = format!("Deleting `{}`", path.shown());
        let failed = |why| actor.sftp_error(ErrorName::WriteError, &doing, &why);
        if path.allowed.path().name().is_empty() {
            return Err(refused(&doing, "a root is not deleted"));
        }
        if !files.server.own_facts(&path.for_server()).await.map_err(failed)?.is_dir() {
            return Err(refused(&doing, "it is not a folder: use ssh_delete"));
        }
        // Folders before what is in them.
        let mut found: Vec<(P, bool)> = vec![(path.allowed.path().clone(), true)];
        let mut next = 0;
        while (tree || look) && next < found.len() {
            let Some((folder, is_dir)) = found.get(next).cloned() else { break };
            next += 1;
            if !is_dir {
                continue;
            }
            let room = usize::try_from(most).unwrap_or(usize::MAX).saturating_sub(found.len());
            let (entries, more) = files.server.list(&folder.for_server(), room).await.map_err(failed)?;
            if more {
                return Err(refused(&doing, &format!("it holds more than {most} entries")));
            }
            for (name, facts) in entries {
                let path = folder.below(&name).ok_or_else(|| refused(&doing, &format!("{name:?} cannot be named")))?;
                found.push((path, facts.is_dir()));
            }
        }
        if !look {
            for (path, is_dir) in found.iter().rev() {
                let text = path.for_server();
                let done = if *is_dir {
                    files.server.remove_folder(&text).await
                } else {
                    files.server.remove_file(&text).await
                };
                done.map_err(|why| actor.sftp_error(ErrorName::WriteError, &format!("Deleting `{path}`"), &why))?;
            }
        }
        let mut names: Vec<String> = found.iter().map(|(path, _)| path.to_string()).collect();
        names.sort();
        Ok((path.shown(), names))
    };
    files.within(std::time::Duration::from_secs(WRITE_LIMIT), work).await
}

/// Renames a file, a link itself or a folder.
pub(super) async fn mv_over_sftp<P: SftpName>(actor: &Account, src: &str, dst: &str) -> Result<WriteReply, ToolError> {
    let files = actor.host.files().await?;
    let work = async {
        let source = PathArg::new(src, Access::Move, Last::Itself).named("src");
        let place = PathArg::new(dst, Access::Write, Last::Itself).named("dst");
        let from = files.settle::<P>(&source).await?;
        let doing = format!("Moving `{}`", from.shown());
        let failed = |why| actor.sftp_error(ErrorName::WriteError, &doing, &why);
        let facts = files.server.own_facts(&from.for_server()).await.map_err(failed)?;
        let (from, to) = if facts.is_dir() {
            // A folder is judged again with everything that may lie in it.
            let source = PathArg { access: Access::MoveTree, ..source };
            let place = PathArg { access: Access::WriteTree, ..place };
            (files.settle::<P>(&source).await?, files.settle::<P>(&place).await?)
        } else {
            (from, files.settle::<P>(&place).await?)
        };
        match files.server.own_facts(&to.for_server()).await {
            Ok(there) if there.is_dir() => {
                return Err(refused(&doing, "the destination is a folder: name the new file"));
            }
            Ok(_) if facts.is_dir() => return Err(refused(&doing, "there is something at the destination")),
            Ok(_) if !files.server.replaces() => return Err(refused(&doing, "the server cannot replace a file")),
            _ => {}
        }
        links_may_go_along(&files, &from, &to, facts).await?;
        files.server.rename(&from.for_server(), &to.for_server()).await.map_err(failed)?;
        let mut reply = WriteReply::of(actor, to.shown(), "renamed over SFTP");
        reply.bytes_written = Some(if facts.is_file() { facts.size } else { 0 });
        Ok(reply)
    };
    files.within(actor.host.limit(None)?, work).await
}

/// Refuses to take a relative link to another folder from where it leads to what is closed.
async fn links_may_go_along<P: SftpName>(
    files: &Files,
    from: &Settled<P>,
    to: &Settled<P>,
    facts: SftpFacts,
) -> Result<(), ToolError> {
    let (from, to) = (from.allowed.path(), to.allowed.path());
    let doing = format!("Moving `{from}`");
    let failed = |why: SftpFault| refused(&doing, &format!("{why}"));
    if from.folder() == to.folder() {
        return Ok(());
    }
    let (mut waiting, mut seen) = (vec![(from.clone(), to.clone(), facts)], 0);
    while let Some((old, new, facts)) = waiting.pop() {
        if facts.is_link() {
            let target = files.server.target(&old.for_server()).await.map_err(failed)?;
            let upward = target.split('/').any(|part| part == "..");
            if target.starts_with('/') || (old != *from && !upward) {
                continue;
            }
            let there = P::answered(&format!("{}/{target}", new.folder().for_server()));
            if !there.is_ok_and(|there| files.host().entry().paths.judge_followed(&there, Access::Read).is_ok()) {
                return Err(ToolError::new(
                    ErrorName::PathNotAllowed,
                    format!(
                        "{doing} is refused: the relative link `{old}` would lead to what is closed to this tool from `{to}`."
                    ),
                    "Leave the link where it is and make a new one where it belongs.",
                ));
            }
        } else if facts.is_dir() {
            let room = LOOKED_AT_MAX.saturating_sub(seen);
            let (entries, more) = files.server.list(&old.for_server(), room).await.map_err(failed)?;
            if more {
                let why = format!("it holds more than {LOOKED_AT_MAX} entries, which are looked at for links");
                return Err(refused(&doing, &why));
            }
            seen += entries.len();
            for (name, facts) in entries {
                if let (Some(old), Some(new)) = (old.below(&name), new.below(&name)) {
                    waiting.push((old, new, facts));
                }
            }
        }
    }
    Ok(())
}
