//! Patterns as callers write them, in the words of the host's `grep -E`.

use crate::model::error::ToolError;

/// A pattern for `grep -E`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::tools) struct Posix {
    /// The pattern.
    pub text: String,
    ignore_case: bool,
}

impl Posix {
    /// The options of grep that go with it.
    pub(crate) fn options(&self) -> &'static str {
        if self.ignore_case { "-Ei" } else { "-E" }
    }
}

/// Classes that POSIX writes in another way: as a set of its own, and inside of one.
const CLASSES: &[(char, &str, &str)] = &[
    ('d', "[0-9]", "0-9"),
    ('D', "[^0-9]", ""),
    ('w', "[[:alnum:]_]", "[:alnum:]_"),
    ('W', "[^[:alnum:]_]", ""),
    ('s', "[[:space:]]", "[:space:]"),
    ('S', "[^[:space:]]", ""),
    ('t', "\t", "\t"),
];

/// Translates a checked pattern. What POSIX does not know is refused.
pub(in crate::tools) fn posix(pattern: &str) -> Result<Posix, ToolError> {
    let refused = |what: &str| {
        ToolError::value(
            format!("Argument `grep`: the host's grep does not know `{what}`."),
            "Give an extended regular expression: . * + ? | ( ) [ ] { } ^ $ and \\d \\w \\s; `(?i)` in front ignores case.",
        )
    };
    let (ignore_case, pattern) = match pattern.strip_prefix("(?i)") {
        Some(rest) => (true, rest),
        None => (false, pattern),
    };
    if pattern.contains('\n') {
        return Err(refused("a newline"));
    }
    let mut text = String::new();
    let mut chars = pattern.chars().peekable();
    // Inside of a set, and at its beginning, where `]` and `^` are read in another way.
    let (mut set, mut begins) = (false, false);
    let mut before = ' ';
    while let Some(c) = chars.next() {
        let first = std::mem::take(&mut begins);
        match c {
            '\\' => {
                let escaped = chars.next().ok_or_else(|| refused("\\"))?;
                let class = CLASSES.iter().find(|(name, _, _)| *name == escaped);
                match class {
                    Some((_, _, "")) if set => return Err(refused(&format!("[\\{escaped}]"))),
                    Some((_, _, inside)) if set => text.push_str(inside),
                    Some((_, alone, _)) => text.push_str(alone),
                    None if escaped.is_ascii_alphanumeric() => return Err(refused(&format!("\\{escaped}"))),
                    // In a set a backslash stands for itself; what it escapes there is safe without it, but for these.
                    None if set && matches!(escaped, ']' | '^' | '-' | '[') => {
                        return Err(refused(&format!("[\\{escaped}]")));
                    }
                    None if set => text.push(escaped),
                    None => text.extend(['\\', escaped]),
                }
                before = ' ';
                continue;
            }
            '[' if !set => (set, begins) = (true, true),
            '[' if chars.peek() == Some(&':') => {
                // A named class, up to its end.
                text.push(c);
                for inner in chars.by_ref() {
                    text.push(inner);
                    if inner == ']' {
                        break;
                    }
                }
                continue;
            }
            '^' if set && first => begins = true,
            ']' if set && !first => set = false,
            '&' | '~' | '-' if set && chars.peek() == Some(&c) => return Err(refused("[&&]")),
            '(' if !set && chars.peek() == Some(&'?') => {
                chars.next();
                if chars.next() != Some(':') {
                    return Err(refused("(?"));
                }
            }
            '?' | '+' if !set && matches!(before, '*' | '+' | '?' | '}') => {
                return Err(refused(&format!("{before}{c}")));
            }
            _ => {}
        }
        text.push(c);
        before = if set { ' ' } else { c };
    }
    Ok(Posix { text, ignore_case })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_posix_writes_in_another_way_is_translated() {
        for (given, expected, options) in [
            ("error|failed", "error|failed", "-E"),
            ("(?i)error", "error", "-Ei"),
            (r"\d+ \w\s\S", "[0-9]+ [[:alnum:]_][[:space:]][^[:space:]]", "-E"),
            (r"[\d.]+", "[0-9.]+", "-E"),
            (r"(?:a|b)\.c\[", r"(a|b)\.c\[", "-E"),
            ("[^]a]", "[^]a]", "-E"),
            ("[[:digit:]x]*", "[[:digit:]x]*", "-E"),
        ] {
            let found = posix(given).unwrap();
            assert_eq!((found.text.as_str(), found.options()), (expected, options), "{given}");
        }
    }

    #[test]
    fn what_it_does_not_know_is_refused() {
        for given in [r"\bword", "a*?", "a++", "(?P<n>a)", "(?s).", r"\p{L}", r"[\D]", r"[\]]", r"a{2}?", "[a&&b]"] {
            assert!(posix(given).is_err(), "{given}");
        }
    }
}
