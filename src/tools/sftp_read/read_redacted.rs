//! `ssh_read_redacted`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::content::{fetch, room};
use super::inline::inline_cap;
use super::part::Range;
use crate::model::error::{ErrorName, ToolError};
use crate::model::tier::Group;
use crate::toolkit::reading::{Asked, Selection};
use crate::toolkit::redaction::Format;
use crate::toolkit::{Access, Account, Call, Spec, Targets, Tool};

/// Reads a file with its secrets replaced.
#[derive(Debug)]
pub(super) struct ReadRedacted;

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
pub(crate) struct RedactedArgs {
    /// host alias
    pub(in crate::tools) host: String,
    /// absolute path
    pub(in crate::tools) path: String,
    /// default: by the file's name
    #[serde(default)]
    pub(in crate::tools) format: Option<Named>,
    /// first line, from 1
    #[serde(default)]
    pub(in crate::tools) from_line: Option<u64>,
    /// most lines, or matches
    #[serde(default)]
    pub(in crate::tools) lines: Option<u64>,
    /// only the last lines
    #[serde(default)]
    pub(in crate::tools) tail_lines: Option<u64>,
    /// regular expression
    #[serde(default)]
    pub(in crate::tools) grep: Option<String>,
    /// lines around a match, default 0
    #[serde(default)]
    pub(in crate::tools) context: Option<u64>,
    /// only how many
    #[serde(default)]
    pub(in crate::tools) count_only: bool,
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
pub(crate) struct RedactedReply {
    host: String,
    path: String,
    size_original: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    lines_total: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    matches: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_from_line: Option<u64>,
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
            .large_answers()
            .more("no argument does; the limit is the operator's SSH_UPLOAD_MAX_FILE_BYTES");
    const WHOLE: &'static [&'static str] = &["content"];

    fn hosts(args: &Self::Args) -> Targets {
        Targets::host(&args.host)
    }

    async fn run(call: &Call, args: RedactedArgs) -> Result<RedactedReply, ToolError> {
        let actor = Account::login(call.host(&args.host)?);
        redacted(call, &actor, &args).await
    }
}

impl RedactedReply {
    /// Takes what was asked for out of the redacted text. A secret may reach over lines, so the whole file is redacted.
    fn select(&mut self, call: &Call, selection: &Selection, asked: &Asked<'_>, text: &str) {
        let sized = asked.lines.is_some() || asked.tail_lines.is_some();
        // The replacements have a part of the room.
        let room = room(call) - room(call) / 16;
        let found = if sized { selection.select(text, usize::MAX) } else { selection.select_for(text, room) };
        self.matches = found.matches;
        self.next_from_line = found.next_line;
        if asked.is_a_part() || found.next_line.is_some() || found.next_offset.is_some() {
            self.lines_total = Some(found.lines_total);
        }
        if found.next_offset.is_some() {
            call.left_out("what follows of a line that is longer than an answer", "no argument brings it");
        }
        self.truncated = found.next_line.is_some() && !sized || found.next_offset.is_some();
        self.content = found.text;
    }
}

/// Reads and redacts, as whoever the actor is.
pub(in crate::tools) async fn redacted(
    call: &Call,
    actor: &Account,
    args: &RedactedArgs,
) -> Result<RedactedReply, ToolError> {
    let asked = Asked {
        from_line: args.from_line,
        lines: args.lines,
        tail_lines: args.tail_lines,
        offset: None,
        grep: args.grep.as_deref(),
        context: args.context,
        count_only: args.count_only,
    };
    let selection = Selection::of(&asked)?;
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
        lines_total: None,
        matches: None,
        next_from_line: None,
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
    let mut secrets: Vec<(Zeroizing<String>, String)> = Vec::new();
    let mut tell = |value: &str, mark: &str| secrets.push((Zeroizing::new(value.to_owned()), mark.to_owned()));
    let redacted = redactor.redact_telling(&read.bytes, Some(&reply.path), format, &mut tell).map_err(|why| {
        ToolError::new(
            actor.error(ErrorName::SFTPError),
            format!("`{}` was read and not delivered: {why}.", reply.path),
            "Only text can be redacted.",
        )
    })?;
    actor.host.remember(secrets.iter().map(|(value, mark)| (value.as_str(), mark.as_str())));
    reply.format_detected = redacted.format_detected.as_str().to_owned();
    reply.select(call, &selection, &asked, &redacted.content);
    reply.output_warnings = redacted.warnings;
    // Only those of the lines that are shown.
    let replaced = redacted.redactions.into_iter().filter(|r| reply.content.contains(&r.hash));
    reply.redactions = replaced
        .map(|r| Replaced { key: r.key, hash: r.hash, line: r.line, kind: r.kind.as_str().to_owned() })
        .collect();
    Ok(reply)
}
