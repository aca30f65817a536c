//! `ssh_transfer`: one file from one host to another, through this server.
//!
//! A small file takes one round trip on each host. A large one is read and written at the same time, a few pieces at a
//! time in memory; the destination renames its temporary only after the digest of what left the source, of what passed
//! here and of what lies on its own disk are the same. Where one of the hosts is reached over SFTP alone, the content is held
//! in memory between the two.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::payload::{Digest, Payload, WHOLE, sha256};
use super::write::{Old, TRANSFER_LIMIT, WriteReply, Written, write};
use crate::model::error::{ErrorName, ToolError};
use crate::model::hex::hex;
use crate::model::lock::LockAlways as _;
use crate::model::tier::Group;
use crate::model::windows_path::WindowsPath;
use crate::toolkit::{
    Access, Account, CHUNKS_IN_FLIGHT, Call, Host, Input, Last, OnPaths, Pace, PathArg, Platform, Script, SftpName,
    Spec, Streamed, Targets, Tool, parse_path,
};
use crate::tools::sftp_read::{Range, fetch};

const SEND: Script = Script::new(concat!(include_str!("../sftp_read/open.sh"), include_str!("send.sh")));

/// Largest file that goes over in one piece, in bytes.
const IN_ONE: u64 = 1 << 20;

/// How often a stream is begun.
const STREAM_TRIES: u32 = 5;

/// Most bytes of the line in front of the content.
const HEAD_MAX: usize = 160;

const NEXT: &str = "Look at both paths with ssh_sftp_stat; at the destination nothing was changed.";

/// Copies a file from host to host.
#[derive(Debug)]
pub(super) struct Transfer;

/// Arguments.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    /// alias of the host to read from
    src_host: String,
    /// absolute path there
    src_path: String,
    /// alias of the host to write to
    dst_host: String,
    /// absolute path of the new file there
    dst_path: String,
    /// replace a file that is there
    #[serde(default)]
    overwrite: bool,
    /// write into it, not atomic
    #[serde(default)]
    in_place: bool,
    /// even if attributes are lost
    #[serde(default)]
    accept_loss: bool,
}

/// What was copied.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Reply {
    src_host: String,
    src_path: String,
    dst_host: String,
    dst_path: String,
    size: u64,
    sha256: Option<String>,
    /// Permission bits at the destination, octal.
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<String>,
    duration_ms: u64,
    throughput_mb_s: f64,
    output_warnings: Vec<String>,
}

impl Tool for Transfer {
    type Args = Args;
    type Reply = Reply;
    const SPEC: Spec = Spec::low_access("ssh_transfer", Group::FileOps, "Copy a file from one host to another")
        .found_as("Copy between hosts", "scp copy file between servers");

    fn hosts(args: &Self::Args) -> Targets {
        Targets::hosts([&args.src_host, &args.dst_host])
    }

    async fn run(call: &Call, args: Args) -> Result<Reply, ToolError> {
        let began = Instant::now();
        let (src, dst) = ends(call, &args)?;
        let over_sftp = || src.only_sftp() || dst.only_sftp();
        let mut done = if over_sftp() { Err(src.needs_shell()) } else { by_script(call, &src, &dst, &args).await };
        // The first call on an account finds out that it has no shell.
        if done.is_err() && over_sftp() {
            done = held(call, &src, &dst, &args).await;
        }
        let Copied { path, size, written } = done?;
        let took = began.elapsed();
        let rate = size as f64 / f64::from(1 << 20) / took.as_secs_f64().max(1e-6);
        Ok(Reply {
            src_host: src.host.alias().to_owned(),
            src_path: path,
            dst_host: written.host,
            dst_path: written.path,
            size,
            sha256: written.sha256,
            mode: written.mode,
            duration_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            throughput_mb_s: (rate * 1000.0).round() / 1000.0,
            output_warnings: Vec::new(),
        })
    }
}

/// A file that is at its destination.
struct Copied {
    /// Its canonical path at the source.
    path: String,
    size: u64,
    written: WriteReply,
}

