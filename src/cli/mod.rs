//! The command line: `ssh-mcp` serves; the subcommands show, check and call the same engine.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is what a command line is for")]

pub mod audit;
pub mod boot;
mod call;
mod serve;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::Env;
use crate::ssh::connect::askpass;

/// MCP server that gives agents SSH access through your own ssh, under your policy.
#[derive(Debug, Parser)]
#[command(name = "ssh-mcp", version, about, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve MCP on standard input and output (what a client starts; the default)
    Serve,
    /// Make one tool call through the same gates, audit and policy
    Call(call::Args),
    /// Check or search the audit file
    Audit(audit::AuditArgs),
}

/// Runs the command line; the value is the process's exit status.
pub fn main() -> ExitCode {
    // First of all: as ssh's askpass helper this program has no arguments and settings of its own.
    if let Some(status) = askpass::client_main() {
        return status;
    }
    let cli = Cli::parse();
    let env = Env::of_process();
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("ssh-mcp: no runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    let code = runtime.block_on(async {
        match cli.command.unwrap_or(Command::Serve) {
            Command::Serve => serve::serve(&env).await,
            Command::Call(args) => call::call(&env, args).await,
            Command::Audit(args) => match audit::run(args, &mut std::io::stdout().lock()) {
                Ok(true) => ExitCode::SUCCESS,
                Ok(false) => ExitCode::FAILURE,
                Err(fault) => {
                    eprintln!("ssh-mcp: {fault}");
                    ExitCode::from(2)
                }
            },
        }
    });
    // A blocked read of standard input must not keep the process.
    runtime.shutdown_background();
    code
}
