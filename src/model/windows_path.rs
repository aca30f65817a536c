//! Absolute paths on a remote Windows host, checked and normalised as text.

use std::fmt;

/// Longest path accepted, in characters (the limit of extended-length paths, "Maximum Path Length Limitation").
const PATH_MAX: usize = 32_767;

/// Names that Windows reads as devices in every folder, with any extension ("Naming Files, Paths, and Namespaces").
const DEVICES: &[&str] = &["con", "prn", "aux", "nul", "conin$", "conout$"];

/// `C:\x\y` or `\\server\share\x`: absolute, one spelling for each path, and nothing that Windows would read as
/// another object: no device, no alternate data stream, no short name, no trailing dot or blank.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct WindowsPath {
    /// `C:` or `\\server\share`.
    root: String,
    names: Vec<String>,
}

/// Why a text is not a Windows path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadWindowsPath {
    /// Nothing in it.
    #[error("the path is empty")]
    Empty,
    /// Neither a drive with a separator behind it nor a share.
    #[error("the path is not absolute; write `C:\\folder\\file` or `\\\\server\\share\\file`")]
    Relative,
    /// A control character.
    #[error("the path holds a control character")]
    Control,
    /// Over 32,767 characters.
    #[error("the path is longer than 32767 characters")]
    TooLong,
    /// `\\?\` or `\\.\`, which switch off Windows' own reading of the path.
    #[error("device paths (`\\\\?\\`, `\\\\.\\`) are not accepted; write the plain path")]
    DeviceNamespace,
    /// A server or share name that is none.
    #[error("`{0}` is not a server and share name")]
    Share(String),
    /// A component with `:`.
    #[error("`{0}` names an alternate data stream; only whole files are accepted")]
    Stream(String),
    /// A component that no file can be called.
    #[error("`{0}` is not a file name, or holds a character that Windows file names cannot have")]
    Character(String),
    /// A reserved name.
    #[error("`{0}` is a device, not a file")]
    Device(String),
    /// A name whose end Windows drops.
    #[error("`{0}` ends with a dot or a blank, which Windows drops; write the name as it is stored")]
    TrailingDotOrBlank(String),
    /// `PROGRA~1`.
    #[error("`{0}` looks like a short (8.3) name, which stands for another file; write the long name")]
    ShortName(String),
}

impl WindowsPath {
    /// Checks and normalises: separators unified, `..` folded as text, the drive in upper case, names kept.
    pub(crate) fn parse(text: &str) -> Result<Self, BadWindowsPath> {
        if text.is_empty() {
            return Err(BadWindowsPath::Empty);
        }
        if text.chars().count() > PATH_MAX {
            return Err(BadWindowsPath::TooLong);
        }
        if text.chars().any(char::is_control) {
            return Err(BadWindowsPath::Control);
        }
        let unified = text.replace('\\', "/");
        if let Some(share) = unified.strip_prefix("//") {
            let mut parts = share.split('/');
            let (server, share) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
            if matches!(server, "?" | ".") {
                return Err(BadWindowsPath::DeviceNamespace);
            }
            let server_is_name = server.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'));
            if server.is_empty() || !server_is_name || share.is_empty() || matches!(share, "." | "..") {
                return Err(BadWindowsPath::Share(format!("\\\\{server}\\{share}")));
            }
            check(share)?;
            return Ok(WindowsPath { root: format!("\\\\{server}\\{share}"), names: fold(parts)? });
        }
        let mut chars = unified.chars();
        match (chars.next(), chars.next(), chars.next()) {
            (Some(drive), Some(':'), Some('/')) if drive.is_ascii_alphabetic() => Ok(WindowsPath {
                root: format!("{}:", drive.to_ascii_uppercase()),
                names: fold(chars.as_str().split('/'))?,
            }),
            _ => Err(BadWindowsPath::Relative),
        }
    }

    /// Reads what an SFTP server answers: as [`WindowsPath::parse`], and `/C:/x` too.
    pub(crate) fn from_sftp(text: &str) -> Result<Self, BadWindowsPath> {
        let drive = text.strip_prefix('/').filter(|rest| rest.as_bytes().get(1) == Some(&b':'));
        Self::parse(drive.unwrap_or(text))
    }

    /// The spelling that OpenSSH for Windows takes over SFTP: forward slashes, `/` before a drive.
    pub(crate) fn to_sftp(&self) -> String {
        let text = self.to_string().replace('\\', "/");
        if text.starts_with('/') { text } else { format!("/{text}") }
    }

    /// The last component; empty for a drive or a share.
    pub(crate) fn leaf(&self) -> &str {
        self.names.last().map_or("", String::as_str)
    }

    /// The folder that holds it; a drive or share itself for a root.
    #[must_use]
    pub(crate) fn parent(&self) -> Self {
        let mut names = self.names.clone();
        names.pop();
        WindowsPath { root: self.root.clone(), names }
    }

    /// The path of `name`, one component, directly below it.
    pub(crate) fn join(&self, name: &str) -> Result<Self, BadWindowsPath> {
        if matches!(name, "" | "." | "..") {
            return Err(BadWindowsPath::Character(name.to_owned()));
        }
        check(name)?;
        let mut names = self.names.clone();
        names.push(name.to_owned());
        Ok(WindowsPath { root: self.root.clone(), names })
    }

