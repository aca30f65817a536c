//! `ssh_read_redacted`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::actor::{Actor, inline_cap};
use super::download::{Range, fetch};
use crate::model::error::{ErrorName, ToolError};
use crate::model::tier::Group;
use crate::toolkit::redaction::Format;
use crate::toolkit::{Access, Call, Spec, Targets, Tool};

/// Reads a file with its secrets replaced.
#[derive(Debug)]
pub struct ReadRedacted;

/// What the caller takes the file for.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::tools) enum Named {
    Env,
    Yaml,
    Json,
    Ini,
    Generic,
}

/// Arguments.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RedactedArgs {
    /// host alias
    pub(in crate::tools) host: String,
    /// absolute path
    pub(in crate::tools) path: String,
    /// default: by the file's name
    #[serde(default)]
    pub(in crate::tools) format: Option<Named>,
}

/// One replaced secret.
#[derive(Debug, Serialize, JsonSchema)]
struct Replaced {
    key: Option<String>,
    hash: String,
    line: Option<usize>,
    kind: String,
}

/// The text without its secrets.
#[derive(Debug, Serialize, JsonSchema)]
pub struct RedactedReply {
    host: String,
    path: String,
    size_original: u64,
    content: String,
    format_detected: String,
    redactions: Vec<Replaced>,
    truncated: bool,
    output_warnings: Vec<String>,
}

impl Tool for ReadRedacted {
    type Args = RedactedArgs;
    type Reply = RedactedReply;
    const SPEC: Spec =
        Spec::read("ssh_read_redacted", Group::SftpRead, "Read a config file with secrets replaced by hashes")
            .found_as("Read file redacted", "read .env secrets config view safely")
            .more("no argument does; the limit is the operator's SSH_UPLOAD_MAX_FILE_BYTES");
    const WHOLE: &'static [&'static str] = &["content"];

    fn hosts(args: &Self::Args) -> Targets {
        Targets::host(&args.host)
    }

    async fn run(call: &Call, args: RedactedArgs) -> Result<RedactedReply, ToolError> {
        let actor = Actor::login(call.host(&args.host)?);
        redacted(call, &actor, &args).await
    }
}

/// Reads and redacts, as whoever the actor is.
pub(in crate::tools) async fn redacted(
    call: &Call,
    actor: &Actor,
    args: &RedactedArgs,
) -> Result<RedactedReply, ToolError> {
    let redactor = actor.host.redactor()?;
    let cap = inline_cap(call);
    let read = fetch(actor, &args.path, Access::ReadRedacted, &Range::whole(cap)).await?;
    let format = args.format.map(|named| match named {
        Named::Env => Format::Env,
        Named::Yaml => Format::Yaml,
        Named::Json => Format::Json,
        Named::Ini => Format::Ini,
        Named::Generic => Format::Generic,
    });
    let mut reply = RedactedReply {
        host: actor.host.alias().to_owned(),
        path: read.path,
        size_original: read.size,
        content: String::new(),
        format_detected: String::new(),
        redactions: Vec::new(),
        truncated: read.truncated,
        output_warnings: Vec::new(),
    };
    let named = format.unwrap_or_else(|| Format::of_path(Some(&reply.path)));
    reply.format_detected = named.as_str().to_owned();
    if read.truncated {
        call.left_out(format!("all {} bytes, because at most {cap} are redacted at once", read.size), call.spec().more);
        return Ok(reply);
    }
    let redacted = redactor.redact(&read.bytes, Some(&reply.path), format).map_err(|why| {
        ToolError::new(
            actor.error(ErrorName::SFTPError),
            format!("`{}` was read and not delivered: {why}.", reply.path),
            "Only text can be redacted.",
        )
    })?;
    reply.format_detected = redacted.format_detected.as_str().to_owned();
    reply.content = redacted.content;
    reply.output_warnings = redacted.warnings;
    let replaced = redacted.redactions.into_iter();
    reply.redactions = replaced
        .map(|r| Replaced { key: r.key, hash: r.hash, line: r.line, kind: r.kind.as_str().to_owned() })
        .collect();
    Ok(reply)
}
