//! Reads shell text of any kind, tolerantly: what commands are in it, with which words and redirections.
//!
//! For advice and for hints, never for permission: a text can always say less than a shell makes of it (variables,
//! `eval`, files). What may run is decided by [`super::command::grammar`], which accepts nothing it cannot read.

/// Substitutions inside substitutions that are still looked into.
const DEPTH_MAX: usize = 8;

/// One word, quotes removed, expansions left as written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Word {
    /// The text.
    pub text: String,
    /// Part of it was quoted or escaped.
    pub quoted: bool,
    /// It holds an expansion, so the text is not what the program gets.
    pub expands: bool,
    /// It holds a file name pattern outside quotes.
    pub pattern: bool,
}

impl Word {
    /// The program gets exactly this text.
    pub fn is_literal(&self) -> bool {
        !self.expands && !self.pattern
    }
}

/// What a redirection does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// `>` and `>|`.
    Write,
    /// `>>`.
    Append,
    /// `<` and `<>`.
    Read,
    /// `>&` and `<&`.
    Duplicate,
    /// `&>` and `&>>`.
    Both,
    /// `<<` and `<<-`.
    HereDocument,
    /// `<<<`.
    HereString,
}

/// One redirection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirect {
    /// The number in front of it.
    pub fd: Option<String>,
    /// What it does.
    pub op: Op,
    /// File, descriptor, delimiter or string.
    pub target: Word,
    /// The lines of a here-document, once its end was seen.
    pub body: Option<String>,
}

/// What stands between a command and the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Join {
    /// Nothing: it is the first.
    First,
    /// `;` or a newline.
    Then,
    /// `&&`.
    And,
    /// `||`.
    Or,
    /// `|`.
    Pipe,
    /// `&`.
    Background,
    /// A parenthesis, or a substitution it stands in.
    Inside,
}

/// One simple command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// How it follows the one before.
    pub join: Join,
    /// `NAME=value` in front.
    pub assignments: Vec<Word>,
    /// The program and its arguments.
    pub words: Vec<Word>,
    /// Its redirections.
    pub redirects: Vec<Redirect>,
}

/// Everything found in a text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Script {
    /// The commands, in order; those of substitutions and groups too, marked [`Join::Inside`].
    pub commands: Vec<Command>,
    /// The text has a group, a substitution, a compound command, or an end that was not found.
    pub compound: bool,
    /// It ends in `&`.
    pub background: bool,
}

/// Keywords in front of a command that leave the command behind them one.
const PREFIXES: &[&str] = &["!", "if", "then", "elif", "else", "while", "until", "do", "time", "{", "coproc"];
/// Keywords that end or shape a compound command.
const CLOSERS: &[&str] = &["fi", "done", "esac", "}", "case", "for", "select", "in", "function"];

/// Reads a text.
pub fn read(text: &str) -> Script {
    let mut script = Script::default();
    read_into(text, 0, Join::First, &mut script);
    script
}

fn read_into(text: &str, depth: usize, join: Join, script: &mut Script) {
    let chars: Vec<char> = text.chars().collect();
    let mut reader =
        Reader { chars: &chars, at: 0, depth, script, current: Command::empty(join), outer: join, pending: Vec::new() };
    reader.run();
}

impl Command {
    fn empty(join: Join) -> Self {
        Command { join, assignments: Vec::new(), words: Vec::new(), redirects: Vec::new() }
    }

    fn is_empty(&self) -> bool {
        self.assignments.is_empty() && self.words.is_empty() && self.redirects.is_empty()
    }
}

struct Reader<'a> {
    chars: &'a [char],
    at: usize,
    depth: usize,
    script: &'a mut Script,
    current: Command,
    /// How commands after an operator are marked here: as they follow, or as inside something.
    outer: Join,
    /// Here-documents whose lines begin after the next newline: command, redirection, tabs dropped.
    pending: Vec<(usize, usize, bool)>,
}

