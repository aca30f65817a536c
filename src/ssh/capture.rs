//! What is kept of a remote stream: the frame's content, its head and its tail, and its true size.

/// Kept output of one stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Captured {
    /// The bytes kept, with a line that says how much was left out between head and tail.
    pub bytes: Vec<u8>,
    /// Bytes the stream really had.
    pub total: u64,
    /// Something was left out.
    pub truncated: bool,
}

/// Keeps the first and the last part of a stream under a cap while it is read.
///
/// A quarter of the cap goes to the tail: the end of a log says why it stopped.
#[derive(Debug)]
pub struct HeadTail {
    cap: usize,
    head: Vec<u8>,
    tail: std::collections::VecDeque<u8>,
    total: u64,
}

impl HeadTail {
    /// A keeper for at most `cap` bytes.
    pub fn new(cap: u64) -> Self {
        HeadTail {
            cap: usize::try_from(cap).unwrap_or(usize::MAX),
            head: Vec::new(),
            tail: std::collections::VecDeque::new(),
            total: 0,
        }
    }

    fn tail_cap(&self) -> usize {
        self.cap / 4
    }

    /// Takes the next bytes of the stream.
    pub fn push(&mut self, mut bytes: &[u8]) {
        self.total += bytes.len() as u64;
        let room = self.cap.saturating_sub(self.head.len());
        if room > 0 {
            let (now, rest) = bytes.split_at(room.min(bytes.len()));
            self.head.extend_from_slice(now);
            bytes = rest;
        }
        let tail_cap = self.tail_cap();
        if bytes.is_empty() || tail_cap == 0 {
            return;
        }
        let keep = bytes.get(bytes.len().saturating_sub(tail_cap)..).unwrap_or(bytes);
        let overflow = (self.tail.len() + keep.len()).saturating_sub(tail_cap);
        self.tail.drain(..overflow.min(self.tail.len()));
        self.tail.extend(keep);
    }

    /// Bytes seen so far.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Ends the stream. Under the cap everything is kept; above it the head gives way to the tail, and both end at whole lines:
    /// what is redacted later is known by its name in front of it, or by the lines around it.
    pub fn finish(mut self) -> Captured {
        let cap = self.cap as u64;
        if self.total <= cap {
            return Captured { bytes: self.head, total: self.total, truncated: false };
        }
        let mut tail: Vec<u8> = {
            // What followed the head, or the end of the head itself where little followed.
            let tail_cap = self.tail_cap();
            let missing = tail_cap.saturating_sub(self.tail.len());
            let from_head = self.head.split_off(self.head.len().saturating_sub(missing));
            let mut tail = from_head;
            tail.extend(self.tail.iter());
            tail
        };
        self.head.truncate(self.cap - self.tail_cap().min(self.cap));
        self.head.truncate(end_of_words(&self.head));
        let tail = tail.split_off(begin_of_lines(&tail));
        let left_out = self.total - self.head.len() as u64 - tail.len() as u64;
        let mut bytes = self.head;
        bytes.extend_from_slice(format!("\n[... {left_out} bytes left out ...]\n").as_bytes());
        bytes.extend_from_slice(&tail);
        Captured { bytes, total: self.total, truncated: true }
    }
}

/// So much goes at the end of a head that is a single line, in bytes: no value that is longer is known by its text alone.
const LINE_END_LOST: usize = 1024;

/// Where the last line of a head ends whose end is there; in one that is a single line, where a word ends far enough from the cut.
fn end_of_words(head: &[u8]) -> usize {
    let word = || {
        let sure = head.get(..head.len().saturating_sub(LINE_END_LOST)).unwrap_or_default();
        sure.iter().rposition(|byte| byte.is_ascii_whitespace() || matches!(byte, b',' | b';'))
    };
    memchr::memrchr(b'\n', head).or_else(word).map_or(0, |at| at + 1)
}

/// Most lines at the beginning of a tail that are left out because they may go on with what is in the gap.
const CONTINUED_MAX: usize = 64;

/// Where the first line of a tail begins that begins in it and does not go on with what stands before: with a block below a
/// name, or with a key between its two marks.
fn begin_of_lines(tail: &[u8]) -> usize {
    let mut at = memchr::memchr(b'\n', tail).map_or(tail.len(), |end| end + 1);
    let rest = |at: usize| tail.get(at..).unwrap_or_default();
    let next = |at: usize| memchr::memchr(b'\n', rest(at)).map_or(tail.len(), |end| at + end + 1);
    let marks = ["-----BEGIN ", "-----END "].map(|mark| memchr::memmem::find(rest(at), mark.as_bytes()));
    if let [begin, Some(end)] = marks
        && begin.is_none_or(|begin| end < begin)
    {
        at = next(at + end);
    }
    for _ in 0..CONTINUED_MAX {
        if !rest(at).starts_with(b" ") && !rest(at).starts_with(b"\t") {
            break;
        }
        at = next(at);
    }
    at
}

