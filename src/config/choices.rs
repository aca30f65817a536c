//! Choices of the configuration that are words: the ground on which kinds, settings and hosts stand.

use serde::Serialize;

/// Declares an enum whose values are words of the configuration.
macro_rules! words {
    ($(#[$meta:meta])* pub enum $name:ident { $($(#[$vmeta:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
        pub enum $name { $($(#[$vmeta])* #[serde(rename = $word)] $variant,)* }

        impl $name {
            /// The words, in the order of the documents.
            pub const WORDS: &'static [&'static str] = &[$($word,)*];

            /// The word as written in the configuration.
            pub const fn as_str(self) -> &'static str {
                match self { $($name::$variant => $word,)* }
            }

            /// Reads exactly one of the words.
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some($name::$variant),)* _ => None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}
pub(super) use words;

words! {
    /// What a raw read of a redact-listed path does.
    pub enum BypassPolicy {
        /// The call is refused.
        Block = "block",
        /// The content is delivered with a warning.
        Warn = "warn",
        /// The content is delivered; only the audit line says so.
        AuditOnly = "audit_only",
    }
}

words! {
    /// What kind of system a host runs, as far as tools care.
    pub enum Platform {
        /// A POSIX shell and file system.
        Posix = "posix",
        /// Windows: SFTP only.
        Windows = "windows",
    }
}

/// How clients reach the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// Standard input and output.
    Stdio,
}
