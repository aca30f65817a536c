//! Cutting a text between characters. The same as `str::floor_char_boundary` and its sibling, which need a newer compiler
//! than `rust-version` asks for.

/// The last boundary at or before an offset; the end of the text for an offset behind it.
pub(crate) fn floor_char_boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// The first boundary at or behind an offset; the end of the text for an offset behind it.
pub(crate) fn ceil_char_boundary(text: &str, at: usize) -> usize {
    (at..text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_character_is_cut() {
        let text = "a\u{e4}\u{1f600}";
        let floors: Vec<usize> = (0..9).map(|at| floor_char_boundary(text, at)).collect();
        assert_eq!(floors, [0, 1, 1, 3, 3, 3, 3, 7, 7]);
        let ceils: Vec<usize> = (0..9).map(|at| ceil_char_boundary(text, at)).collect();
        assert_eq!(ceils, [0, 1, 3, 3, 7, 7, 7, 7, 7]);
        assert_eq!((floor_char_boundary("", 3), ceil_char_boundary("", 3)), (0, 0));
    }
}
