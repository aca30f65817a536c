//! Checked words: types that can only hold what they say, and nothing that does IO.
//!
//! Everything above this layer takes these types instead of strings, so that a value is checked once,
//! where it enters, and carried as proof afterwards.

pub(crate) mod account;
pub(crate) mod char_boundary;
pub(crate) mod docker;
pub(crate) mod error;
pub(crate) mod file_access;
pub(crate) mod file_name;
pub(crate) mod glob;
pub(crate) mod hex;
pub(crate) mod image_ref;
pub(crate) mod journal_time;
pub(crate) mod lock;
pub(crate) mod mode;
pub(crate) mod package;
pub(crate) mod quote;
pub(crate) mod remote_path;
pub(crate) mod scripts;
pub(crate) mod secret;
pub(crate) mod secret_name;
#[cfg(test)]
pub(crate) mod shell_text;
pub(crate) mod systemd;
pub(crate) mod tier;
pub(crate) mod windows_path;
pub(crate) mod word;
