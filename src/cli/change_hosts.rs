//! `ssh-mcp hosts add`, `remove` and `import`: edits of hosts.toml that are checked before they stand.

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

use globset::Glob;

use super::check::compiled;
use super::edit::hosts_toml::{Wish, with_host, without_host};
use super::edit::{Draft, ssh_names};
use super::terminal::{one_line, print};
use crate::config::Env;
use crate::config::name::check_alias;

/// What is done to the list of hosts.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// Add a host, or add paths and commands to one
    #[command(
        after_help = "Paths and commands are added to what the host may do already.\n\nExamples:\n  ssh-mcp hosts add web \
        --read /var/log --read /srv/app\n  ssh-mcp hosts add db --hostname db.example.com --command 'systemctl status *'"
    )]
    Add(Add),
    /// Take a host out
    #[command(after_help = "Example:\n  ssh-mcp hosts remove web")]
    Remove {
        /// The alias in hosts.toml
        alias: String,
        /// Show the change and write nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Add the hosts of ssh_config
    #[command(
        after_help = "Names with wildcards are not hosts and are left out; so are names that are there already. An imported \
        host may be reached and looked at; it grants no path and no command.\n\nExamples:\n  ssh-mcp hosts import --dry-run\n  \
        ssh-mcp hosts import 'prod-*'"
    )]
    Import {
        /// Only names that match
        #[arg(value_name = "PATTERN", default_value = "*")]
        pattern: String,
        /// Show the change and write nothing
        #[arg(long)]
        dry_run: bool,
    },
}

/// Arguments of `hosts add`.
#[derive(Debug, clap::Args)]
pub(super) struct Add {
    /// The alias, which is also what ssh connects to unless --hostname says otherwise
    alias: String,
    /// What ssh connects to: a name, an address, or an alias of ssh_config
    #[arg(long)]
    hostname: Option<String>,
    /// A folder or file for the path tools (`path_allowlist`); writing there needs an open tier
    #[arg(long = "read", value_name = "PATH")]
    paths: Vec<String>,
    /// A command that may run (`command_allowlist`): whole, or `PROGRAM *`
    #[arg(long = "command", value_name = "WORDS")]
    commands: Vec<String>,
    /// Show the change and write nothing
    #[arg(long)]
    dry_run: bool,
}

/// Makes the change, or says why not.
pub(super) fn run(env: &Env, verb: &Verb) -> ExitCode {
    match changed(env, verb) {
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

fn changed(env: &Env, verb: &Verb) -> Result<String, Vec<String>> {
    let path = crate::config::hosts_path(env)
        .map_err(|faults| faults.iter().map(ToString::to_string).collect::<Vec<_>>())?
        .ok_or_else(|| vec!["there is no home folder; SSH_HOSTS_FILE names the file of hosts".to_owned()])?;
    let mut draft = Draft::open(&path, env).map_err(|why| vec![why])?;
    let cannot = |why: String| vec![format!("{}: {why}", path.display())];
    let (dry_run, done, nothing) = match verb {
        Verb::Add(add) => {
            check_alias(&add.alias).map_err(|why| vec![format!("`{}` {why}", add.alias)])?;
            let wish = Wish {
                alias: add.alias.clone(),
                hostname: add.hostname.clone(),
                paths: add.paths.clone(),
                commands: add.commands.clone(),
                redacted: Vec::new(),
            };
            draft.set(with_host(draft.text(), &wish).map_err(cannot)?);
            let next = format!("`ssh-mcp doctor {}` tries it.", add.alias);
            (add.dry_run, next, format!("{} has all of it already.", add.alias))
        }
        Verb::Remove { alias, dry_run } => {
            let Some(text) = without_host(draft.text(), alias).map_err(cannot)? else {
                return Err(vec![format!("{} names no host `{alias}`; `ssh-mcp hosts` lists them", path.display())]);
            };
            draft.set(text);
            (*dry_run, format!("An agent can no longer name {alias}."), String::new())
        }
        Verb::Import { pattern, dry_run } => {
            let names = wanted_names(env, pattern).map_err(|why| vec![why])?;
            for alias in &names {
                draft.set(with_host(draft.text(), &Wish { alias: alias.clone(), ..Wish::default() }).map_err(cannot)?);
            }
            let nothing = format!("Nothing to add: {} names of ssh_config match, and all are there.", names.len());
            (*dry_run, "`ssh-mcp doctor` tries them.".to_owned(), nothing)
        }
    };
    finish(env, draft, dry_run, &done, &nothing)
}

/// Names of ssh_config that match and can be aliases.
pub(super) fn wanted_names(env: &Env, pattern: &str) -> Result<Vec<String>, String> {
    let glob = Glob::new(pattern).map_err(|error| format!("{error}"))?.compile_matcher();
    let named = crate::config::load(env).ok().and_then(|config| config.settings.ssh_config_file.clone());
    let own = env.home().map(|home| home.join(".ssh/config"));
    let files = match named {
        Some(file) => vec![file],
        None => own.into_iter().chain([Path::new("/etc/ssh/ssh_config").to_path_buf()]).collect(),
    };
    let mut names: Vec<String> = Vec::new();
    for file in files {
        for name in ssh_names::names(&file, env.home()) {
            if glob.is_match(&name) && check_alias(&name).is_ok() && !names.contains(&name) {
                names.push(name);
            }
        }
    }
    Ok(names)
}

/// Shows the change, checks it as the server would, and writes it.
pub(super) fn finish(env: &Env, draft: Draft, dry_run: bool, done: &str, nothing: &str) -> Result<String, Vec<String>> {
    if !draft.changes() {
        return Ok(format!("{nothing}\n"));
    }
    let mut out = draft.diff();
    draft.checked(|candidate| {
        let with = env.clone().with("SSH_HOSTS_FILE", candidate.as_os_str());
        compiled(&with).map(drop).map_err(|refused| refused.0)
    })?;
    if dry_run {
        out.push_str("Nothing was written (--dry-run).\n");
        return Ok(out);
    }
    let kept = draft.stand(env).map_err(|why| vec![why])?;
    if let Some(kept) = kept {
        let _ = writeln!(out, "The file as it was: {}", kept.display());
    }
    let _ = writeln!(out, "{done} A server that runs takes the new list by ssh_host_reload.");
    Ok(out)
}
