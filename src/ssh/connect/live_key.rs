//! The key that a host shows, by a fresh handshake of `ssh` itself that ends before any login.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio_util::sync::CancellationToken;

use super::handshake::{self, Handshake, Stage};
use super::master::{by_sh, reach};
use super::options::Args;
use super::plan::Hop;
use super::resolve::cannot_run;
use super::{ConnectFailure, SshEnv, explain};
use crate::local_program::{Group, LocalFault};
use crate::ssh::known_hosts::{HostKey, HostKeyReport, Outcome, judge_refused, pinned};

/// Looks at the key that a host shows now, by a handshake of its own that ends before any login.
///
/// `via` is the control socket of the jump host in front of it. No running master is asked: it would not see that
/// the key has changed since.
pub async fn live_key(
    env: &SshEnv,
    hop: &Hop,
    via: Option<&Path>,
    cancel: &CancellationToken,
) -> Result<HostKeyReport, ConnectFailure> {
    let (facts, late) = shake_hands(env, hop, via, cancel).await?;
    let Some((kind, fingerprint)) = facts.host_key.clone() else {
        return Err(explain::explain(env, hop, via.is_some(), &facts, late, cancel).await);
    };
    let pins = pinned(env, &hop.resolved, cancel).await?;
    let outcome = if facts.stage >= Stage::LoggingIn {
        Outcome::Match
    } else {
        judge_refused(&pins, &facts).unwrap_or(Outcome::Unknown)
    };
    Ok(HostKeyReport {
        name: hop.resolved.known_hosts_name(),
        pinned: pins,
        live: Some(HostKey { kind, fingerprint }),
        outcome,
        server_version: facts.server_version,
    })
}

/// A handshake that ends before any login. `late`: it was cut off after this time.
///
/// Unlike a master, it shows what the command of a ProxyCommand writes to its standard error.
pub(super) async fn shake_hands(
    env: &SshEnv,
    hop: &Hop,
    via: Option<&Path>,
    cancel: &CancellationToken,
) -> Result<(Handshake, Option<Duration>), ConnectFailure> {
    let mut args = Args::default();
    args.configuration(env.config_file.as_deref());
    args.word("-N").word("-T").option("ControlMaster", "no").option("ControlPath", "none");
    args.option("BatchMode", "yes").option("PreferredAuthentications", "none");
    reach(&mut args, env, hop, via);
    args.forced(env).destination(&hop.target);

    let mut command = env.command("ssh");
    command.args(args.as_slice()).stderr(Stdio::piped()).process_group(0);
    by_sh(&mut command, via);
    let mut child = command.spawn().map_err(|e| cannot_run("ssh", &LocalFault::Start(e)))?;
    let group = Group::of(&child);
    let mut log = Vec::new();
    let late = {
        let watch = async {
            let Some(stderr) = child.stderr.as_mut() else { return };
            let mut block = [0_u8; 8192];
            while let Ok(n @ 1..) = stderr.read(&mut block).await {
                log.extend_from_slice(block.get(..n).unwrap_or_default());
                let seen = handshake::read(&String::from_utf8_lossy(&log)).stage;
                if seen >= Stage::LoggingIn || log.len() > handshake::LOG_CAP {
                    return;
                }
            }
        };
        let limit = env.connect_timeout;
        tokio::select! {
            () = watch => None,
            () = tokio::time::sleep(limit) => Some(limit),
            () = cancel.cancelled() => return Err(ConnectFailure::cancelled(&hop.target.alias)),
        }
    };
    drop(group);
    let _ = child.wait().await;
    Ok((handshake::read(&String::from_utf8_lossy(&log)), late))
}
