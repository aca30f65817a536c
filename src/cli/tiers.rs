//! `ssh-mcp open` and `ssh-mcp close`: which tiers of tools a model gets, in the file of settings.

use std::process::ExitCode;

use super::check::compiled;
use super::edit::Draft;
use super::edit::settings_file::with_setting;
use super::terminal::{one_line, print};
use crate::config::Env;

/// A tier that can be closed; the read tier is always open.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Closable {
    /// Writes files below the allowed paths, starts and stops containers
    LowAccess,
    /// Runs commands of the command list, deletes, installs
    Dangerous,
    /// The same as root
    Sudo,
}

impl Closable {
    fn setting(self) -> &'static str {
        match self {
            Closable::LowAccess => "ALLOW_LOW_ACCESS_TOOLS",
            Closable::Dangerous => "ALLOW_DANGEROUS_TOOLS",
            Closable::Sudo => "ALLOW_SUDO",
        }
    }
}

/// Arguments of `open` and `close`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "What a client passes in `env` counts before the file. A server that runs keeps its tiers until it is \
    started again.\n\nExamples:\n  ssh-mcp open low-access\n  ssh-mcp close sudo\n  ssh-mcp check          # what is open now"
)]
pub(super) struct Args {
    /// The tier
    #[arg(value_enum)]
    tier: Closable,
    /// Show the change and write nothing
    #[arg(long)]
    dry_run: bool,
}

/// Opens or closes the tier.
pub(super) fn set(env: &Env, args: &Args, open: bool) -> ExitCode {
    match changed(env, args, open) {
        Ok(text) => {
            print(&text);
            ExitCode::SUCCESS
        }
        Err(faults) => {
            for fault in &faults {
                eprintln!("ssh-mcp: {}", one_line(fault));
            }
            ExitCode::from(2)
        }
    }
}

fn changed(env: &Env, args: &Args, open: bool) -> Result<String, Vec<String>> {
    let name = args.tier.setting();
    let path = crate::config::settings_path(env).ok_or_else(|| {
        vec![format!("no file of settings is read (SSH_MCP_DISABLE_DOTENV, or no home folder); set {name} where the client starts the server")]
    })?;
    let mut draft = Draft::open(&path, env).map_err(|why| vec![why])?;
    let given = env.var(name).is_some();
    // What is not set is closed.
    if open || draft.text().contains(name) {
        draft.set(with_setting(draft.text(), name, if open { "true" } else { "false" }));
    }
    let outer = if given {
        format!("note: {name} is set in this environment too, and counts before the file.\n")
    } else {
        String::new()
    };
    let state = if open { "open" } else { "closed" };
    if !draft.changes() {
        return Ok(format!("{outer}{name} is {state} in {} already.\n", path.display()));
    }
    draft.checked(|candidate| {
        compiled(&env.clone().with("SSH_ENV_FILE", candidate.as_os_str())).map(drop).map_err(|refused| refused.0)
    })?;
    let mut out = draft.diff();
    if args.dry_run {
        out.push_str("Nothing was written (--dry-run).\n");
        return Ok(out + &outer);
    }
    draft.stand(env).map_err(|why| vec![why])?;
    out.push_str(&outer);
    out.push_str("A server that runs keeps its tiers until its client starts it again.\n");
    Ok(out)
}
