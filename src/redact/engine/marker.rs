//! What stands in a secret's place: a keyed hash, so that equal secrets can be seen to be equal and nothing else.

use crate::model::file_access;
use crate::model::hex::hex;
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
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

/// Digits of a mark that tell values apart, and digits that prove that it was made with this key.
const VALUE_DIGITS: usize = 8;
const PROOF_DIGITS: usize = 4;

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
        let private = file_access::is_own(&facts) && !file_access::is_shared(&facts);
        if !facts.is_file() || !private || facts.len() != KEY_BYTES as u64 {
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

    /// The 12 hex digits that stand for a value: eight of its keyed digest, and four that prove the mark.
    pub fn hash(&self, value: &str) -> Option<String> {
        self.mark(value, 0).map(|(hash, _)| hash)
    }

    /// The digits and the mark of a value: `<sha:H>`, `<sha:H len:N>`, or with `hint:FIRST...LAST` where the operator
    /// allows hints and the value is so long that they give little of it away.
    pub fn mark(&self, value: &str, hint_chars: usize) -> Option<(String, String)> {
        let mut tail = String::new();
        let length = value.chars().count();
        if length >= LENGTH_FROM {
            tail.push_str(" len:");
            tail.push_str(&length.to_string());
            if hint_chars > 0 && length >= 2 * hint_chars * HINT_SHARE {
                let shown = |c: char| if c.is_ascii_graphic() && c != '<' && c != '>' { c } else { '?' };
                tail.push_str(" hint:");
                tail.extend(value.chars().take(hint_chars).map(shown));
                tail.push_str("...");
                tail.extend(value.chars().skip(length - hint_chars).map(shown));
            }
        }
        let mut hash = self.digits(&[value.as_bytes()], VALUE_DIGITS)?;
        hash.push_str(&self.proof(&hash, &tail)?);
        let mark = format!("<sha:{hash}{tail}>");
        Some((hash, mark))
    }

    /// True for a mark that this key made.
    pub fn made(&self, mark: &str) -> bool {
        let inside = mark.strip_prefix("<sha:").and_then(|rest| rest.strip_suffix('>'));
        let parts = inside.and_then(|inside| Some((inside.get(..VALUE_DIGITS)?, inside.get(VALUE_DIGITS..)?)));
        let Some((digits, rest)) = parts else { return false };
        let Some((proof, tail)) = rest.get(..PROOF_DIGITS).zip(rest.get(PROOF_DIGITS..)) else { return false };
        self.proof(digits, tail).is_some_and(|made| made == proof)
    }

    /// No text holds the zero bytes that set these digests apart from those of values.
    fn proof(&self, digits: &str, tail: &str) -> Option<String> {
        self.digits(&[&[0, 0], digits.as_bytes(), tail.as_bytes()], PROOF_DIGITS)
    }

    fn digits(&self, parts: &[&[u8]], count: usize) -> Option<String> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).ok()?;
        for part in parts {
            mac.update(part);
        }
        let mut digits = hex(&mac.finalize().into_bytes());
        digits.truncate(count);
        Some(digits)
    }
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
        let key = MarkerKey::from_salt("salt");
        let tail = |value: &str, hint| key.mark(value, hint).unwrap().1[17..].to_owned();
        assert_eq!(tail("short", 4), ">");
        assert_eq!(tail(&"x".repeat(20), 0), " len:20>");
        assert_eq!(tail(&"x".repeat(31), 4), " len:31>");
        assert_eq!(tail(&"x".repeat(32), 4), " len:32 hint:xxxx...xxxx>");
    }

    #[test]
    fn only_marks_of_this_key_prove_themselves() {
        let (key, other) = (MarkerKey::from_salt("salt"), MarkerKey::from_salt("another"));
        for value in ["short", "a value of more than twenty characters, and of thirty-two"] {
            for hint in [0, 4] {
                let (hash, mark) = key.mark(value, hint).unwrap();
                assert!(key.made(&mark) && mark.contains(&hash), "{mark}");
                assert!(!other.made(&mark), "{mark}");
                let at = mark.len() - 2;
                for changed in [mark.replace("<sha:", "<sha:0"), format!("{}!{}", &mark[..at], &mark[at + 1..])] {
                    assert!(!key.made(&changed), "{changed}");
                }
            }
        }
        assert_eq!(key.hash("short"), key.mark("short", 4).map(|(hash, _)| hash));
        let forged = (0..4096u32).filter(|n| key.made(&format!("<sha:{n:012x}>"))).count();
        assert!(forged <= 3, "{forged} of 4096 made-up marks pass");
    }
}
