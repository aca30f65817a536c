//! Cleaning of text that comes in pieces, such as the output of a running command.

use super::clean_bytes;
use super::warnings::{Warning, Warnings};

/// Most bytes held back while waiting for the end of a line.
const HELD_MAX: usize = 16 * 1024;

/// Cleans a stream line by line. A line end closes every sequence, so whole lines clean alone as they would in the
/// whole text; an unfinished line waits for its end, for [`Stream::finish`], or until it grows too long.
///
/// A progress bar rewrites its line with carriage returns: each rewriting is a line of its own.
#[derive(Debug, Default)]
pub struct Stream {
    held: Vec<u8>,
    warnings: Warnings,
    /// What was shown last did not end its line.
    mid_line: bool,
}

impl Stream {
    /// A stream at its beginning.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next piece; returns what can be shown, which may be empty.
    pub fn push(&mut self, piece: &[u8]) -> String {
        // What is held has no line end but perhaps a carriage return as its last byte.
        let fresh = self.held.len().saturating_sub(1);
        self.held.extend_from_slice(piece);
        let mut ready = self.last_line_end(fresh);
        if ready == 0 && self.held.len() > HELD_MAX {
            ready = self.whole_characters();
        }
        let rest = self.held.split_off(ready);
        let lines = std::mem::replace(&mut self.held, rest);
        self.show(&lines)
    }

    /// Returns what is left.
    pub fn finish(&mut self) -> String {
        let lines = std::mem::take(&mut self.held);
        self.show(&lines)
    }

    /// What was found so far.
    pub fn warnings(&self) -> Warnings {
        self.warnings
    }

    fn show(&mut self, bytes: &[u8]) -> String {
        let cleaned = clean_bytes(bytes);
        self.warnings.merge(cleaned.warnings);
        let mut text = cleaned.text.into_owned();
        let rewrites = self.mid_line && bytes.first() == Some(&b'\r') && !text.is_empty() && !text.starts_with('\n');
        if let Some(last) = text.chars().last() {
            self.mid_line = last != '\n';
        }
        if rewrites {
            self.warnings.add(Warning::Overstrike);
            text.insert(0, '\n');
        }
        text
    }

    /// Length up to the end of the last line, or up to the carriage returns that begin its rewriting; 0 for none.
    /// Looks at the bytes from `fresh` on only.
    fn last_line_end(&self, fresh: usize) -> usize {
        let tail = self.held.get(fresh..).unwrap_or(&[]);
        let Some(at) =
            tail.windows(2).rposition(|pair| matches!(pair, [b'\r', next] if !matches!(next, b'\r' | b'\n')))
        else {
            return tail.iter().rposition(|&b| b == b'\n').map_or(0, |at| fresh + at + 1);
        };
        let newline = tail.iter().rposition(|&b| b == b'\n').map_or(0, |at| fresh + at + 1);
        let rewriting = fresh + at;
        let run = self.held.get(..rewriting).unwrap_or(&[]).iter().rev().take_while(|&&b| b == b'\r').count();
        newline.max(rewriting - run)
    }

    /// Length without an unfinished character at the end.
    fn whole_characters(&self) -> usize {
        let tail = self.held.iter().rev().take(3).position(|&b| b >= 0xc0).map_or(0, |n| n + 1);
        self.held.len() - tail
    }
}
