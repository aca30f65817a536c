//! Content of files on its way into an answer.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use schemars::JsonSchema;
use serde::Serialize;

use super::download::over_sftp::fetch_over_sftp;
use super::part::{Form, Range};
use crate::model::char_boundary::floor_char_boundary;
use crate::model::error::{ErrorName, ToolError};
use crate::toolkit::size_in_json;
use crate::toolkit::{Access, Account, Call, Last, PathArg, Script, scan};
use crate::tools::script_or_sftp;

/// Reads a part of a file.
pub(super) const READ: Script = Script::new(concat!(include_str!("open.sh"), include_str!("read.sh")));

/// What to do where a file cannot be read.
pub(super) const NEXT: &str = "Look at the path with ssh_sftp_stat; the login account must be able to read it.";

/// Bytes of an answer that are not the content.
const AROUND: usize = 1000;

/// What was read. `truncated` says that there is more.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Content {
    pub(super) host: String,
    pub(super) path: String,
    pub(super) size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    lines_total: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    matches: Option<u64>,
    truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_offset: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_from_line: Option<u64>,
    content_base64: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_text: Option<String>,
    pub(super) local_path_written: Option<String>,
    output_warnings: Vec<String>,
}

impl Content {
    /// Nothing of a file yet.
    pub(super) fn of(actor: &Account, path: String, size: u64) -> Self {
        Content {
            host: actor.host.alias().to_owned(),
            path,
            size,
            lines_total: None,
            matches: None,
            truncated: false,
            next_offset: None,
            next_from_line: None,
            content_base64: String::new(),
            content_text: None,
            local_path_written: None,
            output_warnings: Vec::new(),
        }
    }
}

/// Bytes of a file.
pub(in crate::tools) struct Fetched {
    /// The canonical path.
    pub path: String,
    /// The size of the file, in bytes.
    pub size: u64,
    /// What was asked for.
    pub bytes: Vec<u8>,
    /// There is more.
    pub truncated: bool,
    /// The permission bits, where the one who read them knows.
    pub mode: Option<u32>,
    /// Of a search the lines in front of what was searched; of a count the count.
    pub number: u64,
    /// It is redact-listed, under its own name or the one that was typed.
    pub(crate) listed: bool,
}

/// The room for content whose size the caller does not name, in bytes.
pub(in crate::tools) fn room(call: &Call) -> usize {
    call.answer_bytes().saturating_sub(AROUND)
}

/// Reads into memory.
pub(in crate::tools) async fn fetch(
    actor: &Account,
    path: &str,
    access: Access,
    range: &Range,
) -> Result<Fetched, ToolError> {
    let arg = PathArg::new(path, access, Last::Follow);
    script_or_sftp!(actor, fetch_by_script(actor, arg, range), fetch_over_sftp(actor, arg, range))
}

async fn fetch_by_script(actor: &Account, arg: PathArg<'_>, range: &Range) -> Result<Fetched, ToolError> {
    let words = range.words();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let cap = range.max.saturating_add(128);
    let done = actor.on_paths(&[arg]).words(&words).shaped(|job| job.caps(cap, 4096)).run(&READ).await?;
    let path = done.path();
    let listed = done.listed();
    let name = actor.error(ErrorName::SFTPError);
    let doing = format!("Reading `{path}`");
    let output = done.output.success(name, &doing, NEXT)?;
    let unread = || ToolError::new(name, format!("{doing}: the host's answer cannot be read."), NEXT);
    let (size, rest) = first_number(&output.stdout).ok_or_else(unread)?;
    let (number, rest) = match range.form {
        Form::Grep(..) | Form::Count(..) => {
            // What grep says against a pattern stands in place of its answer.
            let said = || ToolError::new(name, format!("{doing}: {}.", output.stderr_line()), "Give another pattern.");
            first_number(rest).ok_or_else(|| if output.stderr.is_empty() { unread() } else { said() })?
        }
        Form::Whole | Form::Bytes(_) | Form::Lines(_) => (0, rest),
    };
    let limit = usize::try_from(range.max).unwrap_or(usize::MAX);
    let more = rest.len() > limit;
    let mut bytes = rest.get(..limit.min(rest.len())).unwrap_or_default().to_vec();
    let whole = matches!(range.form, Form::Whole);
    let truncated = more || (whole && size > range.max);
    if whole && truncated {
        bytes.clear();
    }
    // Files of /proc and /sys have content and the size 0.
    let from = if let Form::Bytes(offset) = range.form { offset } else { 0 };
    let got = bytes.len() as u64;
    let size = if matches!(range.form, Form::Grep(..)) { size } else { size.max((from + got) * u64::from(got > 0)) };
    Ok(Fetched { path, size, bytes, truncated, mode: None, number, listed })
}

/// The first line, which is a number, and the rest.
fn first_number(stdout: &[u8]) -> Option<(u64, &[u8])> {
    let end = stdout.iter().position(|b| *b == b'\n')?;
    let number = std::str::from_utf8(stdout.get(..end)?).ok()?.trim().parse().ok()?;
    Some((number, stdout.get(end + 1..)?))
}

