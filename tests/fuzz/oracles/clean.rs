//! Cleaning: no control but newline and tab leaves, twice is once, and a stream says what the whole says.

use ssh_mcp::internals::redact::clean::{Stream, clean, clean_bytes};

/// What no answer may hold: C0 but `\n` and `\t` (so no ESC), DEL, C1.
fn is_control(c: char) -> bool {
    matches!(c, '\0'..='\x08' | '\x0b'..='\x1f' | '\x7f'..='\u{9f}')
}

/// What does not show or turns the text round: no such character may be left as itself.
fn is_hidden(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200b}' | '\u{200c}' | '\u{200e}' | '\u{200f}'
        | '\u{61c}' | '\u{2060}' | '\u{ad}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}' | '\u{2028}' | '\u{2029}')
}

pub fn check(data: &[u8]) {
    let once = clean_bytes(data);
    assert!(!once.text.chars().any(is_control), "a control character is left: {:?}", once.text);
    if let Some(c) = once.text.chars().find(|c| is_hidden(*c)) {
        // Tags after a flag are part of an emoji; everything else is spelled out.
        let flag = ('\u{e0000}'..='\u{e007f}').contains(&c) && once.text.contains('\u{1f3f4}');
        assert!(flag, "{c:?} is left: {:?}", once.text);
    }
    assert_eq!(clean(&once.text).text, once.text, "cleaning twice is not cleaning once");
    let whole = once.text.as_ref();
    for size in [1, 2, 3, 7, 64] {
        let mut stream = Stream::new();
        let mut shown: String = data.chunks(size).map(|piece| stream.push(piece)).collect();
        shown.push_str(&stream.finish());
        // A line too long to wait for is cleaned in parts.
        if data.len() < 8 * 1024 {
            assert_eq!(shown, whole, "in pieces of {size} it reads otherwise");
        }
        assert!(!shown.chars().any(is_control));
    }
}
