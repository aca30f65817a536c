//! A whole file in place of another, or new.

use std::io::Read as _;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use schemars::JsonSchema;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::over_sftp::write_over_sftp;
use crate::model::error::{ErrorName, ToolError};
use crate::toolkit::{Access, Call, Last, OnPaths, PathArg, Script, Status};
use crate::tools::script_or_sftp;
use crate::tools::sftp_read::{Actor, inline_cap};

const WRITE: Script = Script::new(concat!("put() { cat; }\n", include_str!("sum.sh"), include_str!("write.sh")));

/// Largest local file that is sent, in bytes: it is held in memory until the host has it.
const LOCAL_MAX: u64 = 256 << 20;

/// The answer of a tool that changes a file.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub struct WriteReply {
    pub(in crate::tools) host: String,
    pub(in crate::tools) path: String,
    pub(in crate::tools) success: bool,
    pub(in crate::tools) bytes_written: u64,
    pub(in crate::tools) message: Option<String>,
    pub(in crate::tools) local_path_written: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::tools) backup_path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::tools) sha256: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::tools) diff: Option<String>,
    pub(in crate::tools) output_warnings: Vec<String>,
}

impl WriteReply {
    /// The answer about one path.
    pub(in crate::tools) fn of(actor: &Actor, path: String, message: impl Into<String>) -> Self {
        let host = actor.host.hostname().to_owned();
        WriteReply { host, path, success: true, message: Some(message.into()), ..WriteReply::default() }
    }
}

/// Content on its way to a file.
#[derive(Debug)]
pub(in crate::tools) struct Payload {
    /// The bytes.
    pub bytes: Arc<[u8]>,
    /// The local file they came from.
    pub local: Option<String>,
}

impl Payload {
    /// The one of the three sources that was given.
    pub(in crate::tools) fn of(
        call: &Call,
        text: Option<String>,
        base64: Option<&str>,
        local: Option<&str>,
    ) -> Result<Self, ToolError> {
        let cap = inline_cap(call);
        let too_large = |size: u64, cap: u64| {
            ToolError::new(
                ErrorName::WriteError,
                format!("The content has {size} bytes; at most {cap} are accepted. Nothing was sent."),
                "Larger files go by local_path, where the operator allows it.",
            )
        };
        let bytes: Vec<u8> = match (text, base64, local) {
            (Some(text), None, None) => text.into_bytes(),
            (None, Some(coded), None) => STANDARD
                .decode(coded.trim())
                .map_err(|e| ToolError::value(format!("Argument `content_base64`: {e}."), "Give strict base64."))?,
            (None, None, Some(local)) => {
                let cap = call.settings().ssh_local_transfer_max_bytes.min(LOCAL_MAX);
                let place = call.local_path(local)?;
                let (file, size) = place.read()?;
                if size > cap {
                    return Err(too_large(size, cap));
                }
                let mut bytes = Vec::new();
                file.take(cap + 1).read_to_end(&mut bytes).map_err(|e| {
                    ToolError::new(
                        ErrorName::LocalPathPolicyError,
                        format!("`{local}` cannot be read: {e}."),
                        "Look at the local file.",
                    )
                })?;
                if bytes.len() as u64 > cap {
                    return Err(too_large(bytes.len() as u64, cap));
                }
                return Ok(Payload { bytes: bytes.into(), local: Some(place.path().display().to_string()) });
            }
            _ => {
                return Err(ToolError::new(
                    ErrorName::WriteError,
                    "Exactly one of `content_text`, `content_base64` and `local_path` is wanted.",
                    "Give one of them; an empty `content_text` makes an empty file.",
                ));
            }
        };
        if bytes.len() as u64 > cap {
            return Err(too_large(bytes.len() as u64, cap));
        }
        Ok(Payload { bytes: bytes.into(), local: None })
    }
}

/// How a file is written.
#[derive(Debug, Default)]
pub(in crate::tools) struct Written<'a> {
    /// Permission bits; without them those of the old file, or 0644.
    pub mode: Option<u32>,
    /// The digest that the old file must have, or `new`.
    pub expected: Option<&'a str>,
    /// Keep the old file under another name.
    pub backup: bool,
    /// The account the file shall belong to.
    pub owner: Option<&'a str>,
    /// The group likewise.
    pub group: Option<&'a str>,
}

