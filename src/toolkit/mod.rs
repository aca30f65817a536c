//! What tools are made of.

pub mod backend;
