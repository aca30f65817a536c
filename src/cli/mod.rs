//! The `ssh-mcp` subcommands.

pub mod audit;
