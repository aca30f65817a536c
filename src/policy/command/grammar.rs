//! The only shell language that a restricted command list accepts: words, quotes and backslashes.
//!
//! What a shell would read as anything else is refused by name. So for every accepted text, every POSIX shell starts
//! one program with exactly these words (`tests/it/grammar.rs` compares with dash, bash and BusyBox sh), and the
//! words can be quoted again and sent in place of the text.

/// Longest command text, in bytes. Half of what Linux takes as one argument (`MAX_ARG_STRLEN`, 128 KiB), so that
/// it still fits when every byte of it has to be escaped.
pub const TEXT_MAX: usize = 64 * 1024;

/// Most words in one command.
pub(crate) const WORDS_MAX: usize = 4096;

/// Words that shells read as syntax in front of a command (POSIX, bash and BusyBox ash).
const RESERVED: &[&str] = &[
    "!", "[[", "]]", "case", "coproc", "do", "done", "elif", "else", "esac", "fi", "for", "function", "if", "in",
    "select", "then", "time", "until", "while", "{", "}",
];

/// Why a text is not a plain command.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotPlain {
    /// No word in it.
    #[error("it is empty")]
    Empty,
    /// Over [`TEXT_MAX`].
    #[error("it is longer than 65536 bytes")]
    TooLong,
    /// Over [`WORDS_MAX`].
    #[error("it has more than 4096 words")]
    TooManyWords,
    /// A newline.
    #[error("it holds a newline (at byte {0})")]
    Newline(usize),
    /// NUL, another control character, or a line or paragraph separator.
    #[error("it holds the control character {0:?} (at byte {1})")]
    Control(char, usize),
    /// A blank that some shells split words at.
    #[error("it holds the blank {0:?} outside quotes (at byte {1})")]
    Blank(char, usize),
    /// `|`, `&`, `;`.
    #[error("it holds the shell operator `{0}` (at byte {1})")]
    Operator(char, usize),
    /// `<`, `>`.
    #[error("it holds the redirection `{0}` (at byte {1})")]
    Redirect(char, usize),
    /// `(`, `)`, `{`, `}`.
    #[error("it holds the group or brace `{0}` (at byte {1})")]
    Group(char, usize),
    /// `$`.
    #[error("it holds the expansion `$` (at byte {0})")]
    Expansion(usize),
    /// A backquote.
    #[error("it holds a command substitution (backquote at byte {0})")]
    Backquote(usize),
    /// `*`, `?`, `[`.
    #[error("it holds the file name pattern `{0}` (at byte {1})")]
    Pattern(char, usize),
    /// `~` where a shell expands it.
    #[error("it holds `~`, which a shell would expand (at byte {0})")]
    Tilde(usize),
    /// `!` or `^`, with which some shells repeat earlier commands.
    #[error("it holds `{0}`, which some shells expand (at byte {1})")]
    History(char, usize),
    /// `#` at the start of a word.
    #[error("it holds a comment (`#` at byte {0})")]
    Comment(usize),
    /// `NAME=value` in front, or `=name`.
    #[error("it starts with the assignment `{0}`")]
    Assignment(String),
    /// `=name`, which zsh replaces.
    #[error("it holds a word that starts with `=` (at byte {0})")]
    Equals(usize),
    /// `if`, `time` and the like in front, or `%1`, which bash reads as a job.
    #[error("it starts with the shell keyword `{0}`")]
    Keyword(String),
    /// A quote without its end.
    #[error("the {0} quote at byte {1} is not closed")]
    Unclosed(char, usize),
    /// A backslash at the end.
    #[error("it ends with a backslash that escapes nothing")]
    Dangling,
}

/// One word being read.
#[derive(Default)]
struct Word {
    text: String,
    begun: bool,
    quoted: bool,
    /// An `=` outside quotes, and where it stood.
    equals: bool,
}

