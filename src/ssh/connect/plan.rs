//! The way to a host: which masters to open, in which order.
//!
//! OpenSSH starts jump hosts with the user's configuration alone, so a `StrictHostKeyChecking accept-new` there
//! would pin keys unseen. Here each hop is a master of ours with the forced options, and the next one runs
//! through it.

use tokio_util::sync::CancellationToken;

use super::SshEnv;
use super::failure::{ConnectFailure, FailureKind};
use super::resolve::{Resolved, resolve};
use super::target::{HostWord, Jump, Target, TargetKey, UserWord};

/// Most hops on the way to a host. A longer way is a loop of the configuration.
pub const MAX_HOPS: usize = 8;

/// One master to open.
#[derive(Debug, Clone)]
pub struct Hop {
    /// What to open.
    pub target: Target,
    /// What ssh makes of it.
    pub resolved: Resolved,
    /// Identity of the connection, the way to it included.
    pub key: TargetKey,
}

/// The masters to open, nearest first; the last one is the target itself. Each runs through the one before it.
///
/// A list of jump hosts is walked in order, and only its first host brings a way of its own: the second is reached
/// from the first, as ssh does with `ProxyJump a,b`.
pub async fn plan(env: &SshEnv, target: &Target, cancel: &CancellationToken) -> Result<Vec<Hop>, ConnectFailure> {
    let mut backwards: Vec<(Target, Resolved)> = Vec::new();
    // Hosts still to be placed, the one nearest to the target last.
    let mut ahead: Vec<Target> = Vec::new();
    let mut current = target.clone();
    loop {
        let resolved = resolve(env, &current, cancel).await?;
        if backwards.len() > MAX_HOPS {
            return Err(ConnectFailure::new(
                FailureKind::Broken,
                format!(
                    "The way to `{}` has more than {MAX_HOPS} jump hosts; its configuration runs in a circle.",
                    target.alias
                ),
                "Look at proxy_jump in hosts.toml and at ProxyJump in ssh_config.",
            ));
        }
        if ahead.is_empty() {
            ahead = match &current.jump {
                Jump::Through(hops) => hops.clone(),
                Jump::FromConfig => resolved
                    .proxy_jump()
                    .map(|text| parse_proxy_jump(text, &current.alias))
                    .transpose()?
                    .unwrap_or_default(),
            };
        }
        backwards.push((current, resolved));
        match ahead.pop() {
            Some(next) => current = next,
            None => break,
        }
    }
    let mut hops: Vec<Hop> = Vec::with_capacity(backwards.len());
    for (mut target, resolved) in backwards.into_iter().rev() {
        let before: Vec<Target> = hops.last().map(|hop| hop.target.clone()).into_iter().collect();
        if !before.is_empty() {
            target.jump = Jump::Through(before);
        }
        check_names(&target, &resolved)?;
        hops.push(Hop { key: target.key(), target, resolved });
    }
    Ok(hops)
}

/// Options of ssh_config whose value a shell reads, with the login name where `%r` stands.
const COMMANDS: &[&str] = &["proxycommand", "knownhostscommand", "localcommand", "remotecommand"];

/// A login name that a shell would read as more than a name stays away from commands, and a name that no resolver knows
/// needs a ProxyCommand that does.
fn check_names(target: &Target, resolved: &Resolved) -> Result<(), ConnectFailure> {
    let named = |key: &&&str| resolved.get(key).is_some_and(|command| command.contains("%r"));
    if let Some(user) = target.user.as_ref().filter(|user| !user.is_plain())
        && let Some(key) = COMMANDS.iter().find(named)
    {
        return Err(ConnectFailure::new(
            FailureKind::Broken,
            format!(
                "The login name `{}` of `{}` holds characters that a shell reads, and {key} of ssh_config hands it to one as %r.",
                user.as_str(),
                target.alias
            ),
            format!(
                "Write the name itself into {key} in place of %r, or use a name of letters, digits and `._-@+:/=,`."
            ),
        ));
    }
    let through_hop = matches!(&target.jump, Jump::Through(hops) if !hops.is_empty());
    if resolved.hostname.is_proxied() && (through_hop || resolved.proxy_command().is_none()) {
        return Err(ConnectFailure::new(
            FailureKind::Broken,
            format!(
                "`{}` ({}) is a name that only a ProxyCommand can reach, and there is none.",
                target.alias, resolved.hostname
            ),
            "Give the way in ssh_config, as systemd's own `Host machine/* vsock/* unix/*` does, and no jump host in front.",
        ));
    }
    Ok(())
}

/// Parses `[user@]host[:port][,...]`, each part also as `ssh://[user@]host[:port]` (ssh_config(5), ProxyJump).
fn parse_proxy_jump(text: &str, alias: &str) -> Result<Vec<Target>, ConnectFailure> {
    text.split(',')
        .map(|part| {
            parse_jump(part.trim()).ok_or_else(|| {
                ConnectFailure::new(
                    FailureKind::Broken,
                    format!("ProxyJump of `{alias}` names `{part}`, which is not of the form [user@]host[:port]."),
                    "Fix ProxyJump in ssh_config, or give proxy_jump in hosts.toml.",
                )
            })
        })
        .collect()
}

fn parse_jump(part: &str) -> Option<Target> {
    let part = part.strip_prefix("ssh://").map_or(part, |uri| uri.trim_end_matches('/'));
    // The last `@` divides: login names may hold others.
    let (login, place) = part.rsplit_once('@').map_or((None, part), |(login, place)| (Some(login), place));
    let (name, port) = if let Some(rest) = place.strip_prefix('[') {
        let (name, rest) = rest.split_once(']')?;
        (name, if rest.is_empty() { None } else { Some(rest.strip_prefix(':')?) })
    } else if place.matches(':').count() == 1 {
        place.split_once(':').map(|(name, port)| (name, Some(port)))?
    } else {
        (place, None)
    };
    let mut target = Target::new(part, HostWord::parse(name).ok()?);
    target.user = login.map(UserWord::parse).transpose().ok()?;
    target.port = port.map(|port| port.parse().ok().filter(|port| *port != 0).ok_or(())).transpose().ok()?;
    Some(target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jump_forms() {
        let seen = |text: &str| {
            parse_jump(text).map(|t| (t.user.map(|u| u.as_str().to_owned()), t.hostname.as_str().to_owned(), t.port))
        };
        let some = |user: Option<&str>, host: &str, port| Some((user.map(str::to_owned), host.to_owned(), port));
        assert_eq!(seen("bastion"), some(None, "bastion", None));
        assert_eq!(seen("me@bastion:2222"), some(Some("me"), "bastion", Some(2222)));
        assert_eq!(seen("[2001:db8::1]:22"), some(None, "2001:db8::1", Some(22)));
        assert_eq!(seen("me@[::1]"), some(Some("me"), "::1", None));
        assert_eq!(seen("2001:db8::1"), some(None, "2001:db8::1", None));
        assert_eq!(seen("ssh://me@b:7/"), some(Some("me"), "b", Some(7)));
        assert_eq!(seen("me@corp@w"), some(Some("me@corp"), "w", None));
        assert_eq!(seen("user:target@w:7"), some(Some("user:target"), "w", Some(7)));
        for bad in ["", "-x", "a b", "a:0", "a:x", "a:", "$(id)@b", "me@", "[::1", "[::1]x", "a;b"] {
            assert_eq!(seen(bad), None, "{bad}");
        }
    }
}
