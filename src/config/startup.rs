//! What an operator should hear at start. Nothing here refuses.

use std::path::Path;

use super::Config;
use super::effective::Effective;
use super::env::Env;
use super::fault::Warning;
use super::hosts::{HostConfig, Hosts, Platform};
use super::kind::SudoMode;
use super::settings::Settings;
use crate::model::remote_path::RemotePath;

/// Files and folders that a host that allows every path should at least close.
const SENSITIVE: [&str; 3] = ["/etc/shadow", "/etc/sudoers", "/etc/ssh"];

/// Warnings about switches, files and folders.
pub(super) fn of_settings(settings: &Settings, env: &Env, out: &mut Vec<Warning>) {
    if settings.allow_sudo && !settings.allow_dangerous_tools {
        out.push(Warning::warn("ALLOW_SUDO has no effect without ALLOW_DANGEROUS_TOOLS: the sudo tools stay closed"));
    }
    if settings.allow_sudo && settings.ssh_sudo_mode == SudoMode::PersistentSu {
        out.push(Warning::warn("SSH_SUDO_MODE=persistent-su behaves as per-call: every sudo is one call"));
    }
    for (name, set) in
        [("MCP_HTTP_HOST", settings.mcp_http_host.is_some()), ("MCP_HTTP_PORT", settings.mcp_http_port.is_some())]
    {
        if set {
            out.push(Warning::warn(format!("{name} has no effect: only stdio is offered")));
        }
    }
    for (name, folder, what) in [
        ("SSH_SKILLS_DIR", &settings.ssh_skills_dir, "no tool guides are published"),
        ("SSH_RUNBOOKS_DIR", &settings.ssh_runbooks_dir, "no runbooks are published"),
    ] {
        if let Some(folder) = folder.as_deref().filter(|f| !f.is_dir()) {
            out.push(Warning::info(format!("{name}: {} is not a folder; {what}", folder.display())));
        }
    }
    if !settings.ssh_enable_runbooks {
        out.push(Warning::info("SSH_ENABLE_RUNBOOKS=false: runbooks are not published"));
    }
    if settings.ssh_host_notes_dir.is_none() {
        out.push(Warning::info("agent notes are off: SSH_HOST_NOTES_DIR is blank, or there is no home folder"));
    }
    if settings.ssh_redact_salt.is_none() {
        out.push(Warning::info(
            "SSH_REDACT_SALT is not set: redaction marks use a random key of this installation, and differ on others",
        ));
    }
    known_hosts(settings, env, out);
    for (root, folder) in super::closed::roots_inside(settings, env) {
        out.push(Warning::warn(format!(
            "SSH_LOCAL_TRANSFER_ROOTS: {} lies in {}, which is closed to every tool: `local_path` reaches nothing there",
            root.display(),
            folder.display()
        )));
    }
    for entry in &settings.ssh_path_allowlist {
        if let Err(why) = super::remote::check_allowed(entry) {
            out.push(Warning::warn(format!("SSH_PATH_ALLOWLIST: entry `{entry}` {why}")));
        }
    }
}

fn known_hosts(settings: &Settings, env: &Env, out: &mut Vec<Warning>) {
    if let Some(file) = &settings.ssh_known_hosts {
        if !file.is_file() {
            let text = format!("SSH_KNOWN_HOSTS: {} is missing; every host counts as unknown", file.display());
            out.push(Warning::warn(text));
        }
        return;
    }
    // Where OpenSSH looks when ssh_config names no other file (ssh_config(5), UserKnownHostsFile, GlobalKnownHostsFile).
    let own = env.home().into_iter().flat_map(|h| [h.join(".ssh/known_hosts"), h.join(".ssh/known_hosts2")]);
    let global = ["/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"].map(|p| Path::new(p).to_path_buf());
    if !own.chain(global).any(|file| file.is_file()) {
        out.push(Warning::warn(
            "there is no known_hosts file; unless ssh_config names one, every host counts as unknown",
        ));
    }
}

/// Warnings about what hosts allow.
pub(super) fn of_hosts(config: &Config, hosts: &Hosts, out: &mut Vec<Warning>) {
    let settings = &*config.settings;
    let named: Vec<(String, &HostConfig)> = hosts.iter().map(|h| (format!("host {}", h.alias), h)).collect();
    let bare = HostConfig::bare("any", settings);
    let unnamed =
        (!settings.ssh_hosts_allowlist.is_empty()).then(|| ("hosts of SSH_HOSTS_ALLOWLIST".to_owned(), &bare));
    for (who, host) in named.into_iter().chain(unnamed) {
        let effective = config.effective(host);
        paths(&who, host, &effective, out);
        commands(&who, host, &effective, settings, out);
        if !super::name::is_file_name(&host.alias) {
            out.push(Warning::warn(format!(
                "{who}: agents can keep no notes on it; that needs an alias of letters, digits, `.`, `_` and `-`"
            )));
        }
    }
}

/// Which list an entry of a united list comes from.
fn origin(own: &[String], entry: &str, key: &str, variable: &str) -> String {
    if own.iter().any(|e| e == entry) { key.to_owned() } else { variable.to_owned() }
}

fn paths(who: &str, host: &HostConfig, effective: &Effective, out: &mut Vec<Warning>) {
    let wide = |entry: &&String| *entry == "*" || RemotePath::parse(entry).is_ok_and(|p| p.is_root());
    let Some(entry) = effective.path_allowlist.iter().find(wide) else { return };
    let list = origin(&host.path_allowlist, entry, "path_allowlist", "SSH_PATH_ALLOWLIST");
    out.push(Warning::warn(format!("{who}: {list} has `{entry}`, which allows every path")));
    if host.platform == Platform::Windows {
        return;
    }
    let open: Vec<&str> = SENSITIVE.into_iter().filter(|path| !is_closed(path, effective)).collect();
    if !open.is_empty() {
        out.push(Warning::warn(format!(
            "{who}: no restricted path covers {}, although every path is allowed",
            open.join(", ")
        )));
    }
}

/// A restricted entry covers a path when it is the path, lies above it or names something in it; a pattern when it
/// matches the path or what lies in it.
fn is_closed(path: &str, effective: &Effective) -> bool {
    let Ok(target) = RemotePath::parse(path) else { return false };
    let by_path = effective
        .restricted_paths
        .iter()
        .filter_map(|entry| RemotePath::parse(entry).ok())
        .any(|entry| target.is_within(&entry) || entry.is_within(&target));
    by_path || effective.restricted_globs.iter().any(|glob| super::remote::glob_closes(glob, &target))
}

fn commands(who: &str, host: &HostConfig, effective: &Effective, settings: &Settings, out: &mut Vec<Warning>) {
    if !settings.allow_dangerous_tools {
        return;
    }
    if effective.command_allowlist.iter().any(|c| c == "*") {
        let list = origin(&host.command_allowlist, "*", "command_allowlist", "SSH_COMMAND_ALLOWLIST");
        out.push(Warning::warn(format!("{who}: {list} has `*`, which allows every command")));
    } else if effective.command_allowlist.is_empty() && effective.allow_any_command {
        out.push(Warning::warn(format!(
            "{who}: its command list is empty and ALLOW_ANY_COMMAND is set, which allows every command"
        )));
    }
}
