//! The variables file beside a project (`.env`): read here, so that compose never reads it.
//!
//! Compose puts such a file into its own environment, where names such as `DOCKER_HOST`, `LD_PRELOAD` or `PATH`
//! configure the client and what it starts. So the file is read as data, and none of its variables travels under its own
//! name: one that the project's text fills in (`${NAME}`) gets a name that configures nothing, [`ALIAS`], and one that the
//! text passes on by its bare name (`environment: [NAME]`) is written as `NAME=${NAME}` first (`sources`).

use crate::model::error::ToolError;
use crate::model::quote::sh_quote;

/// What the names of filled-in variables begin with on the host. No program reads such names.
pub(crate) const ALIAS: &str = "mcp_value_of_";

/// Names that configure compose itself and are harmless as long as they are names: these two are taken over.
const TYPED: [&str; 2] = ["COMPOSE_PROJECT_NAME", "COMPOSE_PROFILES"];

/// Beginnings of names that configure programs. Compared in upper case.
const CONFIGURING: &str = "ALL_PROXY BASH BUILDAH_ BUILDKIT_ BUILDX_ CDPATH CNI_ COMPOSE_ CONTAINER_ CONTAINERD_ CONTAINERS_ \
    DBUS_ DOCKER_ DYLD_ GCONV_ GIT_ GLIBC_ GNUPG GPG_ KRB5 LC_ LD_ LISTEN_ MALLOC_ MCP_VALUE_OF_ NETAVARK_ NODE_ NO_PROXY \
    NOTIFY_ OPENSSL_ OTEL_ PERL PODMAN_ PYTHON RUBY SSH_ SUDO_ SYSTEMD_ XDG_ _JAVA";

/// Whole names that configure programs or the shell.
const CONFIGURING_NAMES: &str = "CURL_CA_BUNDLE EDITOR ENV FPATH GODEBUG GOTRACEBACK HOME HOSTALIASES IFS JAVA_TOOL_OPTIONS \
    JDK_JAVA_OPTIONS LANG LANGUAGE LESSOPEN LOCPATH LOGNAME NETRC NLSPATH OLDPWD OPTARG OPTIND PAGER PATH POSIXLY_CORRECT PPID \
    PS1 PS2 PS4 PWD REGISTRY_AUTH_FILE REQUESTS_CA_BUNDLE RES_OPTIONS SHELL SHELLOPTS SSL_CERT_DIR SSL_CERT_FILE \
    SSLKEYLOGFILE STORAGE_CONF STORAGE_DRIVER STORAGE_OPTS TAR_OPTIONS TEMP TERM TERMCAP TERMINFO TMP TMPDIR USER";

/// Whether a variable of this name configures programs: whoever writes it into the file may expect more than a value.
pub(crate) fn configures_programs(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    CONFIGURING_NAMES.split_ascii_whitespace().any(|whole| whole == upper)
        || CONFIGURING.split_ascii_whitespace().any(|start| upper.starts_with(start))
        || upper.ends_with("_PROXY")
}

/// Whether the scripts use a variable of this name themselves: single letters, what `settle` sets, and the variables of
/// [`Variables::exports`].
fn belongs_to_scripts(name: &str) -> bool {
    name.len() < 2 || matches!(name, "all" | "moved") || name.starts_with("v_")
}

/// How a reader of such files understands a dollar sign that stands before a bare name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dollar {
    /// A variable, as in compose v2.
    Variable,
    /// Itself: the first generation and podman-compose know `${NAME}` only.
    Itself,
}

/// A part of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    /// A variable, and what stands for it where it is unset or, with true, also where it is empty.
    Variable {
        name: String,
        instead: String,
        or_empty: bool,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Assignment {
    name: String,
    value: Vec<Piece>,
}

/// A variables file that was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Variables {
    assignments: Vec<Assignment>,
    unread: usize,
}

