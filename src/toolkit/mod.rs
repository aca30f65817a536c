//! What tools are made of.

pub mod backend;
pub mod schema;
