//! A Model Context Protocol server that gives agents SSH access through the system's own `ssh`, under an operator's policy.
//!
//! The program is `ssh-mcp`; this library is what it is made of. Three parts put a server together:
//!
//! - [`load_config`] reads settings and hosts.toml from an environment that the caller gives it,
//! - [`ToolBackend`] holds the tools, the connections, the audit and the hooks, and answers calls,
//! - [`serve`] speaks the protocol over a pair of streams.
//!
//! `contrib/examples/embed.rs` is a whole program with a gate of its own.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let folder = tempfile::tempdir()?;
//! let variables = [("HOME", folder.path().display().to_string())];
//! let config = ssh_mcp::load_config(&ssh_mcp::Env::of(variables, folder.path())).map_err(|faults| faults.to_string())?;
//! // Nothing is open until an operator opens it.
//! assert!(!config.settings.allow_low_access_tools && !config.settings.allow_dangerous_tools);
//! # Ok(())
//! # }
//! ```
//!
//! The list of names below is the whole interface; everything else is private, so the compiler reports what nothing uses.
//! The interface may change with every release. Imports between modules go one way, which `tests/it/layers.rs` holds;
//! ARCHITECTURE.md has the map.

mod audit;
mod cli;
mod config;
mod hooks;
#[doc(hidden)]
pub mod internals;
mod local_program;
mod mcp;
mod model;
mod policy;
mod redact;
mod skills;
mod ssh;
mod telemetry;
mod toolkit;
mod tools;

/// The program `ssh-mcp`, with the arguments and the environment of this process.
pub use cli::main as run_program;

// What is configured.
pub use cli::boot::ssh_env;
pub use config::{Config, Env, load as load_config};

// What a server is put together from, and the tools it offers.
pub use audit::{Audit, HashKey};
pub use skills::{Library, Sources};
pub use ssh::connect::{ControlDir, SshEnv};
pub use toolkit::Entry;
pub use toolkit::dispatch::{Parts, ToolBackend};
pub use tools::all as all_tools;

// Gates and observers written in Rust.
pub use hooks::{Context, Event, Hook, HookError, HookFuture, Hooks, Verdict};

// Calls, by hand or over the protocol.
pub use mcp::serve;
pub use toolkit::dispatch::backend::{Backend, BoxFuture, CallContext, ToolAnswer, ToolDecl, UnknownTool};

// The words that the types above use.
pub use model::error::{ErrorName, Family, ToolError};
pub use model::tier::{Group, Tier};