/// The digest of some content, as `sha256sum` writes it.
pub(super) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

/// A digest argument.
pub(in crate::tools) fn check_digest(digest: Option<&str>) -> Result<(), ToolError> {
    match digest {
        Some(text) if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) => {
            Err(ToolError::value("Argument `expected_sha256` is no digest.", "Give 64 lowercase hexadecimal digits."))
        }
        _ => Ok(()),
    }
}

/// The mark of a temporary file.
pub(super) fn mark() -> Result<String, ToolError> {
    let mut mark = [0u8; 8];
    getrandom::fill(&mut mark).map_err(|e| ToolError::value(format!("No random numbers: {e}."), "Call again."))?;
    Ok(mark.iter().map(|b| format!("{b:02x}")).collect())
}

/// Writes a file: a temporary beside it, its digest compared, on the disk, renamed.
pub(in crate::tools) async fn write(
    call: &Call,
    actor: &Actor,
    path: &str,
    payload: &Payload,
    how: &Written<'_>,
) -> Result<WriteReply, ToolError> {
    if how.mode.is_some_and(|mode| mode > 0o7777) {
        return Err(ToolError::value("Argument `mode` is out of range.", "Give permission bits; 420 is 0644."));
    }
    for name in [how.owner, how.group].into_iter().flatten() {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-$".contains(&b);
        if name.is_empty() || name.starts_with('-') || !name.bytes().all(plain) {
            return Err(ToolError::value(format!("{name:?} is no account or group name."), "Give a plain name."));
        }
    }
    let mark = mark()?;
    script_or_sftp!(
        actor,
        write_by_script(call, actor, path, payload, how, &mark),
        write_over_sftp(call, actor, path, payload, how, &mark)
    )
}

async fn write_by_script(
    call: &Call,
    actor: &Actor,
    path: &str,
    payload: &Payload,
    how: &Written<'_>,
    mark: &str,
) -> Result<WriteReply, ToolError> {
    let mode = how.mode.map_or_else(|| "keep".to_owned(), |mode| format!("{mode:o}"));
    let digest = sha256(&payload.bytes);
    let length = payload.bytes.len().to_string();
    let stamp = if how.backup { call.utc_now().replace(['-', ':'], "") } else { String::new() };
    let words = [
        &mode,
        &length,
        &digest,
        mark,
        how.expected.unwrap_or_default(),
        &stamp,
        how.owner.unwrap_or_default(),
        how.group.unwrap_or_default(),
    ];
    let arg = PathArg::new(path, Access::Write, Last::MayBeNew);
    let done = actor.on_paths(&[arg], &WRITE, &words, Some(payload.bytes.clone()), |job| job).await?;
    let path = done.path();
    let said = finished(actor, done, "Writing")?;
    let mut reply = WriteReply::of(actor, path.clone(), format!("{length} bytes written"));
    for line in said.lines() {
        match line.split_once(' ') {
            Some(("backup", name)) => {
                let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
                reply.backup_path = Some(format!("{folder}/{name}"));
            }
            Some(("note", text)) => call.warn(format!("The {text}.")),
            _ => {}
        }
    }
    reply.bytes_written = payload.bytes.len() as u64;
    reply.sha256 = Some(digest);
    reply.local_path_written.clone_from(&payload.local);
    Ok(reply)
}

/// What a changing script said, or why it did not do it.
pub(super) fn finished(actor: &Actor, done: OnPaths, doing: &str) -> Result<String, ToolError> {
    let path = done.path();
    let name = match done.output.status {
        Status::Exit(97) => ErrorName::PlatformNotSupported,
        _ => actor.error(ErrorName::WriteError),
    };
    let next = "What was there before is unchanged, unless the message says otherwise; look with ssh_sftp_stat.";
    Ok(done.output.success(name, &format!("{doing} `{path}`"), next)?.stdout_text())
}
