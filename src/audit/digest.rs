//! Keyed digests: values can be grouped in the trail, and not be guessed from it without the key.

use crate::model::hex::hex;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// The key of the audit's digests, derived from this installation's random key.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct HashKey([u8; 64]);

impl HashKey {
    /// Derives the audit's own key, so that its digests cannot be matched with digests made for other purposes.
    pub fn derive(install_key: &[u8]) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(b"ssh-mcp audit digests\0");
        hasher.update(install_key);
        // HMAC pads a short key with zeros to the block size of the hash, 64 bytes (RFC 2104).
        let mut block = [0_u8; 64];
        for (to, from) in block.iter_mut().zip(hasher.finalize()) {
            *to = from;
        }
        HashKey(block)
    }

    /// `sha256:` and the first 16 hex digits of HMAC-SHA256 over the text.
    pub fn of(&self, text: &str) -> String {
        let mut mac = Hmac::<Sha256>::new(&self.0.into());
        mac.update(text.as_bytes());
        let mut out = String::from("sha256:");
        out.push_str(&hex(mac.finalize().into_bytes().get(..8).unwrap_or_default()));
        out
    }
}

impl std::fmt::Debug for HashKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HashKey(..)")
    }
}

/// SHA-256 of one line of the trail without its line end, 64 hex digits: the link of the chain.
pub(super) fn link_of(line: &[u8]) -> String {
    hex(&Sha256::digest(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keyed_and_stable() {
        let key = HashKey::derive(b"one");
        assert_eq!(key.of("uptime"), HashKey::derive(b"one").of("uptime"));
        assert_ne!(key.of("uptime"), HashKey::derive(b"two").of("uptime"));
        assert_ne!(key.of("uptime"), key.of("uptime "));
        let text = key.of("uptime");
        assert_eq!(text.len(), "sha256:".len() + 16);
        assert!(text.strip_prefix("sha256:").unwrap().bytes().all(|b| b.is_ascii_hexdigit()));
    }

    #[test]
    fn the_padding_is_that_of_hmac() {
        let key = HashKey::derive(b"k");
        let mut mac = Hmac::<Sha256>::new_from_slice(&key.0[..32]).unwrap();
        mac.update(b"x");
        assert_eq!(key.of("x"), format!("sha256:{}", hex(mac.finalize().into_bytes().get(..8).unwrap_or_default())));
    }

    #[test]
    fn links_are_plain_sha256() {
        assert_eq!(link_of(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
