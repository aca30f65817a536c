//! `ssh_guide`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::error::{ErrorName, ToolError};
use crate::model::tier::Group;
use crate::toolkit::guides::{Guide, Kind};
use crate::toolkit::reading::{Asked, Selection};
use crate::toolkit::{Call, Spec, Targets, Tool};

/// The guide of a tool, or a runbook.
#[derive(Debug)]
pub(super) struct ReadGuide;

/// Bytes of the answer that are not the text.
const AROUND: usize = 500;

/// Longest question, in characters.
const QUESTION_MAX: usize = 500;

/// Most guides that a question is answered with.
const MATCHES_MAX: usize = 6;

/// Arguments.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    /// tool or runbook; none lists runbooks
    #[serde(default)]
    name: Option<String>,
    /// what is to be done
    #[serde(default)]
    question: Option<String>,
    /// line of the text to begin with
    #[serde(default)]
    from_line: Option<u64>,
}

/// One text, in a list.
#[derive(Debug, Serialize, JsonSchema)]
struct Match {
    name: String,
    kind: &'static str,
    about: String,
}

/// A text, or what there is.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Reply {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    matches: Option<Vec<Match>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_from_line: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<String>,
    output_warnings: Vec<String>,
}

impl Tool for ReadGuide {
    type Args = Args;
    type Reply = Reply;
    const SPEC: Spec = Spec::read("ssh_guide", Group::Host, "Read the guide of a tool or a runbook, or find one")
        .found_as("Guides and runbooks", "help manual how to instructions documentation steps procedure")
        .local();
    const WHOLE: &'static [&'static str] = &["content"];

    fn hosts(_: &Self::Args) -> Targets {
        Targets::none()
    }

    async fn run(call: &Call, args: Args) -> Result<Reply, ToolError> {
        let empty = Reply {
            name: None,
            kind: None,
            matches: None,
            next_from_line: None,
            content: None,
            output_warnings: Vec::new(),
        };
        let matches = match (&args.name, &args.question) {
            (Some(name), None) => return read(call, name, args.from_line, empty),
            (None, Some(question)) if question.chars().count() > QUESTION_MAX => {
                return Err(ToolError::value(
                    format!("Argument `question`: over {QUESTION_MAX} characters."),
                    "Say in a few words what is to be done.",
                ));
            }
            (None, Some(question)) => call.find_guides(question, MATCHES_MAX),
            (None, None) => call.runbooks(),
            (Some(_), Some(_)) => {
                return Err(ToolError::value(
                    "`name` and `question` are both given.",
                    "Give `name` to read a text, or `question` to find one.",
                ));
            }
        };
        let matches =
            matches.into_iter().map(|guide| Match { kind: word(guide.kind), name: guide.name, about: guide.about });
        Ok(Reply { matches: Some(matches.collect()), ..empty })
    }
}

fn read(call: &Call, name: &str, from_line: Option<u64>, empty: Reply) -> Result<Reply, ToolError> {
    let Some((guide, text)) = call.guide(name)? else {
        let near: Vec<String> = call.find_guides(name, 3).into_iter().map(|guide: Guide| guide.name).collect();
        let near = if near.is_empty() { "nothing is near it".to_owned() } else { format!("near: {}", near.join(", ")) };
        return Err(ToolError::new(
            ErrorName::ValueError,
            format!("There is no guide or runbook {:?}; {near}.", name.chars().take(64).collect::<String>()),
            "Give the name of a tool or a runbook, or a `question`; without both the runbooks are listed.",
        ));
    };
    let asked =
        Asked { from_line, lines: None, tail_lines: None, offset: None, grep: None, context: None, count_only: false };
    let found = Selection::of(&asked)?.select_for(&text, call.answer_bytes().saturating_sub(AROUND));
    Ok(Reply {
        name: Some(guide.name),
        kind: Some(word(guide.kind)),
        next_from_line: found.next_line,
        content: Some(found.text),
        ..empty
    })
}

const fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Guide => "guide",
        Kind::Runbook => "runbook",
    }
}
