//! `ssh-mcp check`: is the configuration sound, and what does it come to. Connects to nothing.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::boot::{Refused, configuration, ssh_env};
use super::terminal::{Paint, Progress, columns, one_line, print};
use crate::config::closed::ClosedPlaces;
use crate::config::hosts::Platform;
use crate::config::{Config, Env, Level};
use crate::hooks::{self, Hook as _};
use crate::model::tier::{Group, Tier};
use crate::policy::command::CommandPolicy;
use crate::ssh::connect;
use crate::toolkit::snapshot::{HostEntry, Snapshot};

/// Most places of a root that a warning names.
const SHOWN: usize = 8;

/// Arguments of `check`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Every fault is one line on standard error: file, line, key, and what would be accepted. Exit \
    status: 0 the server would start, 2 it would not.\n\nExamples:\n  ssh-mcp check\n  SSH_HOSTS_FILE=./new.toml \
    ssh-mcp check && cp new.toml ~/.config/ssh-mcp/hosts.toml")]
pub(super) struct Args {
    /// Only the faults and warnings
    #[arg(long, short)]
    quiet: bool,
}

/// The configuration, compiled, with every fault of every file that the server reads.
pub(super) fn compiled(env: &Env) -> Result<Snapshot, Refused> {
    let config = configuration(env)?;
    let hooks = config.hooks_file.clone();
    let (snapshot, mut faults) = match Snapshot::compile(config) {
        Ok(snapshot) => (Some(snapshot), Vec::new()),
        Err(faults) => (None, faults),
    };
    if let Some(Err(more)) = hooks.as_deref().map(hooks::read) {
        faults.extend(more.iter().map(ToString::to_string));
    }
    match snapshot {
        Some(snapshot) if faults.is_empty() => Ok(snapshot),
        _ => Err(Refused(faults)),
    }
}

/// Checks and shows.
pub(super) async fn check(env: &Env, args: &Args) -> ExitCode {
    let snapshot = match compiled(env) {
        Ok(snapshot) => snapshot,
        Err(refused) => {
            for line in &refused.0 {
                eprintln!("ssh-mcp: {}", one_line(line));
            }
            return ExitCode::from(2);
        }
    };
    let paint = Paint::stdout();
    let mut out = String::new();
    if !args.quiet {
        out.push_str(&sources(env, &snapshot.config));
        out.push_str(&offered(&snapshot, paint));
        for host in snapshot.hosts() {
            out.push_str(&policy(host, paint));
        }
        let bare = &snapshot.config.settings.ssh_hosts_allowlist;
        if !bare.is_empty() {
            let _ = writeln!(out, "\nBy SSH_HOSTS_ALLOWLIST, with the lists of the environment: {}", bare.join(", "));
        }
        out.push('\n');
    }
    let notes = notes(&snapshot).await;
    for (level, text) in &notes {
        let mark = if *level == Level::Warning { paint.warn("warning") } else { "note".to_owned() };
        let _ = writeln!(out, "{mark}: {}", one_line(text));
    }
    let warnings = notes.iter().filter(|(level, _)| *level == Level::Warning).count();
    let _ = writeln!(out, "{}; warnings: {warnings}", paint.good("The configuration is sound"));
    print(&out);
    ExitCode::SUCCESS
}

/// Which files the configuration comes from.
pub(super) fn sources(env: &Env, config: &Config) -> String {
    let folder = env.config_dir();
    let row = |what: &str, file: Option<&Path>, name: &str, variable: &str| {
        let shown = match (file, &folder) {
            (Some(file), _) => file.display().to_string(),
            (None, Some(folder)) => format!("none ({} or {variable})", folder.join(name).display()),
            (None, None) => format!("none ({variable})"),
        };
        vec![what.to_owned(), shown]
    };
    columns(&[
        row("hosts", config.hosts_file.as_deref().filter(|file| file.exists()), "hosts.toml", "SSH_HOSTS_FILE"),
        row("settings", config.env_file.as_deref(), ".env", "SSH_ENV_FILE"),
        row("hooks", config.hooks_file.as_deref(), "hooks.toml", "SSH_HOOKS_FILE"),
    ])
}

