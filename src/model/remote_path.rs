//! Absolute paths on a remote host, checked and normalised as text.

use std::fmt;

/// An absolute POSIX path without empty, `.` or `..` components, NUL or control characters.
///
/// Normalising is lexical only: links are the host's business, and the script that acts on the path compares
/// the host's own canonical form with this one before it does anything.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RemotePath(String);

/// Longest path accepted, in bytes (`PATH_MAX` on Linux, `linux/limits.h`).
pub const PATH_MAX: usize = 4096;

/// Why a text is no remote path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadPath {
    /// Nothing in it.
    #[error("the path is empty")]
    Empty,
    /// Does not begin with a slash.
    #[error("the path is not absolute")]
    Relative,
    /// Begins with `~`, which no shell will expand here.
    #[error("`~` is not expanded; give the absolute path")]
    Tilde,
    /// NUL, a C0 control character or DEL.
    #[error("the path holds a control character")]
    Control,
    /// Over [`PATH_MAX`] bytes.
    #[error("the path is longer than 4096 bytes")]
    TooLong,
}

impl RemotePath {
    /// Checks and normalises. `..` is folded as text; names are never trimmed.
    pub fn parse(text: &str) -> Result<Self, BadPath> {
        if text.is_empty() {
            return Err(BadPath::Empty);
        }
        if text.len() > PATH_MAX {
            return Err(BadPath::TooLong);
        }
        if text.chars().any(|c| (c as u32) < 0x20 || c == '\u{7f}') {
            return Err(BadPath::Control);
        }
        if text.starts_with('~') {
            return Err(BadPath::Tilde);
        }
        if !text.starts_with('/') {
            return Err(BadPath::Relative);
        }
        let mut parts: Vec<&str> = Vec::new();
        for part in text.split('/') {
            match part {
                "" | "." => {}
                ".." => {
                    parts.pop();
                }
                name => parts.push(name),
            }
        }
        Ok(RemotePath(format!("/{}", parts.join("/"))))
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The folder that holds it; `/` for the root itself.
    pub fn parent(&self) -> &str {
        match self.0.rfind('/') {
            Some(0) | None => "/",
            Some(at) => self.0.get(..at).unwrap_or("/"),
        }
    }

    /// The last component; empty for the root.
    pub fn leaf(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or("")
    }

    /// True for `/`.
    pub fn is_root(&self) -> bool {
        self.0 == "/"
    }

    /// True when it is `zone` or lies below it, at a component boundary.
    pub fn is_within(&self, zone: &RemotePath) -> bool {
        zone.is_root()
            || self.0 == zone.0
            || self.0.strip_prefix(zone.0.as_str()).is_some_and(|rest| rest.starts_with('/'))
    }

    /// The path of `name` directly below it.
    pub fn join(&self, name: &str) -> Result<Self, BadPath> {
        Self::parse(&format!("{}/{name}", self.0))
    }
}

impl fmt::Display for RemotePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folds_and_refuses() {
        assert_eq!(RemotePath::parse("/a//b/./c/../d/").map(|p| p.0), Ok("/a/b/d".to_owned()));
        assert_eq!(RemotePath::parse("/../..").map(|p| p.0), Ok("/".to_owned()));
        assert_eq!(RemotePath::parse("a"), Err(BadPath::Relative));
        assert_eq!(RemotePath::parse("~/a"), Err(BadPath::Tilde));
        assert_eq!(RemotePath::parse("/a\nb"), Err(BadPath::Control));
        assert_eq!(RemotePath::parse("/a b "), Ok(RemotePath("/a b ".to_owned())));
    }

    #[test]
    fn within_is_by_component() {
        let zone = RemotePath("/srv/app".to_owned());
        assert!(RemotePath("/srv/app/x".to_owned()).is_within(&zone));
        assert!(!RemotePath("/srv/app2".to_owned()).is_within(&zone));
    }
}