/// Splits a text into the words that every POSIX shell would read. Work is linear in the length of the text.
pub fn parse(text: &str) -> Result<Vec<String>, NotPlain> {
    if text.len() > TEXT_MAX {
        return Err(NotPlain::TooLong);
    }
    if let Some((at, c)) = text.char_indices().find(|(_, c)| is_forbidden(*c)) {
        return Err(if c == '\n' { NotPlain::Newline(at) } else { NotPlain::Control(c, at) });
    }
    let mut words: Vec<String> = Vec::new();
    let mut word = Word::default();
    let mut rest = text.char_indices();
    while let Some((at, c)) = rest.next() {
        match c {
            ' ' | '\t' => finish(&mut words, &mut word)?,
            '\'' => {
                word.begun = true;
                word.quoted = true;
                single(&mut rest, &mut word.text, at)?;
            }
            '"' => {
                word.begun = true;
                word.quoted = true;
                double(&mut rest, &mut word.text, at)?;
            }
            '\\' => {
                let (_, literal) = rest.next().ok_or(NotPlain::Dangling)?;
                word.begun = true;
                word.quoted = true;
                word.text.push(literal);
            }
            '|' | '&' | ';' => return Err(NotPlain::Operator(c, at)),
            '<' | '>' => return Err(NotPlain::Redirect(c, at)),
            '(' | ')' | '{' | '}' => return Err(NotPlain::Group(c, at)),
            '$' => return Err(NotPlain::Expansion(at)),
            '`' => return Err(NotPlain::Backquote(at)),
            '*' | '?' | '[' => return Err(NotPlain::Pattern(c, at)),
            '!' | '^' => return Err(NotPlain::History(c, at)),
            '#' if !word.begun => return Err(NotPlain::Comment(at)),
            // Expanded at the start of a word and, by bash, behind the `=` and `:` of what looks like an assignment.
            '~' if !word.begun || word.text.ends_with(['=', ':']) => return Err(NotPlain::Tilde(at)),
            '=' if !word.begun => return Err(NotPlain::Equals(at)),
            blank if blank.is_whitespace() => return Err(NotPlain::Blank(blank, at)),
            literal => {
                word.begun = true;
                word.equals |= literal == '=';
                word.text.push(literal);
            }
        }
    }
    finish(&mut words, &mut word)?;
    if words.is_empty() { Err(NotPlain::Empty) } else { Ok(words) }
}

/// Control characters of every kind except the tab, which separates words; also the two Unicode line ends.
fn is_forbidden(c: char) -> bool {
    (c.is_control() && c != '\t') || matches!(c, '\u{2028}' | '\u{2029}')
}

fn finish(words: &mut Vec<String>, word: &mut Word) -> Result<(), NotPlain> {
    let word = std::mem::take(word);
    if !word.begun {
        return Ok(());
    }
    if words.is_empty() {
        if word.equals {
            return Err(NotPlain::Assignment(word.text));
        }
        if !word.quoted && (word.text.starts_with('%') || RESERVED.contains(&word.text.as_str())) {
            return Err(NotPlain::Keyword(word.text));
        }
    }
    if words.len() == WORDS_MAX {
        return Err(NotPlain::TooManyWords);
    }
    words.push(word.text);
    Ok(())
}

fn single(rest: &mut std::str::CharIndices<'_>, text: &mut String, opened: usize) -> Result<(), NotPlain> {
    for (_, c) in rest {
        if c == '\'' {
            return Ok(());
        }
        text.push(c);
    }
    Err(NotPlain::Unclosed('\'', opened))
}

/// Inside double quotes a backslash is one, except before the four characters it can protect there.
fn double(rest: &mut std::str::CharIndices<'_>, text: &mut String, opened: usize) -> Result<(), NotPlain> {
    while let Some((at, c)) = rest.next() {
        match c {
            '"' => return Ok(()),
            '$' => return Err(NotPlain::Expansion(at)),
            '`' => return Err(NotPlain::Backquote(at)),
            '\\' => match rest.next() {
                Some((_, protected @ ('$' | '`' | '"' | '\\'))) => text.push(protected),
                Some((_, other)) => text.extend(['\\', other]),
                None => break,
            },
            literal => text.push(literal),
        }
    }
    Err(NotPlain::Unclosed('"', opened))
}
