//! Lines `KEY=VALUE` as env files, shells, units and properties have them: where a value stands, and how one is written there.

use std::ops::Range;

/// How a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quote {
    None,
    Single,
    Double,
}

/// One line that sets the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Assignment {
    /// The value with its quotes.
    pub(crate) written: Range<usize>,
    quote: Quote,
}

/// What a file says of a key.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Lines {
    /// Where it is set.
    pub(crate) of_key: Vec<Assignment>,
    /// Sections stand in the file: a name may mean several things.
    pub(crate) sections: bool,
    /// Lines that set something; those with `export` in front; those with blanks around the sign.
    all: usize,
    exported: usize,
    spaced: usize,
    /// Lines that hold something else, such as YAML.
    others: usize,
    /// The key stands in front of a colon: it is set in another way.
    colon: bool,
}

/// Reads a file. The error says what of the key's value is not understood; nothing of it is quoted.
pub(super) fn read(text: &str, key: &str) -> Result<Lines, String> {
    let mut lines = Lines::default();
    let mut at = 0;
    let mut number = 0;
    while at < text.len() {
        number += 1;
        let end = line_end(text, at);
        let line = text.get(at..end).unwrap_or_default();
        lines.sections |= line.trim_start().starts_with('[') && line.trim_end().ends_with(']');
        let mut next = end + 1;
        if let Some(found) = head(line) {
            lines.all += 1;
            lines.exported += usize::from(found.exported);
            lines.spaced += usize::from(found.spaced);
            let mine = found.name == key;
            match value(text, at + found.value_at, &found) {
                Ok(assignment) => {
                    next = next.max(line_end(text, assignment.written.end) + 1);
                    if mine {
                        lines.of_key.push(assignment);
                    }
                }
                Err(why) if mine => return Err(format!("its value in line {number} {why}")),
                Err(_) => {}
            }
        } else {
            let bare = line.trim();
            let is_section = bare.starts_with('[') && bare.ends_with(']');
            lines.others += usize::from(!bare.is_empty() && !bare.starts_with(['#', ';', '!']) && !is_section);
            let name = bare.trim_start_matches(['-', '{', ' ', '"', '\'']);
            let behind = name.strip_prefix(key).map(|rest| rest.trim_start_matches(['"', '\'', ' ']));
            lines.colon |= behind.is_some_and(|rest| rest.starts_with([':', '=']));
        }
        number += text.get(end + 1..next.min(text.len())).unwrap_or_default().matches('\n').count();
        at = next;
    }
    Ok(lines)
}

/// The text that stands for a value, in the quotes of the old one where they can hold it.
pub(super) fn written(value: &str, old: Option<&Assignment>) -> String {
    let plain = value.chars().all(|c| c.is_ascii_alphanumeric() || "_./:@%+,=-".contains(c));
    let single = !value.contains('\'');
    match old.map_or(Quote::None, |old| old.quote) {
        Quote::None if plain => value.to_owned(),
        Quote::Double if !value.contains(['"', '\\', '$', '`']) => format!("\"{value}\""),
        _ if single => format!("'{value}'"),
        _ => {
            let mut out = "\"".to_owned();
            for c in value.chars() {
                if matches!(c, '"' | '\\' | '$' | '`') {
                    out.push('\\');
                }
                out.push(c);
            }
            out.push('"');
            out
        }
    }
}

impl Lines {
    /// Why no line can be added to the file, if so.
    pub(crate) fn misfit(&self, text: &str) -> Option<&'static str> {
        if self.colon {
            Some("it stands there in another form than KEY=VALUE")
        } else if self.all == 0 && self.others > 0 {
            Some("the file has no lines KEY=VALUE, but others")
        } else if text.trim_end_matches(['\n', '\r']).ends_with('\\') {
            Some("the last line goes on in the next one")
        } else {
            None
        }
    }

    /// The line for a key that is not there, in front of its value, as the others are written.
    pub(crate) fn new_line(&self, text: &str, key: &str) -> String {
        let line_end = if text.contains("\r\n") { "\r\n" } else { "\n" };
        let before = if text.is_empty() || text.ends_with('\n') { "" } else { line_end };
        let export = if self.all > 0 && self.exported == self.all { "export " } else { "" };
        let sign = if self.all > 0 && self.spaced == self.all { " = " } else { "=" };
        format!("{before}{export}{key}{sign}")
    }

    /// What ends such a line.
    pub(crate) fn line_end(text: &str) -> &'static str {
        if text.contains("\r\n") { "\r\n" } else { "\n" }
    }
}

