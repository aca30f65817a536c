//! Where names and values stand in a text.

use super::context::Line;

/// A name before a separator.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Name<'a> {
    /// The name as written.
    pub text: &'a str,
    /// Offset of its first byte, quote included.
    pub start: usize,
    /// The quote around it, 0 for none.
    pub quote: u8,
}

/// Where a name stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    /// Its line, as far as the separator.
    pub line: Line,
    /// The name.
    pub name: Name<'a>,
    /// The value may begin on a later line, and may be nested.
    pub wide: bool,
    /// The name is an argument of a call, the value the next one.
    pub argument: bool,
}

/// The extent of a value: what is inside the quotes, and where reading goes on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Extent {
    /// First byte.
    pub start: usize,
    /// Behind the last byte.
    pub end: usize,
    /// Where to go on.
    pub next: usize,
}
