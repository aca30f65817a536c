//! A secret string: never printed, wiped when dropped.

use zeroize::{Zeroize, ZeroizeOnDrop};

/// A password or passphrase. `Debug` and `Display` show a fixed mark.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Secret(String);

impl Secret {
    /// Takes ownership of the text.
    pub fn new(text: String) -> Self {
        Secret(text)
    }

    /// The text itself; the name is long so that each use shows in review.
    pub fn expose_secret(&self) -> &str {
        &self.0
    }

    /// True when there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}