impl Variables {
    /// Reads a file. Lines that are not assignments are counted and left out.
    pub(crate) fn parse(text: &str, dollar: Dollar) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n").replace('\r', "\n");
        let mut read = Variables::default();
        let mut rest = text.as_str();
        loop {
            rest = rest.trim_start();
            if rest.is_empty() {
                return read;
            }
            let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
            if line.starts_with('#') {
                rest = after;
                continue;
            }
            match assignment(rest, dollar) {
                Some((Some(assignment), left)) => {
                    read.assignments.push(assignment);
                    rest = left;
                }
                Some((None, left)) => rest = left,
                None => {
                    read.unread += 1;
                    rest = after;
                }
            }
        }
    }

    /// Lines that are not assignments.
    pub(crate) fn unread(&self) -> usize {
        self.unread
    }

    /// Whether the file gives this variable a value.
    pub(crate) fn defines(&self, name: &str) -> bool {
        self.assignments.iter().any(|a| a.name == name)
    }

    /// Whether a text holds the bare name of one of them, which could be passed on.
    pub(crate) fn may_be_passed_on_by(&self, text: &str) -> bool {
        let mut found = false;
        scan(text, |piece| found |= matches!(piece, Seen::Bare(name) if self.defines(name)));
        found
    }

    /// The values, as far as this file alone decides them; the last one of a name counts as much as the first.
    pub(crate) fn values(&self) -> Vec<String> {
        let mut known: Vec<(&str, String)> = Vec::new();
        for Assignment { name, value } in &self.assignments {
            let text = filled(value, &known);
            known.push((name, text));
        }
        known.into_iter().map(|(_, text)| text).collect()
    }

    /// The text of a compose file with the file's variables under their names on the host.
    pub(crate) fn renamed(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        scan(text, |piece| match piece {
            Seen::Filled { before, name } if self.defines(name) => {
                out.push_str(before);
                out.push_str(ALIAS);
                out.push_str(name);
            }
            Seen::Filled { before, name } => {
                out.push_str(before);
                out.push_str(name);
            }
            Seen::Bare(text) | Seen::Other(text) => out.push_str(text),
        });
        out
    }

    /// Lines of `sh` that export what these texts need. A variable of the account's own environment comes first, as with
    /// compose itself.
    pub(crate) fn exports(&self, texts: &[&str]) -> Result<String, ToolError> {
        let filled_in = filled_in(texts);
        let mut out = String::new();
        let mut set: Vec<&str> = Vec::new();
        for Assignment { name, value } in &self.assignments {
            let mut word = String::new();
            for (n, piece) in value.iter().enumerate() {
                match piece {
                    Piece::Text(text) => word.push_str(&sh_quote(text)),
                    Piece::Variable { name, instead, or_empty } => {
                        let known = set.contains(&name.as_str());
                        let from = if known { format!("v_{name}") } else { name.clone() };
                        // The default is taken from a variable, since no quoting inside the braces suits every shell.
                        out.push_str(&format!("v_={}\n", sh_quote(instead)));
                        match (known, belongs_to_scripts(name)) {
                            (false, true) => out.push_str(&format!("v_{n}=$v_\n")),
                            _ if *or_empty => out.push_str(&format!("v_{n}=\"${{{from}:-$v_}}\"\n")),
                            _ => out.push_str(&format!("v_{n}=\"${{{from}-$v_}}\"\n")),
                        }
                        word.push_str(&format!("\"$v_{n}\""));
                    }
                }
            }
            out.push_str(&format!("v_{name}={word}\n"));
            if !belongs_to_scripts(name) {
                out.push_str(&format!("[ -z \"${{{name}+x}}\" ] || v_{name}=${name}\n"));
            }
            set.push(name);
        }
        let mut done: Vec<&str> = Vec::new();
        for Assignment { name, .. } in &self.assignments {
            if done.contains(&name.as_str()) {
                continue;
            }
            done.push(name);
            if filled_in.contains(&name.as_str()) {
                out.push_str(&format!("{ALIAS}{name}=$v_{name}; export {ALIAS}{name}\n"));
            }
            if self.typed(name)? {
                out.push_str(&format!("{name}=$v_{name}; export {name}\n"));
            }
        }
        Ok(out)
    }

    /// The same as the text of a file of variables, for a client that gets no environment (`sudo docker`).
    pub(crate) fn file_text(&self, texts: &[&str], dollar: Dollar) -> Result<String, ToolError> {
        let filled_in = filled_in(texts);
        let mut out = String::new();
        for (Assignment { name, .. }, value) in self.assignments.iter().zip(self.values()) {
            let value = file_word(&value, dollar);
            if filled_in.contains(&name.as_str()) {
                out.push_str(&format!("{ALIAS}{name}={value}\n"));
            }
            if self.typed(name)? {
                out.push_str(&format!("{name}={value}\n"));
            }
        }
        Ok(out)
    }

    /// The project's name, where the file gives one, as compose makes it of that.
    pub(crate) fn project_name(&self) -> Option<String> {
        let values = self.assignments.iter().zip(self.values());
        let (_, value) = values.into_iter().rfind(|(a, _)| a.name == "COMPOSE_PROJECT_NAME")?;
        let kept = |c: &char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
        let name: String = value.to_lowercase().chars().filter(kept).collect();
        (!name.is_empty()).then_some(name)
    }

    /// Whether a name configures compose in a way that is taken over; a value that is not a name is refused.
    fn typed(&self, name: &str) -> Result<bool, ToolError> {
        if !TYPED.contains(&name) {
            return Ok(false);
        }
        let value = self.assignments.iter().zip(self.values()).rfind(|(a, _)| a.name == name).map(|(_, value)| value);
        let value = value.unwrap_or_default();
        let word = |word: &str| {
            word.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric())
                && word.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
        };
        if value.is_empty() || value.split(',').all(|part| word(part.trim())) {
            return Ok(!value.is_empty());
        }
        Err(ToolError::value(
            format!("The project's .env sets {name} to something that is not a name."),
            "Write letters, digits, `_`, `.` and `-`; several profiles are separated by commas.",
        ))
    }

    /// Names of the file that configure programs and that no text fills in: they are not taken.
    pub(crate) fn not_taken(&self, texts: &[&str]) -> Vec<&str> {
        let filled_in = filled_in(texts);
        let mut names: Vec<&str> = Vec::new();
        for Assignment { name, .. } in &self.assignments {
            let taken = TYPED.contains(&name.as_str()) || filled_in.contains(&name.as_str());
            if configures_programs(name) && !taken && !names.contains(&name.as_str()) {
                names.push(name);
            }
        }
        names
    }
}

