//! Relative links that are moved or copied into another folder: each is judged by where it leads from there.

use crate::model::error::{ErrorName, ToolError};
use crate::model::file_name;
use crate::model::remote_path::RemotePath;

use crate::toolkit::{Access, Account, OnPaths, PathPolicy};

/// Status of a script that met links which were not judged yet. It did nothing.
pub(super) const UNJUDGED: i32 = 85;

/// How often links may turn out to be others before the call gives up.
pub(super) const ROUNDS: usize = 4;

/// Most bytes that a script tells of links, as it counts them.
const TOLD_MAX: usize = 65_536;

/// Judges the links that a script told, and gives back what it is to be told next.
pub(super) fn judge(actor: &Account, done: &OnPaths, round: usize, doing: &str) -> Result<String, ToolError> {
    let told = file_name::carried(&done.output.stdout);
    let place = done.paths.last().map(|path| path.path().clone());
    if done.output.stdout.len() >= TOLD_MAX {
        return Err(ToolError::value(
            "Too many relative links with `..` would be carried to another folder.",
            "Move or copy a part of it.",
        ));
    }
    if round >= ROUNDS {
        return Err(changing());
    }
    let rules = actor.rules();
    for line in told.lines() {
        leads(line, &rules, place.as_ref(), doing, &done.path())?;
    }
    // As the shell's `$( )` keeps it.
    Ok(told.trim_end_matches('\n').to_owned())
}

/// One line: the name of a link below the source, empty for the source itself, and where it leads from its new place.
fn leads(
    line: &str,
    rules: &PathPolicy,
    place: Option<&RemotePath>,
    doing: &str,
    source: &str,
) -> Result<(), ToolError> {
    let (name, real) = line.split_once("/./").unwrap_or((line, "?"));
    let named = format!("{source}{}", file_name::shown(name.strip_prefix('.').unwrap_or(name)));
    let refused = |name: ErrorName, why: &str| {
        let place = place.map(ToString::to_string).unwrap_or_default();
        ToolError::new(
            name,
            format!("{doing} `{source}` is refused: the relative link `{named}` {why} from `{place}`."),
            "Leave the link where it is and make a new one with ssh_link.",
        )
    };
    // What holds a line end was folded, and is not a place of that name.
    match RemotePath::of_carried(real).ok().filter(|real| !real.as_str().contains('\u{1}')) {
        Some(real) => match rules.judge_followed(&real, Access::Read) {
            Ok(_) => Ok(()),
            Err(error) => Err(refused(error.name, "would lead to what is closed to this tool")),
        },
        None => Err(refused(ErrorName::PathNotAllowed, "would lead to a place that cannot be determined")),
    }
}

pub(super) fn changing() -> ToolError {
    ToolError::new(
        ErrorName::RuntimeError,
        "The links kept changing while they were judged. Nothing was done.",
        "Call again once nothing writes them.",
    )
}
