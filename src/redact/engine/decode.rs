//! From bytes to text: byte order marks, UTF-16, and what is no text at all.

use super::RedactError;

/// Decoded text and what had to be done for it.
#[derive(Debug)]
pub struct Decoded {
    /// The text, without byte order mark.
    pub text: String,
    /// A sentence for the caller, when the text differs from the file.
    pub warning: Option<&'static str>,
}

/// Decodes by the byte order mark, else by where the zero bytes lie, else as UTF-8 with replacement. Zero bytes in what
/// comes out mean that this is no text, and nothing is delivered.
pub fn decode(bytes: &[u8]) -> Result<Decoded, RedactError> {
    let decoded = match bytes {
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => return Err(RedactError::Binary),
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => utf8(rest),
        _ => match zero_bytes(bytes) {
            (0, 0) => utf8(bytes),
            (even, odd) if odd > 4 * even => utf16(bytes, u16::from_le_bytes),
            (even, odd) if even > 4 * odd => utf16(bytes, u16::from_be_bytes),
            _ => return Err(RedactError::Binary),
        },
    };
    let strange = decoded.text.chars().filter(|c| *c == '\u{fffd}').count();
    if decoded.text.contains('\0') || strange * 10 > decoded.text.chars().count() {
        return Err(RedactError::Binary);
    }
    Ok(decoded)
}

/// Zero bytes at even and at odd offsets.
fn zero_bytes(bytes: &[u8]) -> (usize, usize) {
    bytes.chunks(2).fold((0, 0), |(even, odd), pair| {
        (even + usize::from(pair.first() == Some(&0)), odd + usize::from(pair.get(1) == Some(&0)))
    })
}

fn utf8(bytes: &[u8]) -> Decoded {
    let text = String::from_utf8_lossy(bytes);
    let lossy = matches!(text, std::borrow::Cow::Owned(_));
    let warning = lossy.then_some("bytes that are no UTF-8 were replaced by U+FFFD");
    Decoded { text: text.into_owned(), warning }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Decoded {
    let units = bytes.chunks(2).map(|pair| match pair {
        [a, b] => unit([*a, *b]),
        _ => 0xfffd,
    });
    let text = char::decode_utf16(units).map(|c| c.unwrap_or('\u{fffd}')).collect();
    Decoded { text, warning: Some("the file is UTF-16; the content is given as UTF-8") }
}
