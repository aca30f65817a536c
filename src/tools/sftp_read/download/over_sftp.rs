//! The same over SFTP, where no script can run.

use super::{Args, Content, TRANSFER_LIMIT, saved};
use crate::model::error::{ErrorName, ToolError};
use crate::toolkit::{Access, Account, Call, Last, Pace, PathArg, RedactListed, SftpName};
use crate::tools::sftp_read::INLINE_MAX;
use crate::tools::sftp_read::content::Fetched;
use crate::tools::sftp_read::part::{Form, Lines, Range};

/// Reads into memory.
pub(in crate::tools::sftp_read) async fn fetch_over_sftp<P: SftpName>(
    actor: &Account,
    arg: PathArg<'_>,
    range: &Range,
) -> Result<Fetched, ToolError> {
    let files = actor.host.files().await?;
    let work = async {
        let path = files.settle::<P>(&arg).await?;
        let shown = path.shown();
        let listed = path.allowed.redact_listed() != RedactListed::No;
        let failed = |why| actor.sftp_error(ErrorName::SFTPError, &format!("Reading `{shown}`"), &why);
        let facts = files.server.facts(&path.for_server()).await.map_err(failed)?;
        regular(actor, &shown, facts.is_file())?;
        let (size, mode) = (facts.size, Some(facts.raw_mode & 0o777));
        let (from, most) = match &range.form {
            Form::Whole if size > range.max => {
                return Ok(Fetched { path: shown, size, bytes: Vec::new(), truncated: true, mode, number: 0, listed });
            }
            Form::Whole => (0, range.max),
            Form::Bytes(offset) => (*offset, range.max),
            // The last lines are among the last bytes that may be answered.
            Form::Lines(Lines { tail: Some(_), .. }) => (size.saturating_sub(range.max), range.max),
            Form::Lines(_) | Form::Grep(..) | Form::Count(..) if size > INLINE_MAX => {
                return Err(too_large(&shown, size));
            }
            Form::Lines(_) | Form::Grep(..) | Form::Count(..) => (0, INLINE_MAX),
        };
        let mut reader = files.open(&path, from).await.map_err(failed)?;
        let mut bytes = Vec::new();
        while bytes.len() as u64 <= most {
            let block = reader.read(most).await.map_err(failed)?;
            if block.is_empty() {
                break;
            }
            bytes.extend_from_slice(&block);
        }
        if let Form::Lines(Lines { tail: Some(lines), .. }) = range.form {
            bytes.drain(..last_lines(&bytes, lines));
        }
        let mut truncated = bytes.len() as u64 > most;
        bytes.truncate(usize::try_from(most).unwrap_or(usize::MAX));
        let mut number = 0;
        match &range.form {
            Form::Whole if truncated => bytes.clear(),
            Form::Lines(lines @ Lines { tail: None, .. }) | Form::Grep(lines, _) | Form::Count(lines, _) => {
                let text = String::from_utf8_lossy(&bytes);
                let found = lines.selection.select(&text, usize::try_from(range.max).unwrap_or(usize::MAX));
                truncated = found.next_line.is_some() || found.next_offset.is_some();
                if let Form::Count(_, grep) = &range.form {
                    number = if grep.is_some() { found.matches.unwrap_or(0) } else { found.lines_total };
                }
                bytes = found.text.into_bytes();
            }
            _ => {}
        }
        Ok(Fetched { path: shown, size, bytes, truncated, mode, number, listed })
    };
    files.within(actor.host.limit(None)?, work).await
}

/// Lines are looked for here, in what one answer may hold.
fn too_large(shown: &str, size: u64) -> ToolError {
    ToolError::value(
        format!("`{shown}` has {size} bytes, and this host has no shell that finds lines in it."),
        format!(
            "Give `tail_lines`, `offset` and `max_bytes`, or `local_path`; lines are found in files of at most {INLINE_MAX} bytes."
        ),
    )
}

fn regular(actor: &Account, shown: &str, is_file: bool) -> Result<(), ToolError> {
    if is_file {
        return Ok(());
    }
    let what = format!("Reading `{shown}` failed: it is not a regular file (a folder, say).");
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
    actor: &Account,
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
        let (mut done, pace) = (0_u64, Pace::new(call, "downloading"));
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
            pace.at(done, Some(facts.size));
        }
        if done != facts.size {
            return Err(refused(format!("{done} of {} bytes arrived", facts.size)));
        }
        Ok((shown, done))
    };
    let (path, size) = files.within(TRANSFER_LIMIT, work).await?;
    let written = new.commit()?;
    Ok(saved(Content::of(actor, path, size), &written))
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
