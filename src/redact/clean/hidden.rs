//! Characters that do not show: each becomes its escape `\u{..}`, and text that a carriage return or a backspace
//! would have covered stays in sight.
//!
//! The set is Unicode's `Default_Ignorable_Code_Point`, its `Bidi_Control`, the line and paragraph separators, the
//! annotation marks and the format controls of scripts that draw nothing. Emoji keep the joiners and variation
//! selectors that make them.

use super::warnings::{Warning, Warnings};

/// The category of a character that does not show, `None` for one that does.
fn category(c: char) -> Option<Warning> {
    match c {
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => Some(Warning::Bidi),
        '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{2065}' | '\u{206a}'..='\u{206f}' | '\u{feff}' | '\u{ad}' => {
            Some(Warning::ZeroWidth)
        }
        '\u{34f}'
        | '\u{115f}'..='\u{1160}'
        | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}'
        | '\u{2028}'..='\u{2029}'
        | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}'
        | '\u{13430}'..='\u{13440}'
        | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}' => Some(Warning::Hidden),
        _ => None,
    }
}

/// Emoji that can carry a variation selector or a joiner: the blocks of `Extended_Pictographic`, and the skin tones.
fn is_emoji(c: char) -> bool {
    matches!(c,
        '\u{a9}' | '\u{ae}' | '\u{203c}' | '\u{2049}' | '\u{2122}' | '\u{2139}' | '\u{2194}'..='\u{21aa}'
        | '\u{231a}'..='\u{23ff}' | '\u{24c2}' | '\u{25aa}'..='\u{25fe}' | '\u{2600}'..='\u{27bf}'
        | '\u{2934}'..='\u{2935}' | '\u{2b05}'..='\u{2b55}' | '\u{3030}' | '\u{303d}' | '\u{3297}' | '\u{3299}'
        | '\u{1f000}'..='\u{1faff}')
}

const JOINER: char = '\u{200d}';
const AS_TEXT: char = '\u{fe0e}';
const AS_EMOJI: char = '\u{fe0f}';
const KEYCAP: char = '\u{20e3}';

/// True when [`reveal`] may change the text.
pub(super) fn concerns(text: &str) -> bool {
    text.chars().any(|c| matches!(c, '\r' | '\x08') || category(c).is_some())
}

/// True for a character that takes no place of its own: it covers others, strikes over them, or does not show.
pub(super) fn is_covering(c: char) -> bool {
    matches!(c, '\r' | '\x08') || category(c).is_some()
}

/// The text with every such character made visible. Expects no other control characters than `\n \t \r` and
/// backspace. What is kept depends only on the character written before it and the one after it, and both are
/// still there in the result, so a second pass decides the same.
pub(super) fn reveal(text: &str, warnings: &mut Warnings) -> String {
    let mut out = String::with_capacity(text.len() + 32);
    let mut last = '\n';
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\r' => {
                while rest.next_if_eq(&'\r').is_some() {}
                // At either end of a line it covers nothing.
                if last != '\n' && !matches!(rest.peek(), None | Some('\n')) {
                    warnings.add(Warning::Overstrike);
                    out.push('\n');
                    last = '\n';
                }
                continue;
            }
            // A letter struck twice is how terminals of paper wrote bold; nothing is covered.
            '\x08' if last != '\n' && rest.next_if_eq(&last).is_some() => continue,
            '\x08' => {
                warnings.add(Warning::Overstrike);
                escape(c, &mut out);
                last = '}';
                continue;
            }
            _ => {}
        }
        let Some(category) = category(c) else {
            out.push(c);
            last = c;
            continue;
        };
        let next = rest.peek().copied().unwrap_or('\n');
        let kept = match c {
            JOINER => (is_emoji(last) || last == AS_EMOJI) && is_emoji(next),
            AS_TEXT => is_emoji(last),
            AS_EMOJI => is_emoji(last) || (matches!(last, '0'..='9' | '#' | '*') && next == KEYCAP),
            _ => false,
        };
        if kept {
            out.push(c);
            last = c;
        } else {
            warnings.add(category);
            escape(c, &mut out);
            last = '}';
        }
    }
    out
}

fn escape(c: char, out: &mut String) {
    out.extend(c.escape_unicode());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_are_shown_without_the_same_characters() {
        for c in '\0'..=char::MAX {
            assert_eq!(category(c).is_some(), crate::model::file_name::is_ignorable(c), "{c:?}");
        }
    }
}
