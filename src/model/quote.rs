//! Quoting words for POSIX shells, and lists of words.

use super::file_name::BYTE;

/// Sets and exports variables, in the spelling that every shell of POSIX reads.
pub(crate) fn export_lines<'a>(variables: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    variables.fold(String::new(), |text, (name, value)| text + &format!("{name}={}; export {name}; ", sh_quote(value)))
}

/// Quotes one word so that `sh`, `bash`, `dash`, BusyBox `ash` and `zsh` read it back unchanged.
///
/// Words made only of harmless characters stay bare, for readable process lists. NUL cannot be part of a word: here it
/// stands in front of a byte that is not UTF-8 ([`super::file_name`]), which the shell makes by printf. Callers check for it
/// where other words enter.
pub fn sh_quote(word: &str) -> String {
    let plain = !word.is_empty()
        && word.bytes().all(|b| {
            b.is_ascii_alphanumeric() || matches!(b, b'/' | b'.' | b'-' | b'_' | b',' | b':' | b'@' | b'+' | b'%')
        });
    if plain {
        return word.to_owned();
    }
    let mut out = String::with_capacity(word.len() + 2);
    out.push('\'');
    let mut chars = word.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\'' => out.push_str("'\\''"),
            BYTE if chars.peek().copied().is_some_and(is_byte) => {
                out.push_str("'\"$(printf '");
                while let Some(byte) = chars.next_if(|c| is_byte(*c)) {
                    out.push_str(&format!("\\{:03o}", u32::from(byte)));
                    if chars.peek() != Some(&BYTE) || !chars.clone().nth(1).is_some_and(is_byte) {
                        break;
                    }
                    chars.next();
                }
                out.push_str("')\"'");
            }
            c => out.push(c),
        }
    }
    out.push('\'');
    out
}

/// What may follow [`BYTE`]: no byte of a character that the shell reads.
fn is_byte(c: char) -> bool {
    ('\u{80}'..='\u{ff}').contains(&c)
}

/// A command as a list of words, the program first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Argv(Vec<String>);

impl Argv {
    /// Starts a command with its program, a literal.
    pub fn new(program: &'static str) -> Self {
        Argv(vec![program.to_owned()])
    }

    /// Takes words that were parsed and judged elsewhere; the first is the program. `None` when empty.
    pub fn from_words(words: Vec<String>) -> Option<Self> {
        if words.is_empty() { None } else { Some(Argv(words)) }
    }

    /// Appends one word.
    #[must_use]
    pub fn arg(mut self, word: impl Into<String>) -> Self {
        self.0.push(word.into());
        self
    }

    /// Appends several words.
    #[must_use]
    pub fn args<I, S>(mut self, words: I) -> Self
    where
        I: IntoIterator<Item = S>,
        S: Into<String>,
    {
        self.0.extend(words.into_iter().map(Into::into));
        self
    }

    /// The words.
    pub fn words(&self) -> &[String] {
        &self.0
    }

    /// One shell line that starts exactly this command.
    pub fn to_shell(&self) -> String {
        let quoted: Vec<String> = self.0.iter().map(|w| sh_quote(w)).collect();
        quoted.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_what_a_shell_would_read() {
        assert_eq!(sh_quote("a/b.c"), "a/b.c");
        assert_eq!(sh_quote(""), "''");
        assert_eq!(sh_quote("it's"), "'it'\\''s'");
        assert_eq!(sh_quote("~"), "'~'");
        assert_eq!(sh_quote("a=b"), "'a=b'");
        assert_eq!(sh_quote("a\0\u{e9}\0\u{ff}b"), "'a'\"$(printf '\\351\\377')\"'b'");
        assert_eq!(sh_quote("a\0;\0"), "'a\0;\0'", "no other character is made of an escape");
    }
}
