//! The file of settings: `NAME=VALUE` lines, `#` comments, optional quotes. Nothing in it is expanded.

use std::path::Path;

use super::fault::Fault;
use super::kind::given;

/// One line of the file of settings.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The file.
    pub file: std::path::PathBuf,
    /// The line, counted from 1.
    pub line: usize,
    /// The name as written.
    pub name: String,
    /// The value without quotes. It may be a secret.
    pub value: String,
}

/// Reads all lines. A line that cannot be read is a fault, since a setting that is silently lost may be one that
/// closes something. Values are not quoted in faults.
pub(crate) fn parse(file: &Path, text: &str, faults: &mut Vec<Fault>) -> Vec<Entry> {
    let mut entries = Vec::new();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (index, raw) in text.lines().enumerate() {
        let line = index + 1;
        let content = raw.trim();
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        let content = content.strip_prefix("export ").unwrap_or(content);
        let read = content.split_once('=').ok_or("is not `NAME=VALUE`").and_then(|(name, value)| {
            let name = name.trim();
            let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
            if name.is_empty() || !name.chars().all(plain) {
                return Err("has no name of letters, digits and `_` before `=`");
            }
            Ok((name.to_owned(), unquoted(value.trim())?))
        });
        match read {
            Ok((name, value)) => entries.push(Entry { file: file.to_path_buf(), line, name, value }),
            Err(why) => faults.push(Fault::file(file, format!("the line {why}")).at(file, line)),
        }
    }
    entries
}

/// The value inside its quotes. In double quotes `\n`, `\t`, `\r`, `\\`, `\"`, `\$` and `` \` `` are escapes; in
/// single quotes nothing is. A comment may follow after a blank.
fn unquoted(value: &str) -> Result<String, &'static str> {
    let mut chars = value.chars();
    let Some(quote @ ('"' | '\'')) = chars.next() else {
        let end = value.char_indices().find(|&(at, c)| {
            c == '#' && value.get(..at).is_some_and(|before| before.is_empty() || before.ends_with([' ', '\t']))
        });
        return Ok(value.get(..end.map_or(value.len(), |(at, _)| at)).unwrap_or(value).trim_end().to_owned());
    };
    let mut out = String::new();
    loop {
        match chars.next() {
            None => return Err("has a quote that is not closed"),
            Some(c) if c == quote => break,
            Some('\\') if quote == '"' => match chars.next() {
                Some('n') => out.push('\n'),
                Some('t') => out.push('\t'),
                Some('r') => out.push('\r'),
                Some(c @ ('\\' | '"' | '$' | '`')) => out.push(c),
                Some(c) => out.extend(['\\', c]),
                None => return Err("has a quote that is not closed"),
            },
            Some(c) => out.push(c),
        }
    }
    match given(chars.as_str()) {
        Some(rest) if !rest.starts_with('#') => Err("has text after its closing quote"),
        _ => Ok(out),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(line: &str) -> Result<(String, String), String> {
        let mut faults = Vec::new();
        let mut entries = parse(Path::new("/e"), line, &mut faults);
        match (entries.pop(), faults.pop()) {
            (Some(e), None) => Ok((e.name, e.value)),
            (None, Some(f)) => Err(f.to_string()),
            other => panic!("{:?}", other.1),
        }
    }

    #[test]
    fn values() {
        for (line, want) in [
            ("A=b", "b"),
            ("A = b c ", "b c"),
            ("export A=b", "b"),
            ("A=", ""),
            ("A=b # c", "b"),
            ("A=b#c", "b#c"),
            ("A=# c", ""),
            ("A='b # \\n $X'", "b # \\n $X"),
            ("A=\"b \\\"c\\\" \\n\\q\" # d", "b \"c\" \n\\q"),
            ("A=[\"x\", \"y\"]", "[\"x\", \"y\"]"),
            ("A=a=b", "a=b"),
            ("\u{feff}A=b", "b"),
            ("A=b\r", "b"),
        ] {
            assert_eq!(one(line), Ok(("A".to_owned(), want.to_owned())), "{line}");
        }
    }

    #[test]
    fn faults_name_the_line_and_not_the_value() {
        for line in ["hunter2", "=hunter2", "A B=hunter2", "A='hunter2", "A=\"hunter2\\", "A='hunter2' x"] {
            let why = one(line).unwrap_err();
            assert!(why.starts_with("/e:1: the line "), "{why}");
            assert!(!why.contains("hunter2"), "{why}");
        }
    }

    #[test]
    fn counts_lines() {
        let mut faults = Vec::new();
        let entries = parse(Path::new("/e"), "# c\n\nA=1\nB=2\n", &mut faults);
        assert_eq!(entries.iter().map(|e| e.line).collect::<Vec<_>>(), [3, 4]);
        assert!(faults.is_empty());
    }
}