/// The variables that texts fill in.
fn filled_in<'a>(texts: &[&'a str]) -> Vec<&'a str> {
    let mut names = Vec::new();
    for text in texts {
        scan(text, |piece| {
            if let Seen::Filled { name, .. } = piece {
                names.push(name);
            }
        });
    }
    names
}

/// A value as it is written in a file of variables, so that nothing in it is read as a variable.
fn file_word(value: &str, dollar: Dollar) -> String {
    match dollar {
        Dollar::Itself => format!("'{}'", value.replace('\\', "\\\\").replace('\'', "\\'")),
        Dollar::Variable if !value.contains(['\'', '\\', '\n']) => format!("'{value}'"),
        Dollar::Variable => {
            let escaped = value.replace('\\', "\\\\").replace('"', "\\\"").replace('$', "\\$").replace('\n', "\\n");
            format!("\"{escaped}\"")
        }
    }
}

fn filled(value: &[Piece], known: &[(&str, String)]) -> String {
    value
        .iter()
        .map(|piece| match piece {
            Piece::Text(text) => text.as_str(),
            Piece::Variable { name, instead, or_empty } => {
                let found = known.iter().rfind(|(n, _)| n == name).map(|(_, text)| text.as_str());
                found.filter(|text| !(*or_empty && text.is_empty())).unwrap_or(instead)
            }
        })
        .collect()
}

fn is_name_start(b: u8) -> bool {
    b.is_ascii_alphabetic() || b == b'_'
}

fn is_name(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'_'
}

/// The name at the beginning of a text; empty where there is none.
fn leading_name(text: &str) -> &str {
    if !text.bytes().next().is_some_and(is_name_start) {
        return "";
    }
    let end = text.bytes().position(|b| !is_name(b)).unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}

/// One statement at the beginning of `rest`, and what follows it: an assignment, or a name alone, which says nothing.
fn assignment(rest: &str, dollar: Dollar) -> Option<(Option<Assignment>, &str)> {
    let blank = |c: char| c == ' ' || c == '\t';
    let body = match rest.strip_prefix("export") {
        Some(after) if after.starts_with(blank) => after.trim_start_matches(blank),
        _ => rest,
    };
    let name = leading_name(body);
    let after = body.get(name.len()..).unwrap_or_default().trim_start_matches(blank);
    if name.is_empty() {
        return None;
    }
    let Some(value) = after.strip_prefix(['=', ':']) else {
        return match after.split_once('\n').unwrap_or((after, "")) {
            ("", left) => Some((None, left)),
            (more, left) => more.starts_with('#').then_some((None, left)),
        };
    };
    let value = value.trim_start_matches(blank);
    let (value, left) = match value.chars().next() {
        Some(quote @ ('\'' | '"')) => quoted(value.get(1..).unwrap_or_default(), quote, dollar)?,
        _ => {
            let (line, left) = value.split_once('\n').unwrap_or((value, ""));
            let comment = [" #", "\t#"].iter().filter_map(|mark| line.find(mark)).min();
            let line = if line.starts_with('#') { "" } else { line };
            (pieces(line.get(..comment.unwrap_or(line.len())).unwrap_or(line).trim_end(), dollar, false), left)
        }
    };
    Some((Some(Assignment { name: name.to_owned(), value }), left))
}

