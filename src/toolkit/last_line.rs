//! The last line that a caller's command printed, for the signs of life of a call.

use std::sync::{Arc, Mutex, PoisonError};

use crate::ssh::channel::{OnChunk, Stream};

/// Most bytes kept of a line.
const LINE_BYTES: usize = 4096;

/// Hands the last line of what arrives to `keep`.
pub(super) fn watch(keep: impl Fn(&str) + Send + Sync + 'static) -> OnChunk {
    let lines = Mutex::new(Lines::default());
    Arc::new(move |stream, bytes| {
        if let Some(line) = lines.lock().unwrap_or_else(PoisonError::into_inner).push(stream, bytes) {
            keep(&line);
        }
    })
}

/// The line that each stream is in: it may arrive in several pieces.
#[derive(Debug, Default)]
struct Lines {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

impl Lines {
    /// The last line so far that is not blank.
    fn push(&mut self, stream: Stream, bytes: &[u8]) -> Option<String> {
        let kept = match stream {
            Stream::Stdout => &mut self.stdout,
            Stream::Stderr => &mut self.stderr,
        };
        // Before the last two line ends nothing is needed; a line that is longer than what is kept loses its beginning.
        kept.extend_from_slice(bytes.get(bytes.len().saturating_sub(2 * LINE_BYTES)..).unwrap_or(bytes));
        let line = last(kept);
        let from = kept.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        kept.drain(..from.max(kept.len().saturating_sub(LINE_BYTES)));
        line
    }
}

/// The last line in these bytes that is not blank.
fn last(bytes: &[u8]) -> Option<String> {
    let line = bytes.rsplit(|byte| *byte == b'\n').find(|line| !line.trim_ascii().is_empty())?;
    let line = line.get(line.len().saturating_sub(LINE_BYTES)..).unwrap_or(line);
    Some(String::from_utf8_lossy(line).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_that_says_something() {
        assert_eq!(last(b"one\ntwo\r\n\n"), Some("two".to_owned()));
        assert_eq!(last(b"half"), Some("half".to_owned()));
        assert_eq!(last(b"\n \n"), None);
        assert_eq!(last("x".repeat(9000).as_bytes()).map(|line| line.len()), Some(LINE_BYTES));
    }

    #[test]
    fn a_line_in_pieces_is_one() {
        let mut lines = Lines::default();
        assert_eq!(lines.push(Stream::Stdout, b"first\nsec"), Some("sec".to_owned()));
        assert_eq!(lines.push(Stream::Stderr, b"other"), Some("other".to_owned()));
        assert_eq!(lines.push(Stream::Stdout, b"ond\n"), Some("second".to_owned()));
        assert_eq!(lines.push(Stream::Stdout, b"\n"), None);
        for _ in 0..100 {
            lines.push(Stream::Stdout, &[b'x'; 1000]);
        }
        assert!(lines.stdout.len() <= LINE_BYTES);
    }
}
