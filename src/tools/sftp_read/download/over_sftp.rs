//! The same over SFTP, where no script can run.

use super::{Args, Content, Fetched, Range, TRANSFER_LIMIT};
use crate::model::error::{ErrorName, ToolError};
use crate::toolkit::{Access, Call, Last, PathArg, SftpName};
use crate::tools::sftp_read::Actor;

/// Reads into memory.
pub(super) async fn fetch_over_sftp<P: SftpName>(
    actor: &Actor,
    arg: PathArg<'_>,
    range: &Range,
) -> Result<Fetched, ToolError> {
    let files = actor.host.files().await?;
    let work = async {
        let path = files.settle::<P>(&arg).await?;
        let shown = path.shown();
        let failed = |why| actor.sftp_error(ErrorName::SFTPError, &format!("Reading `{shown}`"), &why);
        let facts = files.server.facts(&path.for_server()).await.map_err(failed)?;
        regular(actor, &shown, facts.is_file())?;
        let (size, mode) = (facts.size, Some(facts.raw_mode & 0o777));
        if range.whole && size > range.max {
            return Ok(Fetched { path: shown, size, bytes: Vec::new(), truncated: true, mode });
        }
        // The last lines are among the last bytes that may be answered.
        let from = if range.tail.is_some() { size.saturating_sub(range.max) } else { range.offset };
        let mut reader = files.open(&path, from).await.map_err(failed)?;
        let mut bytes = Vec::new();
        while bytes.len() as u64 <= range.max {
            let block = reader.read(range.max).await.map_err(failed)?;
            if block.is_empty() {
                break;
            }
            bytes.extend_from_slice(&block);
        }
        if let Some(lines) = range.tail {
            bytes.drain(..last_lines(&bytes, lines));
        }
        let truncated = bytes.len() as u64 > range.max;
        bytes.truncate(usize::try_from(range.max).unwrap_or(usize::MAX));
        if range.whole && truncated {
            bytes.clear();
        }
        Ok(Fetched { path: shown, size, bytes, truncated, mode })
    };
    files.within(actor.host.limit(None)?, work).await
}

fn regular(actor: &Actor, shown: &str, is_file: bool) -> Result<(), ToolError> {
    if is_file {
        return Ok(());
    }
    let what = format!("Reading `{shown}` failed: it is no regular file, or a folder.");
    Err(ToolError::new(actor.error(ErrorName::SFTPError), what, "Look at the path with ssh_sftp_stat."))
}

/// Where the last lines begin.
fn last_lines(bytes: &[u8], lines: u64) -> usize {
    let body = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let mut left = lines;
    for (at, byte) in body.iter().enumerate().rev() {
        if *byte == b'\n' {
            left -= 1;
            if left == 0 {
                return at + 1;
            }
        }
    }
    0
}

/// Reads into a local file.
pub(super) async fn save_over_sftp<P: SftpName>(
    call: &Call,
    actor: &Actor,
    args: &Args,
    local: &str,
) -> Result<Content, ToolError> {
    let max = call.settings().ssh_local_transfer_max_bytes;
    let mut new = call.local_path(local)?.create()?;
    let files = actor.host.files().await?;
    let work = async {
        let path = files.settle::<P>(&PathArg::new(&args.path, Access::Read, Last::Follow)).await?;
        let shown = path.shown();
        let doing = format!("Saving `{shown}` to `{local}`");
        let failed = |why| actor.sftp_error(ErrorName::SftpDownloadError, &doing, &why);
        let refused = |why: String| {
            ToolError::new(ErrorName::SftpDownloadError, format!("{doing} failed: {why}."), "Nothing was saved.")
        };
        let facts = files.server.facts(&path.for_server()).await.map_err(failed)?;
        regular(actor, &shown, facts.is_file())?;
        let too_large =
            |size: u64| refused(format!("it has {size} bytes, and SSH_LOCAL_TRANSFER_MAX_BYTES allows {max}"));
        if facts.size > max {
            return Err(too_large(facts.size));
        }
        let mut reader = files.open(&path, 0).await.map_err(failed)?;
        let (mut done, mut told) = (0_u64, 0_u64);
        loop {
            let block = reader.read(u64::MAX).await.map_err(failed)?;
            if block.is_empty() {
                break;
            }
            done += block.len() as u64;
            if done > max {
                return Err(too_large(done));
            }
            new.write(&block).map_err(|e| refused(e.to_string()))?;
            if done >= told + (4 << 20) {
                told = done;
                call.progress_of(done, Some(facts.size), "downloading");
            }
        }
        if done != facts.size {
            return Err(refused(format!("{done} of {} bytes arrived", facts.size)));
        }
        Ok((shown, done))
    };
    let (path, size) = files.within(TRANSFER_LIMIT, work).await?;
    let written = new.commit()?;
    Ok(Content::of(actor, path, size).saved_to(&written))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_begin_after_a_line_end() {
        assert_eq!(last_lines(b"a\nb\nc\n", 1), 4);
        assert_eq!(last_lines(b"a\nb\nc", 2), 2);
        assert_eq!(last_lines(b"a\nb\n", 5), 0);
        assert_eq!(last_lines(b"", 1), 0);
    }
}
