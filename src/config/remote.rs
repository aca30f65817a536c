//! What may stand in lists of remote paths and patterns. Meaning is the policy's business; here only entries that
//! could never match, and so would protect nothing, are found.

use super::choices::Platform;
use crate::model::glob::{Glob, Style};
use crate::model::remote_path::RemotePath;
use crate::model::windows_path::WindowsPath;

/// Why a path is not an absolute path of a host of this platform.
fn check_on(path: &str, platform: Platform) -> Result<(), String> {
    match platform {
        Platform::Posix => RemotePath::parse(path).map(drop).map_err(|e| e.to_string()),
        Platform::Windows => WindowsPath::parse(path).map(drop).map_err(|e| e.to_string()),
    }
}

/// Why a path is not an absolute path of any host.
pub(crate) fn check_absolute(path: &str) -> Result<(), String> {
    check_on(path, Platform::Windows)
        .or_else(|_| check_on(path, Platform::Posix))
        .map_err(|why| format!("cannot match any path: {why}"))
}

/// Why a text is not an entry of a path allowlist.
pub(crate) fn check_allowed(entry: &str) -> Result<(), String> {
    if entry == "*" { Ok(()) } else { check_absolute(entry) }
}

/// Why a text is not an entry of a list of restricted paths, in which nothing is a pattern.
pub(crate) fn check_restricted(entry: &str) -> Result<(), String> {
    if entry.contains('*') {
        return Err("is taken literally here; write a pattern into the list of restricted globs".to_owned());
    }
    check_absolute(entry)
}

/// True when an entry of a path list can match on a host of this platform.
pub(crate) fn fits(entry: &str, platform: Platform) -> bool {
    matches!(entry, "*" | "/") || check_on(entry, platform).is_ok()
}

/// Why a text is not a pattern for hosts of this platform.
pub(crate) fn check_glob(glob: &str, platform: Platform) -> Result<(), String> {
    let style = match platform {
        Platform::Posix => Style::Posix,
        Platform::Windows => Style::Windows,
    };
    Glob::parse(glob, style).map(drop).map_err(|why| format!("is not a pattern: {why}"))
}

/// Why a text is not a pattern for any host.
pub(crate) fn check_any_glob(glob: &str) -> Result<(), String> {
    check_glob(glob, Platform::Windows).or_else(|_| check_glob(glob, Platform::Posix))
}

/// True when a pattern closes a path of a POSIX host, or something in it.
pub(crate) fn glob_closes(glob: &str, path: &RemotePath) -> bool {
    let below = format!("{path}/x");
    let parts = |text: &str| text.split('/').skip(1).map(str::to_owned).collect::<Vec<_>>();
    Glob::parse(glob, Style::Posix).is_ok_and(|g| g.covers(&parts(path.as_str())) || g.covers(&parts(&below)))
}

/// The form in which two entries of a path list are compared, so that `/srv/` and `/srv` count once.
pub(crate) fn comparable(path: &str) -> String {
    match (RemotePath::parse(path), WindowsPath::parse(path)) {
        (Ok(posix), _) => posix.as_str().to_owned(),
        (_, Ok(windows)) => windows.to_string().to_lowercase(),
        _ => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absolute_or_refused() {
        for good in ["/", "/srv", "C:\\x", "c:/x", "\\\\server\\share\\x"] {
            assert_eq!(check_absolute(good), Ok(()), "{good}");
        }
        for bad in ["", "srv", "~/x", "*", "/a\nb", "C:", "C:x", "C:\\a\u{7}"] {
            assert!(check_absolute(bad).is_err(), "{bad:?}");
        }
        assert_eq!(check_allowed("*"), Ok(()));
        assert!(check_restricted("/srv/*").is_err());
        assert_eq!(check_restricted("/"), Ok(()));
    }

    #[test]
    fn entries_fit_their_platform() {
        assert!(fits("/srv", Platform::Posix) && fits("C:\\x", Platform::Windows) && fits("*", Platform::Windows));
        assert!(!fits("/srv", Platform::Windows) && !fits("C:\\x", Platform::Posix));
    }

    #[test]
    fn patterns() {
        for good in ["**/.env", "/etc/**", "*.key", "[ab]?", "secrets/*"] {
            assert_eq!(check_glob(good, Platform::Posix), Ok(()), "{good}");
        }
        for bad in ["", "[a", "a\nb", "{a,b}", "~/x", "/a/../b"] {
            assert!(check_any_glob(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn closing() {
        let ssh = RemotePath::parse("/etc/ssh").unwrap();
        for (glob, closes) in [
            ("/etc/**", true),
            ("/etc/ssh", true),
            ("ssh", true),
            ("/etc/ssh/*", true),
            ("/etc/s", false),
            ("*.key", false),
        ] {
            assert_eq!(glob_closes(glob, &ssh), closes, "{glob}");
        }
    }

    #[test]
    fn comparing() {
        assert_eq!(comparable("/srv//a/../"), "/srv");
        assert_eq!(comparable("C:/Temp/"), comparable("c:\\temp"));
    }
}
