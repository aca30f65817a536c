//! `ssh-mcp hosts`: the hosts that an agent may name, and edits of that list. Connects to nothing.

use std::process::ExitCode;

use serde_json::{Value, json};

use super::change_hosts::{self, Verb};
use super::check::compiled;
use super::terminal::{columns, one_line, print};
use crate::config::Env;
use crate::toolkit::snapshot::HostEntry;

/// Arguments of `hosts`.
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Without a command, the hosts are listed. A dash means that ssh_config decides. `ssh-mcp doctor` tries each of \
    them.\n\nExamples:\n  ssh-mcp hosts --json | jq -r '.[].alias'\n  ssh-mcp hosts add web --read /var/log --command \
    'systemctl status *'\n  ssh-mcp hosts import 'prod-*'"
)]
pub(super) struct Args {
    /// As JSON
    #[arg(long)]
    json: bool,
    #[command(subcommand)]
    verb: Option<Verb>,
}

/// Lists the hosts, or edits their file.
pub(super) fn run(env: &Env, args: &Args) -> ExitCode {
    match &args.verb {
        Some(verb) => change_hosts::run(env, verb),
        None => hosts(env, args),
    }
}

/// Lists the hosts.
fn hosts(env: &Env, args: &Args) -> ExitCode {
    let snapshot = match compiled(env) {
        Ok(snapshot) => snapshot,
        Err(refused) => {
            for line in &refused.0 {
                eprintln!("ssh-mcp: {}", one_line(line));
            }
            return ExitCode::from(2);
        }
    };
    let via = |host: &HostEntry| -> Vec<String> {
        snapshot.config.hosts.chain(&host.config).iter().map(|hop| hop.alias.clone()).collect()
    };
    let blocked = |host: &HostEntry| snapshot.blocklist.check(&host.config.hostname, None).is_err();
    let bare = &snapshot.config.settings.ssh_hosts_allowlist;
    if args.json {
        let mut list: Vec<Value> = snapshot
            .hosts()
            .iter()
            .map(|host| {
                json!({
                    "alias": host.config.alias,
                    "hostname": host.config.hostname,
                    "user": host.config.user,
                    "port": host.config.port,
                    "platform": host.platform,
                    "auth": host.target.login.method(),
                    "via": via(host),
                    "blocked": blocked(host),
                })
            })
            .collect();
        list.extend(bare.iter().map(|name| json!({"alias": null, "hostname": name})));
        print(&format!("{}\n", serde_json::to_string_pretty(&list).unwrap_or_default()));
        return ExitCode::SUCCESS;
    }
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let mut rows = vec![["ALIAS", "HOSTNAME", "USER", "PORT", "PLATFORM", "AUTH", "VIA"].map(str::to_owned).to_vec()];
    for host in snapshot.hosts() {
        let mut hostname = host.config.hostname.clone();
        if blocked(host) {
            hostname.push_str(" (blocked)");
        }
        rows.push(vec![
            host.config.alias.clone(),
            hostname,
            or_dash(host.config.user.clone()),
            or_dash(host.config.port.map(|port| port.to_string())),
            host.platform.to_string(),
            host.target.login.method().to_owned(),
            or_dash(Some(via(host).join(" then ")).filter(|way| !way.is_empty())),
        ]);
    }
    for name in bare {
        rows.push(vec!["(allowlist)".to_owned(), name.clone()]);
    }
    if rows.len() == 1 {
        let file = snapshot.config.hosts_file.clone().or_else(|| env.config_dir().map(|dir| dir.join("hosts.toml")));
        let place = file.map_or_else(|| "hosts.toml".to_owned(), |file| file.display().to_string());
        eprintln!(
            "No host is configured. `ssh-mcp hosts import` takes those of ssh_config, `ssh-mcp hosts add web` takes one; both \
             write {place}."
        );
        return ExitCode::SUCCESS;
    }
    print(&columns(&rows));
    ExitCode::SUCCESS
}
