//! Names that are written with escapes: `"p\u0061ssword"`, `"p\x61ssword"`, `pass&#119;ord`, letters of full width, and
//! names that go on behind a backslash on the next line.

use std::sync::LazyLock;

use regex::Regex;

use super::super::keys::{KEY_MAX, KeyRules};
use super::super::values::pattern;
use super::pairs;

/// One escape. The last one joins two lines, where the second goes on with a name and its separator.
static ESCAPE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(concat!(
        r"\\u\{?([0-9a-fA-F]{4})\}?|\\U([0-9a-fA-F]{8})|\\x([0-9a-fA-F]{2})|&#([0-9]{1,7});|&#[xX]([0-9a-fA-F]{1,6});",
        r"|([\x{ff10}-\x{ff19}\x{ff21}-\x{ff3a}\x{ff3f}\x{ff41}-\x{ff5a}])",
        r"|\\(?:\r\n|\n|\r)[ \t]*",
    ))
});

/// The text with such names written out, each at the end of the place that it had, so that all offsets stay; `None` when
/// no name announces anything. Read besides the text itself.
pub(crate) fn with_names_decoded(text: &str, rules: &KeyRules) -> Option<String> {
    let mut out: Option<String> = None;
    let mut copied = 0;
    let mut run: Option<Run> = None;
    let mut done = |run: Run, out: &mut Option<String>| {
        let end = run.end + name_length(text, run.end);
        let name = format!("{}{}", run.name, text.get(run.end..end).unwrap_or(""));
        if rules.judge(&name).is_none() && !pairs::concerns(&name) {
            return;
        }
        let quoted = text.as_bytes().get(run.start.wrapping_sub(1)).copied().filter(|b| matches!(b, b'"' | b'\''));
        let start = run.start - usize::from(quoted.is_some());
        let quote = quoted.map(char::from).map(String::from).unwrap_or_default();
        let Some(room) = (end - start).checked_sub(quote.len() + name.len()) else { return };
        let text_out = out.get_or_insert_with(|| String::with_capacity(text.len()));
        text_out.push_str(text.get(copied..start).unwrap_or(""));
        text_out.extend(std::iter::repeat_n(' ', room));
        text_out.push_str(&quote);
        text_out.push_str(&name);
        copied = end;
    };
    for found in ESCAPE.as_ref()?.captures_iter(text) {
        let Some(whole) = found.get(0) else { continue };
        let Some(decoded) = decode(&found) else { continue };
        let between = run.as_ref().and_then(|run| text.get(run.end..whole.start()));
        match (run.as_mut(), between) {
            (Some(run), Some(between)) if between.bytes().all(is_name_byte) && run.name.len() < KEY_MAX => {
                run.name.push_str(between);
                run.name.push_str(&decoded);
                run.end = whole.end();
            }
            _ => {
                let floor = run.as_ref().map_or(0, |run| run.end);
                if let Some(before) = run.take() {
                    done(before, &mut out);
                }
                let before = text.as_bytes().get(floor..whole.start()).unwrap_or(&[]);
                let length = before.iter().rev().take(KEY_MAX).take_while(|b| is_name_byte(**b)).count();
                let start = whole.start() - length;
                let name = format!("{}{decoded}", text.get(start..whole.start()).unwrap_or(""));
                run = Some(Run { start, end: whole.end(), name });
            }
        }
    }
    if let Some(before) = run {
        done(before, &mut out);
    }
    let mut out = out?;
    out.push_str(text.get(copied..).unwrap_or(""));
    (out.len() == text.len()).then_some(out)
}

/// A name so far.
struct Run {
    start: usize,
    end: usize,
    name: String,
}

/// What an escape stands for, when that may stand in a name.
fn decode(found: &regex::Captures<'_>) -> Option<String> {
    let hex = |group: usize| found.get(group).and_then(|digits| u32::from_str_radix(digits.as_str(), 16).ok());
    let code = [1, 2, 3, 5].into_iter().find_map(hex).or_else(|| found.get(4)?.as_str().parse().ok());
    let wide = found.get(6).and_then(|c| c.as_str().chars().next()).map(|c| u32::from(c) - 0xfee0);
    let Some(code) = code.or(wide) else {
        let joins = found.get(0).is_some_and(|whole| whole.as_str().contains(['\n', '\r']));
        return joins.then(String::new);
    };
    u8::try_from(code).ok().filter(|b| is_name_byte(*b)).map(|b| char::from(b).to_string())
}

fn is_name_byte(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.')
}

fn name_length(text: &str, from: usize) -> usize {
    text.as_bytes().get(from..).unwrap_or(&[]).iter().take(KEY_MAX).take_while(|b| is_name_byte(**b)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_written_out_where_they_end() {
        let rules = KeyRules::builtin(&[]);
        for (text, decoded) in [
            (r#"{"p\u0061ssword": "x"}"#, r#"{     "password": "x"}"#),
            (r#""p\x61ssw\x6frd": x"#, r#"      "password": x"#),
            ("<a pass&#119;ord=\"x\"/>", "<a      password=\"x\"/>"),
            ("db.pass\\\n  word=x", "    db.password=x"),
            ("\u{ff50}ass=x", "  pass=x"),
        ] {
            assert_eq!(with_names_decoded(text, &rules).as_deref(), Some(decoded), "{text}");
        }
        for text in [r#"{"n\u0061tion": "x"}"#, "a \\\n  b=x", "&#955;=x", r"\u12"] {
            assert_eq!(with_names_decoded(text, &rules), None, "{text}");
        }
    }
}