fn too_large(path: &str, size: u64, cap: u64) -> ToolError {
    ToolError::value(
        format!("`{path}` has {size} bytes, and at most {cap} are allowed. Nothing was sent."),
        "The operator may raise SSH_UPLOAD_MAX_FILE_BYTES; where a host is reached over SFTP alone, 256 MiB is the most.",
    )
}

async fn by_script(call: &Call, src: &Account, dst: &Account, args: &Args) -> Result<Copied, ToolError> {
    let mut looked = look(src, &args.src_path).await?;
    let cap = call.settings().ssh_upload_max_file_bytes;
    let size = looked.bytes.as_ref().map_or(looked.size, |bytes| bytes.len() as u64);
    if size > cap {
        return Err(too_large(&looked.path, size, cap));
    }
    let written = match looked.bytes.take() {
        Some(bytes) => {
            let payload = Payload::bytes(bytes);
            receive(call, dst, &args.dst_path, &payload, looked.mode, args).await?
        }
        None => stream(call, (src, &looked), (dst, args)).await?,
    };
    Ok(Copied { path: looked.path, size, written })
}

/// Where a host takes no stream from a script: all of the file, then all of it again.
async fn held(call: &Call, src: &Account, dst: &Account, args: &Args) -> Result<Copied, ToolError> {
    let cap = call.settings().ssh_upload_max_file_bytes.min(WHOLE);
    let looked = if src.only_sftp() { None } else { Some(look(src, &args.src_path).await?) };
    let read = fetch(src, &args.src_path, Access::Read, &Range::whole(cap)).await?;
    if read.truncated {
        return Err(too_large(&read.path, read.size, cap));
    }
    // What Windows says of permissions says nothing about who may read a file there.
    let told = read.mode.filter(|_| src.host.platform() == Platform::Posix);
    let mode = looked.map(|looked| looked.mode).or(told).unwrap_or(0o644);
    let size = read.bytes.len() as u64;
    let payload = Payload::bytes(read.bytes);
    let written = receive(call, dst, &args.dst_path, &payload, mode, args).await?;
    Ok(Copied { path: read.path, size, written })
}

/// Both hosts, and both paths judged as text before anything is asked of either host.
fn ends(call: &Call, args: &Args) -> Result<(Account, Account), ToolError> {
    let hosts = call.hosts([args.src_host.as_str(), args.dst_host.as_str()])?;
    let [src, dst] = hosts.as_slice() else {
        return Err(ToolError::value("Two hosts are wanted.", "Name `src_host` and `dst_host`."));
    };
    for (host, field, text, access) in
        [(src, "src_path", &args.src_path, Access::Read), (dst, "dst_path", &args.dst_path, Access::Write)]
    {
        call.journal().path_at(host.alias(), text);
        let judged = match host.platform() {
            Platform::Posix => parse_path(text).and_then(|path| allowed(host, &path, access)),
            Platform::Windows => WindowsPath::argument(text).and_then(|path| allowed(host, &path, access)),
        };
        judged.map_err(|mut error| {
            error.what = format!("Argument `{field}`: {}", error.what);
            error
        })?;
    }
    if src.alias() == dst.alias() {
        return Err(ToolError::value(
            format!("`src_host` and `dst_host` are both `{}`.", src.alias()),
            "Use ssh_cp to copy on one host.",
        ));
    }
    Ok((Account::login(src.clone()), Account::login(dst.clone())))
}

fn allowed<P: SftpName>(host: &Host, path: &P, access: Access) -> Result<(), ToolError> {
    host.entry().paths.judge(path, access).map(|_| ())
}

/// What the source says of its file.
struct Looked {
    path: String,
    size: u64,
    mode: u32,
    /// The content of a small one.
    bytes: Option<Vec<u8>>,
}

/// Size, mode and digest from the first line.
fn facts(line: &[u8]) -> Option<(u64, u32, String)> {
    let text = std::str::from_utf8(line).ok()?;
    let mut words = text.split_ascii_whitespace();
    let (size, mode) = (words.next()?.parse().ok()?, u32::from_str_radix(words.next()?, 8).ok()?);
    Some((size, mode, words.next().unwrap_or_default().to_owned()))
}

fn failed(what: String) -> ToolError {
    ToolError::new(ErrorName::SFTPError, what, NEXT)
}