/// Reads into the answer.
pub(in crate::tools) async fn content(
    call: &Call,
    actor: &Account,
    path: &str,
    range: &Range,
    as_text: bool,
) -> Result<Content, ToolError> {
    let read = fetch(actor, path, Access::Read, range).await?;
    let mut answer = Content::of(actor, read.path, read.size);
    if let Form::Count(_, grep) = &range.form {
        *(if grep.is_some() { &mut answer.matches } else { &mut answer.lines_total }) = Some(read.number);
        return Ok(answer);
    }
    for sentence in scan(&String::from_utf8_lossy(&read.bytes)) {
        call.warn(sentence);
    }
    let room = if range.sized { usize::MAX } else { room(call) };
    answer.truncated = read.truncated;
    match text_of(read.bytes, read.truncated) {
        Ok(text) if as_text => {
            let text = match range.form {
                Form::Grep(..) => renumbered(&text, read.number),
                _ => text,
            };
            let by_line = !matches!(range.form, Form::Bytes(_) | Form::Whole);
            let kept = kept(&text, room, by_line && read.truncated);
            answer.truncated |= kept.len() < text.len();
            answer.go_on(range, kept);
            answer.content_text = Some(kept.to_owned());
        }
        bytes => {
            if as_text {
                call.warn("The content is not UTF-8, so it is in content_base64.");
            }
            let mut bytes = bytes.map_or_else(|bytes| bytes, String::into_bytes);
            let most = room / 4 * 3;
            answer.truncated |= bytes.len() > most;
            bytes.truncate(most);
            if let (Form::Bytes(offset), true) = (&range.form, answer.truncated) {
                answer.next_offset = Some(offset + bytes.len() as u64);
            }
            answer.content_base64 = STANDARD.encode(bytes);
        }
    }
    answer.tell(call);
    Ok(answer)
}

impl Content {
    /// Where the next call goes on.
    fn go_on(&mut self, range: &Range, kept: &str) {
        match &range.form {
            Form::Bytes(offset) if self.truncated => self.next_offset = Some(offset + kept.len() as u64),
            Form::Lines(lines) if lines.tail.is_none() => {
                let ended = kept.matches('\n').count() as u64;
                if self.truncated || lines.most == Some(ended) {
                    // A line that is longer than the room is passed over; by bytes it can be read.
                    self.next_from_line = Some(lines.from + ended.max(1));
                }
            }
            Form::Grep(lines, _) => {
                let hits: Vec<u64> = kept.lines().filter_map(|line| line.split_once(':')?.0.parse().ok()).collect();
                let full = lines.most.is_some_and(|most| hits.len() as u64 >= most);
                if self.truncated || full {
                    self.next_from_line = hits.last().map(|last| last + 1);
                }
            }
            _ => {}
        }
    }

    /// Says how much is missing, and what brings it.
    fn tell(&self, call: &Call) {
        if !self.truncated {
            return;
        }
        match (self.next_offset, self.next_from_line) {
            (Some(next), _) if next < self.size => {
                let what = format!("{} of {} bytes", self.size - next, self.size);
                call.left_out(
                    what,
                    format!("`offset` {next} goes on, `max_bytes` names how much, `local_path` saves all"),
                );
            }
            // Files of /proc do not know how long they are.
            (Some(next), _) => {
                call.left_out("what follows, how much is not known", format!("`offset` {next} goes on"));
            }
            (None, Some(line)) => {
                call.left_out("what follows", format!("`from_line` {line} goes on"));
            }
            (None, None) => call.left_out(format!("a part of {} bytes", self.size), call.spec().more),
        }
    }
}

/// The bytes as text; a character that the end has cut is left to the next call.
fn text_of(mut bytes: Vec<u8>, cut: bool) -> Result<String, Vec<u8>> {
    if cut
        && let Err(error) = std::str::from_utf8(&bytes)
        && error.error_len().is_none()
    {
        bytes.truncate(error.valid_up_to());
    }
    String::from_utf8(bytes).map_err(std::string::FromUtf8Error::into_bytes)
}

/// The beginning of a text that fits into `room` bytes of JSON: whole lines where there are some, else whole characters.
fn kept(text: &str, room: usize, broken: bool) -> &str {
    let mut end = text.len();
    while end > 0 && size_in_json(text.get(..end).unwrap_or_default()) > room {
        let size = size_in_json(text.get(..end).unwrap_or_default());
        end = floor_char_boundary(text, (end.saturating_mul(room) / size).min(end - 1));
    }
    let part = text.get(..end).unwrap_or_default();
    match part.rfind('\n') {
        Some(at) if end < text.len() || broken => part.get(..=at).unwrap_or(part),
        _ => part,
    }
}

/// Lines of a search with their numbers in the file.
fn renumbered(text: &str, before: u64) -> String {
    if before == 0 {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let digits = line.bytes().take_while(u8::is_ascii_digit).count();
        match line.get(..digits).and_then(|number| number.parse::<u64>().ok()) {
            Some(number) => {
                out.push_str(&(number + before).to_string());
                out.push_str(line.get(digits..).unwrap_or_default());
            }
            None => out.push_str(line),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_first() {
        assert_eq!(first_number(b"12\nabc\n"), Some((12, b"abc\n".as_slice())));
        assert_eq!(first_number(b" 0\n"), Some((0, b"".as_slice())));
        assert_eq!(first_number(b"abc"), None);
        assert_eq!(first_number(b"x\nabc"), None);
    }

    #[test]
    fn what_is_kept_ends_at_a_line_or_a_character() {
        assert_eq!(kept("one\ntwo\n", 100, false), "one\ntwo\n");
        assert_eq!(kept("one\ntwo\n", 9, false), "one\n");
        assert_eq!(kept("\u{e4}\u{e4}\u{e4}", 7, false), "\u{e4}\u{e4}");
        assert_eq!(kept("one\ntw", 100, true), "one\n");
        assert_eq!(text_of("a\u{e4}".as_bytes()[..2].to_vec(), true), Ok("a".to_owned()));
        assert!(text_of("a\u{e4}".as_bytes()[..2].to_vec(), false).is_err());
    }

    #[test]
    fn a_search_in_a_part_has_the_numbers_of_the_file() {
        assert_eq!(renumbered("1:a\n2-b\n--\n9:c\n", 10), "11:a\n12-b\n--\n19:c\n");
    }
}
