//! Path patterns: `*`, `?` and `[...]` inside one component, `**` over any number of components.
//!
//! A pattern without a leading separator matches at the right end of a path, at any depth; one with a leading
//! separator matches the whole path. `**` as a whole component stands for any number of components, none included,
//! so `/etc/**` covers `/etc` itself and everything below it. Inside a longer component two stars are one.
//! Braces are refused rather than taken literally, since a pattern that never matches protects nothing.
//! On POSIX `\` takes the next character literally (as in fnmatch(3) and gitignore(5)); on Windows it separates.

/// Longest pattern accepted, in bytes: as long as the longest path it could have to match.
const PATTERN_MAX: usize = super::remote_path::PATH_MAX;

/// Whose paths a pattern is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// `/` separates, `\` escapes, case counts.
    Posix,
    /// `/` and `\` separate, case is folded.
    Windows,
}

/// A compiled pattern.
#[derive(Debug, Clone)]
pub struct Glob {
    text: String,
    parts: Vec<Part>,
    style: Style,
}

#[derive(Debug, Clone)]
enum Part {
    /// `**`: any number of components.
    Any,
    /// Exactly one component.
    Name(Vec<Token>),
}

#[derive(Debug, Clone)]
enum Token {
    Char(char),
    One,
    Many,
    Class { negated: bool, ranges: Vec<(char, char)> },
}

/// Where matching stands: one flag for each number of pattern parts that may be used up.
struct States(Vec<bool>);

impl Glob {
    /// Compiles a pattern; the error says why it could never match or what is malformed.
    pub fn parse(text: &str, style: Style) -> Result<Self, String> {
        if text.is_empty() {
            return Err("the pattern is empty".to_owned());
        }
        if text.len() > PATTERN_MAX {
            return Err(format!("the pattern is longer than {PATTERN_MAX} bytes"));
        }
        if text.chars().any(char::is_control) {
            return Err("the pattern holds a control character, which no accepted path does".to_owned());
        }
        if text.starts_with('~') {
            return Err("`~` is not expanded; write the absolute path, or a pattern such as `**/name`".to_owned());
        }
        let (anchored, components) = match style {
            Style::Posix => (text.starts_with('/'), split_posix(text)),
            Style::Windows => split_windows(text),
        };
        let mut parts = Vec::new();
        if !anchored {
            parts.push(Part::Any);
        }
        for component in &components {
            match component.as_str() {
                "." | ".." => return Err(format!("`{component}` is folded out of every path, so it never matches")),
                "**" => parts.push(Part::Any),
                name => parts.push(Part::Name(tokens(name, style)?)),
            }
        }
        Ok(Glob { text: text.to_owned(), parts, style })
    }

    /// The pattern as the operator wrote it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// True when the whole path matches. Components of Windows paths come folded.
    pub fn matches(&self, path: &[String]) -> bool {
        let mut states = self.start();
        for component in path {
            states = self.step(&states, component);
        }
        self.accepts(&states)
    }

    /// True when the path, or a folder above it, matches.
    pub fn covers(&self, path: &[String]) -> bool {
        let mut states = self.start();
        if self.accepts(&states) {
            return true;
        }
        for component in path {
            states = self.step(&states, component);
            if self.accepts(&states) {
                return true;
            }
        }
        false
    }

    /// True when something below the path could match: some part of the pattern is still unused after it.
    pub fn may_match_below(&self, path: &[String]) -> bool {
        let mut states = self.start();
        for component in path {
            states = self.step(&states, component);
        }
        states.0.iter().take(self.parts.len()).any(|live| *live)
    }

    fn start(&self) -> States {
        let mut states = States(vec![false; self.parts.len() + 1]);
        if let Some(first) = states.0.first_mut() {
            *first = true;
        }
        self.close(&mut states);
        states
    }

    fn step(&self, from: &States, component: &str) -> States {
        let mut to = States(vec![false; from.0.len()]);
        for (at, part) in self.parts.iter().enumerate() {
            if !from.0.get(at).copied().unwrap_or(false) {
                continue;
            }
            match part {
                Part::Any => set(&mut to, at),
                Part::Name(name) if name_matches(name, component, self.style) => set(&mut to, at + 1),
                Part::Name(_) => {}
            }
        }
        self.close(&mut to);
        to
    }

    /// `**` may stand for nothing: a state before it is also a state behind it.
    fn close(&self, states: &mut States) {
        for (at, part) in self.parts.iter().enumerate() {
            if matches!(part, Part::Any) && states.0.get(at).copied().unwrap_or(false) {
                set(states, at + 1);
            }
        }
    }

    fn accepts(&self, states: &States) -> bool {
        states.0.last().copied().unwrap_or(false)
    }
}