/// The tools that a model would see, counted by tier and named by group.
fn offered(snapshot: &Snapshot, paint: Paint) -> String {
    let entries = crate::tools::all();
    let specs: Vec<_> = entries.iter().map(|entry| entry.spec).collect();
    let visible = |spec: &crate::toolkit::Spec| snapshot.visibility.allows(spec.tier, spec.group, spec.name).is_ok();
    let seen = specs.iter().filter(|spec| visible(spec)).count();
    let mut out = format!("\n{}\n", paint.strong(&format!("A model is offered {seen} of {} tools", specs.len())));
    let mut rows = Vec::new();
    for tier in Tier::ALL {
        let of: Vec<_> = specs.iter().filter(|spec| spec.tier == tier).collect();
        let open = if snapshot.visibility.opens(tier) { "open" } else { "closed" };
        let count = of.iter().filter(|spec| visible(spec)).count();
        rows.push(vec![format!("  {tier}"), open.to_owned(), format!("{count} of {}", of.len())]);
    }
    out.push_str(&columns(&rows));
    let mut rows = Vec::new();
    for group in Group::ALL {
        let of: Vec<&str> = specs.iter().filter(|s| s.group == group && visible(s)).map(|s| s.name).collect();
        if !of.is_empty() {
            rows.push(vec![format!("  {group}"), of.join(" ")]);
        }
    }
    out.push_str(&columns(&rows));
    if snapshot.config.settings.ssh_enable_bm25 {
        out.push_str(
            "  SSH_ENABLE_BM25: the list holds the pinned tools, search_tools and call_tool; the rest is found\n",
        );
    }
    out
}

/// What holds on one host.
fn policy(host: &HostEntry, paint: Paint) -> String {
    let effective = &host.effective;
    let list = |entries: &[String], empty: &str| {
        if entries.is_empty() { empty.to_owned() } else { entries.join(", ") }
    };
    let commands = match (effective.command_allowlist.as_slice(), effective.allow_any_command) {
        ([], true) => "every command (ALLOW_ANY_COMMAND)".to_owned(),
        ([], false) => "none".to_owned(),
        (entries, _) => entries.join(", "),
    };
    let scripts = if host.commands.judge_script().is_ok() { "allowed" } else { "refused" };
    let mut rows = vec![
        ("paths", list(&effective.path_allowlist, "none: path tools refuse everything")),
        ("restricted", list(&[&effective.restricted_paths[..], &effective.restricted_globs[..]].concat(), "none")),
        ("redacted", format!("{} ({})", list(&effective.redact_paths_globs, "none"), effective.bypass_policy)),
        ("commands", commands),
        ("scripts", scripts.to_owned()),
    ];
    let fixed = host.paths.written().fixed().len();
    if fixed > 0 {
        let text = format!(
            "the folders of {fixed} entries, links included: `ssh-mcp doctor {}` shows where they lead",
            host.config.alias
        );
        rows.insert(3, ("on the host", text));
    }
    if host.platform == Platform::Windows {
        rows.retain(|(what, _)| !matches!(*what, "commands" | "scripts"));
        rows.push(("platform", "windows: file tools over sftp only".to_owned()));
    }
    let rows: Vec<Vec<String>> = rows.into_iter().map(|(what, text)| vec![format!("  {what}"), text]).collect();
    format!("\n{} ({})\n{}", paint.strong(&host.config.alias), where_to(host), columns(&rows))
}

/// A host as hosts.toml gives it: what is left to ssh_config is not shown.
pub(super) fn where_to(host: &HostEntry) -> String {
    let user = host.config.user.as_ref().map(|user| format!("{user}@")).unwrap_or_default();
    let port = host.config.port.map(|port| format!(":{port}")).unwrap_or_default();
    format!("{user}{}{port}, {}", host.config.hostname, host.target.login.describe())
}

/// Warnings of loading and compiling, and the hosts whose ProxyCommand is outside of what can be promised.
async fn notes(snapshot: &Snapshot) -> Vec<(Level, String)> {
    let config = &snapshot.config;
    let mut notes: Vec<(Level, String)> = config.warnings.iter().map(|w| (w.level, w.text.clone())).collect();
    notes.extend(snapshot.warnings.iter().map(|text| (Level::Warning, text.clone())));
    notes.extend(unmatched_hooks(snapshot).into_iter().map(|text| (Level::Warning, text)));
    notes.extend(closed_below_roots(snapshot).into_iter().map(|text| (Level::Warning, text)));
    notes.extend(command_lists(snapshot).map(|text| (Level::Info, text)));
    let (env, cancel, progress) = (ssh_env(&config.settings), CancellationToken::new(), Progress::new());
    for host in snapshot.hosts() {
        progress.show(&format!("reading ssh's configuration for {}", host.config.alias));
        match connect::plan(&env, &host.target, &cancel).await {
            Ok(hops) => notes.extend(proxy_commands(&host.config.alias, &hops).map(|text| (Level::Warning, text))),
            Err(failure) => {
                notes.push((Level::Warning, format!("host {}: {} {}", host.config.alias, failure.what, failure.next)));
            }
        }
    }
    notes
}

