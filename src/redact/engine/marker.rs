//! What stands in a secret's place: a keyed hash, so that equal secrets can be seen to be equal and nothing else.

use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use hmac::{Hmac, KeyInit, Mac};
use nix::fcntl::OFlag;
use sha2::Sha256;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// Bytes of a generated key: the block that HMAC-SHA256 gains nothing beyond (RFC 2104, section 3).
const KEY_BYTES: usize = 32;

/// Name of the key file in the folder given.
const KEY_FILE: &str = "marker.key";

/// From how many characters on a marker tells the length. Shorter values are passwords that people chose, where the
/// length helps guessing.
const LENGTH_FROM: usize = 20;

/// A value must be this many times as long as what its hint shows.
const HINT_SHARE: usize = 4;

/// The key of the markers: an operator's salt, or random bytes made once per installation.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct MarkerKey(Vec<u8>);

impl std::fmt::Debug for MarkerKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MarkerKey(..)")
    }
}

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file or its folder cannot be read or written.
    #[error("the key file of the redaction markers cannot be used: {0}")]
    Io(#[from] std::io::Error),
    /// The file is there and must not be trusted.
    #[error(
        "the key file of the redaction markers must be a plain file of {KEY_BYTES} bytes, owned by this user, mode 0600"
    )]
    Untrusted,
    /// The system gave no random bytes.
    #[error("no random bytes for the key of the redaction markers")]
    NoRandomness,
}

impl MarkerKey {
    /// The operator's salt, so that several installations write the same markers.
    pub fn from_salt(salt: &str) -> Self {
        MarkerKey(salt.as_bytes().to_vec())
    }

    /// A key for another purpose, from which this one cannot be found.
    pub fn derived(&self, purpose: &str) -> [u8; 32] {
        // HMAC takes keys of any length, so that this cannot fail; without it the other purpose gets no key at all.
        let mut out = [0; 32];
        if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) {
            mac.update(purpose.as_bytes());
            out.copy_from_slice(&mac.finalize().into_bytes());
        }
        out
    }

    /// A key for this process only.
    pub fn random() -> Result<Self, KeyError> {
        let mut bytes = vec![0; KEY_BYTES];
        getrandom::fill(&mut bytes).map_err(|_| KeyError::NoRandomness)?;
        Ok(MarkerKey(bytes))
    }

    /// Reads the installation's key from a folder that exists, or makes it on first use: mode 0600, complete before it
    /// has its name, so that two first runs at once agree on one.
    pub fn load_or_create(folder: &Path) -> Result<Self, KeyError> {
        let file = folder.join(KEY_FILE);
        match Self::load(&file) {
            Err(KeyError::Io(error)) if error.kind() == std::io::ErrorKind::NotFound => {}
            done => return done,
        }
        let key = Self::random()?;
        let mut suffix = [0; 8];
        getrandom::fill(&mut suffix).map_err(|_| KeyError::NoRandomness)?;
        let draft = folder.join(format!(".{KEY_FILE}.{}", hex(&suffix)));
        let written = key.write_new(&draft).and_then(|()| match std::fs::hard_link(&draft, &file) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
            done => done,
        });
        // Whether or not it got its name, the draft is of no further use; the error that matters is the first.
        let removed = std::fs::remove_file(&draft);
        written?;
        removed?;
        Self::load(&file)
    }

    fn load(file: &Path) -> Result<Self, KeyError> {
        let flags = OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK;
        let opened = std::fs::OpenOptions::new().read(true).custom_flags(flags.bits()).open(file);
        let opened = match opened {
            Err(error) if error.raw_os_error() == Some(nix::errno::Errno::ELOOP as i32) => {
                return Err(KeyError::Untrusted);
            }
            opened => opened?,
        };
        let facts = opened.metadata()?;
        let mine = facts.uid() == nix::unistd::geteuid().as_raw();
        if !facts.is_file() || !mine || facts.mode() & 0o077 != 0 || facts.len() != KEY_BYTES as u64 {
            return Err(KeyError::Untrusted);
        }
        let mut bytes = Vec::with_capacity(KEY_BYTES + 1);
        opened.take(KEY_BYTES as u64 + 1).read_to_end(&mut bytes)?;
        let key = MarkerKey(bytes);
        if key.0.len() == KEY_BYTES { Ok(key) } else { Err(KeyError::Untrusted) }
    }

    fn write_new(&self, draft: &Path) -> std::io::Result<()> {
        let flags = OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .custom_flags(flags.bits())
            .open(draft)?;
        file.write_all(&self.0)?;
        file.sync_all()
    }

    /// First 12 hex digits of HMAC-SHA256 over the value.
    pub fn hash(&self, value: &str) -> Option<String> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).ok()?;
        mac.update(value.as_bytes());
        let mut digits = hex(&mac.finalize().into_bytes());
        digits.truncate(12);
        Some(digits)
    }
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |b: u8| DIGITS.get(usize::from(b & 15)).copied().map_or('0', char::from);
    bytes.iter().flat_map(|b| [digit(b >> 4), digit(*b)]).collect()
}

