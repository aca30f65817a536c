//! `ssh_sftp_download`.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::actor::{Actor, inline_cap};
use crate::model::error::{ErrorName, ToolError};
use crate::model::tier::Group;
use crate::toolkit::{Access, Call, Last, LocalNew, PIECES, PathArg, Script, Spec, Targets, Tool, scan};
use crate::tools::script_or_sftp;

mod over_sftp;

use over_sftp::{fetch_over_sftp, save_over_sftp};

const READ: Script = Script::new(concat!(include_str!("open.sh"), include_str!("read.sh")));

/// Time limit of a streamed transfer; it ends earlier with the call.
const TRANSFER_LIMIT: Duration = Duration::from_secs(86_400);

/// Most lines that `tail_lines` may ask for.
const TAIL_MAX: u64 = 1_000_000;

const NEXT: &str = "Look at the path with ssh_sftp_stat; the login account must be able to read it.";

/// Reads a file.
#[derive(Debug)]
pub struct SftpDownload;

/// Arguments.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    /// host alias
    host: String,
    /// absolute path
    path: String,
    /// save here instead of answering it
    #[serde(default)]
    local_path: Option<String>,
    /// first byte, from 0
    #[serde(default)]
    offset: Option<u64>,
    /// most bytes
    #[serde(default)]
    max_bytes: Option<u64>,
    /// only the last lines
    #[serde(default)]
    tail_lines: Option<u64>,
    /// UTF-8 as content_text
    #[serde(default)]
    as_text: bool,
}

/// What was read. `truncated` says that there is more: of a whole file then nothing was sent.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Content {
    host: String,
    path: String,
    size: u64,
    content_base64: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_text: Option<String>,
    truncated: bool,
    local_path_written: Option<String>,
    output_warnings: Vec<String>,
}

impl Content {
    /// Nothing of a file yet.
    fn of(actor: &Actor, path: String, size: u64) -> Self {
        Content {
            host: actor.host.alias().to_owned(),
            path,
            size,
            content_base64: String::new(),
            content_text: None,
            truncated: false,
            local_path_written: None,
            output_warnings: Vec::new(),
        }
    }

    /// The content went into a local file.
    fn saved_to(mut self, local: &Path) -> Self {
        self.local_path_written = Some(local.display().to_string());
        self
    }
}

/// Which bytes of a file.
#[derive(Debug, Clone, Copy)]
pub(in crate::tools) struct Range {
    offset: u64,
    max: u64,
    tail: Option<u64>,
    /// All or nothing.
    whole: bool,
}

impl Range {
    /// The whole file, or nothing of one that is larger than this.
    pub(in crate::tools) fn whole(max: u64) -> Self {
        Range { offset: 0, max, tail: None, whole: true }
    }

    fn of(args: &Args, cap: u64) -> Result<Self, ToolError> {
        let part = args.offset.is_some() || args.max_bytes.is_some() || args.tail_lines.is_some();
        if args.local_path.is_some() && part {
            return Err(ToolError::value(
                "Arguments `offset`, `max_bytes` and `tail_lines` do not go with `local_path`.",
                "Leave them out; the whole file is saved.",
            ));
        }
        if args.tail_lines.is_some() && args.offset.is_some() {
            return Err(ToolError::value("Arguments `offset` and `tail_lines` exclude each other.", "Give one."));
        }
        if args.max_bytes.is_some_and(|max| max == 0 || max > cap) {
            return Err(ToolError::value("Argument `max_bytes` is out of range.", format!("Give 1 to {cap}.")));
        }
        if args.tail_lines.is_some_and(|lines| lines == 0 || lines > TAIL_MAX) {
            return Err(ToolError::value("Argument `tail_lines` is out of range.", format!("Give 1 to {TAIL_MAX}.")));
        }
        if args.offset.is_some_and(|offset| offset > i64::MAX as u64 / 2) {
            return Err(ToolError::value("Argument `offset` is out of range.", "Give an offset inside the file."));
        }
        Ok(Range {
            offset: args.offset.unwrap_or(0),
            max: args.max_bytes.unwrap_or(cap),
            tail: args.tail_lines,
            whole: !part,
        })
    }

