//! What is wrong with a configuration, each thing in one line.

use std::fmt;
use std::path::{Path, PathBuf};

/// One thing that is wrong: where, what, and what would be accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The file, unless it is the environment.
    pub file: Option<PathBuf>,
    /// The line of the file, counted from 1.
    pub line: Option<usize>,
    /// The variable, or the key with its table.
    pub key: Option<String>,
    /// What is wrong and what to do about it.
    pub what: String,
}

impl Fault {
    /// Something wrong with a variable.
    pub fn variable(name: impl Into<String>, what: impl Into<String>) -> Self {
        Fault { file: None, line: None, key: Some(name.into()), what: what.into() }
    }

    /// Something wrong with a file as a whole.
    pub fn file(file: &Path, what: impl Into<String>) -> Self {
        Fault { file: Some(file.to_path_buf()), line: None, key: None, what: what.into() }
    }

    /// The same at a line of a file.
    #[must_use]
    pub fn at(mut self, file: &Path, line: usize) -> Self {
        self.file = Some(file.to_path_buf());
        self.line = Some(line);
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{}:", shown(&file.to_string_lossy()))?;
            if let Some(line) = self.line {
                write!(f, "{line}:")?;
            }
            f.write_str(" ")?;
        }
        if let Some(key) = &self.key {
            write!(f, "{}: ", shown(key))?;
        }
        f.write_str(&shown(&self.what))
    }
}

/// The text in one line: control characters are escaped, so that a file's content cannot forge lines of its own.
fn shown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() { out.extend(c.escape_default()) } else { out.push(c) }
    }
    out
}

/// Everything that is wrong, never empty. `Display` writes one line each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faults(Vec<Fault>);

impl Faults {
    /// The faults, unless there are none.
    pub(super) fn of(faults: Vec<Fault>) -> Result<(), Self> {
        if faults.is_empty() { Ok(()) } else { Err(Faults(faults)) }
    }

    /// Each of them.
    pub fn iter(&self) -> std::slice::Iter<'_, Fault> {
        self.0.iter()
    }
}

impl<'a> IntoIterator for &'a Faults {
    type Item = &'a Fault;
    type IntoIter = std::slice::Iter<'a, Fault>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl From<Fault> for Faults {
    fn from(fault: Fault) -> Self {
        Faults(vec![fault])
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{fault}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}

/// How urgent a warning is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Good to know.
    Info,
    /// Worth a look.
    Warning,
}

/// Something to tell the operator at start; never a reason not to start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// How urgent it is.
    pub level: Level,
    /// What it is, in one line.
    pub text: String,
}

impl Warning {
    pub(super) fn info(text: impl AsRef<str>) -> Self {
        Warning { level: Level::Info, text: shown(text.as_ref()) }
    }

    pub(super) fn warn(text: impl AsRef<str>) -> Self {
        Warning { level: Level::Warning, text: shown(text.as_ref()) }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
