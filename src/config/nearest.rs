//! The known word nearest to an unknown one.

/// The nearest of `known`, in any case, when it is near enough to be a misspelling: at most one edit for each four
/// characters, and always at least one and at most three.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let given = word.to_lowercase();
    let limit = (given.chars().count() / 4).clamp(1, 3);
    known
        .into_iter()
        // A swap of neighbours is one edit: that is how most people misspell.
        .map(|candidate| (strsim::osa_distance(&given, &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_misspellings_and_nothing_else() {
        let known = ["path_allowlist", "user", "port", "proxy_jump", "notes"];
        for (word, want) in [
            ("path_alowlist", Some("path_allowlist")),
            ("usre", Some("user")),
            ("PORT", Some("port")),
            ("proxyjump", Some("proxy_jump")),
            ("note", Some("notes")),
            ("colour", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, known), want, "{word}");
        }
    }
}