/// Cuts one call's content out of a stream: after `MARK>` and before `<MARK`.
///
/// Works on chunks of any size; a mark split over two chunks is found.
#[derive(Debug)]
pub struct Frame {
    open: Vec<u8>,
    close: Vec<u8>,
    state: FrameState,
    pending: Vec<u8>,
    /// More follows the closing record: another stream.
    followed: bool,
}

#[derive(Debug, PartialEq, Eq, Clone, Copy)]
enum FrameState {
    Noise,
    Content,
    Closed,
}

/// Most start-up noise that is kept for an error message, in bytes.
const NOISE_KEPT: usize = 4096;

/// Most bytes kept of what follows the closing mark. A closing record has fewer than 100; a host that sends more lies.
const RECORD_KEPT: usize = 512;

impl Frame {
    /// A frame for this call's mark.
    pub fn new(mark: &str) -> Self {
        Frame {
            open: format!("{mark}>").into_bytes(),
            close: format!("<{mark}").into_bytes(),
            state: FrameState::Noise,
            pending: Vec::new(),
            followed: false,
        }
    }

    /// A frame behind which another stream follows, to be had by [`Frame::take_rest`].
    pub fn followed(mark: &str) -> Self {
        Frame { followed: true, ..Self::new(mark) }
    }

    /// True once the opening mark was seen.
    pub fn opened(&self) -> bool {
        self.state != FrameState::Noise
    }

    /// True once the closing mark was seen.
    pub fn closed(&self) -> bool {
        self.state == FrameState::Closed
    }

    /// Takes a chunk and hands content to `keep`.
    pub fn push(&mut self, chunk: &[u8], keep: &mut impl FnMut(&[u8])) {
        self.pending.extend_from_slice(chunk);
        self.cut(keep);
        if self.closed() && !self.followed {
            // What starts up may have said something on the other stream before its own frame opens. It is looked for in
            // so many bytes, however they come.
            let looked_at = self.pending.len().min(RECORD_KEPT + NOISE_KEPT);
            self.followed = find(self.pending.get(..looked_at).unwrap_or_default(), &self.open).is_some();
            if !self.followed {
                self.pending.truncate(looked_at);
            }
        }
    }

    /// True where the other stream of the same call follows behind the closing mark.
    pub fn is_followed(&self) -> bool {
        self.followed && self.closed()
    }

    /// Takes what followed the closing mark, where another stream follows.
    pub fn take_rest(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.pending)
    }

    fn cut(&mut self, keep: &mut impl FnMut(&[u8])) {
        loop {
            match self.state {
                FrameState::Noise => {
                    if let Some(at) = find(&self.pending, &self.open) {
                        self.pending.drain(..at + self.open.len());
                        self.state = FrameState::Content;
                        continue;
                    }
                    let excess = self.pending.len().saturating_sub(NOISE_KEPT + self.open.len());
                    self.pending.drain(..excess);
                }
                FrameState::Content => {
                    if let Some(at) = find(&self.pending, &self.close) {
                        keep(self.pending.get(..at).unwrap_or_default());
                        self.pending.drain(..at + self.close.len());
                        self.state = FrameState::Closed;
                        continue;
                    }
                    // Hold back only what may be the beginning of the closing mark.
                    let hold = held_back(&self.pending, &self.close);
                    let ready = self.pending.len() - hold;
                    keep(self.pending.get(..ready).unwrap_or_default());
                    self.pending.drain(..ready);
                }
                FrameState::Closed => {}
            }
            return;
        }
    }

    /// What followed the closing mark so far (the closing record), or the start-up noise before the opening one.
    pub fn rest(&self) -> &[u8] {
        let kept = if self.closed() { RECORD_KEPT } else { usize::MAX };
        self.pending.get(..kept).unwrap_or(&self.pending)
    }

    /// Hands over what was held back, when the stream ended without its closing mark.
    pub fn abandon(&mut self, keep: &mut impl FnMut(&[u8])) {
        if self.state == FrameState::Content {
            keep(&self.pending);
            self.pending.clear();
        }
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    memchr::memmem::find(haystack, needle)
}

