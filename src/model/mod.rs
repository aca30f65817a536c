//! Checked words: types that can only hold what they say, and nothing that does IO.
//!
//! Everything above this layer takes these types instead of strings, so that a value is checked once,
//! where it enters, and carried as proof afterwards.

pub mod account;
pub mod docker;
pub mod error;
pub mod file_name;
pub mod glob;
pub mod hex;
pub mod image_ref;
pub mod journal_time;
pub mod mode;
pub mod package;
pub mod quote;
pub mod remote_path;
pub mod scripts;
pub mod secret;
pub mod shell_text;
pub mod systemd;
pub mod tier;
pub mod windows_path;
pub mod word;
