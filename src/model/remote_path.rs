//! Absolute paths on a remote host, checked and normalised as text.

use std::fmt;

use super::file_name;

/// An absolute POSIX path without empty, `.` or `..` components, as carried text ([`super::file_name`]).
///
/// Normalising is lexical only: links are the host's business, and the script that acts on the path compares
/// the host's own canonical form with this one before it does anything.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RemotePath(String);

/// Longest path accepted, in bytes (`PATH_MAX` on Linux, `linux/limits.h`).
pub(crate) const PATH_MAX: usize = 4096;

/// Why a text is not a remote path.
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
    #[error("the path holds a control character; as a listing shows it, it is an escape such as `\\x0a`")]
    Control,
    /// An escape that no listing writes.
    #[error(
        "the path holds an escape that names no byte of a name: only bytes that do not show are `\\xHH`, beside `\\\\`"
    )]
    Escape,
    /// Over [`PATH_MAX`] bytes.
    #[error("the path is longer than 4096 bytes")]
    TooLong,
}

impl RemotePath {
    /// Checks and normalises a text that is the path itself. `..` is folded as text; names are never trimmed.
    pub fn parse(text: &str) -> Result<Self, BadPath> {
        check(text)?;
        Self::folded(text.split('/').map(str::to_owned))
    }

    /// The same for an argument, in which names may be escaped as answers show them.
    pub fn argument(text: &str) -> Result<Self, BadPath> {
        check(text)?;
        let parts: Vec<String> = text.split('/').map(file_name::read).collect::<Result<_, _>>()?;
        Self::folded(parts.into_iter())
    }

    /// What a host says, of any bytes.
    pub fn of_host(bytes: &[u8]) -> Result<Self, BadPath> {
        Self::of_carried(&file_name::carried(bytes))
    }

    /// Carried text that is known to be a path.
    pub fn of_carried(carried: &str) -> Result<Self, BadPath> {
        match carried.chars().next() {
            None => Err(BadPath::Empty),
            Some('/') => Self::folded(carried.split('/').map(str::to_owned)),
            Some(_) => Err(BadPath::Relative),
        }
    }

    /// The path of components as rules compare them.
    pub fn of_rules(parts: &[String]) -> Result<Self, BadPath> {
        Self::of_carried(&file_name::from_rules(parts))
    }

    fn folded(names: impl Iterator<Item = String>) -> Result<Self, BadPath> {
        let mut parts: Vec<String> = Vec::new();
        for name in names {
            match name.as_str() {
                "" | "." => {}
                ".." => {
                    parts.pop();
                }
                _ => parts.push(name),
            }
        }
        let path = format!("/{}", parts.join("/"));
        if path.len() > 2 * PATH_MAX { Err(BadPath::TooLong) } else { Ok(RemotePath(path)) }
    }

    /// The path as carried text: what scripts get, and no text to show.
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

    /// The folder that holds it, as a path.
    #[must_use]
    pub fn folder(&self) -> Self {
        RemotePath(self.parent().to_owned())
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

    /// The same object after what is at `from`, which it is or lies below, went to `to`.
    pub fn carried_along(&self, from: &RemotePath, to: &RemotePath) -> Result<Self, BadPath> {
        let rest = self.0.strip_prefix(from.0.trim_end_matches('/')).unwrap_or_default();
        Self::of_carried(&format!("{}{rest}", to.0.trim_end_matches('/')))
    }

    /// The path of a carried name below it.
    pub fn join(&self, name: &str) -> Result<Self, BadPath> {
        Self::of_carried(&format!("{}/{name}", self.0))
    }
}

impl fmt::Display for RemotePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&file_name::shown(&self.0))
    }
}

fn check(text: &str) -> Result<(), BadPath> {
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
    if text.starts_with('/') { Ok(()) } else { Err(BadPath::Relative) }
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
    fn an_argument_names_what_a_listing_shows() {
        let path = RemotePath::of_host(b"/srv/caf\xe9/a\nb/c\\d").unwrap();
        assert_eq!(path.to_string(), "/srv/caf\\xe9/a\\x0ab/c\\d");
        assert_eq!(RemotePath::argument(&path.to_string()), Ok(path));
        assert_eq!(
            RemotePath::argument("/a/\\x2e\\x2e/b").map(|p| p.0),
            Ok("/a/\\x2e\\x2e/b".to_owned()),
            "names, and no turn"
        );
        assert_eq!(RemotePath::argument("/a/\\x00"), Err(BadPath::Escape));
        assert_eq!(
            RemotePath::parse("/a/\\xe9").map(|p| p.0),
            Ok("/a/\\xe9".to_owned()),
            "a path itself has no escapes"
        );
        assert_eq!(RemotePath::of_host(b"relative"), Err(BadPath::Relative));
    }

    #[test]
    fn within_is_by_component() {
        let zone = RemotePath("/srv/app".to_owned());
        assert!(RemotePath("/srv/app/x".to_owned()).is_within(&zone));
        assert!(!RemotePath("/srv/app2".to_owned()).is_within(&zone));
    }
}