/// Asks the source for its file: all of a small one, the facts of a large one.
async fn look(src: &Account, path: &str) -> Result<Looked, ToolError> {
    let most = IN_ONE.to_string();
    let arg = PathArg::new(path, Access::Read, Last::Follow).named("src_path");
    let cap = IN_ONE + HEAD_MAX as u64 + 2;
    let done = src.on_paths(&[arg]).words(&[&most, "look"]).shaped(|job| job.caps(cap, 4096)).run(&SEND).await?;
    let path = done.path();
    let output = done.output.success(ErrorName::SFTPError, &format!("Reading `{path}`"), NEXT)?;
    let unreadable = || failed(format!("Reading `{path}`: the host's answer cannot be read."));
    let end = output.stdout.iter().position(|b| *b == b'\n').ok_or_else(unreadable)?;
    let (size, mode, digest) = facts(output.stdout.get(..end).unwrap_or_default()).ok_or_else(unreadable)?;
    if digest == "-" {
        return Ok(Looked { path, size, mode, bytes: None });
    }
    let bytes = output.stdout.get(end + 1..).unwrap_or_default().to_vec();
    if bytes.len() as u64 > IN_ONE {
        return Err(failed(format!("`{path}` has no size of its own and more than {IN_ONE} bytes.")));
    }
    if digest.is_empty() {
        src.host.call().warn(unverified(src));
    } else if digest != sha256(&bytes) {
        return Err(failed(format!("`{path}` changed while it was read.")));
    }
    Ok(Looked { path, size, mode, bytes: Some(bytes) })
}

fn unverified(host: &Account) -> String {
    format!("`{}` has no sha256sum and no shasum, so its side was not verified.", host.host.alias())
}

/// Writes at the destination. A new file gets the permission bits of the source, without set-id bits.
async fn receive(
    call: &Call,
    dst: &Account,
    path: &str,
    payload: &Payload,
    mode: u32,
    args: &Args,
) -> Result<WriteReply, ToolError> {
    let how = Written {
        fresh: Some(mode & 0o777),
        field: Some("dst_path"),
        expected: (!args.overwrite).then_some("new"),
        old: Old { in_place: args.in_place, accept_loss: args.accept_loss },
        ..Written::default()
    };
    write(call, dst, path, payload, &how).await.map_err(|error| {
        if !args.overwrite && error.what.contains("there is a file of that name") {
            return ToolError::value(
                format!("`{path}` exists on `{}`. Nothing was changed.", dst.host.alias()),
                "Call with overwrite true to replace it.",
            );
        }
        error
    })
}

/// Reads and writes at the same time. Where the destination did nothing and would have to be sent the stream again (its
/// server closed the channel unused, or a link took the place of its folder), both begin anew.
async fn stream(call: &Call, from: (&Account, &Looked), to: (&Account, &Args)) -> Result<WriteReply, ToolError> {
    let mut tries = 0;
    loop {
        tries += 1;
        let wanted_again = Arc::new(AtomicBool::new(false));
        let done = stream_once(call, from, to, &wanted_again).await;
        if done.is_ok() || tries == STREAM_TRIES || !wanted_again.load(Ordering::Relaxed) {
            return done;
        }
        call.alive()?;
    }
}

async fn stream_once(
    call: &Call,
    from: (&Account, &Looked),
    to: (&Account, &Args),
    wanted_again: &Arc<AtomicBool>,
) -> Result<WriteReply, ToolError> {
    let ((src, looked), (dst, args)) = (from, to);
    // The stream can be sent once. So the destination is settled before it begins.
    let arg = PathArg::new(&args.dst_path, Access::Write, Last::MayBeNew).named("dst_path");
    let target = dst.on_paths(&[arg]).run(&Script::NOTHING).await?.path();

    let (to_dst, from_here) = mpsc::channel(CHUNKS_IN_FLIGHT);
    let (from_here, again) = (Mutex::new(Some(from_here)), wanted_again.clone());
    let digest = Arc::new(Mutex::new(None));
    let streamed = Streamed {
        prefix: Vec::new(),
        // The digest follows with its line end.
        len: looked.size + 65,
        direct: true,
        open: Arc::new(move || {
            let stream = from_here.lock_always().take();
            again.store(stream.is_none(), Ordering::Relaxed);
            stream
        }),
    };
    let payload = Payload {
        input: Input::Stream(streamed),
        len: looked.size,
        digest: Digest::Follows(digest.clone()),
        local: None,
    };
    let stop = call.cancel().child_token();
    let reading = pass(call, src, looked, to_dst, &digest, &stop);
    let writing = async {
        let written = receive(call, dst, &target, &payload, looked.mode, args).await;
        if written.is_err() {
            stop.cancel();
        }
        written
    };
    let (read, written) = tokio::join!(reading, writing);
    call.alive()?;
    match (read, written) {
        // A destination that refused ended the reading; its reason is the one that counts.
        (_, Ok(reply)) => Ok(reply),
        (Err(error), Err(_)) if error.name != ErrorName::Cancelled => Err(error),
        (_, Err(error)) => Err(error),
    }
}

