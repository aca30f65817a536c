//! Lines of bounded length from a byte stream.

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};

use super::peek::{Found, Peek};

/// Longest line that is taken, in bytes without its end: the largest frame of the SDK's own transport.
pub(crate) const MAX_LINE_BYTES: usize = 16 * 1024 * 1024;

/// A buffer larger than this is given back after its line, in bytes.
const KEEP_BYTES: usize = 1024 * 1024;

const READ_BYTES: usize = 64 * 1024;

#[derive(Debug)]
pub(super) enum Line {
    /// One whole line without its end. Read it with [`Lines::line`].
    Whole,
    /// A line over the limit has gone by; this was found in it.
    TooLong(Found),
    /// The stream ended or failed.
    End,
}

/// Reads lines. `next` may be dropped at any await and called again: nothing is lost.
pub(super) struct Lines<R> {
    read: BufReader<R>,
    line: Vec<u8>,
    /// Set while the rest of a line over the limit goes by.
    skipping: Option<Peek>,
    /// The line in the buffer has been handed out.
    done: bool,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    pub(super) fn new(read: R) -> Self {
        Lines { read: BufReader::with_capacity(READ_BYTES, read), line: Vec::new(), skipping: None, done: false }
    }

    /// The line that the last [`Line::Whole`] announced.
    pub(super) fn line(&self) -> &[u8] {
        self.line.strip_suffix(b"\r").unwrap_or(&self.line)
    }

    pub(super) async fn next(&mut self) -> Line {
        if std::mem::take(&mut self.done) {
            self.clear();
        }
        loop {
            let available = match self.read.fill_buf().await {
                Ok(available) => available,
                Err(error) => {
                    tracing::warn!(%error, "standard input failed");
                    return Line::End;
                }
            };
            if available.is_empty() {
                // A last line without an end is a line.
                return if let Some(peek) = self.skipping.take() {
                    Line::TooLong(peek.finish())
                } else if self.line.is_empty() {
                    Line::End
                } else {
                    self.done = true;
                    Line::Whole
                };
            }
            let newline = available.iter().position(|byte| *byte == b'\n');
            let (piece, _) = available.split_at(newline.unwrap_or(available.len()));
            if let Some(peek) = &mut self.skipping {
                peek.feed(piece);
            } else if self.line.len() + piece.len() > MAX_LINE_BYTES {
                let mut peek = Peek::default();
                peek.feed(&self.line);
                peek.feed(piece);
                self.skipping = Some(peek);
                self.line = Vec::new();
            } else {
                self.line.extend_from_slice(piece);
            }
            let consumed = piece.len() + usize::from(newline.is_some());
            self.read.consume(consumed);
            if newline.is_some() {
                return if let Some(peek) = self.skipping.take() {
                    Line::TooLong(peek.finish())
                } else {
                    self.done = true;
                    Line::Whole
                };
            }
        }
    }

    fn clear(&mut self) {
        if self.line.capacity() > KEEP_BYTES {
            self.line = Vec::new();
        } else {
            self.line.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use rmcp::model::RequestId;

    use super::super::peek::RefusedCall;
    use super::*;

    async fn all(bytes: Vec<u8>) -> Vec<String> {
        let mut lines = Lines::new(std::io::Cursor::new(bytes));
        let mut seen = Vec::new();
        loop {
            match lines.next().await {
                Line::Whole => seen.push(String::from_utf8_lossy(lines.line()).into_owned()),
                Line::TooLong(found) => seen.push(format!("too long {:?}", found.id.map(|id| id.to_string()))),
                Line::End => return seen,
            }
        }
    }

    #[tokio::test]
    async fn lines_end_with_newline_carriage_return_or_the_stream() {
        assert_eq!(all(b"a\nb\r\n\nc".to_vec()).await, ["a", "b", "", "c"]);
    }

    #[tokio::test]
    async fn the_limit_is_exact_and_the_next_line_arrives() {
        let mut bytes = vec![b'x'; MAX_LINE_BYTES];
        bytes.push(b'\n');
        let before = bytes.clone();
        assert_eq!(all(before).await.first().map(String::len), Some(MAX_LINE_BYTES));
        bytes.splice(0..0, *b"y");
        bytes.extend_from_slice(b"next\n");
        assert_eq!(all(bytes).await, ["too long None", "next"]);
    }

    #[tokio::test]
    async fn the_id_behind_an_endless_parameter_is_found_without_keeping_the_line() {
        let mut bytes = br#"{"method":"tools/call","params":{"x":""#.to_vec();
        bytes.resize(3 * MAX_LINE_BYTES, b'x');
        bytes.extend_from_slice(br#""},"jsonrpc":"2.0","id":41}"#);
        let mut lines = Lines::new(std::io::Cursor::new(bytes));
        let Line::TooLong(found) = lines.next().await else { panic!() };
        assert_eq!((found.id, found.call), (Some(RequestId::Number(41)), Some(RefusedCall(None))));
        assert!(lines.line.capacity() <= KEEP_BYTES);
    }
}
