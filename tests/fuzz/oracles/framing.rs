//! The frame of a remote answer: split anywhere it says the same, and the mark alone ends it.

use ssh_mcp::internals::ssh::capture::{Frame, HeadTail};
use ssh_mcp::internals::ssh::wrapper::{End, parse_closing};

use super::feed::Feed;

const MARK: &str = "00112233445566778899aabbccddeeff";

/// What a frame gave: content, whether it was opened and closed, and what stands behind.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    content: Vec<u8>,
    opened: bool,
    closed: bool,
    behind: Vec<u8>,
}

fn read<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Seen {
    let mut frame = Frame::new(MARK);
    let mut content = Vec::new();
    for piece in pieces {
        frame.push(piece, &mut |bytes| content.extend_from_slice(bytes));
    }
    let (opened, closed) = (frame.opened(), frame.closed());
    let behind = if closed { frame.rest().to_vec() } else { Vec::new() };
    frame.abandon(&mut |bytes| content.extend_from_slice(bytes));
    Seen { content, opened, closed, behind }
}

/// Most that is kept of what follows the closing mark.
const RECORD_KEPT: usize = 512;

/// The definition: from behind the first `MARK>` to before the first `<MARK` that follows.
fn definition(wire: &[u8]) -> Seen {
    let find = |bytes: &[u8], what: &str| bytes.windows(what.len()).position(|window| window == what.as_bytes());
    let (open, close) = (format!("{MARK}>"), format!("<{MARK}"));
    let Some(begin) = find(wire, &open) else {
        return Seen { content: Vec::new(), opened: false, closed: false, behind: Vec::new() };
    };
    let rest = &wire[begin + open.len()..];
    match find(rest, &close) {
        None => Seen { content: rest.to_vec(), opened: true, closed: false, behind: Vec::new() },
        Some(end) => Seen {
            content: rest[..end].to_vec(),
            opened: true,
            closed: true,
            behind: rest[end + close.len()..].iter().take(RECORD_KEPT).copied().collect(),
        },
    }
}

pub fn check(data: &[u8]) {
    let mut feed = Feed::new(data);
    let mut wire = Vec::new();
    // Enough of the mark's parts that it comes about whole, cut and doubled.
    for _ in 0..feed.roll(24) {
        match feed.roll(8) {
            0 => wire.extend_from_slice(MARK.as_bytes()),
            1 => wire.extend_from_slice(&MARK.as_bytes()[..feed.roll(MARK.len() + 1)]),
            2 => wire.extend_from_slice(&MARK.as_bytes()[feed.roll(MARK.len())..]),
            3 => wire.push(b'<'),
            4 => wire.push(b'>'),
            5 => wire.extend_from_slice(format!("<{MARK} e={} z= q=143 b=0;", feed.byte()).as_bytes()),
            6 => wire.extend_from_slice(format!("{MARK}>").as_bytes()),
            _ => wire.extend_from_slice(feed.bytes(40)),
        }
    }
    let expected = definition(&wire);
    assert_eq!(read(std::iter::once(wire.as_slice())), expected, "whole");
    assert_eq!(read(wire.chunks(1)), expected, "byte by byte");
    for at in 0..wire.len() {
        let (a, b) = wire.split_at(at);
        assert_eq!(read([a, b].into_iter()), expected, "split at {at}");
    }
    if expected.closed {
        let record = String::from_utf8_lossy(&expected.behind);
        let record = record.split(';').next().unwrap_or_default();
        if let Some(closing) = parse_closing(record) {
            // A signal is never made up: it needs a status above 128.
            if let End::Signal(number) = closing.end {
                assert!(record.contains(&format!("e={}", number + 128)), "{record}");
            }
        }
    }
    kept(&wire, feed.roll(64));
}

/// A capped stream keeps its true size, its beginning and its end, whatever the pieces.
fn kept(wire: &[u8], cap: usize) {
    let keep = |size: usize| {
        let mut keeper = HeadTail::new(cap as u64);
        wire.chunks(size).for_each(|piece| keeper.push(piece));
        keeper.finish()
    };
    let whole = keep(wire.len().max(1));
    for size in [1, 2, 5, 17] {
        assert_eq!(keep(size), whole, "pieces of {size}");
    }
    assert_eq!((whole.total, whole.truncated), (wire.len() as u64, wire.len() > cap));
    if whole.truncated {
        let said = b"\n[... ";
        let gap = (0..whole.bytes.len()).find(|at| {
            let (head, rest) = whole.bytes.split_at(*at);
            rest.starts_with(said) && wire.starts_with(head) && head.len() <= cap - cap / 4
        });
        let head = gap.expect("a gap behind the beginning");
        let rest = String::from_utf8_lossy(&whole.bytes[head + said.len()..]).into_owned();
        let left: usize = rest.split_once(' ').unwrap().0.parse().unwrap();
        // What is left out, what comes before and what comes behind are all that there was.
        let tail = wire.len() - head - left;
        assert!(tail <= cap / 4 && whole.bytes.ends_with(&wire[wire.len() - tail..]));
    } else {
        assert_eq!(whole.bytes, wire);
    }
}