/// Reads the source and passes it on; the digest follows when the source's own is the same.
async fn pass(
    call: &Call,
    src: &Account,
    looked: &Looked,
    to_dst: mpsc::Sender<Vec<u8>>,
    digest: &Mutex<Option<String>>,
    stop: &CancellationToken,
) -> Result<(), ToolError> {
    let (to_here, mut from_src) = mpsc::channel::<Vec<u8>>(CHUNKS_IN_FLIGHT);
    let reading = async {
        // The closure's sender goes with this future, so that the other end sees the end.
        let arg = PathArg::new(&looked.path, Access::Read, Last::Follow).named("src_path");
        let most = IN_ONE.to_string();
        let to_here = to_here;
        let shape = |job: crate::toolkit::Job| {
            job.caps(4096, 4096).timeout(Some(TRANSFER_LIMIT)).sink(to_here.clone()).cancel(stop.clone())
        };
        src.on_paths(&[arg]).words(&[&most, "all"]).shaped(shape).run(&SEND).await
    };
    let refused = AtomicBool::new(false);
    let passing = async {
        let (mut head, mut in_head) = (Vec::new(), true);
        let (mut done, pace, mut sum) = (0u64, Pace::new(call, "transferring"), Sha256::new());
        while let Some(mut piece) = from_src.recv().await {
            if in_head {
                head.append(&mut piece);
                let Some(end) = head.iter().position(|b| *b == b'\n') else { continue };
                piece = head.split_off(end + 1);
                in_head = false;
                if facts(&head).is_none_or(|(size, _, _)| size != looked.size) {
                    return None;
                }
            }
            if piece.is_empty() {
                continue;
            }
            done += piece.len() as u64;
            sum.update(&piece);
            if to_dst.send(piece).await.is_err() {
                refused.store(true, Ordering::Relaxed);
                return None;
            }
            pace.at(done, Some(looked.size));
        }
        (done == looked.size).then(|| hex(&sum.finalize()))
    };
    let (read, passed) = tokio::join!(reading, passing);
    if refused.load(Ordering::Relaxed) {
        return Err(ToolError::new(ErrorName::Cancelled, "The destination takes no more.", NEXT));
    }
    let OnPaths { output, .. } = read?;
    let path = &looked.path;
    let output = output.success(ErrorName::SFTPError, &format!("Reading `{path}`"), NEXT)?;
    let passed = passed.ok_or_else(|| failed(format!("`{path}` changed while it was read.")))?;
    let said = output.stderr_line();
    if said.is_empty() {
        call.warn(unverified(src));
    } else if said != passed {
        return Err(failed(format!("`{path}` arrived damaged: its sha256 there is {said}, and here {passed}.")));
    }
    *digest.lock_always() = Some(passed.clone());
    let _ = to_dst.send(format!("{passed}\n").into_bytes()).await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_of_a_file() {
        assert_eq!(facts(b"12 644 -\n"), Some((12, 0o644, "-".to_owned())));
        assert_eq!(facts(b"0 4755 ab"), Some((0, 0o4755, "ab".to_owned())));
        assert_eq!(facts(b"12 644 "), Some((12, 0o644, String::new())));
        assert_eq!(facts(b"x 644 -"), None);
        assert_eq!(facts(b"1 999 -"), None);
    }
}
