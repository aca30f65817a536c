//! What the fuzz targets check, one module for each. The targets of `fuzz_targets` and the everyday tests
//! (`tests/it/fuzzed.rs`, over the kept corpora) share them.
//!
//! Each `check` takes arbitrary bytes and panics on a finding.

pub mod arguments;
pub mod clean;
pub mod diff;
mod feed;
pub mod framing;
pub mod glob;
pub mod grammar;
pub mod hosts;
pub mod message;
pub mod notes;
pub mod path;
pub mod redact;
pub mod rows;

/// Says by a panic what does not hold for some bytes.
pub type Check = fn(&[u8]);

/// Every target: the name of its corpus, and its check.
pub const ALL: [(&str, Check); 12] = [
    ("arguments", arguments::check),
    ("clean", clean::check),
    ("diff", diff::check),
    ("framing", framing::check),
    ("glob", glob::check),
    ("grammar", grammar::check),
    ("hosts", hosts::check),
    ("message", message::check),
    ("notes", notes::check),
    ("path", path::check),
    ("redact", redact::check),
    ("rows", rows::check),
];