/// Writes the marker: `<sha:H>`, `<sha:H len:N>`, or with `hint:FIRST...LAST` where the operator allows hints and the
/// value is so long that they give little of it away.
pub fn write(hash: &str, value: &str, hint_chars: usize, out: &mut String) {
    out.push_str("<sha:");
    out.push_str(hash);
    let length = value.chars().count();
    if length >= LENGTH_FROM {
        out.push_str(" len:");
        out.push_str(&length.to_string());
        if hint_chars > 0 && length >= 2 * hint_chars * HINT_SHARE {
            let shown = |c: char| if c.is_ascii_graphic() && c != '<' && c != '>' { c } else { '?' };
            out.push_str(" hint:");
            out.extend(value.chars().take(hint_chars).map(shown));
            out.push_str("...");
            out.extend(value.chars().skip(length - hint_chars).map(shown));
        }
    }
    out.push('>');
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_key_is_made_once_and_is_private() {
        let folder = tempfile::tempdir().unwrap();
        let first = MarkerKey::load_or_create(folder.path()).unwrap();
        let second = MarkerKey::load_or_create(folder.path()).unwrap();
        assert_eq!(first.0, second.0);
        let file = folder.path().join(KEY_FILE);
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(MarkerKey::load_or_create(folder.path()), Err(KeyError::Untrusted)));
    }

    #[test]
    fn a_link_or_a_short_file_is_no_key() {
        let folder = tempfile::tempdir().unwrap();
        let other = folder.path().join("other");
        std::fs::write(&other, [7; KEY_BYTES]).unwrap();
        std::fs::set_permissions(&other, std::fs::Permissions::from_mode(0o600)).unwrap();
        std::os::unix::fs::symlink(&other, folder.path().join(KEY_FILE)).unwrap();
        assert!(matches!(MarkerKey::load_or_create(folder.path()), Err(KeyError::Untrusted)));
        std::fs::remove_file(folder.path().join(KEY_FILE)).unwrap();
        std::fs::write(folder.path().join(KEY_FILE), [7; 5]).unwrap();
        std::fs::set_permissions(folder.path().join(KEY_FILE), std::fs::Permissions::from_mode(0o600)).unwrap();
        assert!(matches!(MarkerKey::load_or_create(folder.path()), Err(KeyError::Untrusted)));
    }

    #[test]
    fn first_runs_at_once_agree() {
        let folder = tempfile::tempdir().unwrap();
        let keys: Vec<Vec<u8>> = std::thread::scope(|scope| {
            let runs: Vec<_> =
                (0..8).map(|_| scope.spawn(|| MarkerKey::load_or_create(folder.path()).unwrap().0.clone())).collect();
            runs.into_iter().map(|run| run.join().unwrap()).collect()
        });
        assert!(keys.windows(2).all(|pair| pair[0] == pair[1]));
    }

    #[test]
    fn length_and_hint_only_where_they_do_not_help() {
        let mark = |value: &str, hint| {
            let mut out = String::new();
            write("0123456789ab", value, hint, &mut out);
            out
        };
        assert_eq!(mark("short", 4), "<sha:0123456789ab>");
        assert_eq!(mark(&"x".repeat(20), 0), "<sha:0123456789ab len:20>");
        assert_eq!(mark(&"x".repeat(31), 4), "<sha:0123456789ab len:31>");
        assert_eq!(mark(&"x".repeat(32), 4), "<sha:0123456789ab len:32 hint:xxxx...xxxx>");
    }
}
