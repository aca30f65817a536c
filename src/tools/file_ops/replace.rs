//! Replacing text inside bytes, and showing what changed.

use similar::TextDiff;

use crate::model::error::{ErrorName, ToolError};

/// Closes every refusal.
pub(super) const NOTHING: &str = "Nothing was changed.";

/// A refusal.
pub(super) fn refused(what: String, next: &str) -> ToolError {
    ToolError::new(ErrorName::WriteError, what, next)
}

/// Most characters of a diff in an answer.
const DIFF_MAX: usize = 60_000;

/// Longest search for the smallest diff; after it a larger one is shown.
const DIFF_TIME: std::time::Duration = std::time::Duration::from_millis(500);

/// Where a text occurs, without overlap.
pub(super) fn places(bytes: &[u8], wanted: &[u8]) -> Vec<usize> {
    if wanted.is_empty() { Vec::new() } else { memchr::memmem::find_iter(bytes, wanted).collect() }
}

/// The bytes with each of the places replaced.
pub(super) fn replaced(bytes: &[u8], places: &[usize], old_len: usize, new: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + places.len() * new.len());
    let mut from = 0;
    for &at in places {
        out.extend_from_slice(bytes.get(from..at).unwrap_or_default());
        out.extend_from_slice(new);
        from = at + old_len;
    }
    out.extend_from_slice(bytes.get(from..).unwrap_or_default());
    out
}

/// The line, from 1, that is most like the first line that is not blank of a text that was not found.
pub(super) fn nearest(bytes: &[u8], wanted: &str) -> Option<(usize, String)> {
    let key = wanted.lines().map(str::trim).find(|line| !line.is_empty())?;
    let text = String::from_utf8_lossy(bytes);
    let score = |line: &str| {
        let line = line.trim();
        if line.contains(key) || (!line.is_empty() && key.contains(line)) {
            return usize::MAX;
        }
        line.chars().zip(key.chars()).take_while(|(a, b)| a == b).count()
    };
    let best = text.lines().enumerate().max_by_key(|(at, line)| (score(line), usize::MAX - at))?;
    (score(best.1) >= 3).then(|| (best.0 + 1, best.1.chars().take(200).collect()))
}

/// A unified diff; what is not text in it is escaped.
pub(crate) fn diff(path: &str, old: &[u8], new: &[u8]) -> String {
    let (old, new) = (String::from_utf8_lossy(old), String::from_utf8_lossy(new));
    // Lines end at a line feed, as in ssh_patch.
    let (old, new): (Vec<&str>, Vec<&str>) = (old.split_inclusive('\n').collect(), new.split_inclusive('\n').collect());
    let diff = TextDiff::configure().timeout(DIFF_TIME).newline_terminated(true).diff_slices(&old, &new);
    let text = diff.unified_diff().context_radius(3).header(path, path).to_string();
    let mut shown = String::new();
    for c in text.chars().take(DIFF_MAX) {
        if c.is_control() && c != '\n' && c != '\t' { shown.extend(c.escape_default()) } else { shown.push(c) }
    }
    let left = text.chars().skip(DIFF_MAX).count();
    if left > 0 {
        shown.push_str(&format!("\n[the diff goes on for {left} characters; ssh_sftp_download reads the file]\n"));
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_around_a_place_stay() {
        let bytes = b"a\r\n\xffkey=1\r\nkey=1";
        let at = places(bytes, b"key=1");
        assert_eq!(at, [4, 11]);
        assert_eq!(replaced(bytes, &at, 5, b"k"), b"a\r\n\xffk\r\nk");
        assert_eq!(places(b"aaa", b"aa"), [0]);
        assert!(places(b"", b"a").is_empty());
    }

    #[test]
    fn the_nearest_line_is_shown() {
        assert_eq!(nearest(b"one\nport = 80\n", "port = 81\n"), Some((2, "port = 80".to_owned())));
        assert_eq!(nearest(b"one\n", "zzz"), None);
    }

    #[test]
    fn a_diff_escapes_what_is_no_text() {
        let text = diff("/f", b"a\r\nb\n", b"c\r\nb\n");
        assert!(text.contains("-a\\r\n+c\\r\n"), "{text}");
    }
}