/// The widest case folding: characters are equal when they share an upper or a lower form.
pub fn fold(c: char) -> impl Iterator<Item = char> {
    c.to_uppercase().flat_map(char::to_lowercase)
}

fn set(states: &mut States, at: usize) {
    if let Some(flag) = states.0.get_mut(at) {
        *flag = true;
    }
}

fn split_posix(text: &str) -> Vec<String> {
    text.split('/').filter(|c| !c.is_empty()).map(str::to_owned).collect()
}

/// Splits at both separators. `C:\x` and `\\server\x` are whole paths; `\x` is one on every drive.
fn split_windows(text: &str) -> (bool, Vec<String>) {
    let unified = text.replace('\\', "/");
    let mut components = split_posix(&unified);
    if unified.starts_with("//") {
        if let Some(server) = components.first_mut() {
            server.insert_str(0, "\\\\");
        }
        return (true, components);
    }
    if unified.starts_with('/') {
        components.insert(0, "*".to_owned());
        return (true, components);
    }
    let mut first = components.first().map(|c| c.chars()).into_iter().flatten();
    let drive =
        matches!((first.next(), first.next(), first.next()), (Some(l), Some(':'), None) if l.is_ascii_alphabetic());
    (drive, components)
}

fn tokens(name: &str, style: Style) -> Result<Vec<Token>, String> {
    let mut out = Vec::new();
    let mut rest = name.chars();
    while let Some(c) = rest.next() {
        match c {
            '*' => {
                if !matches!(out.last(), Some(Token::Many)) {
                    out.push(Token::Many);
                }
            }
            '?' => out.push(Token::One),
            '[' => out.push(class(&mut rest, name)?),
            '{' | '}' => {
                return Err(format!("braces are no alternatives; write one pattern for each, or `[{c}]` for `{c}`"));
            }
            '\\' if style == Style::Posix => match rest.next() {
                Some(literal) => out.push(Token::Char(literal)),
                None => return Err(format!("`\\` at the end of `{name}` escapes nothing")),
            },
            literal => match style {
                Style::Posix => out.push(Token::Char(literal)),
                Style::Windows => out.extend(fold(literal).map(Token::Char)),
            },
        }
    }
    Ok(out)
}

/// The inside of `[...]`, after the bracket. A `]` in first place is a member, as in POSIX.
fn class(rest: &mut std::str::Chars<'_>, name: &str) -> Result<Token, String> {
    let unclosed = || format!("`[` in `{name}` has no `]` in the same component; write `[[]` for a bracket");
    let mut members = Vec::new();
    let mut next = rest.next().ok_or_else(unclosed)?;
    let negated = matches!(next, '!' | '^');
    if negated {
        next = rest.next().ok_or_else(unclosed)?;
    }
    loop {
        members.push(next);
        next = rest.next().ok_or_else(unclosed)?;
        if next == ']' {
            break;
        }
    }
    let mut ranges = Vec::new();
    let mut at = members.iter().copied().peekable();
    while let Some(low) = at.next() {
        let mut ahead = at.clone();
        match (ahead.next(), ahead.next()) {
            (Some('-'), Some(high)) => {
                if high < low {
                    return Err(format!("the range `{low}-{high}` in `{name}` is empty"));
                }
                ranges.push((low, high));
                at = ahead;
            }
            _ => ranges.push((low, low)),
        }
    }
    Ok(Token::Class { negated, ranges })
}

/// Matches one component. Each star is tried again only from the last one on, so the work is at most
/// (length of the pattern) x (length of the component).
fn name_matches(pattern: &[Token], component: &str, style: Style) -> bool {
    let text: Vec<char> = component.chars().collect();
    let (mut p, mut t) = (0usize, 0usize);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match (pattern.get(p), text.get(t)) {
            (Some(Token::Many), _) => {
                star = Some((p, t));
                p += 1;
                continue;
            }
            (Some(token), Some(c)) if token_matches(token, *c, style) => {
                p += 1;
                t += 1;
                continue;
            }
            _ => {}
        }
        match star {
            Some((at, from)) => {
                star = Some((at, from + 1));
                p = at + 1;
                t = from + 1;
            }
            None => return false,
        }
    }
    pattern.get(p..).unwrap_or(&[]).iter().all(|token| matches!(token, Token::Many))
}

fn token_matches(token: &Token, c: char, style: Style) -> bool {
    match token {
        Token::Char(own) => *own == c,
        Token::One => true,
        Token::Many => false,
        Token::Class { negated, ranges } => {
            let within = |c: char| ranges.iter().any(|(low, high)| (*low..=*high).contains(&c));
            let hit = within(c)
                || (style == Style::Windows && (c.to_uppercase().any(within) || c.to_lowercase().any(within)));
            hit != *negated
        }
    }
}
