//! What the scripts of a project answer, read, and how its files are asked for. Pure.

use crate::model::error::ToolError;
use crate::model::remote_path::RemotePath;
use crate::toolkit::docker::compose::files::{Kind, Reference};
use crate::toolkit::{Access, Last, Output, PathArg, Status};

use super::project::NAMES_FILES;

/// What `read.sh` printed of one file: nothing where there is none.
pub(super) fn taken(answer: &str) -> Option<String> {
    answer.strip_prefix("there\n").map(str::to_owned)
}

/// The name of a project that gives none: docker-compose 1.29 and podman-compose keep these letters of its folder's name.
pub(super) fn default_name(dir: &RemotePath) -> String {
    let kept = |c: &char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
    dir.leaf().to_lowercase().chars().filter(kept).collect()
}

pub(super) fn variables_arg(path: &str) -> PathArg<'_> {
    PathArg::new(path, Access::ReadRedacted, Last::MayBeNew).named("compose_file").carried()
}

pub(super) fn reference_arg(reference: &Reference) -> PathArg<'_> {
    let (access, last) = match reference.kind {
        Kind::Compose => (Access::Read, Last::Follow),
        // Their values reach containers and redacted answers only.
        Kind::Values | Kind::Beside => (Access::ReadRedacted, Last::MayBeNew),
    };
    PathArg::new(reference.path.as_str(), access, last).named("compose_file").carried()
}

pub(super) fn unfit(path: &str, why: &str) -> ToolError {
    ToolError::value(
        format!("The compose file `{path}` cannot be judged: {why}."),
        "Write it as UTF-8 text that the login account may read, at most 4 MiB.",
    )
}

pub(super) fn text_of(output: &Output, path: &str) -> Result<String, ToolError> {
    match (&output.status, std::str::from_utf8(&output.stdout)) {
        _ if output.stdout_truncated => Err(unfit(path, "it is too large")),
        (Status::Exit(0 | NAMES_FILES), Ok(text)) if !text.contains('\0') => Ok(text.to_owned()),
        (Status::Exit(0 | NAMES_FILES), _) => Err(unfit(path, "it, or a file that it names, is not UTF-8 text")),
        _ => Err(unfit(path, "it cannot be read")),
    }
}

/// A text without the name of the private folder of `receive.sh`.
pub(super) fn without_folder(text: &str) -> String {
    const NAME: &str = "/ssh-mcp.";
    const SUFFIX: usize = 8;
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(NAME) {
        let (before, found) = rest.split_at(at);
        let after = found.get(NAME.len()..).unwrap_or_default();
        let suffix = after.bytes().take_while(u8::is_ascii_alphanumeric).count();
        let start = before.rfind(|c: char| !(c.is_ascii_alphanumeric() || "/._-".contains(c))).map_or(0, |at| at + 1);
        let start = if before.is_char_boundary(start) { start } else { before.len() };
        if suffix == SUFFIX {
            out.push_str(before.get(..start).unwrap_or_default());
            rest = after.get(SUFFIX..).unwrap_or_default();
        } else {
            out.push_str(before);
            out.push_str(NAME);
            rest = after;
        }
    }
    out.push_str(rest);
    out
}

/// Takes the first line off an output.
pub(super) fn take_line(stdout: &mut Vec<u8>) -> String {
    let end = stdout.iter().position(|b| *b == b'\n').map_or(stdout.len(), |at| at + 1);
    let line: Vec<u8> = stdout.drain(..end).collect();
    String::from_utf8_lossy(&line).trim_end().to_owned()
}