    fn words(self) -> [String; 4] {
        let tail = self.tail.map(|n| n.to_string()).unwrap_or_default();
        let whole = if self.whole { "whole" } else { "part" };
        [self.offset.to_string(), self.max.to_string(), tail, whole.to_owned()]
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
}

/// Reads into memory.
pub(in crate::tools) async fn fetch(
    actor: &Actor,
    path: &str,
    access: Access,
    range: &Range,
) -> Result<Fetched, ToolError> {
    let arg = PathArg::new(path, access, Last::Follow);
    script_or_sftp!(actor, fetch_by_script(actor, arg, range), fetch_over_sftp(actor, arg, range))
}

async fn fetch_by_script(actor: &Actor, arg: PathArg<'_>, range: &Range) -> Result<Fetched, ToolError> {
    let words = range.words();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let cap = range.max.saturating_add(64);
    let done = actor.on_paths(&[arg], &READ, &words, None, |job| job.caps(cap, 4096)).await?;
    let path = done.path();
    let name = actor.error(ErrorName::SFTPError);
    let output = done.output.success(name, &format!("Reading `{path}`"), NEXT)?;
    let (size, mut bytes) = split_size(&output.stdout)
        .ok_or_else(|| ToolError::new(name, format!("Reading `{path}`: the host's answer cannot be read."), NEXT))?;
    let limit = usize::try_from(range.max).unwrap_or(usize::MAX);
    let more = bytes.len() > limit;
    bytes.truncate(limit);
    let got = bytes.len() as u64;
    let truncated = more || (range.whole && size > range.max);
    if range.whole && truncated {
        bytes.clear();
    }
    // Files of /proc and /sys have content and the size 0.
    let size = size.max(range.offset.saturating_add(got) * u64::from(got > 0));
    Ok(Fetched { path, size, bytes, truncated, mode: None })
}

/// The first line, which is the size, and the rest.
fn split_size(stdout: &[u8]) -> Option<(u64, Vec<u8>)> {
    let end = stdout.iter().position(|b| *b == b'\n')?;
    let size = std::str::from_utf8(stdout.get(..end)?).ok()?.trim().parse().ok()?;
    Some((size, stdout.get(end + 1..)?.to_vec()))
}

/// Reads into the answer.
pub(in crate::tools) async fn content(
    call: &Call,
    actor: &Actor,
    path: &str,
    range: &Range,
    as_text: bool,
) -> Result<Content, ToolError> {
    let read = fetch(actor, path, Access::Read, range).await?;
    for sentence in scan(&String::from_utf8_lossy(&read.bytes)) {
        call.warn(sentence);
    }
    if read.truncated {
        let (got, size) = (read.bytes.len() as u64, read.size);
        let from = range.tail.map_or(range.offset, |_| size.saturating_sub(got));
        let left = size.saturating_sub(from.saturating_add(got));
        // Files of /proc do not know how long they are.
        let what =
            if left > 0 { format!("{left} of {size} bytes") } else { "what follows, how much is not known".to_owned() };
        call.left_out(what, call.spec().more);
    }
    let mut answer = Content::of(actor, read.path, read.size);
    answer.truncated = read.truncated;
    match String::from_utf8(read.bytes) {
        Ok(text) if as_text => answer.content_text = Some(text),
        Ok(text) => answer.content_base64 = STANDARD.encode(text),
        Err(bytes) => {
            if as_text {
                call.warn("The content is not UTF-8, so it is in content_base64.");
            }
            answer.content_base64 = STANDARD.encode(bytes.as_bytes());
        }
    }
    Ok(answer)
}

/// What arrives of a file on its way to the disk.
struct Arriving {
    file: LocalNew,
    size: Option<u64>,
    done: u64,
    fault: Option<String>,
}

impl Arriving {
    /// Takes one round of the reading script, from its first line to its end. A round that found another file had sent
    /// nothing but a canonical name.
    fn take(&mut self, mut pieces: mpsc::Receiver<Vec<u8>>, max: u64, tell: &dyn Fn(u64, Option<u64>)) {
        (self.size, self.done) = (None, 0);
        self.fault = self.file.restart().err().map(|error| error.to_string());
        let mut head = Vec::new();
        while let Some(mut piece) = pieces.blocking_recv() {
            if self.size.is_none() {
                head.append(&mut piece);
                let Some(end) = head.iter().position(|b| *b == b'\n') else { continue };
                piece = head.split_off(end + 1);
                self.size = std::str::from_utf8(&head).ok().and_then(|text| text.trim().parse().ok());
                if self.size.is_none() {
                    return;
                }
            }
            // A file that grows is saved as long as it was; those of /proc have content and the size 0.
            let limit = self.size.filter(|size| *size > 0).unwrap_or(max.saturating_add(1));
            piece.truncate(usize::try_from(limit.saturating_sub(self.done)).unwrap_or(usize::MAX));
            self.done += piece.len() as u64;
            if self.done > max {
                self.fault = Some(format!("the file is larger than {max} bytes"));
            } else if let Err(error) = self.file.write(&piece) {
                self.fault = Some(error.to_string());
            }
            if self.fault.is_some() {
                return;
            }
            tell(self.done, self.size);
        }
    }
}

async fn save(call: &Call, actor: &Actor, args: &Args, local: &str) -> Result<Content, ToolError> {
    let max = call.settings().ssh_local_transfer_max_bytes;
    let place = call.local_path(local)?;
    let words = Range { offset: 0, max, tail: None, whole: true }.words();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let file = place.create()?;
    let arriving = Arc::new(Mutex::new(Arriving { file, size: None, done: 0, fault: None }));
    let taking = Mutex::new(None);
    let arg = PathArg::new(&args.path, Access::Read, Last::Follow);
    let shape = |job: crate::toolkit::Job| {
        let (arriving, call) = (arriving.clone(), call.clone());
        let (sender, receiver) = mpsc::channel(PIECES);
        let task = tokio::task::spawn_blocking(move || {
            let told = std::cell::Cell::new(0);
            let tell = |done: u64, size: Option<u64>| {
                if done >= told.get() + (4 << 20) || Some(done) == size {
                    told.set(done);
                    call.progress_of(done, size, "downloading");
                }
            };
            arriving.lock().unwrap_or_else(PoisonError::into_inner).take(receiver, max, &tell);
        });
        *taking.lock().unwrap_or_else(PoisonError::into_inner) = Some(task);
        job.caps(4096, 4096).timeout(Some(TRANSFER_LIMIT)).sink(sender)
    };
    let done = actor.on_paths(&[arg], &READ, &words, None, shape).await?;
    let path = done.path();
    let failed = |why: String| {
        ToolError::new(ErrorName::SftpDownloadError, format!("Saving `{path}` to `{local}` failed: {why}."), NEXT)
    };
    let taken = taking.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(task) = taken {
        task.await.map_err(|_| failed("the local side broke off".to_owned()))?;
    }
    done.output.success(ErrorName::SftpDownloadError, &format!("Reading `{path}`"), NEXT)?;
    let written = tokio::task::spawn_blocking(move || {
        let mut state = arriving.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(fault) = state.fault.take() {
            return Err(Unsaved::Why(fault));
        }
        let size = state.size.ok_or_else(|| Unsaved::Why("the host told no size".to_owned()))?;
        if size > max {
            return Err(Unsaved::Why(format!("it has {size} bytes, and SSH_LOCAL_TRANSFER_MAX_BYTES allows {max}")));
        }
        if size > 0 && state.done != size {
            return Err(Unsaved::Why(format!("{} of {size} bytes arrived", state.done)));
        }
        Ok((state.file.commit().map_err(Unsaved::Error)?, state.done))
    });
    let (written, size) = match written.await {
        Ok(Ok(saved)) => saved,
        Ok(Err(Unsaved::Why(why))) => return Err(failed(why)),
        Ok(Err(Unsaved::Error(error))) => return Err(error),
        Err(_) => return Err(failed("the local side broke off".to_owned())),
    };
    Ok(Content::of(actor, path, size).saved_to(&written))
}

/// Why a file was not saved.
enum Unsaved {
    Why(String),
    Error(ToolError),
}

impl Tool for SftpDownload {
    type Args = Args;
    type Reply = Content;
    const SPEC: Spec = Spec::read(
        "ssh_sftp_download",
        Group::SftpRead,
        "Read a remote file, whole or in part, or save it to a local file",
    )
    .found_as("Read or download a file", "cat tail head log lines read remote file get fetch")
    .more("`offset` with `max_bytes`, `tail_lines` or `local_path` brings it")
    .always_loaded();
    const WHOLE: &'static [&'static str] = &["content_text", "content_base64"];

    fn hosts(args: &Self::Args) -> Targets {
        Targets::host(&args.host)
    }

    async fn run(call: &Call, args: Args) -> Result<Content, ToolError> {
        let range = Range::of(&args, inline_cap(call))?;
        let host = call.host(&args.host)?;
        if let Some(local) = &args.local_path {
            call.local_path(local)?;
            let actor = Actor::login(host);
            return script_or_sftp!(
                actor,
                save(call, &actor, &args, local),
                save_over_sftp(call, &actor, &args, local)
            );
        }
        content(call, &Actor::login(host), &args.path, &range, args.as_text).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_comes_first() {
        assert_eq!(split_size(b"12\nabc\n"), Some((12, b"abc\n".to_vec())));
        assert_eq!(split_size(b" 0\n"), Some((0, Vec::new())));
        assert_eq!(split_size(b"abc"), None);
        assert_eq!(split_size(b"x\nabc"), None);
    }
}
