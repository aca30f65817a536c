//! `ssh_sudo_read`.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::model::error::ToolError;
use crate::model::tier::Group;
use crate::toolkit::reading::Asked;
use crate::toolkit::{Account, Call, Spec, Targets, Tool};
use crate::tools::sftp_read::{Asking, Content, Range, content, inline_cap, room};

/// Reads a file as root.
#[derive(Debug)]
pub(super) struct SudoRead;

/// Arguments.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    /// host alias
    host: String,
    /// absolute path
    path: String,
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
    /// also files with further names
    #[serde(default)]
    allow_hard_links: bool,
}

const fn yes() -> bool {
    true
}

impl Tool for SudoRead {
    type Args = Args;
    type Reply = Content;
    const SPEC: Spec = Spec::sudo("ssh_sudo_read", Group::Sudo, "Read a file as root")
        .looks_only()
        .found_as("Read a file as root", "sudo cat /etc log permission denied")
        .large_answers()
        .more("`tail_lines`, `offset` and `max_bytes` read parts of it");
    const WHOLE: &'static [&'static str] = &["content_text", "content_base64"];

    fn hosts(args: &Self::Args) -> Targets {
        Targets::host(&args.host)
    }

    async fn run(call: &Call, args: Args) -> Result<Content, ToolError> {
        let lines = Asked {
            from_line: args.from_line,
            lines: args.lines,
            tail_lines: args.tail_lines,
            offset: args.offset,
            grep: args.grep.as_deref(),
            context: args.context,
            count_only: args.count_only,
        };
        let asking = Asking { lines, max_bytes: args.max_bytes };
        let range = Range::of(&asking, inline_cap(call), room(call) as u64)?;
        let actor = Account::root(call, call.host(&args.host)?).await?.with_hard_links(args.allow_hard_links);
        content(call, &actor, &args.path, &range, args.as_text).await
    }
}
