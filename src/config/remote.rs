//! What may stand in lists of remote paths and patterns. Meaning is the policy's business; here only entries that
//! could never match, and so would protect nothing, are found.

use crate::model::glob::{Glob, Style};
use crate::model::remote_path::RemotePath;

/// True for `C:\x`, `C:/x` and `\\server\x`.
fn is_windows_absolute(path: &str) -> bool {
    let mut chars = path.chars();
    let drive = chars.next().is_some_and(|c| c.is_ascii_alphabetic())
        && chars.next() == Some(':')
        && chars.next().is_some_and(|c| matches!(c, '\\' | '/'));
    drive || path.starts_with("\\\\")
}

/// Why a path is no absolute path of a POSIX or Windows host.
pub fn check_absolute(path: &str) -> Result<(), String> {
    if is_windows_absolute(path) {
        return if path.chars().any(char::is_control) { Err("holds a control character".to_owned()) } else { Ok(()) };
    }
    RemotePath::parse(path).map(drop).map_err(|e| format!("cannot match any path: {e}"))
}

/// Why a text is no entry of a path allowlist.
pub fn check_allowed(entry: &str) -> Result<(), String> {
    if entry == "*" { Ok(()) } else { check_absolute(entry) }
}

/// Why a text is no pattern for hosts of either platform: the environment's lists serve both.
pub fn check_glob(glob: &str) -> Result<(), String> {
    let windows_too = |why| Glob::parse(glob, Style::Windows).map_err(|_| format!("is no pattern: {why}"));
    Glob::parse(glob, Style::Posix).or_else(windows_too).map(drop)
}

/// The form in which two entries of a path list are compared, so that `/srv/` and `/srv` count once.
pub fn comparable(path: &str) -> String {
    if is_windows_absolute(path) {
        return path.replace('/', "\\").trim_end_matches('\\').to_lowercase();
    }
    RemotePath::parse(path).map_or_else(|_| path.to_owned(), |p| p.as_str().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absolute_or_refused() {
        for good in ["/", "/srv", "C:\\x", "c:/x", "\\\\server\\share"] {
            assert_eq!(check_absolute(good), Ok(()), "{good}");
        }
        for bad in ["", "srv", "~/x", "*", "/a\nb", "C:", "C:x", "C:\\a\u{7}"] {
            assert!(check_absolute(bad).is_err(), "{bad:?}");
        }
        assert_eq!(check_allowed("*"), Ok(()));
    }

    #[test]
    fn patterns() {
        for good in ["**/.env", "/etc/**", "*.key", "[ab]?", "C:\\x\\*"] {
            assert_eq!(check_glob(good), Ok(()), "{good}");
        }
        for bad in ["", "[a", "a\nb", "{a,b}"] {
            assert!(check_glob(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn comparing() {
        assert_eq!(comparable("/srv//a/../"), "/srv");
        assert_eq!(comparable("C:/Temp/"), comparable("c:\\temp"));
    }
}
