//! The known word nearest to an unknown one.

/// The nearest of `known`, in any case, when it is near enough to be a misspelling: at most one edit for each four
/// characters, and always at least one and at most three.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let given: Vec<char> = word.to_lowercase().chars().collect();
    let limit = (given.len() / 4).clamp(1, 3);
    known
        .into_iter()
        .filter_map(|k| {
            let target: Vec<char> = k.to_lowercase().chars().collect();
            if target.len().abs_diff(given.len()) > limit {
                return None;
            }
            Some((distance(&given, &target), k)).filter(|(d, _)| *d <= limit)
        })
        .min_by_key(|(d, _)| *d)
        .map(|(_, k)| k)
}

/// Edits between two words: insert, delete, replace, or swap of neighbours (optimal string alignment).
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    let mut previous_a = None;
    for (i, &ca) in a.iter().enumerate() {
        let mut row = Vec::with_capacity(b.len() + 1);
        row.push(i + 1);
        let mut previous_b = None;
        for (j, &cb) in b.iter().enumerate() {
            let at = |cells: &[usize], index: usize| cells.get(index).copied().unwrap_or(usize::MAX / 2);
            let mut best = (at(&above, j + 1) + 1).min(at(&row, j) + 1).min(at(&above, j) + usize::from(ca != cb));
            if j > 0 && previous_a == Some(cb) && previous_b == Some(ca) {
                best = best.min(at(&before, j - 1) + 1);
            }
            row.push(best);
            previous_b = Some(cb);
        }
        before = std::mem::replace(&mut above, row);
        previous_a = Some(ca);
    }
    above.last().copied().unwrap_or(0)
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

    #[test]
    fn counts_a_swap_as_one_edit() {
        let chars = |s: &str| s.chars().collect::<Vec<_>>();
        assert_eq!(distance(&chars("usre"), &chars("user")), 1);
        assert_eq!(distance(&chars("kitten"), &chars("sitting")), 3);
        assert_eq!(distance(&chars(""), &chars("abc")), 3);
    }
}
