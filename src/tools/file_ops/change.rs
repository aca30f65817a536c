//! A change that the host makes out of its own bytes, in the round trip in which it reads them.

use super::revise::Revision;
use super::write::{finished, mark};
use crate::model::error::{ErrorName, ToolError};
use crate::toolkit::{Access, Account, AllowedPath, Call, Input, Last, PathArg, RedactListed, Script};
use crate::tools::sftp_read::Fetched;

const CHANGE: Script = Script::new(concat!(
    include_str!("../sftp_read/open.sh"),
    include_str!("sum.sh"),
    include_str!("change.sh"),
    include_str!("kept.sh"),
    include_str!("temporary.sh"),
    include_str!("write.sh"),
    include_str!("done.sh")
));

/// Longest text that a host looks for, in bytes: the shell reads it byte by byte.
const OLD_MAX: usize = 4096;

/// Largest file that a host searches, in bytes: awk holds it as text three times as long.
const SEARCH_MAX: u64 = 1 << 20;

/// The file as it was, and the digest of the new one where the host made it.
pub(super) struct Changed {
    pub read: Fetched,
    pub written: Option<String>,
    /// The permission bits of the new file, in octal.
    pub mode: Option<String>,
}

/// One text in place of another.
#[derive(Debug, Clone, Copy)]
pub(super) struct Splice<'a> {
    /// What must stand in the file once.
    pub old: &'a [u8],
    /// What takes its place.
    pub new: &'a [u8],
    /// Lines before it, where it must begin a certain line.
    pub line: Option<usize>,
}

/// Tries the change on the host. Nothing where the text is too long for that.
pub(super) async fn splice(
    call: &Call,
    actor: &Account,
    how: &Revision<'_>,
    wanted: Splice<'_>,
    cap: u64,
) -> Result<Option<Changed>, ToolError> {
    let Splice { old, new, line } = wanted;
    if old.len() > OLD_MAX {
        return Ok(None);
    }
    let mut data: Vec<u8> = old.iter().flat_map(|byte| format!(" {byte:02x}").into_bytes()).collect();
    data.push(b'\n');
    data.extend_from_slice(new);
    let numbers = |search: u64| [cap, search, old.len() as u64, new.len() as u64].map(|n| n.to_string());
    let (mark, line) = (mark()?, line.map(|line| line.to_string()).unwrap_or_default());
    let fixed = [mark.as_str(), how.expected.unwrap_or_default(), &line, how.old.word()].map(str::to_owned);
    let words = |paths: &[AllowedPath]| {
        // What is redact-listed is changed by what is shown of it, which the host cannot do.
        let listed = paths.iter().any(|path| path.redact_listed() != RedactListed::No);
        [&numbers(if listed { 0 } else { SEARCH_MAX })[..], &fixed].concat()
    };
    let paths = [PathArg::new(how.path, Access::Revise, Last::Follow)];
    let most = cap.saturating_add(1024);
    let run = actor.on_paths(&paths).words_of(words).data(Input::Bytes(data.into()));
    let done = run.shaped(|job| job.caps(most, 4096)).run(&CHANGE).await?;
    let (path, listed) = (done.path(), done.listed());
    let stdout = done.output.stdout.clone();
    finished(actor, done, "Editing")?;
    let Parts { notes, mode, said, bytes } = parts(&stdout).ok_or_else(|| {
        let name = actor.error(ErrorName::WriteError);
        ToolError::new(name, format!("Editing `{path}`: the host's answer cannot be read."), "Read the file.")
    })?;
    for note in notes {
        call.warn(format!("The {note}."));
    }
    let read = Fetched { path, size: said.size, truncated: said.size > cap, bytes, mode: None, number: 0, listed };
    Ok(Some(Changed { read, written: said.written, mode }))
}

/// What the line before the content says.
#[derive(Debug, PartialEq, Eq)]
struct Said {
    size: u64,
    written: Option<String>,
}

/// An answer in its parts.
#[derive(Debug)]
struct Parts {
    notes: Vec<String>,
    mode: Option<String>,
    said: Said,
    bytes: Vec<u8>,
}

/// Lines with notes and the mode, the line that says what was done, and the content.
fn parts(stdout: &[u8]) -> Option<Parts> {
    let (mut rest, mut notes, mut mode) = (stdout, Vec::new(), None);
    let whole = |notes, mode, said, rest: &[u8]| Some(Parts { notes, mode, said, bytes: rest.to_vec() });
    loop {
        let end = rest.iter().position(|byte| *byte == b'\n')?;
        let line = std::str::from_utf8(rest.get(..end)?).ok()?;
        rest = rest.get(end + 1..)?;
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["note", ..] => notes.push(line.trim_start_matches("note ").to_owned()),
            ["mode", octal] => mode = Some((*octal).to_owned()),
            ["asis", size] => {
                let said = Said { size: size.parse().ok()?, written: None };
                return whole(notes, mode, said, rest);
            }
            ["done", size, _, digest] => {
                let said = Said { size: size.parse().ok()?, written: Some((*digest).to_owned()) };
                return whole(notes, mode, said, rest);
            }
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_is_told_apart_from_the_content() {
        let Parts { notes, mode, said, bytes } = parts(b"note owner kept\nmode 644\ndone 9 aa bb\ndone 1\n").unwrap();
        assert_eq!((notes, mode.as_deref()), (vec!["owner kept".to_owned()], Some("644")));
        assert_eq!(said, Said { size: 9, written: Some("bb".to_owned()) });
        assert_eq!(bytes, b"done 1\n");
        assert_eq!(parts(b"asis 0\n").unwrap().said, Said { size: 0, written: None });
        assert!(parts(b"asis x\n").is_none() && parts(b"12").is_none());
    }
}
