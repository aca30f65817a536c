//! `ssh_sudo_read_redacted`.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::model::error::ToolError;
use crate::model::tier::Group;
use crate::toolkit::{Account, Call, Spec, Targets, Tool};
use crate::tools::sftp_read::{Named, RedactedArgs, RedactedReply, redacted};

/// Reads a file as root with its secrets replaced.
#[derive(Debug)]
pub(super) struct SudoReadRedacted;

/// Arguments.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    /// host alias
    host: String,
    /// absolute path
    path: String,
    /// default: by the file's name
    #[serde(default)]
    format: Option<Named>,
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
    /// also files with further names
    #[serde(default)]
    allow_hard_links: bool,
}

impl Tool for SudoReadRedacted {
    type Args = Args;
    type Reply = RedactedReply;
    const SPEC: Spec =
        Spec::sudo("ssh_sudo_read_redacted", Group::Sudo, "Read a file as root with secrets replaced by hashes")
            .looks_only()
            .found_as("Read file redacted as root", "sudo read secrets shadow config safely")
            .large_answers()
            .more("no argument does; the limit is the operator's SSH_UPLOAD_MAX_FILE_BYTES");
    const WHOLE: &'static [&'static str] = &["content"];

    fn hosts(args: &Self::Args) -> Targets {
        Targets::host(&args.host)
    }

    async fn run(call: &Call, args: Args) -> Result<RedactedReply, ToolError> {
        let actor = Account::root(call, call.host(&args.host)?).await?.with_hard_links(args.allow_hard_links);
        let args = RedactedArgs {
            host: args.host,
            path: args.path,
            format: args.format,
            from_line: args.from_line,
            lines: args.lines,
            tail_lines: args.tail_lines,
            grep: args.grep,
            context: args.context,
            count_only: args.count_only,
        };
        redacted(call, &actor, &args).await
    }
}