/// Transfer roots below which something lies that decides what this server does.
fn closed_below_roots(snapshot: &Snapshot) -> Vec<String> {
    let config = &snapshot.config;
    let mut closed = ClosedPlaces::of(config);
    for hook in config.hooks_file.as_deref().and_then(|file| hooks::read(file).ok()).into_iter().flatten() {
        if let Some((words, folder)) = hook.command() {
            closed.add_command(words, folder, &config.env);
        }
    }
    let told = |(root, places): (PathBuf, Vec<PathBuf>)| {
        let shown: Vec<String> = places.iter().take(SHOWN).map(|place| place.display().to_string()).collect();
        let more = places.len().saturating_sub(SHOWN);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        format!(
            "SSH_LOCAL_TRANSFER_ROOTS: {} holds what decides things here and stays closed to `local_path`: {}{more}; \
             name a folder of its own for transfers",
            root.display(),
            shown.join(", ")
        )
    };
    closed.below_roots().into_iter().map(told).collect()
}

/// Patterns of hooks that match no tool and no host. Hosts outside of hosts.toml are known by name only where
/// SSH_HOSTS_ALLOWLIST lists them.
pub(super) fn unmatched_hooks(snapshot: &Snapshot) -> Vec<String> {
    let config = &snapshot.config;
    let Some(Ok(commands)) = config.hooks_file.as_deref().map(hooks::read) else { return Vec::new() };
    let entries = crate::tools::all();
    let tools: Vec<&str> = entries.iter().map(|entry| entry.spec.name).collect();
    let listed = config.settings.ssh_hosts_allowlist.iter().map(String::as_str);
    let names = |host: &'_ Arc<HostEntry>| [host.config.alias.clone(), host.config.hostname.clone()];
    let configured: Vec<String> = snapshot.hosts().iter().flat_map(names).collect();
    let hosts: Vec<&str> = configured.iter().map(String::as_str).chain(listed).collect();
    commands.iter().flat_map(|hook| hook.unmatched_patterns(&tools, &hosts)).collect()
}

/// For each command list with entries that grant nothing, the line that grants what they seem to.
fn command_lists(snapshot: &Snapshot) -> impl Iterator<Item = String> {
    let of_hosts = snapshot.hosts().iter().filter_map(|host| {
        let list = host.commands.rewrite_withheld(&host.config.command_allowlist)?;
        // A string of JSON is one of TOML, too.
        let list: Vec<String> = list.into_iter().map(|entry| serde_json::Value::String(entry).to_string()).collect();
        Some(format!("host {}: write `command_allowlist = [{}]`", host.config.alias, list.join(", ")))
    });
    let settings = &snapshot.config.settings;
    let list = &settings.ssh_command_allowlist;
    let policy = CommandPolicy::new(list, false, &settings.ssh_command_path, false).ok();
    let list = policy.and_then(|(policy, _)| policy.rewrite_withheld(list));
    let of_environment = list.map(|list| format!("write `SSH_COMMAND_ALLOWLIST={}`", list.join(",")));
    of_hosts.chain(of_environment).map(|line| format!("{line}, or whole commands in place of each ` *`"))
}

/// One sentence for each hop that goes through a command of the user's own.
pub(super) fn proxy_commands(alias: &str, hops: &[connect::Hop]) -> impl Iterator<Item = String> {
    hops.iter().filter_map(move |hop| {
        hop.resolved.proxy_command().map(|command| {
            format!(
                "host {alias}: {} is reached by a ProxyCommand of ssh_config (`{command}`); the forced options do not \
                 reach into it. A `proxy_jump` in hosts.toml or a ProxyJump is inside the guarantee",
                hop.target.hostname
            )
        })
    })
}
