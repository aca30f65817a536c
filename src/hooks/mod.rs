//! Hooks: what the operator has happen around calls, and the gates that may refuse one.
//!
//! A hook is a program named in hooks.toml, or a [`Hook`] of whoever embeds this library. Observers learn of a call
//! and change nothing: they run in the background, bounded in number and time, and their failures are logged.
//! Gates are asked before a call and fail closed: whatever is not a clear yes in time is a no.

mod command;
mod event;
mod file;
mod filter;
mod registry;

pub use event::{Context, Event, Hook, HookError, HookFuture, Verdict};
pub use file::{parse, read};
pub use registry::Hooks;
