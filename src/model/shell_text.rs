//! Shell scripts as they travel: without comments, indentation and blank lines, and with short names for variables.
//!
//! `build.rs` runs this over every script of `src`, so a script may be commented and named like any other code and costs
//! no byte more on the wire. What the reader does not understand is refused, and the build fails: here-documents,
//! backquotes, a comment behind a command, a bracket that closes nothing. What stands inside quotes is never touched.
//!
//! A script says in a comment which of its variables get another name: `# short: length=n script=s`. Each is replaced
//! wherever it stands, which changes nothing as long as both names mean variables of this script only. So a long name that
//! stands where no variable can, and a short name that the script also uses by itself, are refused.

/// What a place in a script is inside of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Frame {
    Single,
    Double,
    /// `${...}`
    Braces,
    /// `$((...))`, with the brackets that are open in it.
    Arithmetic(u32),
    /// `$(...)` or `(...)`, with the `case` words that are open in it: a pattern's bracket closes nothing.
    Commands(u32),
}

/// A script as it travels; the error says what of it is not understood.
pub(crate) fn prepare(source: &str) -> Result<String, String> {
    rename(&strip(source)?, &names(source)?, true)
}

/// The script without comment lines, leading blanks and blank lines.
pub(crate) fn strip(source: &str) -> Result<String, String> {
    let mut reader =
        Reader { stack: vec![Frame::Commands(0)], out: String::with_capacity(source.len()), word: String::new() };
    let mut is_continued = false;
    for (at, line) in source.lines().enumerate() {
        let place = |what: String| format!("line {}: {what}", at + 1);
        let is_code = matches!(reader.top(), Frame::Commands(_));
        // Behind a blank and a backslash the blanks of the next line separate nothing more.
        let text = if is_code && (!is_continued || reader.out.ends_with(" \\\n")) { line.trim_start() } else { line };
        if is_code && !is_continued && (text.is_empty() || text.starts_with('#')) {
            continue;
        }
        is_continued = reader.line(text).map_err(place)?;
        reader.out.push('\n');
    }
    match reader.stack.as_slice() {
        [Frame::Commands(0)] => Ok(reader.out.trim_end().to_owned()),
        open => Err(format!("the end: still inside of {open:?}")),
    }
}

struct Reader {
    stack: Vec<Frame>,
    out: String,
    /// The word that is being read, where it began as one.
    word: String,
}

impl Reader {
    fn top(&self) -> Frame {
        self.stack.last().copied().unwrap_or(Frame::Commands(0))
    }

    fn replace_top(&mut self, frame: Frame) {
        self.stack.pop();
        self.stack.push(frame);
    }

    /// Reads one line. True where the next one continues it.
    fn line(&mut self, text: &str) -> Result<bool, String> {
        let mut rest = text;
        self.word.clear();
        let mut before = ' ';
        while let Some(c) = rest.chars().next() {
            let taken = self.step(c, rest, before)?;
            let (now, then) = rest.split_at(taken);
            self.out.push_str(now);
            before = now.chars().next_back().unwrap_or(c);
            rest = then;
        }
        self.end_word()?;
        Ok(text.ends_with('\\') && !matches!(self.top(), Frame::Single))
    }

