//! What is known of clients: which form of an answer reaches their model, and how much of it.

use crate::config::kind::AnswerForm;
use crate::toolkit::dispatch::backend::ClientName;

/// A client that is known, by a part of the name that it gives itself.
struct Known {
    part: &'static str,
    /// What its model is shown.
    form: AnswerForm,
    /// Most bytes of one answer that its model is shown.
    max_bytes: Option<usize>,
}

/// What was measured with the clients themselves. Some show the text only; some show both, so that their model reads the
/// same twice; Codex cuts the middle out of what is over 10 KiB.
const KNOWN: &[Known] = &[
    Known { part: "codex", form: AnswerForm::Both, max_bytes: Some(9000) },
    Known { part: "gemini", form: AnswerForm::Text, max_bytes: None },
    Known { part: "opencode", form: AnswerForm::Text, max_bytes: None },
    Known { part: "qwen", form: AnswerForm::Text, max_bytes: None },
    Known { part: "copilot", form: AnswerForm::Text, max_bytes: None },
    Known { part: "cline", form: AnswerForm::Text, max_bytes: None },
];

/// Revisions of the protocol that know no structured answers.
const TEXT_ONLY: &[&str] = &["2024-11-05", "2025-03-26"];

fn known(client: Option<&ClientName>) -> Option<&'static Known> {
    let name = client?.name.to_ascii_lowercase();
    KNOWN.iter().find(|known| name.contains(known.part))
}

/// The form for a client: what its revision of the protocol knows, then what the operator set, then what is known of it.
pub(crate) fn form(set: Option<AnswerForm>, client: Option<&ClientName>, revision: Option<&str>) -> AnswerForm {
    if revision.is_some_and(|revision| TEXT_ONLY.contains(&revision)) {
        return AnswerForm::Text;
    }
    set.or_else(|| known(client).map(|known| known.form)).unwrap_or(AnswerForm::Both)
}

/// Most bytes of one answer for a client: the operator's limit, lowered to what the client is known to show.
pub(crate) fn max_bytes(set: u64, client: Option<&ClientName>) -> usize {
    let set = usize::try_from(set).unwrap_or(usize::MAX);
    known(client).and_then(|known| known.max_bytes).map_or(set, |max| max.min(set))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> ClientName {
        ClientName { name: name.to_owned(), version: "1".to_owned() }
    }

    #[test]
    fn the_form_follows_revision_setting_and_client() {
        let (gemini, claude) = (named("gemini-cli-mcp-client"), named("claude-code"));
        let of = |set, client, revision| form(set, client, Some(revision));
        assert_eq!(of(None, None, "2025-11-25"), AnswerForm::Both);
        assert_eq!(of(None, Some(&gemini), "2025-11-25"), AnswerForm::Text);
        assert_eq!(of(Some(AnswerForm::Both), Some(&gemini), "2025-11-25"), AnswerForm::Both);
        assert_eq!(of(Some(AnswerForm::Structured), None, "2025-03-26"), AnswerForm::Text);
        assert_eq!(of(None, Some(&claude), "2024-11-05"), AnswerForm::Text);
        assert_eq!(of(Some(AnswerForm::Structured), None, "2026-07-28"), AnswerForm::Structured);
    }

    #[test]
    fn the_size_is_the_operators_or_less() {
        let codex = named("codex-mcp-client");
        assert_eq!(max_bytes(32_768, None), 32_768);
        assert_eq!(max_bytes(32_768, Some(&codex)), 9000);
        assert_eq!(max_bytes(5000, Some(&codex)), 5000);
    }
}
