//! A whole file in place of another, or new.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use super::over_sftp::write_over_sftp;
use super::payload::Payload;
use crate::model::account::is_account_name;
use crate::model::error::{ErrorName, ToolError};
use crate::model::hex::random_mark;
use crate::model::mode::Mode;
use crate::model::remote_path::RemotePath;
use crate::model::tier::Tier;
use crate::toolkit::{
    Access, Account, AllowedPath, Call, Input, Last, OnPaths, PathArg, PathEntry, Script, SftpName, Status,
};
use crate::tools::script_or_sftp;

const WRITE: Script = Script::new(concat!(
    include_str!("put.sh"),
    include_str!("sum.sh"),
    include_str!("kept.sh"),
    include_str!("temporary.sh"),
    include_str!("write.sh")
));

/// Time limit of a streamed transfer; it ends earlier with the call.
pub(super) const TRANSFER_LIMIT: Duration = Duration::from_secs(86_400);

/// The answer of a tool that changes a file.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub(crate) struct WriteReply {
    pub(in crate::tools) host: String,
    pub(in crate::tools) path: String,
    pub(in crate::tools) success: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::tools) bytes_written: Option<u64>,
    pub(in crate::tools) message: Option<String>,
    pub(in crate::tools) local_path_written: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::tools) backup_path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::tools) sha256: Option<String>,
    /// Permission bits that it has now, octal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::tools) mode: Option<String>,
    /// The old file itself was written into, which is not done at one moment.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(in crate::tools) in_place: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::tools) diff: Option<String>,
    pub(in crate::tools) output_warnings: Vec<String>,
}

impl WriteReply {
    /// The answer about one path.
    pub(in crate::tools) fn of(actor: &Account, path: String, message: impl Into<String>) -> Self {
        let host = actor.host.alias().to_owned();
        let (bytes_written, message) = (Some(0), Some(message.into()));
        WriteReply { host, path, success: true, bytes_written, message, ..WriteReply::default() }
    }

    /// Shows the permission bits that the host tells, in octal, and names set-id bits.
    pub(in crate::tools) fn has_mode(&mut self, call: &Call, octal: &str) {
        let Ok(bits) = u32::from_str_radix(octal.trim(), 8) else { return };
        let mode = Mode::of(bits);
        if let Some(name) = mode.set_id() {
            call.warn(format!("`{}` has the mode {mode}: {name}.", self.path));
        }
        self.mode = Some(mode.to_string());
    }
}

/// How a file is written.
#[derive(Debug, Default)]
pub(in crate::tools) struct Written<'a> {
    /// Permission bits; without them those of the old file, or those of a new one.
    pub mode: Option<Mode>,
    /// Permission bits of a new file; without them 0644.
    pub fresh: Option<u32>,
    /// The argument's name, for messages, where it is not `path`.
    pub field: Option<&'static str>,
    /// The digest that the old file must have, or `new`.
    pub expected: Option<&'a str>,
    /// Keep the old file under another name.
    pub backup: bool,
    /// The account the file shall belong to.
    pub owner: Option<&'a str>,
    /// The group likewise.
    pub group: Option<&'a str>,
    /// Set-user-id and set-group-id bits may stay or be set.
    pub setid: bool,
    /// How an old file is replaced.
    pub old: Old,
    /// It is changed by what is shown of it, redacted where it is redact-listed.
    pub(crate) revised: bool,
}

impl Written<'_> {
    const fn access(&self) -> Access {
        if self.revised { Access::Revise } else { Access::Write }
    }
}

/// How an old file is replaced.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::tools) struct Old {
    /// It is written into: no name changes hands, and a reader may see a part.
    pub in_place: bool,
    /// Attributes of it that cannot be kept may be lost.
    pub accept_loss: bool,
}

impl Old {
    /// The word of the script.
    pub(super) const fn word(self) -> &'static str {
        match (self.in_place, self.accept_loss) {
            (false, false) => "-",
            (true, false) => "i",
            (false, true) => "l",
            (true, true) => "il",
        }
    }
}

/// A digest argument.
pub(in crate::tools) fn check_digest(digest: Option<&str>) -> Result<(), ToolError> {
    match digest {
        Some(text) if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) => {
            Err(ToolError::value(
                "Argument `expected_sha256` is not a digest.",
                "Give 64 lowercase hexadecimal digits.",
            ))
        }
        _ => Ok(()),
    }
}

/// The bits that let a program run as its owner or its group.
pub(super) const SET_ID: u32 = 0o6000;

/// Permission bits of a call: set-id bits need the sudo tier and the call's own word for them.
pub(in crate::tools) fn check_mode(call: &Call, mode: Option<Mode>, allow_setid: bool) -> Result<(), ToolError> {
    let open = call.snapshot().visibility.opens(Tier::Sudo);
    if allow_setid && !open {
        return Err(ToolError::new(
            ErrorName::TierNotAllowed,
            "Argument `allow_setid` needs the sudo tier, which is closed.",
            "Leave it out, and give a mode without set-id bits.",
        ));
    }
    if let Some((mode, bits)) = mode.and_then(|mode| Some((mode, mode.set_id()?)))
        && !allow_setid
    {
        return Err(ToolError::value(
            format!("Argument `mode`: {mode} has set-id bits ({bits}), which are refused."),
            "Give a mode without them (the first of four octal digits 0 or 1). With the sudo tier open, `allow_setid` true \
             permits them.",
        ));
    }
    Ok(())
}

/// The mark of a temporary file.
pub(super) fn mark() -> Result<String, ToolError> {
    random_mark::<8>()
}