    /// Reads what begins here, and says how many bytes of it belong together.
    fn step(&mut self, c: char, rest: &str, before: char) -> Result<usize, String> {
        let top = self.top();
        if matches!(top, Frame::Commands(_)) {
            if c.is_ascii_alphanumeric() || c == '_' {
                if !self.word.is_empty() || !(before.is_ascii_alphanumeric() || "_$-./=*".contains(before)) {
                    self.word.push(c);
                }
            } else {
                self.end_word()?;
            }
        }
        let escaped = || rest.chars().take(2).map(char::len_utf8).sum();
        match (top, c) {
            (Frame::Single, '\'') | (Frame::Double, '"') | (Frame::Braces, '}') => {
                self.stack.pop();
            }
            (Frame::Single, _) => {}
            (_, '\\') => return Ok(escaped()),
            (_, '`') => return Err("a backquote; write $(...)".to_owned()),
            (_, '$') if rest.starts_with("$((") => {
                self.stack.push(Frame::Arithmetic(0));
                return Ok(3);
            }
            (_, '$') if rest.starts_with("$(") => {
                self.stack.push(Frame::Commands(0));
                return Ok(2);
            }
            (_, '$') if rest.starts_with("${") => {
                self.stack.push(Frame::Braces);
                return Ok(if rest.starts_with("${#") { 3 } else { 2 });
            }
            (_, '$') if rest.starts_with("$#") => return Ok(2),
            (Frame::Arithmetic(0), ')') if rest.starts_with("))") => {
                self.stack.pop();
                return Ok(2);
            }
            (Frame::Arithmetic(open), '(') => self.replace_top(Frame::Arithmetic(open + 1)),
            (Frame::Arithmetic(open), ')') if open > 0 => self.replace_top(Frame::Arithmetic(open - 1)),
            (Frame::Arithmetic(_), ')') => return Err("a bracket in arithmetic".to_owned()),
            (Frame::Arithmetic(_) | Frame::Double, _) => {}
            (Frame::Braces, '\'') if self.stack.contains(&Frame::Double) => {
                return Err("a single quote inside ${...} inside double quotes".to_owned());
            }
            (_, '\'') => self.stack.push(Frame::Single),
            (_, '"') => self.stack.push(Frame::Double),
            (Frame::Braces, _) => {}
            (Frame::Commands(_), '#') if before.is_whitespace() || ";&|(".contains(before) => {
                return Err("a comment behind a command; give it a line of its own".to_owned());
            }
            (Frame::Commands(_), '<') if rest.starts_with("<<") => return Err("a here-document".to_owned()),
            (Frame::Commands(_), '(') => self.stack.push(Frame::Commands(0)),
            (Frame::Commands(0), ')') if self.stack.len() > 1 => {
                self.stack.pop();
            }
            (Frame::Commands(0), ')') => return Err("a bracket that closes nothing".to_owned()),
            (Frame::Commands(_), _) => {}
        }
        Ok(c.len_utf8())
    }

    fn end_word(&mut self) -> Result<(), String> {
        let word = std::mem::take(&mut self.word);
        let Frame::Commands(open) = self.top() else { return Ok(()) };
        match word.as_str() {
            "case" => self.replace_top(Frame::Commands(open + 1)),
            "esac" if open == 0 => return Err("an esac without its case".to_owned()),
            "esac" => self.replace_top(Frame::Commands(open - 1)),
            _ => {}
        }
        Ok(())
    }
}

/// The names that a script wants shortened, from its comments.
pub(super) fn names(source: &str) -> Result<Vec<(String, String)>, String> {
    let mut found: Vec<(String, String)> = Vec::new();
    for pair in
        source.lines().filter_map(|line| line.trim_start().strip_prefix("# short:")).flat_map(str::split_whitespace)
    {
        let (long, short) = pair.split_once('=').ok_or_else(|| format!("`{pair}` is not LONG=SHORT"))?;
        let is_name = |text: &str| {
            text.chars().all(is_part) && !text.starts_with(|c: char| c.is_ascii_digit()) && !text.is_empty()
        };
        if !is_name(long) || !is_name(short) || found.iter().any(|(l, s)| l == long || s == short) {
            return Err(format!("`{pair}`: each name is a variable's, and stands once"));
        }
        found.push((long.to_owned(), short.to_owned()));
    }
    Ok(found)
}

