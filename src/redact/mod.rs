//! What may leave: text without terminal controls and hidden characters, and files without their secrets.
//!
//! [`clean`] is the one exit for text of any origin; [`engine`] replaces secrets in files and in the text of
//! containers, units, processes and logs. Nothing here does IO, except for the key file of the markers.

pub(crate) mod clean;
pub(crate) mod engine;