impl Reader<'_> {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    fn follows(&self, text: &str) -> bool {
        text.chars().enumerate().all(|(n, c)| self.peek(n) == Some(c))
    }

    fn run(&mut self) {
        while let Some(c) = self.peek(0) {
            match c {
                ' ' | '\t' | '\r' => self.at += 1,
                '\\' if self.peek(1) == Some('\n') => self.at += 2,
                '#' => self.skip_line(),
                '\n' => {
                    self.at += 1;
                    self.end(Join::Then);
                    self.here_documents();
                }
                ';' => self.operator(if self.follows(";;") { 2 } else { 1 }, Join::Then),
                '&' if self.follows("&>") => self.redirect(None),
                '&' if self.follows("&&") => self.operator(2, Join::And),
                '&' => self.operator(1, Join::Background),
                '|' if self.follows("||") => self.operator(2, Join::Or),
                '|' => self.operator(if self.follows("|&") { 2 } else { 1 }, Join::Pipe),
                '(' if self.follows("((") && self.current.is_empty() => {
                    self.script.compound = true;
                    self.at += 2;
                    self.skip_parens(2);
                }
                '(' | ')' => {
                    self.script.compound = true;
                    self.operator(1, Join::Inside);
                }
                '<' | '>' if self.peek(1) != Some('(') => self.redirect(None),
                _ => self.word(),
            }
        }
        self.script.background |= self.current.is_empty() && self.current.join == Join::Background;
        self.end(Join::Then);
    }

    fn operator(&mut self, width: usize, join: Join) {
        self.at += width;
        self.end(join);
    }

    /// Stores the command read so far; the next one follows it by `join`.
    fn end(&mut self, join: Join) {
        let next = if self.outer == Join::Inside { Join::Inside } else { join };
        if self.current.is_empty() {
            // Nothing stood before the operator (a blank line, `;;`, `) &&`): the nearest operator counts.
            if self.current.join != Join::First || next == Join::Inside {
                self.current.join = next;
            }
            return;
        }
        let done = std::mem::replace(&mut self.current, Command::empty(next));
        self.script.commands.push(done);
    }

    fn skip_line(&mut self) {
        while self.peek(0).is_some_and(|c| c != '\n') {
            self.at += 1;
        }
    }

    /// Goes past the parenthesis that closes `open` of them, minding quotes.
    fn skip_parens(&mut self, mut open: usize) {
        while let Some(c) = self.peek(0) {
            self.at += 1;
            match c {
                '\\' => self.at += 1,
                '\'' | '"' => self.skip_quote(c),
                '(' => open += 1,
                ')' => {
                    open -= 1;
                    if open == 0 {
                        return;
                    }
                }
                _ => {}
            }
        }
        self.script.compound = true;
    }

    fn skip_quote(&mut self, quote: char) {
        while let Some(c) = self.peek(0) {
            self.at += 1;
            if c == '\\' && quote == '"' {
                self.at += 1;
            } else if c == quote {
                return;
            }
        }
    }

    fn word(&mut self) {
        let start = self.at;
        let word = self.read_word();
        if self.at == start {
            // A character that begins nothing: never stand still.
            self.at += 1;
            return;
        }
        let bare_number = !word.quoted && !word.text.is_empty() && word.text.chars().all(|c| c.is_ascii_digit());
        if bare_number && matches!(self.peek(0), Some('<' | '>')) && self.peek(1) != Some('(') {
            self.redirect(Some(word.text));
            return;
        }
        if self.current.words.is_empty() {
            if !word.quoted && self.current.assignments.is_empty() {
                if PREFIXES.contains(&word.text.as_str()) {
                    self.script.compound |= word.text != "!" && word.text != "time";
                    return;
                }
                if CLOSERS.contains(&word.text.as_str()) {
                    self.script.compound = true;
                    if matches!(word.text.as_str(), "case" | "for" | "select" | "function") {
                        // Its head is no command: skip to where the first one can begin.
                        while self.peek(0).is_some_and(|c| !matches!(c, ';' | '\n' | ')' | '{')) {
                            self.at += 1;
                        }
                    }
                    return;
                }
                if word.text == "[[" {
                    self.script.compound = true;
                    while self.peek(0).is_some() && !self.follows("]]") {
                        self.at += 1;
                    }
                    self.at += 2;
                    return;
                }
            }
            if is_assignment(&word) {
                self.current.assignments.push(word);
                return;
            }
        }
        self.current.words.push(word);
    }

    fn redirect(&mut self, fd: Option<String>) {
        let forms = [
            ("&>>", Op::Both),
            ("&>", Op::Both),
            ("<<<", Op::HereString),
            ("<<-", Op::HereDocument),
            ("<<", Op::HereDocument),
            (">>", Op::Append),
            (">&", Op::Duplicate),
            ("<&", Op::Duplicate),
            (">|", Op::Write),
            ("<>", Op::Read),
            (">", Op::Write),
            ("<", Op::Read),
        ];
        let Some((form, mut op)) = forms.into_iter().find(|(form, _)| self.follows(form)) else {
            self.at += 1;
            return;
        };
        self.at += form.len();
        while matches!(self.peek(0), Some(' ' | '\t')) {
            self.at += 1;
        }
        let target = self.read_word();
        let descriptor = target.text.trim_end_matches('-').chars().all(|c| c.is_ascii_digit());
        if op == Op::Duplicate && form == ">&" && !descriptor && fd.is_none() {
            op = Op::Both;
        }
        if op == Op::HereDocument {
            self.pending.push((self.script.commands.len(), self.current.redirects.len(), form == "<<-"));
        }
        self.current.redirects.push(Redirect { fd, op, target, body: None });
    }

    /// Reads the lines that pending here-documents stand in.
    fn here_documents(&mut self) {
        for (command, redirect, tabs) in std::mem::take(&mut self.pending) {
            let owner = self.script.commands.get(command).and_then(|c| c.redirects.get(redirect));
            let Some(delimiter) = owner.map(|r| r.target.text.clone()) else { continue };
            let mut body = String::new();
            let mut ended = false;
            while self.at < self.chars.len() && !ended {
                let start = self.at;
                self.skip_line();
                let line: String = self.chars.get(start..self.at).unwrap_or(&[]).iter().collect();
                self.at += 1;
                let line = if tabs { line.trim_start_matches('\t') } else { line.as_str() };
                ended = line == delimiter;
                if !ended {
                    body.push_str(line);
                    body.push('\n');
                }
            }
            let owner = self.script.commands.get_mut(command).and_then(|c| c.redirects.get_mut(redirect));
            if let Some(redirect) = owner {
                redirect.body = ended.then_some(body);
            }
        }
    }

    fn read_word(&mut self) -> Word {
        let mut word = Word::default();
        while let Some(c) = self.peek(0) {
            match c {
                '(' if !matches!(word.text.chars().last(), Some('?' | '*' | '+' | '@' | '!')) => break,
                '<' | '>' if self.peek(1) == Some('(') && word.text.is_empty() => {
                    self.at += 2;
                    self.substitution(&mut word, c);
                }
                ' ' | '\t' | '\r' | '\n' | ';' | '|' | '&' | ')' | '<' | '>' => break,
                '\'' => {
                    self.at += 1;
                    word.quoted = true;
                    let start = self.at;
                    self.skip_quote('\'');
                    word.text.extend(self.chars.get(start..self.at.saturating_sub(1)).unwrap_or(&[]));
                }
                '"' => {
                    self.at += 1;
                    word.quoted = true;
                    self.double(&mut word);
                }
                '\\' => {
                    self.at += 1;
                    word.quoted = true;
                    if let Some(c) = self.peek(0) {
                        self.at += 1;
                        if c != '\n' {
                            word.text.push(c);
                        }
                    }
                }
                '$' | '`' => self.expansion(&mut word),
                _ => {
                    word.pattern |= matches!(c, '*' | '?' | '[' | '{');
                    word.expands |= c == '~' && word.text.is_empty() && !word.quoted;
                    word.text.push(c);
                    self.at += 1;
                }
            }
        }
        word
    }

    fn double(&mut self, word: &mut Word) {
        while let Some(c) = self.peek(0) {
            match c {
                '"' => {
                    self.at += 1;
                    return;
                }
                '\\' => {
                    self.at += 1;
                    if let Some(c) = self.peek(0) {
                        self.at += 1;
                        match c {
                            '"' | '\\' | '$' | '`' => word.text.push(c),
                            '\n' => {}
                            other => word.text.extend(['\\', other]),
                        }
                    }
                }
                '$' | '`' => self.expansion(word),
                _ => {
                    word.text.push(c);
                    self.at += 1;
                }
            }
        }
    }

    /// `$x`, `${x}`, `$(x)`, `$((x))`, `$'x'` or a backquote, kept as written; commands inside are read too.
    fn expansion(&mut self, word: &mut Word) {
        let start = self.at;
        if self.follows("$'") {
            self.at += 2;
            word.quoted = true;
            while let Some(c) = self.peek(0) {
                self.at += 1;
                match c {
                    '\\' => self.at += 1,
                    '\'' => break,
                    _ => {}
                }
            }
        } else if self.follows("$((") {
            self.at += 3;
            self.skip_parens(2);
        } else if self.follows("$(") {
            self.at += 2;
            self.substitution(word, '$');
            return;
        } else if self.follows("${") {
            while self.peek(0).is_some_and(|c| c != '}') {
                self.at += if self.peek(0) == Some('\\') { 2 } else { 1 };
            }
            self.at += 1;
        } else if self.follows("`") {
            self.at += 1;
            let mut inner = String::new();
            while let Some(c) = self.peek(0) {
                self.at += 1;
                match (c, self.peek(0)) {
                    ('`', _) => break,
                    ('\\', Some(protected @ ('`' | '\\' | '$'))) => {
                        self.at += 1;
                        inner.push(protected);
                    }
                    _ => inner.push(c),
                }
            }
            self.inside(&inner);
        } else {
            self.at += 1;
            let alone = !self.peek(0).is_some_and(|c| c.is_ascii_alphanumeric() || "_@*#?$!-".contains(c));
            if alone {
                word.text.push('$');
                return;
            }
        }
        self.at = self.at.min(self.chars.len());
        word.expands = true;
        word.text.extend(self.chars.get(start..self.at).unwrap_or(&[]));
    }

    /// The inside of `$( )`, `<( )` or `>( )`, after the opening.
    fn substitution(&mut self, word: &mut Word, sign: char) {
        let start = self.at;
        self.skip_parens(1);
        self.at = self.at.min(self.chars.len());
        let inner: String = self.chars.get(start..self.at.saturating_sub(1).max(start)).unwrap_or(&[]).iter().collect();
        word.expands = true;
        word.text.push(sign);
        word.text.push('(');
        word.text.push_str(&inner);
        word.text.push(')');
        self.inside(&inner);
    }

    fn inside(&mut self, inner: &str) {
        self.script.compound = true;
        if self.depth < DEPTH_MAX {
            let first = self.script.commands.len();
            read_into(inner, self.depth + 1, Join::Inside, self.script);
            let added = self.script.commands.len() - first;
            // Commands found inside are stored before the one they stand in.
            for (command, ..) in &mut self.pending {
                if *command >= first {
                    *command += added;
                }
            }
        }
    }
}

