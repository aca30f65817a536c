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

impl States {
    fn accepts(&self) -> bool {
        self.0.last().copied().unwrap_or(false)
    }

    fn set(&mut self, at: usize) {
        if let Some(flag) = self.0.get_mut(at) {
            *flag = true;
        }
    }
}

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

    /// The components before the first wildcard, of a pattern that names a whole path; empty for every other one.
    pub fn fixed(&self) -> Vec<String> {
        let literal = |part: &Part| match part {
            Part::Any => None,
            Part::Name(tokens) => {
                tokens.iter().map(|token| if let Token::Char(c) = token { Some(*c) } else { None }).collect()
            }
        };
        self.parts.iter().map_while(literal).collect()
    }

    /// The same pattern with other components in place of its fixed ones.
    #[must_use]
    pub fn with_fixed(&self, components: &[String]) -> Self {
        let literal = components.iter().map(|name| Part::Name(name.chars().map(Token::Char).collect()));
        let rest = self.parts.iter().skip(self.fixed().len()).cloned();
        Glob { text: self.text.clone(), parts: literal.chain(rest).collect(), style: self.style }
    }

    /// A pattern of `find -name` that at least one component of every match fits which the pattern itself names: its last
    /// one. Nothing where it names none. `?` and sets of characters become `*`, so that it may fit more.
    pub fn last_name(&self) -> Option<String> {
        let name = self.parts.iter().rev().find_map(|part| match part {
            Part::Any => None,
            Part::Name(tokens) => Some(tokens),
        })?;
        Some(find_name(name))
    }

    /// Patterns of `find -path` that every match below a folder fits, as `find .` names it there. They may fit more.
    pub fn below(&self, folder: &[String]) -> Vec<String> {
        let mut states = self.start();
        for component in folder {
            states = self.step(&states, component);
        }
        let mut found = Vec::new();
        for at in states.0.iter().take(self.parts.len()).enumerate().filter_map(|(at, live)| live.then_some(at)) {
            let mut texts = vec![".".to_owned()];
            for part in self.parts.iter().skip(at) {
                match part {
                    Part::Name(name) => texts.iter_mut().for_each(|t| *t = format!("{t}/{}", find_name(name))),
                    // None, or some: `*` of `-path` goes over separators.
                    Part::Any => {
                        let some: Vec<String> = texts.iter().map(|text| format!("{text}/*")).collect();
                        if some.len() < 64 {
                            texts.extend(some);
                        } else {
                            for text in &mut texts {
                                text.push('*');
                            }
                        }
                    }
                }
            }
            found.extend(texts.into_iter().filter(|text| text != "."));
        }
        found
    }

    /// True when the whole path matches. Components of Windows paths come folded.
    pub fn matches(&self, path: &[String]) -> bool {
        let mut states = self.start();
        for component in path {
            states = self.step(&states, component);
        }
        states.accepts()
    }

    /// True when the path, or a folder above it, matches.
    pub fn covers(&self, path: &[String]) -> bool {
        let mut states = self.start();
        if states.accepts() {
            return true;
        }
        for component in path {
            states = self.step(&states, component);
            if states.accepts() {
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
                Part::Any => to.set(at),
                Part::Name(name) if name_matches(name, component, self.style) => to.set(at + 1),
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
                states.set(at + 1);
            }
        }
    }
}

/// One component for `find`.
fn find_name(name: &[Token]) -> String {
    let mut text = String::new();
    for token in name {
        match token {
            Token::Char(c) => {
                if matches!(c, '*' | '?' | '[' | ']' | '\\') {
                    text.push('\\');
                }
                text.push(*c);
            }
            // The host's find may count bytes, so that `?` would miss a character of several.
            Token::One | Token::Class { .. } | Token::Many => text.push('*'),
        }
    }
    text
}

/// The widest case folding: characters are equal when they share an upper or a lower form.
pub(crate) fn fold(c: char) -> impl Iterator<Item = char> {
    c.to_uppercase().flat_map(char::to_lowercase)
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
                return Err(format!("braces are not alternatives; write one pattern for each, or `[{c}]` for `{c}`"));
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

#[cfg(test)]
mod tests;
