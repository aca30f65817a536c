//! The last line that a caller's command printed, for the signs of life of a call.

use std::sync::Arc;

use crate::ssh::channel::OnChunk;

/// Most characters of the line.
const LINE_MAX: usize = 200;

/// Hands the last line of each piece that arrives to `keep`.
pub(super) fn watch(keep: impl Fn(&str) + Send + Sync + 'static) -> OnChunk {
    Arc::new(move |_, bytes| {
        if let Some(line) = last(bytes) {
            keep(&line);
        }
    })
}

/// The last line in these bytes that is not blank.
fn last(bytes: &[u8]) -> Option<String> {
    let line = bytes.rsplit(|byte| *byte == b'\n').find(|line| !line.trim_ascii().is_empty())?;
    Some(String::from_utf8_lossy(line).trim().chars().take(LINE_MAX).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_that_says_something() {
        assert_eq!(last(b"one\ntwo\r\n\n"), Some("two".to_owned()));
        assert_eq!(last(b"half"), Some("half".to_owned()));
        assert_eq!(last(b"\n \n"), None);
        assert_eq!(last("x".repeat(500).as_bytes()).map(|line| line.len()), Some(LINE_MAX));
    }
}
