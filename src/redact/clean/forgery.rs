//! Text that poses as something else than data: turns of a conversation, and the marks that model protocols use.
//! It is flagged and not changed, for an operator may be looking for just that text.

use std::sync::LazyLock;

use regex::bytes::{Regex, RegexBuilder};

use super::warnings::{Warning, Warnings};

/// Speakers whose name and a colon at the start of a line read as a turn.
const SPEAKERS: [&str; 6] = ["user", "assistant", "system", "human", "ai", "developer"];

/// Marks between angle brackets and bars, ASCII or fullwidth; sentence and instruction marks; turn and tool tags.
static MARKS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let pattern = concat!(
        r"<(?:\||\u{ff5c})[a-z][a-z0-9_\u{2581} /-]{0,60}(?:\||\u{ff5c})>",
        r"|</?s>|\[/?INST\]|\[/?SYSTEM_PROMPT\]|\[/?TOOL_(?:CALLS|RESULTS)\]|<</?SYS>>",
        r"|</?(?:start_of_turn|end_of_turn|tool_call|tool_calls|tool_response|tool_result|tool_results",
        r"|function_call|function_calls|function_result|function_results|system-reminder|system_prompt)(?-u:\b)",
    );
    RegexBuilder::new(pattern).case_insensitive(true).size_limit(4 << 20).build().ok()
});

/// Adds the warnings about the text.
pub(super) fn notice(text: &str, warnings: &mut Warnings) {
    if has_mark(text) {
        warnings.add(Warning::ProtocolMark);
    }
    if text.split('\n').any(is_turn) {
        warnings.add(Warning::ForgedTurn);
    }
}

/// Every mark begins with one of two characters; most text has neither.
fn has_mark(text: &str) -> bool {
    if !text.contains('<') && !text.contains('[') {
        return false;
    }
    // The pattern is a constant that a test builds; were it broken, everything would be flagged.
    MARKS.as_ref().is_none_or(|marks| marks.is_match(text.as_bytes()))
}

/// A speaker, optional spaces and a colon, behind optional indent and the decorations of Markdown.
fn is_turn(line: &str) -> bool {
    let decoration = |c: char| matches!(c, ' ' | '\t' | '#' | '*' | '>' | '_' | '`' | '[' | '<' | '|');
    let line = line.trim_start_matches(decoration);
    if !line.starts_with(|c: char| matches!(c.to_ascii_lowercase(), 'u' | 'a' | 's' | 'h' | 'd')) {
        return false;
    }
    SPEAKERS.iter().any(|speaker| {
        let Some(head) = line.get(..speaker.len()) else { return false };
        let rest = line.get(speaker.len()..).unwrap_or("");
        head.eq_ignore_ascii_case(speaker)
            && rest.trim_start_matches([' ', '\t', '*', '_', '`', ']', '>', '|']).starts_with([':', '\u{ff1a}'])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pattern_builds() {
        assert!(MARKS.is_some());
    }

    #[test]
    fn turns_are_seen_at_line_starts_only() {
        for turn in ["user: x", "  Assistant : x", "### Human: hi", "**System**: x", "AI\u{ff1a}x", "> user:"] {
            assert!(is_turn(turn), "{turn}");
        }
        for other in ["username: x", "the user: x", "system up", "aide: x", "user", "/user: x"] {
            assert!(!is_turn(other), "{other}");
        }
    }

    #[test]
    fn marks_are_seen_in_any_case() {
        for mark in [
            "<|im_start|>",
            "<|IM_END|>",
            "<|endoftext|>",
            "<s>",
            "</S>",
            "[INST]",
            "[/inst]",
            "<|start_header_id|>",
            "<\u{ff5c}User\u{ff5c}>",
            "<tool_call>",
            "</function_results>",
            "<<SYS>>",
            "<start_of_turn>",
        ] {
            assert!(has_mark(&format!("a {mark} b")), "{mark}");
        }
        for other in ["a < b | c > d", "[install]", "<span>", "x <| f |> y", "<strong>", "[INSTALL]"] {
            assert!(!has_mark(other), "{other}");
        }
    }
}
