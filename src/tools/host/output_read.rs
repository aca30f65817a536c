//! `ssh_output_read`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::error::{ErrorName, ToolError};
use crate::model::tier::Group;
use crate::toolkit::kept::Part;
use crate::toolkit::reading::{Asked, Selection};
use crate::toolkit::{Call, Spec, Targets, Tool};

/// What an answer has left out.
#[derive(Debug)]
pub(super) struct OutputRead;

/// Bytes of the answer that are not the text.
const AROUND: usize = 600;

/// Its arguments.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    /// from the answer that left something out
    output_id: String,
    /// from its left_out, such as stdout
    #[serde(default)]
    stream: Option<String>,
    /// first line, from 1
    #[serde(default)]
    from_line: Option<u64>,
    /// most lines, or matches
    #[serde(default)]
    lines: Option<u64>,
    /// only the last lines
    #[serde(default)]
    tail_lines: Option<u64>,
    /// first byte, from 0
    #[serde(default)]
    offset: Option<u64>,
    /// regular expression
    #[serde(default)]
    grep: Option<String>,
    /// lines around a match, default 0
    #[serde(default)]
    context: Option<u64>,
    /// only how many
    #[serde(default)]
    count_only: bool,
}

/// One stream or list that is kept.
#[derive(Debug, Serialize, JsonSchema)]
struct Kept {
    stream: String,
    bytes: usize,
}

/// The part that was asked for.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Reply {
    output_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    streams: Vec<Kept>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes_total: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lines_total: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    matches: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_from_line: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_offset: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<String>,
    output_warnings: Vec<String>,
}

impl Tool for OutputRead {
    type Args = Args;
    type Reply = Reply;
    const SPEC: Spec =
        Spec::read("ssh_output_read", Group::Host, "Read what an earlier answer left out, by line or pattern")
            .found_as("Read the rest of an output", "more output truncated cut lines tail grep search page")
            .local();
    const WHOLE: &'static [&'static str] = &["content"];

    fn hosts(args: &Self::Args) -> Targets {
        Targets::output(&args.output_id)
    }

    async fn run(call: &Call, args: Args) -> Result<Reply, ToolError> {
        let selection = Selection::of(&Asked {
            from_line: args.from_line,
            lines: args.lines,
            tail_lines: args.tail_lines,
            offset: args.offset,
            grep: args.grep.as_deref(),
            context: args.context,
            count_only: args.count_only,
        })?;
        let outputs = call.outputs();
        let gone = || {
            ToolError::value(
                format!("No output is kept as {:?}.", args.output_id.chars().take(64).collect::<String>()),
                "Give the output_id of an answer of the last hour, or make the call again that had it.",
            )
        };
        let parts = outputs.parts(&args.output_id).ok_or_else(gone)?;
        let mut reply = Reply {
            output_id: args.output_id.clone(),
            stream: None,
            streams: Vec::new(),
            bytes_total: None,
            lines_total: None,
            matches: None,
            next_from_line: None,
            next_offset: None,
            content: None,
            output_warnings: Vec::new(),
        };
        let Some(part) = chosen(&parts, args.stream.as_deref())? else {
            let named = parts.into_iter().map(|part| Kept { stream: part.stream, bytes: part.bytes });
            return Ok(Reply { streams: named.collect(), ..reply });
        };
        let text = outputs.read(&args.output_id, part).ok_or_else(gone)?.map_err(|error| {
            ToolError::new(
                ErrorName::InternalError,
                format!("The kept output cannot be read: {error}."),
                "Make the call again that had it.",
            )
        })?;
        if part.cut {
            call.warn("Only the first 64 MiB of this output are kept.");
        }
        if part.gap {
            call.warn(
                "The middle of this output was never captured (SSH_STDOUT_CAP_BYTES, SSH_STDERR_CAP_BYTES); lines behind the \
                 gap are counted without it.",
            );
        }
        let found = selection.select_for(&text, call.answer_bytes().saturating_sub(AROUND));
        reply.stream = Some(part.stream.clone());
        reply.bytes_total = Some(part.bytes);
        reply.lines_total = Some(found.lines_total);
        reply.matches = found.matches;
        reply.next_from_line = found.next_line;
        reply.next_offset = found.next_offset;
        reply.content = (!args.count_only).then_some(found.text);
        Ok(reply)
    }
}

/// The part of this name, or the only one there is.
fn chosen<'p>(parts: &'p [Part], stream: Option<&str>) -> Result<Option<&'p Part>, ToolError> {
    match (stream, parts) {
        (None, [only]) => Ok(Some(only)),
        (None, _) => Ok(None),
        (Some(stream), _) => parts.iter().find(|part| part.stream == stream).map(Some).ok_or_else(|| {
            let names: Vec<&str> = parts.iter().take(20).map(|part| part.stream.as_str()).collect();
            ToolError::value(
                format!("Argument `stream`: {:?} was not left out.", stream.chars().take(64).collect::<String>()),
                format!("Kept of this answer: {}.", names.join(", ")),
            )
        }),
    }
}
