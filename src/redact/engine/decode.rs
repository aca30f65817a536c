//! From bytes to text: byte order marks, UTF-16, and what is not text at all.

use super::RedactError;

/// Decoded text and what had to be done for it.
#[derive(Debug)]
pub(super) struct Decoded {
    /// The text, without byte order mark.
    pub text: String,
    /// A sentence for the caller, when the text differs from the file.
    pub warning: Option<&'static str>,
}

/// Decodes by the byte order mark, else by where the zero bytes lie, else as UTF-8 with replacement. Zero bytes in what
/// comes out mean that this is not text, and nothing is delivered.
pub(super) fn decode(bytes: &[u8]) -> Result<Decoded, RedactError> {
    let units = bytes.len() / 2;
    let decoded = match bytes {
        _ if is_utf16_by_mark(bytes) && reads_as_ascii(bytes) => return Err(RedactError::Binary),
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => return Err(RedactError::Binary),
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => utf8(rest),
        _ => match zero_bytes(bytes) {
            (0, 0) => utf8(bytes),
            _ if reads_as_ascii(bytes) => return Err(RedactError::Binary),
            (even, odd) if odd > 4 * even && 3 * odd > units => utf16(bytes, u16::from_le_bytes),
            (even, odd) if even > 4 * odd && 3 * even > units => utf16(bytes, u16::from_be_bytes),
            _ => return Err(RedactError::Binary),
        },
    };
    let strange = decoded.text.chars().filter(|c| *c == '\u{fffd}').count();
    if decoded.text.contains('\0') || strange * 10 > decoded.text.chars().count() {
        return Err(RedactError::Binary);
    }
    Ok(decoded)
}

/// Printable bytes of ASCII in a row that no text in UTF-16 has: ten letters of East Asian scripts in a row would have to
/// consist of such bytes by chance.
const ASCII_RUN: usize = 20;

fn is_utf16_by_mark(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff])
}

/// True for bytes that somebody can read as they are. Taken for UTF-16 they would come out as letters of other scripts,
/// in which no secret is found, and anybody can turn them back.
fn reads_as_ascii(bytes: &[u8]) -> bool {
    let printable = |byte: &u8| matches!(byte, b' '..=b'~');
    bytes.split(|byte| !printable(byte)).any(|run| run.len() >= ASCII_RUN)
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
    let warning = lossy.then_some("bytes that are not UTF-8 were replaced by U+FFFD");
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

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "DB_HOST=db.example.com\nDB_PASSWORD=Tr0ub4dor9xQ\nLAST=1\n";

    #[test]
    fn text_with_a_stray_zero_byte_is_not_utf16() {
        for at in 0..FILE.len() {
            let mut bytes = FILE.as_bytes().to_vec();
            bytes.insert(at, 0);
            assert!(decode(&bytes).is_err(), "at {at}");
            for mark in [[0xff, 0xfe], [0xfe, 0xff]] {
                let marked = [&mark, bytes.as_slice()].concat();
                assert!(decode(&marked).is_err(), "at {at}, {mark:?}");
            }
        }
        // Short lines, half of them of two bytes.
        assert!(decode(b"A=1\0\nB=2\nPW=geheim77\n\0\nC=3\n").is_err());
    }

    #[test]
    fn utf16_is_read_with_and_without_a_mark() {
        let big: Vec<u8> = FILE.encode_utf16().flat_map(u16::to_be_bytes).collect();
        let little: Vec<u8> = FILE.encode_utf16().flat_map(u16::to_le_bytes).collect();
        for bytes in [
            big.clone(),
            little.clone(),
            [&[0xfe, 0xff], big.as_slice()].concat(),
            [&[0xff, 0xfe], little.as_slice()].concat(),
        ] {
            assert_eq!(decode(&bytes).unwrap().text, FILE);
        }
        let chinese = "\u{6570}\u{636e}\u{5e93}\u{5730}\u{5740} = \u{672c}\u{5730}\n".repeat(50);
        let marked: Vec<u8> =
            std::iter::once(0xfeff).chain(chinese.encode_utf16()).flat_map(u16::to_le_bytes).collect();
        assert_eq!(decode(&marked).unwrap().text, chinese);
    }
}
