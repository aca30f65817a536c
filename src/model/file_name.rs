//! Names of files on hosts, which are bytes: the text that shows them, and the text that carries them.
//!
//! **Shown**, and read as an argument: a name that is plain text stands as it is. In any other name each byte that is not
//! UTF-8, and each byte of a character that does not show (controls, direction marks, zero width, odd blanks), is `\xHH`, and
//! a backslash is `\\`. A name that would be read as such an escape is escaped too, so that no two names are shown alike.
//!
//! **Carried**, inside of this program: the text itself, with NUL and the character of that number for a byte that is not
//! UTF-8. [`super::quote::sh_quote`] makes the byte of it again.

use super::remote_path::BadPath;

/// What stands in front of a byte that is not UTF-8 in a carried name; no name on a host holds it.
pub const BYTE: char = '\0';

/// First of the characters for which rules take such bytes, so that `?` of a pattern matches one.
const RULE_BYTES: u32 = 0x10_ff00;

/// The carried text of what a host says.
pub(crate) fn carried(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        for byte in chunk.invalid() {
            out.push(BYTE);
            out.push(char::from(*byte));
        }
    }
    out
}

/// The text that shows a carried path or name.
pub fn shown(carried: &str) -> String {
    if !carried.contains(|c: char| c == '\\' || does_not_show(c)) {
        return carried.to_owned();
    }
    carried.split('/').map(shown_part).collect::<Vec<_>>().join("/")
}

/// The text that shows what a host says.
pub(crate) fn shown_bytes(bytes: &[u8]) -> String {
    shown(&carried(bytes))
}

fn shown_part(part: &str) -> String {
    if !part.contains(does_not_show) && !has_escape(part) {
        return part.to_owned();
    }
    let mut out = String::with_capacity(part.len() + 16);
    let mut chars = part.chars();
    while let Some(c) = chars.next() {
        match c {
            BYTE => chars.next().into_iter().for_each(|byte| out.push_str(&format!("\\x{:02x}", u32::from(byte)))),
            '\\' => out.push_str("\\\\"),
            c if does_not_show(c) => {
                let mut bytes = [0; 4];
                c.encode_utf8(&mut bytes).bytes().for_each(|byte| out.push_str(&format!("\\x{byte:02x}")));
            }
            c => out.push(c),
        }
    }
    out
}

/// Reads one component of an argument into carried text.
pub fn read(part: &str) -> Result<String, BadPath> {
    if !has_escape(part) {
        return Ok(part.to_owned());
    }
    // Bytes, and whether each was escaped.
    let (mut bytes, mut rest) = (Vec::new(), part);
    while let Some(c) = rest.chars().next() {
        if c != '\\' {
            let mut utf8 = [0; 4];
            bytes.extend(c.encode_utf8(&mut utf8).bytes().map(|byte| (byte, false)));
            rest = rest.get(c.len_utf8()..).unwrap_or("");
        } else if let Some(byte) = escaped_byte(rest) {
            bytes.push((byte, true));
            rest = rest.get(4..).unwrap_or("");
        } else if rest.starts_with("\\\\") {
            bytes.push((b'\\', false));
            rest = rest.get(2..).unwrap_or("");
        } else {
            return Err(BadPath::Escape);
        }
    }
    // One form for each name: only what has to be escaped is.
    let text: Vec<u8> = bytes.iter().map(|(byte, _)| *byte).collect();
    let mut flags = bytes.iter().map(|(_, escaped)| *escaped);
    for chunk in text.utf8_chunks() {
        for c in chunk.valid().chars() {
            let escaped = flags.by_ref().take(c.len_utf8()).filter(|escaped| *escaped).count();
            if c == '\0' || (escaped > 0 && !(escaped == c.len_utf8() && does_not_show(c))) {
                return Err(BadPath::Escape);
            }
        }
        flags.by_ref().take(chunk.invalid().len()).for_each(drop);
    }
    Ok(carried(&text))
}

fn has_escape(part: &str) -> bool {
    part.match_indices('\\').any(|(at, _)| {
        let rest = part.get(at..).unwrap_or("");
        rest.starts_with("\\\\") || escaped_byte(rest).is_some()
    })
}

/// The byte of `\xHH`, where it is one that can be escaped: systemd has names such as `home\x2ddata.mount`, which are text.
fn escaped_byte(text: &str) -> Option<u8> {
    let digits = text.strip_prefix("\\x")?.get(..2)?;
    let hex = digits.bytes().all(|b| b.is_ascii_hexdigit());
    let byte = if hex { u8::from_str_radix(digits, 16).ok()? } else { return None };
    (!(0x20..0x7f).contains(&byte)).then_some(byte)
}

