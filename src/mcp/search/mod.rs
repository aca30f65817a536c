//! Search mode.
