//! The `ssh-mcp` subcommands.

pub mod audit;

use std::process::ExitCode;

use crate::ssh::connect::askpass;

/// Runs the program and gives its exit status.
pub fn main() -> ExitCode {
    // First of all: as ssh's askpass helper this program has no arguments and settings of its own.
    if let Some(status) = askpass::client_main() {
        return status;
    }
    ExitCode::SUCCESS
}