struct Head<'a> {
    name: &'a str,
    exported: bool,
    spaced: bool,
    /// Where the value begins, in bytes of the line.
    value_at: usize,
}

/// What stands in front of a value; nothing for a comment and for what sets nothing.
fn head(line: &str) -> Option<Head<'_>> {
    let sign = line.find('=')?;
    let left = line.get(..sign)?;
    let words: Vec<&str> = left.split_whitespace().collect();
    let (name, exported) = match words.as_slice() {
        [name] => (*name, false),
        ["export", name] => (*name, true),
        _ => return None,
    };
    let spaced = left.ends_with([' ', '\t']);
    let blanks = line.get(sign + 1..)?.bytes().take_while(|b| spaced && matches!(b, b' ' | b'\t')).count();
    is_name(name).then_some(Head { name, exported, spaced, value_at: sign + 1 + blanks })
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c))
}

fn line_end(text: &str, from: usize) -> usize {
    text.get(from..).and_then(|rest| rest.find('\n')).map_or(text.len(), |at| from + at)
}

/// The value that begins here.
fn value(text: &str, start: usize, head: &Head<'_>) -> Result<Assignment, &'static str> {
    let end = line_end(text, start);
    let line = text.get(start..end).unwrap_or_default().trim_end_matches('\r');
    let (quote, sign) = match line.bytes().next() {
        Some(b'"') => (Quote::Double, b'"'),
        Some(b'\'') => (Quote::Single, b'\''),
        _ => {
            let comment = line.find(" #").or_else(|| line.find("\t#")).unwrap_or(line.len());
            let comment = if line.starts_with('#') { 0 } else { comment };
            let value = line.get(..comment).unwrap_or_default().trim_end();
            if line.ends_with('\\') || value.starts_with("-----BEGIN ") {
                return Err("goes on in the next line");
            }
            let sets = |word: &str| word.split_once('=').is_some_and(|(name, _)| is_name(name));
            let more = value.split([' ', '\t']).skip(1).any(sets) || value.contains([' ', '\t']) && head.exported;
            if more || value.contains('\r') || ["; ", ";\t", " &&", " ||", " |"].iter().any(|sign| value.contains(sign))
            {
                return Err("consists of several parts");
            }
            if head.spaced && value.contains(['(', '[', '{']) {
                return Err("is an expression");
            }
            return Ok(Assignment { written: start..start + value.len(), quote: Quote::None });
        }
    };
    let rest = text.as_bytes().get(start + 1..).unwrap_or_default();
    let mut escaped = false;
    for (n, byte) in rest.iter().enumerate() {
        if escaped {
            escaped = false;
        } else if *byte == b'\\' && quote == Quote::Double {
            escaped = true;
        } else if *byte == sign {
            let close = start + 1 + n;
            let behind = text.get(close + 1..line_end(text, close)).unwrap_or_default().trim_end_matches('\r');
            if !behind.trim_start().is_empty() && !behind.trim_start().starts_with('#') {
                return Err("consists of several parts");
            }
            return Ok(Assignment { written: start..close + 1, quote });
        }
    }
    Err("has a quote without its end")
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# DB=x\nDB=old # note\nexport A=\"o l\\\"d\"\r\nB='old'\nPEM=\"-----BEGIN\nDB=inside\n-----END\"\nE=\nDB.url = old value \n";

    fn at<'a>(text: &'a str, key: &str) -> Vec<&'a str> {
        let found = read(text, key).unwrap().of_key;
        found.iter().map(|one| text.get(one.written.clone()).unwrap()).collect()
    }

    #[test]
    fn values_are_found_with_their_quotes() {
        for (key, expected) in [
            ("DB", vec!["old"]),
            ("A", vec!["\"o l\\\"d\""]),
            ("B", vec!["'old'"]),
            ("PEM", vec!["\"-----BEGIN\nDB=inside\n-----END\""]),
            ("E", vec![""]),
            ("DB.url", vec!["old value"]),
            ("old", vec![]),
            ("NONE", vec![]),
        ] {
            assert_eq!(at(FILE, key), expected, "{key}");
        }
        assert_eq!(at("K=1\nK=2\n", "K"), ["1", "2"]);
        assert_eq!(at("K=1", "K"), ["1"]);
        assert_eq!(at("K= # c\n", "K"), [""]);
        assert_eq!(at("URL=http://h/#x\n", "URL"), ["http://h/#x"]);
        for (text, why) in [
            ("K=-----BEGIN KEY-----\nAAAA\n", "goes on"),
            ("K=\"a\n", "without its end"),
            ("K='a'b\n", "several parts"),
            ("X=1\nK=a\\\nb\n", "line 2 goes on"),
        ] {
            let told = read(text, "K").unwrap_err();
            assert!(told.contains(why), "{told}");
        }
        for line in [
            "export K=old OTHER=keep",
            "export K=old other",
            "K=old OTHER=keep",
            "K=old; export K",
            "K=a\rPORT=80\r",
            "K=a && b",
        ] {
            assert!(read(&format!("{line}\n"), "K").unwrap_err().contains("several parts"), "{line}");
        }
        assert!(read("K = os.environ[\"X\"]\n", "K").unwrap_err().contains("an expression"));
        assert_eq!(at("K=a;b(c\n", "K"), ["a;b(c"]);
        // What is wrong with another key does not matter.
        assert_eq!(at("X=\"a\nK=1\n", "K"), ["1"]);
        assert!(read("[a]\nk = 1\n", "k").unwrap().sections && !read(FILE, "DB").unwrap().sections);
    }

    #[test]
    fn values_are_written_so_that_every_reader_takes_them_alike() {
        let old = |text: &str| read(&format!("K={text}\n"), "K").unwrap().of_key.remove(0);
        for (style, value, expected) in [
            ("x", "abc/1:2@3", "abc/1:2@3"),
            ("x", "a b$c", "'a b$c'"),
            ("\"x\"", "a b", "\"a b\""),
            ("\"x\"", "a$b", "'a$b'"),
            ("'x'", "a$b", "'a$b'"),
            ("'x'", "it's $5", "\"it's \\$5\""),
            ("x", "", ""),
        ] {
            assert_eq!(written(value, Some(&old(style))), expected, "{style} {value}");
        }
        assert_eq!(written("a b", None), "'a b'");
    }

    #[test]
    fn a_line_is_added_only_where_such_lines_are() {
        let misfit = |text: &str| read(text, "K").unwrap().misfit(text).is_some();
        for text in [
            "db:\n  password: x\n",
            "- K=x\n",
            "{\"K\": \"x\"}\n",
            "K: x\n",
            "A=1\nK: x\n",
            "A=1\nX=abc\\\n",
            "words\n",
        ] {
            assert!(misfit(text), "{text}");
        }
        for text in ["", "# only a comment\n", "A=1\n", "\n", "A=1\nsource other\n", "A=\"x\ny\"\n"] {
            assert!(!misfit(text), "{text}");
        }
    }

    #[test]
    fn a_new_line_is_written_as_the_others_are() {
        let new = |text: &str| read(text, "K").unwrap().new_line(text, "K");
        assert_eq!((new(""), new("A=1\n"), new("A=1")), ("K=".into(), "K=".into(), "\nK=".into()));
        assert_eq!((new("export A=1\n"), new("export A=1\nB=2\n")), ("export K=".into(), "K=".into()));
        assert_eq!((new("a = 1\n"), new("A=1\r\nB=2")), ("K = ".into(), "\r\nK=".into()));
    }
}
