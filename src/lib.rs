//! A Model Context Protocol server that gives agents SSH access through the system's own `ssh`, under an operator's policy.
//!
//! The program is `ssh-mcp`; this library is what it is made of. Three parts put a server together:
//!
//! - [`config::load`] reads settings and hosts.toml from an environment that the caller gives it,
//! - [`toolkit::dispatch::ToolBackend`] holds the tools, the connections, the audit and the hooks, and answers calls,
//! - [`mcp::serve`] speaks the protocol over a pair of streams.
//!
//! `contrib/examples/embed.rs` is a whole program with a gate of its own. What an agent may do is decided by [`policy`], whose
//! permissions are the only things that tools can act on:
//!
//! ```
//! use ssh_mcp::config::{self, Env};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let folder = tempfile::tempdir()?;
//! let variables = [("HOME", folder.path().display().to_string())];
//! let config = config::load(&Env::of(variables, folder.path())).map_err(|faults| faults.to_string())?;
//! // Nothing is open until an operator opens it.
//! assert!(!config.settings.allow_low_access_tools && !config.settings.allow_dangerous_tools);
//! # Ok(())
//! # }
//! ```
//!
//! Imports between modules go one way, which `tests/it/layers.rs` holds; ARCHITECTURE.md has the map. The interface of the
//! library may change with every release.

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
