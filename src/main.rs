//! The `ssh-mcp` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    ssh_mcp::run_program()
}
