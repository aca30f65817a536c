//! How long a text is in JSON.

/// The size of a text in an answer, in bytes of JSON.
pub(crate) fn text_size(text: &str) -> usize {
    2 + text.bytes().map(byte_size).sum::<usize>()
}

/// The same of one byte.
pub(super) const fn byte_size(byte: u8) -> usize {
    match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 8 | 12 => 2,
        0..0x20 => 6,
        _ => 1,
    }
}
