//! The command line: `ssh-mcp` serves; the subcommands show, check and call the same engine.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is what a command line is for")]

pub(crate) mod account;
mod audit;
pub(crate) mod boot;
mod call;
mod change_hosts;
mod check;
mod client;
mod demo;
mod docs;
mod doctor;
mod edit;
mod heads;
mod hosts;
mod serve;
mod setup;
mod startup;
mod terminal;
mod tiers;
mod tools;
mod trust;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

use crate::config::Env;
use crate::ssh::connect::askpass;

/// What `--help` teaches.
const EXAMPLES: &str = "\
First steps:
  ssh-mcp setup                                        # hosts of ssh_config, rights, clients; all by hand:
  ssh-mcp hosts add web --read /var/log                # anything that `ssh web` reaches
  ssh-mcp doctor                                       # does it work, and if not, what fixes it
  ssh-mcp call ssh_host_ping --arg host=web            # one call, as a model would make it
  claude mcp add ssh -- ssh-mcp                        # hand it to a client (others: docs/clients.md)

Everything is closed until it is opened: tiers by ALLOW_LOW_ACCESS_TOOLS, ALLOW_DANGEROUS_TOOLS and ALLOW_SUDO, paths and
commands by hosts.toml. `ssh-mcp check` shows what a configuration comes to; docs/configuration.md names every setting.";

/// MCP server that gives agents SSH access through your own ssh, under your policy.
#[derive(Debug, Parser)]
#[command(name = "ssh-mcp", version, about, max_term_width = 100, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve MCP on standard input and output (what a client starts; the default)
    Serve,
    /// Choose hosts, try them, and register this server in the MCP clients that are there
    Setup(setup::Args),
    /// Show the keys of a host beside what is pinned, ask, and pin them
    Trust(trust::Args),
    /// Make one tool call through the same gates, audit and policy
    Call(call::Args),
    /// Examine ssh, the agent, the configuration and every host; name what fixes each problem
    Doctor(doctor::Args),
    /// Validate the configuration and show what it comes to, without connecting
    Check(check::Args),
    /// List the hosts that an agent may name, add some, take some out
    Hosts(hosts::Args),
    /// Open a tier of tools in the file of settings
    Open(tiers::Args),
    /// Close a tier of tools in the file of settings
    Close(tiers::Args),
    /// List the tools as a client receives them
    Tools(tools::Args),
    /// Check or search the audit file
    Audit(audit::AuditArgs),
    /// Walk through a session against a private, throw-away sshd on this machine
    Demo,
    /// Write the completions of a shell to standard output
    #[command(
        after_help = "Examples:\n  ssh-mcp completions bash > ~/.local/share/bash-completion/completions/ssh-mcp\n  ssh-mcp \
        completions fish > ~/.config/fish/completions/ssh-mcp.fish"
    )]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Write the generated documents, or compare them
    Docs(docs::Args),
}

/// Files and folders that are made here stay open to their owner, whatever the umask takes away.
fn keep_own_rights() {
    use nix::sys::stat::{Mode, umask};
    let given = umask(Mode::S_IRWXG | Mode::S_IRWXO);
    umask(given & !Mode::S_IRWXU);
}

/// Runs the command line; the value is the process's exit status.
pub fn main() -> ExitCode {
    // First of all: as ssh's askpass helper this program has no arguments and settings of its own.
    if let Some(status) = askpass::client_main() {
        return status;
    }
    let cli = Cli::parse();
    keep_own_rights();
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
            // On a worker, so that a request passes from task to task without waking another thread.
            Command::Serve => match tokio::spawn(async move { serve::serve(&env).await }).await {
                Ok(code) => code,
                Err(_) => ExitCode::FAILURE,
            },
            Command::Setup(args) => setup::setup(&env, &args).await,
            Command::Trust(args) => trust::trust(&env, &args).await,
            Command::Call(args) => call::call(&env, args).await,
            Command::Doctor(args) => doctor::doctor(&env, &args).await,
            Command::Check(args) => check::check(&env, &args).await,
            Command::Hosts(args) => hosts::run(&env, &args),
            Command::Open(args) => tiers::set(&env, &args, true),
            Command::Close(args) => tiers::set(&env, &args, false),
            Command::Tools(args) => tools::tools(&args).await,
            Command::Demo => demo::demo().await,
            Command::Completions { shell } => {
                clap_complete::generate(shell, &mut Cli::command(), "ssh-mcp", &mut std::io::stdout());
                ExitCode::SUCCESS
            }
            Command::Docs(args) => docs::docs(&args),
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