/// The components of a carried path as rules compare them: one character for each byte that is not UTF-8.
pub(crate) fn for_rules(carried: &str) -> Vec<String> {
    let part = |part: &str| {
        if !part.contains(|c: char| c == BYTE || u32::from(c) >= RULE_BYTES) {
            return part.to_owned();
        }
        let (mut out, mut chars) = (String::new(), part.chars());
        while let Some(c) = chars.next() {
            match c {
                BYTE => out.extend(chars.next().and_then(|byte| char::from_u32(RULE_BYTES + u32::from(byte)))),
                c if u32::from(c) >= RULE_BYTES => out.extend([BYTE, c]),
                c => out.push(c),
            }
        }
        out
    };
    carried.split('/').filter(|name| !name.is_empty()).map(part).collect()
}

/// The carried path of such components.
pub(crate) fn from_rules(parts: &[String]) -> String {
    let mut path = String::new();
    for part in parts {
        path.push('/');
        let mut chars = part.chars();
        while let Some(c) = chars.next() {
            match c {
                BYTE => path.extend(chars.next()),
                c if u32::from(c) >= RULE_BYTES => {
                    path.push(BYTE);
                    path.extend(char::from_u32(u32::from(c) - RULE_BYTES));
                }
                c => path.push(c),
            }
        }
    }
    path
}

/// A character that draws nothing, turns the direction, or looks like a blank and is another.
pub(crate) fn does_not_show(c: char) -> bool {
    c.is_control() || (c.is_whitespace() && c != ' ') || is_ignorable(c)
}

/// Unicode's `Default_Ignorable_Code_Point` and `Bidi_Control`, separators, marks of annotation, and format controls.
pub(crate) fn is_ignorable(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{13430}'..='\u{13440}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_names_have_one_form_that_is_read_back() {
        for (bytes, text) in [
            (&b"caf\xe9.txt"[..], "caf\\xe9.txt"),
            (b"caf\xc3\xa9.txt", "caf\u{e9}.txt"),
            (b"a\nb", "a\\x0ab"),
            (b"back\\slash", "back\\slash"),
            (b"back\\\xff", "back\\\\\\xff"),
            (b"a\\xff", "a\\\\xff"),
            (b"a\\\\b", "a\\\\\\\\b"),
            (b"a\\xg", "a\\xg"),
            ("a\u{202e}txt".as_bytes(), "a\\xe2\\x80\\xaetxt"),
            ("a\u{a0}b c".as_bytes(), "a\\xc2\\xa0b c"),
            (b"\xe2\x80", "\\xe2\\x80"),
            (b"\x7f\x01", "\\x7f\\x01"),
        ] {
            assert_eq!(shown_bytes(bytes), text);
            assert_eq!(read(text), Ok(carried(bytes)), "{text}");
        }
        assert_eq!(read("A\\xE9"), Ok("A\0\u{e9}".to_owned()), "capital digits are read");
        assert_eq!(read("a\u{202e}b"), read("a\\xe2\\x80\\xaeb"), "the character itself is the same name");
        for text in ["\\x41", "\\x2f", "\\x2e\\x2e", "home-my\\x2ddata.mount"] {
            assert_eq!(
                (read(text), shown(text)),
                (Ok(text.to_owned()), text.to_owned()),
                "what shows is not an escape"
            );
        }
        for bad in ["\\x00", "\\xc3\\xa9", "\\xff\\q", "\\\\\\q", "\\xff\\x2d"] {
            assert_eq!(read(bad), Err(BadPath::Escape), "{bad}");
        }
    }

    #[test]
    fn any_two_names_are_shown_differently_and_read_back() {
        let alphabet: [&[u8]; 9] = [b"\\", b"x", b"a", b"e9", b"\xe9", b"\xc3", b"\xa9", b"\n", "\u{202e}".as_bytes()];
        let mut seen = std::collections::HashMap::new();
        for number in 0..9usize.pow(4) {
            let name: Vec<u8> =
                (0..4u32).flat_map(|at| alphabet[number / 9usize.pow(at) % 9].iter().copied()).collect();
            let text = shown_bytes(&name);
            assert_eq!(read(&text), Ok(carried(&name)), "{text}");
            assert!(!text.contains(does_not_show), "{text:?}");
            if let Some(other) = seen.insert(text, name.clone()) {
                assert_eq!(other, name);
            }
        }
    }

    #[test]
    fn rules_take_one_character_for_a_byte() {
        for bytes in [&b"/a\xe9/b"[..], b"/\xff\xfe", "/\u{10ffe9}/\u{10fffd}".as_bytes(), b"/plain/name"] {
            let path = carried(bytes);
            assert_eq!(from_rules(&for_rules(&path)), path);
        }
        assert_eq!(for_rules(&carried(b"/a\xe9"))[0].chars().count(), 2);
        assert_ne!(for_rules(&carried(b"/\xe9")), for_rules("/\u{10ffe9}"));
    }
}