fn is_assignment(word: &Word) -> bool {
    let Some((name, _)) = word.text.split_once('=') else { return false };
    let name = name.strip_suffix('+').unwrap_or(name);
    let mut chars = name.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(text: &str) -> Vec<String> {
        let words = |c: &Command| c.words.iter().map(|w| w.text.clone()).collect::<Vec<_>>().join(" ");
        read(text).commands.iter().map(|c| format!("{:?} {}", c.join, words(c))).collect()
    }

    #[test]
    fn finds_the_commands() {
        assert_eq!(shape("cat 'a b' \"c\\\"d\" e\\ f"), ["First cat a b c\"d e f"]);
        assert_eq!(shape("a; b && c || d | e & f"), ["First a", "Then b", "And c", "Or d", "Pipe e", "Background f"]);
        assert_eq!(shape("a\n# no\nb"), ["First a", "Then b"]);
        assert_eq!(shape("echo $(cat `id`)"), ["Inside id", "Inside cat `id`", "First echo $(cat `id`)"]);
        assert_eq!(shape("if a; then b; fi"), ["First a", "Then b"]);
        assert_eq!(shape("(a; b)"), ["Inside a", "Then b"]);
        assert_eq!(shape("for x in 1 2; do rm $x; done"), ["First rm $x"]);
        assert_eq!(shape("A=1 B=2 x y=3"), ["First x y=3"]);
        assert_eq!(shape("echo $((1 << 2)) ((3))"), ["First echo $((1 << 2))", "Inside 3"]);
    }

    #[test]
    fn finds_redirections() {
        let one = |text: &str| {
            let script = read(text);
            script.commands[0].redirects.iter().map(|r| (r.fd.clone(), r.op, r.target.text.clone())).collect::<Vec<_>>()
        };
        assert_eq!(one("x >&2"), [(None, Op::Duplicate, "2".to_owned())]);
        assert_eq!(
            one("x 2>&1 >f"),
            [(Some("2".to_owned()), Op::Duplicate, "1".to_owned()), (None, Op::Write, "f".to_owned())]
        );
        assert_eq!(one("x >> f"), [(None, Op::Append, "f".to_owned())]);
        assert_eq!(one("x <<< 'a b'"), [(None, Op::HereString, "a b".to_owned())]);
        assert_eq!(one("x &>f"), [(None, Op::Both, "f".to_owned())]);
        assert_eq!(one("x >&f"), [(None, Op::Both, "f".to_owned())]);
        assert_eq!(one("x >|f"), [(None, Op::Write, "f".to_owned())]);
        assert!(one("echo '>' \\> \">\" $((1 > 2)) a").is_empty());
    }

    #[test]
    fn reads_here_documents() {
        let script = read("cat > f <<'EOF' | x $(y)\na > b\nEOF\nls");
        assert_eq!(script.commands.len(), 4);
        assert_eq!(script.commands[0].redirects[1].body.as_deref(), Some("a > b\n"));
        assert_eq!(read("cat <<-E\n\tx\n\tE\n").commands[0].redirects[0].body.as_deref(), Some("x\n"));
        assert_eq!(read("cat <<E\nx").commands[0].redirects[0].body, None);
    }

    #[test]
    fn marks_what_is_not_literal() {
        let word = |text: &str| read(text).commands.last().unwrap().words[0].clone();
        assert!(word("'$a*'").is_literal());
        assert!(word("$a").expands && word("~/x").expands && word("\"$a\"").expands && word("a`b`").expands);
        assert!(word("a*").pattern && !word("\\*").pattern);
    }
}
