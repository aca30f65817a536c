//! Public keys and certificates as `ssh-add -L` and `*.pub` files show them, and their fingerprints.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use sha2::{Digest, Sha256};

/// One public key or certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PublicKey {
    /// `SHA256:...` of the key itself, also for a certificate.
    pub fingerprint: String,
    /// True for a certificate on that key.
    pub certificate: bool,
    /// The comment; may be empty.
    pub comment: String,
    /// The line without options: type, blob and comment.
    pub line: String,
}

impl PublicKey {
    /// Reads `type base64 [comment]`. `None` for anything else.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let line = line.trim();
        let mut words = line.splitn(3, ' ');
        let (kind, encoded) = (words.next()?, words.next()?);
        let blob = STANDARD.decode(encoded).ok()?;
        let certificate = kind.contains("-cert-v");
        let fingerprint = if certificate { fingerprint(&certified_key(&blob)?) } else { fingerprint(&blob) };
        let comment = words.next().unwrap_or_default().to_owned();
        Some(PublicKey { fingerprint, certificate, comment, line: line.to_owned() })
    }

    /// True when `wanted` is its fingerprint, or the beginning of it (hosts.toml takes 16 characters and more).
    pub(crate) fn is(&self, wanted: &str) -> bool {
        self.fingerprint.starts_with(wanted.trim_end_matches('='))
    }

    /// Fingerprint cut to what tells keys apart, with the comment: for lists in messages.
    pub(crate) fn short(&self) -> String {
        let print: String = self.fingerprint.chars().take("SHA256:".len() + 12).collect();
        if self.comment.is_empty() { format!("{print}...") } else { format!("{print}... ({})", self.comment) }
    }
}

fn fingerprint(blob: &[u8]) -> String {
    format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(blob)))
}

/// The blob of the key inside a certificate: the type's plain name, then the fields behind the nonce
/// (OpenSSH's `PROTOCOL.certkeys`).
fn certified_key(blob: &[u8]) -> Option<Vec<u8>> {
    let (kind, rest) = field(blob)?;
    let kind = std::str::from_utf8(kind).ok()?;
    let plain = kind.split("-cert-v").next()?;
    let suffix = if plain.starts_with("sk-") { "@openssh.com" } else { "" };
    let fields = match plain {
        "ssh-ed25519" => 1,
        "ssh-dss" => 4,
        _ if plain.starts_with("sk-ecdsa-") => 3,
        _ if plain == "ssh-rsa" || plain == "sk-ssh-ed25519" || plain.starts_with("ecdsa-") => 2,
        _ => return None,
    };
    let (_nonce, mut rest) = field(rest)?;
    let mut key = Vec::with_capacity(blob.len());
    push(&mut key, format!("{plain}{suffix}").as_bytes());
    for _ in 0..fields {
        let (value, after) = field(rest)?;
        push(&mut key, value);
        rest = after;
    }
    Some(key)
}

/// One SSH string (RFC 4251, section 5) and what follows it.
fn field(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(u32::from_be_bytes(*length) as usize)
}

fn push(into: &mut Vec<u8>, value: &[u8]) {
    into.extend((value.len() as u32).to_be_bytes());
    into.extend(value);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_is_no_key() {
        for bad in ["", "ssh-ed25519", "ssh-ed25519 !!", "The agent has no identities."] {
            assert_eq!(PublicKey::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_truncated_certificate_is_no_key() {
        let mut blob = Vec::new();
        push(&mut blob, b"ssh-ed25519-cert-v01@openssh.com");
        push(&mut blob, b"nonce");
        let line = format!("ssh-ed25519-cert-v01@openssh.com {}", STANDARD.encode(&blob));
        assert_eq!(PublicKey::parse(&line), None);
        push(&mut blob, &[7; 32]);
        let line = format!("ssh-ed25519-cert-v01@openssh.com {} me", STANDARD.encode(&blob));
        let mut key = Vec::new();
        push(&mut key, b"ssh-ed25519");
        push(&mut key, &[7; 32]);
        let parsed = PublicKey::parse(&line).unwrap();
        assert_eq!(parsed.fingerprint, fingerprint(&key));
        assert!(parsed.certificate);
    }
}
