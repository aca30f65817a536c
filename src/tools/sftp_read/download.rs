//! `ssh_sftp_download`.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use tokio::sync::mpsc;

use super::content::{Content, NEXT, READ, content, room};
use super::inline::inline_cap;
use super::part::{Asking, Range};
use crate::model::error::{ErrorName, ToolError};
use crate::model::lock::LockAlways as _;
use crate::model::tier::Group;
use crate::toolkit::reading::Asked;
use crate::toolkit::{Access, Account, CHUNKS_IN_FLIGHT, Call, Last, LocalNew, Pace, PathArg, Spec, Targets, Tool};
use crate::tools::script_or_sftp;

pub(super) mod over_sftp;

use over_sftp::save_over_sftp;

/// Time limit of a streamed transfer; it ends earlier with the call.
const TRANSFER_LIMIT: Duration = Duration::from_secs(86_400);

/// Reads a file.
#[derive(Debug)]
pub(super) struct SftpDownload;

/// Arguments.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
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
    /// first line, from 1
    #[serde(default)]
    from_line: Option<u64>,
    /// most lines, or matches
    #[serde(default)]
    lines: Option<u64>,
    /// only the last lines
    #[serde(default)]
    tail_lines: Option<u64>,
    /// regular expression
    #[serde(default)]
    grep: Option<String>,
    /// lines around a match, default 0
    #[serde(default)]
    context: Option<u64>,
    /// only how many
    #[serde(default)]
    count_only: bool,
    /// false: base64
    #[serde(default = "yes")]
    as_text: bool,
}

const fn yes() -> bool {
    true
}

impl Args {
    fn asking(&self) -> Asking<'_> {
        let lines = Asked {
            from_line: self.from_line,
            lines: self.lines,
            tail_lines: self.tail_lines,
            offset: self.offset,
            grep: self.grep.as_deref(),
            context: self.context,
            count_only: self.count_only,
        };
        Asking { lines, max_bytes: self.max_bytes }
    }

    /// A file that is saved is saved whole.
    fn check_local(&self) -> Result<(), ToolError> {
        let part = self.max_bytes.is_some() || self.asking().lines.is_a_part();
        if self.local_path.is_some() && part {
            return Err(ToolError::value(
                "Arguments that select a part do not go with `local_path`.",
                "Leave `offset`, `max_bytes`, `from_line`, `lines`, `tail_lines`, `grep` and `count_only` out; the whole file is saved.",
            ));
        }
        Ok(())
    }
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

async fn save(call: &Call, actor: &Account, args: &Args, local: &str) -> Result<Content, ToolError> {
    let max = call.settings().ssh_local_transfer_max_bytes;
    let place = call.local_path(local)?;
    let words = Range::whole(max).words();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let file = place.create()?;
    let arriving = Arc::new(Mutex::new(Arriving { file, size: None, done: 0, fault: None }));
    let taking = Mutex::new(None);
    let arg = PathArg::new(&args.path, Access::Read, Last::Follow);
    let shape = |job: crate::toolkit::Job| {
        let (arriving, call) = (arriving.clone(), call.clone());
        let (sender, receiver) = mpsc::channel(CHUNKS_IN_FLIGHT);
        let task = tokio::task::spawn_blocking(move || {
            let pace = Pace::new(&call, "downloading");
            let tell = |done: u64, size: Option<u64>| pace.at(done, size);
            arriving.lock_always().take(receiver, max, &tell);
        });
        *taking.lock_always() = Some(task);
        job.caps(4096, 4096).timeout(Some(TRANSFER_LIMIT)).sink(sender)
    };
    let done = actor.on_paths(&[arg]).words(&words).shaped(shape).run(&READ).await?;
    let path = done.path();
    let failed = |why: String| {
        ToolError::new(ErrorName::SftpDownloadError, format!("Saving `{path}` to `{local}` failed: {why}."), NEXT)
    };
    let taken = taking.lock_always().take();
    if let Some(task) = taken {
        task.await.map_err(|_| failed("the local side broke off".to_owned()))?;
    }
    done.output.success(ErrorName::SftpDownloadError, &format!("Reading `{path}`"), NEXT)?;
    let written = tokio::task::spawn_blocking(move || {
        let mut state = arriving.lock_always();
        if let Some(fault) = state.fault.take() {
            return Err(Unsaved::Why(fault));
        }
        let size = state.size.ok_or_else(|| Unsaved::Why("the host did not report the size".to_owned()))?;
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
    Ok(saved(Content::of(actor, path, size), &written))
}

/// The content went into a local file.
fn saved(mut content: Content, local: &Path) -> Content {
    content.local_path_written = Some(local.display().to_string());
    content
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
        "Read a remote file: all, by line, from its end or by pattern; or save it locally",
    )
    .found_as("Read or download a file", "cat tail head log lines read remote file get fetch")
    .more("`offset` with `max_bytes`, `tail_lines` or `local_path` brings it")
    .always_loaded()
    .large_answers();
    const WHOLE: &'static [&'static str] = &["content_text", "content_base64"];

    fn hosts(args: &Self::Args) -> Targets {
        Targets::host(&args.host)
    }

    async fn run(call: &Call, args: Args) -> Result<Content, ToolError> {
        args.check_local()?;
        let range = Range::of(&args.asking(), inline_cap(call), room(call) as u64)?;
        let host = call.host(&args.host)?;
        if let Some(local) = &args.local_path {
            call.local_path(local)?;
            let actor = Account::login(host);
            return script_or_sftp!(
                actor,
                save(call, &actor, &args, local),
                save_over_sftp(call, &actor, &args, local)
            );
        }
        content(call, &Account::login(host), &args.path, &range, args.as_text).await
    }
}