/// A value in quotes, which may span lines; nothing but a comment may follow on its last line.
fn quoted(text: &str, quote: char, dollar: Dollar) -> Option<(Vec<Piece>, &str)> {
    let mut escaped = false;
    let end = text.char_indices().find_map(|(at, c)| {
        let closes = c == quote && !escaped;
        escaped = c == '\\' && !escaped;
        closes.then_some(at)
    })?;
    let inner = text.get(..end)?;
    let (after, left) = text.get(end + 1..)?.split_once('\n').unwrap_or((text.get(end + 1..)?, ""));
    if !(after.trim().is_empty() || after.trim_start().starts_with('#')) {
        return None;
    }
    let value = match quote {
        '"' => pieces(inner, dollar, true),
        _ => vec![Piece::Text(inner.replace("\\'", "'"))],
    };
    Some((value, left))
}

/// Splits a value at its variables; `escapes` are those of double quotes.
fn pieces(text: &str, dollar: Dollar, escapes: bool) -> Vec<Piece> {
    let mut out = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let after = rest.get(c.len_utf8()..).unwrap_or_default();
        if c == '\\' {
            let next = after.chars().next();
            let escape = match next {
                Some('$') => Some('$'),
                Some('n') if escapes => Some('\n'),
                Some('r') if escapes => Some('\r'),
                Some('t') if escapes => Some('\t'),
                Some(same @ ('"' | '\\')) if escapes => Some(same),
                _ => None,
            };
            match (escape, next) {
                (Some(c), Some(next)) => {
                    literal.push(c);
                    rest = after.get(next.len_utf8()..).unwrap_or_default();
                }
                _ => {
                    literal.push('\\');
                    rest = after;
                }
            }
            continue;
        }
        let variable = (c == '$').then(|| variable(after, dollar)).flatten();
        match variable {
            Some((piece, left)) => {
                if !literal.is_empty() {
                    out.push(Piece::Text(std::mem::take(&mut literal)));
                }
                out.push(piece);
                rest = left;
            }
            None => {
                literal.push(c);
                rest = after;
            }
        }
    }
    if !literal.is_empty() || out.is_empty() {
        out.push(Piece::Text(literal));
    }
    out
}

/// A variable behind its dollar sign, and what follows it.
fn variable(text: &str, dollar: Dollar) -> Option<(Piece, &str)> {
    let Some(braced) = text.strip_prefix('{') else {
        let name = leading_name(text);
        let piece = Piece::Variable { name: name.to_owned(), instead: String::new(), or_empty: false };
        return (!name.is_empty() && dollar == Dollar::Variable)
            .then(|| (piece, text.get(name.len()..).unwrap_or_default()));
    };
    let (inner, left) = braced.split_once('}')?;
    let name = leading_name(inner);
    let rule = inner.get(name.len()..).unwrap_or_default();
    if name.is_empty() {
        return None;
    }
    let (instead, or_empty) = match (rule.strip_prefix(":-"), rule.strip_prefix('-')) {
        (Some(instead), _) => (instead, true),
        (None, Some(instead)) => (instead, false),
        (None, None) if rule.is_empty() => ("", false),
        (None, None) => return None,
    };
    Some((Piece::Variable { name: name.to_owned(), instead: instead.to_owned(), or_empty }, left))
}

/// What stands in the text of a compose file.
enum Seen<'a> {
    /// A variable that compose fills in: the dollar sign with its brace, and the name.
    Filled { before: &'a str, name: &'a str },
    /// A word that could be the name of a variable.
    Bare(&'a str),
    /// Anything else.
    Other(&'a str),
}

/// Walks through a text. `$$` is a dollar sign and begins no variable.
fn scan<'a>(text: &'a str, mut see: impl FnMut(Seen<'a>)) {
    let bytes = text.as_bytes();
    let slice = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
    let at = |index: usize| bytes.get(index).copied().unwrap_or(b'\n');
    let mut i = 0;
    while i < bytes.len() {
        let start = i;
        if at(i) == b'$' {
            i += match at(i + 1) {
                b'$' => 2,
                b'{' if is_name_start(at(i + 2)) => 2,
                _ => 1,
            };
            let name = leading_name(text.get(i..).unwrap_or_default());
            if name.is_empty() || slice(start, i) == "$$" {
                see(Seen::Other(slice(start, i)));
            } else {
                see(Seen::Filled { before: slice(start, i), name });
                i += name.len();
            }
        } else if is_name(at(i)) {
            while i < bytes.len() && is_name(at(i)) {
                i += 1;
            }
            see(Seen::Bare(slice(start, i)));
        } else {
            while i < bytes.len() && at(i) != b'$' && !is_name(at(i)) {
                i += 1;
            }
            see(Seen::Other(slice(start, i)));
        }
    }
}

#[cfg(test)]
mod tests;