/// Length of the longest end of `data` that is a beginning of `mark`.
fn held_back(data: &[u8], mark: &[u8]) -> usize {
    (1..mark.len().min(data.len() + 1))
        .rev()
        .find(|n| data.get(data.len() - n..).is_some_and(|end| mark.starts_with(end)))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn kept(cap: u64, text: &str) -> String {
        let mut k = HeadTail::new(cap);
        text.as_bytes().chunks(7).for_each(|piece| k.push(piece));
        let c = k.finish();
        assert_eq!((c.total, c.truncated), (text.len() as u64, true));
        String::from_utf8(c.bytes).unwrap()
    }

    #[test]
    fn keeps_head_and_tail_and_says_the_size() {
        let lines: String = (0..100).map(|n| format!("line {n:04}\n")).collect();
        let text = kept(100, &lines);
        let head: String = lines.lines().take(7).map(|line| format!("{line}\n")).collect();
        assert_eq!(text, format!("{head}\n[... 910 bytes left out ...]\nline 0098\nline 0099\n"));
    }

    #[test]
    fn nothing_is_cut_inside_of_what_a_redaction_has_to_know() {
        // The name of a value, and the value itself, wherever the cut comes.
        let line = "password=hunter2hunter2 note=abcdefgh\n";
        let text = line.repeat(40);
        for cap in 60..400 {
            let shown = kept(cap, &text);
            for part in shown.lines().filter(|part| !part.is_empty() && !part.starts_with("[...")) {
                assert_eq!(format!("{part}\n"), line, "{cap}");
            }
        }
        // Lines of a block, and of a key.
        let block = format!("{}password: |\n  hunter2\n  hunter3\nend\nlast\n", "x\n".repeat(100));
        let key = format!("{}-----BEGIN KEY-----\nAAAA\nBBBB\n-----END KEY-----\nlast\n", "x\n".repeat(100));
        for cap in 20..180 {
            let (block, key) = (kept(cap, &block), kept(cap, &key));
            assert!(!block.contains("hunter") || block.contains("password"), "{cap}: {block}");
            assert!(!(key.contains("AAAA") || key.contains("BBBB")) || key.contains("BEGIN"), "{cap}: {key}");
        }
        // One line that has no end.
        assert_eq!(kept(4000, &format!("one two {}", "x".repeat(5000))), "one two \n[... 5000 bytes left out ...]\n");
        assert_eq!(kept(16, &format!("one two {}", "x".repeat(50))), "\n[... 58 bytes left out ...]\n");
    }

    #[test]
    fn what_follows_the_closing_mark_does_not_pile_up() {
        let mut frame = Frame::new("m");
        frame.push(b"m>a<m", &mut |_| {});
        for _ in 0..100 {
            frame.push(&vec![b'x'; 32 * 1024], &mut |_| {});
        }
        assert_eq!(frame.rest().len(), RECORD_KEPT);
        assert_eq!(frame.pending.len(), RECORD_KEPT + NOISE_KEPT);
    }

    #[test]
    fn the_other_stream_is_found_however_the_bytes_come() {
        // What a start-up file says on standard error stands between the frames of one stream.
        for (noise, is_found) in [(0, true), (3_000, true), (5_000, false)] {
            let wire = [b"m>out<m e=0;".to_vec(), vec![b'x'; noise], b"m>err<m e=0;".to_vec()].concat();
            for size in [1, 7, wire.len()] {
                let (mut out, mut err) = (Frame::new("m"), Frame::new("m"));
                let mut said = Vec::new();
                for piece in wire.chunks(size) {
                    out.push(piece, &mut |_| {});
                    if out.is_followed() {
                        err.push(&out.take_rest(), &mut |bytes| said.extend_from_slice(bytes));
                    }
                }
                assert_eq!(
                    said,
                    if is_found { b"err".to_vec() } else { Vec::new() },
                    "{noise} bytes in pieces of {size}"
                );
            }
        }
    }

    proptest! {
        #[test]
        fn frame_finds_marks_over_any_chunks(noise in ".{0,40}", content in prop::collection::vec(any::<u8>(), 0..300), cuts in prop::collection::vec(1usize..9, 1..200)) {
            let mark = "00112233445566778899aabbccddeeff";
            let mut wire = noise.into_bytes();
            wire.extend_from_slice(format!("{mark}>").as_bytes());
            wire.extend_from_slice(&content);
            wire.extend_from_slice(format!("<{mark} e=0;").as_bytes());
            let mut frame = Frame::new(mark);
            let mut got = Vec::new();
            let mut rest: &[u8] = &wire;
            let mut cuts = cuts.into_iter().cycle();
            while !rest.is_empty() {
                let n = cuts.next().unwrap().min(rest.len());
                let (now, later) = rest.split_at(n);
                frame.push(now, &mut |b| got.extend_from_slice(b));
                rest = later;
            }
            prop_assert!(frame.closed());
            prop_assert_eq!(got, content);
            prop_assert_eq!(frame.rest(), b" e=0;");
        }
    }
}
