//! toolkit.