    /// Drive, or server and share, then the names: what rules compare.
    pub(crate) fn components(&self) -> impl Iterator<Item = &str> {
        let root = match self.root.strip_prefix("\\\\") {
            Some(share) => share.find('\\').map_or((self.root.as_str(), None), |at| {
                (self.root.get(..at + 2).unwrap_or(""), self.root.get(at + 3..))
            }),
            None => (self.root.as_str(), None),
        };
        std::iter::once(root.0).chain(root.1).chain(self.names.iter().map(String::as_str))
    }
}

fn fold<'a>(parts: impl Iterator<Item = &'a str>) -> Result<Vec<String>, BadWindowsPath> {
    let mut names: Vec<String> = Vec::new();
    for part in parts {
        match part {
            "" | "." => {}
            ".." => {
                names.pop();
            }
            name => {
                check(name)?;
                names.push(name.to_owned());
            }
        }
    }
    Ok(names)
}

fn check(name: &str) -> Result<(), BadWindowsPath> {
    if name.contains(':') {
        return Err(BadWindowsPath::Stream(name.to_owned()));
    }
    if name.chars().any(char::is_control) {
        return Err(BadWindowsPath::Control);
    }
    if name.contains(['<', '>', '"', '|', '?', '*', '/', '\\']) {
        return Err(BadWindowsPath::Character(name.to_owned()));
    }
    if name.ends_with(['.', ' ']) {
        return Err(BadWindowsPath::TrailingDotOrBlank(name.to_owned()));
    }
    let stem = name.split('.').next().unwrap_or("").trim_end().to_lowercase();
    let port = stem.strip_prefix("com").or_else(|| stem.strip_prefix("lpt"));
    let numbered = port.is_some_and(|n| {
        let mut digits = n.chars();
        digits.next().is_some_and(|d| d.is_ascii_digit() || matches!(d, '¹' | '²' | '³')) && digits.next().is_none()
    });
    if numbered || DEVICES.contains(&stem.as_str()) {
        return Err(BadWindowsPath::Device(name.to_owned()));
    }
    if is_short_name(name) {
        return Err(BadWindowsPath::ShortName(name.to_owned()));
    }
    Ok(())
}

/// At most eight characters that end in `~` and digits, and an extension of at most three.
fn is_short_name(name: &str) -> bool {
    let (stem, extension) = name.split_once('.').unwrap_or((name, ""));
    let Some((base, number)) = stem.rsplit_once('~') else { return false };
    !base.is_empty()
        && !number.is_empty()
        && number.bytes().all(|b| b.is_ascii_digit())
        && stem.chars().count() <= 8
        && extension.chars().count() <= 3
        && !extension.contains('.')
}

impl fmt::Display for WindowsPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.root)?;
        if self.names.is_empty() {
            return f.write_str("\\");
        }
        self.names.iter().try_for_each(|name| write!(f, "\\{name}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Result<String, BadWindowsPath> {
        WindowsPath::parse(text).map(|p| p.to_string())
    }

    #[test]
    fn one_spelling_for_each_path() {
        for same in ["C:\\x\\y", "c:/x/y", "C:\\x/./z/../y\\", "c:\\..\\x\\\\y"] {
            assert_eq!(shown(same), Ok("C:\\x\\y".to_owned()), "{same}");
        }
        assert_eq!(shown("c:/"), Ok("C:\\".to_owned()));
        assert_eq!(shown("//srv/share/../../x"), Ok("\\\\srv\\share\\x".to_owned()));
        assert_eq!(WindowsPath::from_sftp("/C:/x").map(|p| p.to_string()), Ok("C:\\x".to_owned()));
        assert_eq!(WindowsPath::parse("C:\\x").map(|p| p.to_sftp()), Ok("/C:/x".to_owned()));
        assert_eq!(WindowsPath::parse("\\\\s\\h\\x").map(|p| p.to_sftp()), Ok("//s/h/x".to_owned()));
    }

    #[test]
    fn refuses_names_that_mean_something_else() {
        for bad in ["", "x", "C:", "C:x", "/x", "\\x", "~\\x", "\\\\?\\C:\\x", "//./C:/x", "\\\\server", "//server//x"]
        {
            assert!(shown(bad).is_err(), "{bad}");
        }
        for bad in ["con", "NUL.txt", "com1", "LPT9.log", "aux .txt", "COM²", "CONIN$"] {
            assert_eq!(shown(&format!("C:/{bad}/x")), Err(BadWindowsPath::Device(bad.to_owned())));
        }
        assert!(matches!(shown("C:/f.txt::$DATA"), Err(BadWindowsPath::Stream(_))));
        assert!(matches!(shown("C:/a./b"), Err(BadWindowsPath::TrailingDotOrBlank(_))));
        assert!(matches!(shown("C:/a /b"), Err(BadWindowsPath::TrailingDotOrBlank(_))));
        assert!(matches!(shown("C:/PROGRA~1/b"), Err(BadWindowsPath::ShortName(_))));
        assert!(matches!(shown("C:/a*b"), Err(BadWindowsPath::Character(_))));
        assert!(shown("C:/a\u{1}").is_err());
        assert!(shown("C:/console/com10/comx/notes~old.txt").is_ok());
    }

    #[test]
    fn joins_and_climbs() {
        let root = WindowsPath::parse("C:/").unwrap();
        let child = root.join("a").unwrap();
        assert_eq!(child.to_string(), "C:\\a");
        assert_eq!(child.parent(), root);
        for bad in ["b:c", "..", ".", "", "a\\b", "a/b", "x.", "nul"] {
            assert!(child.join(bad).is_err(), "{bad}");
        }
        let share = WindowsPath::parse("\\\\s\\h\\x").unwrap();
        assert_eq!(share.components().collect::<Vec<_>>(), ["\\\\s", "h", "x"]);
    }
}