/// Writes a file: a temporary beside it, its digest compared, on the disk, renamed.
pub(in crate::tools) async fn write(
    call: &Call,
    actor: &Account,
    path: &str,
    payload: &Payload,
    how: &Written<'_>,
) -> Result<WriteReply, ToolError> {
    check_mode(call, how.mode, how.setid)?;
    for name in [how.owner, how.group].into_iter().flatten() {
        if !is_account_name(name) {
            return Err(ToolError::value(
                format!("{name:?} is not an account or group name."),
                "Give a name such as `www-data`, `svc@corp.example` or `CORP\\it ops`, or a number.",
            ));
        }
    }
    let order = Order { call, actor, path, payload, how, mark: &mark()? };
    script_or_sftp!(actor, write_by_script(&order), write_over_sftp(&order))
}

/// A write that is about to be done, by a script or over SFTP.
pub(super) struct Order<'a> {
    pub call: &'a Call,
    pub actor: &'a Account,
    pub path: &'a str,
    pub payload: &'a Payload,
    pub how: &'a Written<'a>,
    /// Ends the name of the temporary.
    pub mark: &'a str,
}

impl<'a> Order<'a> {
    /// The path argument.
    pub(super) fn arg(&self) -> PathArg<'a> {
        PathArg::new(self.path, self.how.access(), Last::MayBeNew).named(self.how.field.unwrap_or("path"))
    }

    /// What the name of a backup ends in after `.bak-`.
    pub(super) fn stamp(&self) -> String {
        self.call.utc_now().replace(['-', ':'], "")
    }
}

async fn write_by_script(order: &Order<'_>) -> Result<WriteReply, ToolError> {
    let Order { call, actor, payload, how, mark, .. } = *order;
    let mode = match how.mode {
        Some(mode) => mode.to_string(),
        None => format!("{}{:o}", if how.setid { "keep+" } else { "keep" }, how.fresh.unwrap_or(0o644)),
    };
    let length = payload.len.to_string();
    let stamp = if how.backup { order.stamp() } else { String::new() };
    let words = [
        &mode,
        &length,
        payload.digest.word(),
        mark,
        how.expected.unwrap_or_default(),
        &stamp,
        how.owner.unwrap_or_default(),
        how.group.unwrap_or_default(),
        how.old.word(),
    ];
    let arg = order.arg();
    let check = |paths: &[AllowedPath]| {
        if how.backup { paths.iter().try_for_each(|path| backup_allowed(actor, path, how.access())) } else { Ok(()) }
    };
    let limit = matches!(payload.input, Input::Stream(_)).then_some(TRANSFER_LIMIT);
    let done = actor
        .on_paths(&[arg])
        .checked(check)
        .words(&words)
        .data(payload.input.clone())
        .shaped(|job| job.timeout(limit))
        .run(&WRITE)
        .await?;
    let (path, own) = (done.path(), done.paths.first().map(|path| path.path().clone()));
    if let Some(fault) = payload.digest.fault() {
        return Err(ToolError::new(
            ErrorName::LocalPathPolicyError,
            format!(
                "`{}` could not be read to its end: {fault}.",
                payload.local.as_deref().unwrap_or("the local file")
            ),
            "Nothing was changed on the host. Look at the local file.",
        ));
    }
    let said = finished(actor, done, "Writing")?;
    let mut reply = WriteReply::of(actor, path.clone(), format!("{length} bytes written"));
    for line in said.lines() {
        match line.split_once(' ') {
            Some(("backup", end)) => reply.backup_path = backup(own.as_ref(), end),
            Some(("note", text)) => call.warn(format!("The {text}.")),
            Some(("mode", octal)) => reply.has_mode(call, octal),
            None if line == "in_place" => {
                reply.in_place = true;
                reply.message = Some(format!("{length} bytes written into the file itself, which is not atomic"));
            }
            _ => {}
        }
    }
    reply.bytes_written = Some(payload.len);
    reply.sha256 = payload.digest.value();
    Ok(reply)
}

/// The path of a backup, whose name is the file's own with this end.
fn backup(own: Option<&RemotePath>, end: &str) -> Option<String> {
    let own = own?;
    own.folder().join(&format!("{}{end}", own.leaf())).ok().map(|path| path.to_string())
}

/// Judges the name that a backup will get. A copy under a name that the redact list does not know would give its content
/// away later.
pub(super) fn backup_allowed<P: SftpName>(
    actor: &Account,
    path: &AllowedPath<P>,
    access: Access,
) -> Result<(), ToolError> {
    let (rules, own) = (actor.rules(), path.path());
    let Some(backup) = own.folder().below(&format!("{}.bak-00000000T000000Z", own.name())) else { return Ok(()) };
    rules.judge(&backup, access).map_err(|mut error| {
        error.what = format!("The backup: {}", error.what);
        error
    })?;
    if rules.entry(own) == PathEntry::RedactListed && rules.entry(&backup) != PathEntry::RedactListed {
        return Err(ToolError::new(
            ErrorName::RedactBypassBlocked,
            format!("A backup of the redact-listed `{own}` would not be redact-listed itself."),
            "Call with backup false, or ask the operator to redact-list its `.bak-*` names as well.",
        ));
    }
    Ok(())
}

/// What a changing script said, or why it did not do it.
pub(super) fn finished(actor: &Account, done: OnPaths, doing: &str) -> Result<String, ToolError> {
    let path = done.path();
    let name = match done.output.status {
        Status::Exit(97) => ErrorName::PlatformNotSupported,
        _ => actor.error(ErrorName::WriteError),
    };
    let next = "What was there before is unchanged, unless the message says otherwise; look with ssh_sftp_stat.";
    Ok(done.output.success(name, &format!("{doing} `{path}`"), next)?.stdout_text())
}