fn is_part(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// The script with the first name of each pair replaced by the second, wherever it is a variable's. Elsewhere it is refused
/// where `is_strict`, and stays what it is where not.
pub(super) fn rename(text: &str, names: &[(String, String)], is_strict: bool) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(is_part) {
        let (before, from) = rest.split_at(start);
        out.push_str(before);
        let (token, after) = from.split_at(from.find(|c| !is_part(c)).unwrap_or(from.len()));
        let known = names.iter().find(|(long, short)| long == token || short == token);
        match known {
            // `out` may hold short names already; their places are the same.
            Some((long, short)) if is_variable(&out, after) => {
                if token == short {
                    return Err(format!("`{short}` is used beside `{long}`, which becomes it"));
                }
                out.push_str(short);
            }
            Some((long, _)) if long == token && is_strict => {
                let line = out.rsplit('\n').next().unwrap_or_default();
                return Err(format!("`{long}` stands where no variable does, behind `{line}`"));
            }
            _ => out.push_str(token),
        }
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

/// True where a token between these texts can only be a variable's name.
fn is_variable(before: &str, after: &str) -> bool {
    if ["$", "${", "${#"].iter().any(|sign| before.ends_with(sign)) {
        return true;
    }
    let begins_word = before.ends_with(|c: char| c.is_whitespace() || ";({&|".contains(c)) || before.is_empty();
    if begins_word && after.starts_with('=') {
        return true;
    }
    // `for NAME in`, and the words of `read` and `unset`.
    let command = before.rsplit([';', '&', '|', '\n', '(', '{', ')', '"']).next().unwrap_or_default().trim_start();
    let command = ["while ", "until ", "if ", "then ", "do ", "else ", "! ", "IFS= "]
        .iter()
        .fold(command, |left, word| left.strip_prefix(word).unwrap_or(left));
    let takes_names = ["for ", "read ", "read -r ", "unset ", "unset -v "]
        .iter()
        .any(|word| command.strip_prefix(word).is_some_and(|names| names.chars().all(|c| is_part(c) || c == ' ')));
    if begins_word && takes_names {
        return true;
    }
    // Inside `$((...))` a bare name is a variable.
    before.rfind("$((").is_some_and(|open| before.get(open..).is_some_and(|inside| !inside.contains("))")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_indentation_go_and_what_is_quoted_stays() {
        let source = "# shellcheck shell=sh\nif true; then\n    # why\n    echo \"a\n    # no comment\n\n  b\" 'c\n  #d'\n\nfi\n";
        assert_eq!(strip(source).unwrap(), "if true; then\necho \"a\n    # no comment\n\n  b\" 'c\n  #d'\nfi");
        let source =
            "x=\"$(\n  # inside\n  case a in\n    (a) echo '  )';;\n    b) echo ${#x} $#;;\n  esac\n)\"\ny=a\\\n  b\n";
        assert_eq!(
            strip(source).unwrap(),
            "x=\"$(\ncase a in\n(a) echo '  )';;\nb) echo ${#x} $#;;\nesac\n)\"\ny=a\\\n  b"
        );
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        assert_eq!(strip("a \\\n  b\n  c\\\n  d\n").unwrap(), "a \\\nb\nc\\\n  d");
        for (source, part) in [
            ("cat <<E\na\nE\n", "here-document"),
            ("x=`id`\n", "backquote"),
            ("id # why\n", "comment behind"),
            ("id)\n", "closes nothing"),
            ("echo 'a\n", "still inside"),
            ("(id\n", "still inside"),
            ("case a in a) id;;\n", "still inside"),
            ("esac\n", "without its case"),
            ("echo \"${x:-'}\"\n", "single quote"),
        ] {
            let error = strip(source).unwrap_err();
            assert!(error.contains(part), "{source:?}: {error}");
        }
    }

    #[test]
    fn names_become_short_where_they_are_variables_only() {
        let short = |text: &str| prepare(&format!("# short: length=n line=l\n{text}"));
        assert_eq!(
            short(
                "while read -r line rest; do length=$((length+1)); for line in ${#line} \"${line%x}\"; do :; done; done"
            )
            .unwrap(),
            "while read -r l rest; do n=$((n+1)); for l in ${#l} \"${l%x}\"; do :; done; done"
        );
        assert_eq!(short("xline=$xline; unset line; lines=1").unwrap(), "xline=$xline; unset l; lines=1");
        for refused in ["echo line", "f --line=3", "export line", "n=1; length=2", "echo $n"] {
            assert!(short(refused).is_err(), "{refused}");
        }
        assert!(prepare("# short: a=b c=b\n").is_err() && prepare("# short: a\n").is_err());
    }
}
