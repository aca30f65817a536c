//! `ssh-mcp`: a Model Context Protocol server that gives agents SSH access through the system's own `ssh`.
//!
//! Modules stand in dependency order; imports go one way only (`tests/it/layers.rs` holds it).

pub mod audit;
pub mod cli;
pub mod config;
#[doc(hidden)]
pub mod fuzzing;
pub mod hooks;
pub mod local_program;
pub mod mcp;
pub mod model;
pub mod policy;
pub mod redact;
pub mod skills;
pub mod ssh;
pub mod telemetry;
pub mod toolkit;
pub mod tools;
