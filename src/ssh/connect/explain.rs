//! From the facts of a failed attempt to its class, and to words that a person can act on.

use std::fmt::Write as _;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::SshEnv;
use super::failure::{ConnectFailure, FailureKind};
use super::handshake::{Handshake, Stage};
use super::plan::Hop;
use super::refusal;
use super::target::Login;
use crate::model::quote::sh_quote;
use crate::ssh::known_hosts::{self, Outcome, Pinned, Role};

/// Explains an attempt that ended before the login was complete. `through_hop`: a master of ours carried it;
/// `late`: it was cut off after this time.
pub(in crate::ssh) async fn explain(
    env: &SshEnv,
    hop: &Hop,
    through_hop: bool,
    facts: &Handshake,
    late: Option<Duration>,
    cancel: &CancellationToken,
) -> ConnectFailure {
    let failure = class(env, hop, through_hop, facts, late, cancel).await;
    ConnectFailure {
        alias: hop.target.alias.clone(),
        reached: facts.host_key.is_some(),
        server_version: facts.server_version.clone(),
        hung_up: late.is_none() && !through_hop && facts.stage < Stage::KeyShown && hung_up(&facts.reason()),
        ..failure
    }
}

async fn class(
    env: &SshEnv,
    hop: &Hop,
    through_hop: bool,
    facts: &Handshake,
    late: Option<Duration>,
    cancel: &CancellationToken,
) -> ConnectFailure {
    if let Some(limit) = late {
        return too_late(hop, facts, limit);
    }
    match facts.stage {
        Stage::Connecting => no_contact(env, hop, through_hop, facts),
        Stage::Greeted => no_agreement(hop, facts),
        Stage::KeyShown => match known_hosts::pinned(env, &hop.resolved, cancel).await {
            Err(failure) => failure,
            Ok(pins) => match known_hosts::judge_refused(&pins, facts) {
                None | Some(Outcome::Match) => no_agreement(hop, facts),
                Some(Outcome::Unknown) => unknown(env, hop, through_hop, facts),
                Some(Outcome::Changed) => changed(env, hop, through_hop, facts, &pins),
                Some(Outcome::Revoked) => revoked(hop, facts, &pins),
            },
        },
        Stage::LoggingIn if facts.refused || facts.too_many() || !facts.partial.is_empty() => {
            refusal::refused(env, hop, facts, cancel).await
        }
        Stage::LoggingIn if !facts.verdict.is_empty() => refusal::turned_away(hop, facts),
        Stage::LoggedIn => ConnectFailure::new(
            FailureKind::Broken,
            format!("The login at {} worked, but the connection cannot be shared: {}.", place(hop), facts.reason()),
            "See that the folder of control sockets is there and has room; `ssh-mcp doctor` names it.",
        ),
        Stage::LoggingIn => ConnectFailure::new(
            FailureKind::Unreachable,
            format!("{} ended the connection during the login: {}.", place(hop), facts.reason()),
            if facts.accepted.is_some() {
                "It had accepted the key. If a further call ends so too, a rule for this account refuses it (PAM, access.conf): the log of sshd on the host names it."
            } else {
                "Call again; if it stays so, look at the log of sshd on the host."
            },
        ),
    }
}

/// The command for a passphrase or password gave none.
pub(super) fn no_secret(hop: &Hop, why: &str) -> ConnectFailure {
    let key = if matches!(hop.target.login, Login::Password { .. }) { "password_cmd" } else { "passphrase_cmd" };
    ConnectFailure::new(
        FailureKind::Authentication,
        format!("{key} of `{}` gave nothing to log in with: {why}.", hop.target.alias),
        format!("Run the command of {key} by hand; it has to print one line within 10 s and exit with status 0."),
    )
}

/// The command with which a person tries the same login.
pub(super) fn by_hand(env: &SshEnv, hop: &Hop) -> String {
    let mut words = vec!["ssh".to_owned()];
    words.extend(env.config_file.iter().flat_map(|file| ["-F".to_owned(), sh_quote(&file.to_string_lossy())]));
    words.extend(hop.target.port.iter().flat_map(|port| ["-p".to_owned(), port.to_string()]));
    let user = hop.target.user.as_ref().map(|user| format!("{}@", user.as_str())).unwrap_or_default();
    words.push(sh_quote(&format!("{user}{}", hop.target.hostname)));
    format!("`{}`", words.join(" "))
}

/// `alias` (host:port), for the beginning of a sentence.
pub(super) fn place(hop: &Hop) -> String {
    let (name, port) = (&hop.resolved.hostname, hop.resolved.port);
    if name.as_str().contains(':') {
        format!("`{}` ([{name}]:{port})", hop.target.alias)
    } else {
        format!("`{}` ({name}:{port})", hop.target.alias)
    }
}

fn too_late(hop: &Hop, facts: &Handshake, limit: Duration) -> ConnectFailure {
    let far = match facts.stage {
        Stage::Connecting => "it did not answer as an SSH server",
        Stage::Greeted | Stage::KeyShown => "the handshake did not end",
        Stage::LoggingIn | Stage::LoggedIn => "the login did not end",
    };
    let mut what = format!("No connection to {} within {} s: {far}", place(hop), limit.as_secs());
    if facts.stage < Stage::LoggingIn {
        what.push('.');
        let next = "See that the host is up and its SSH port open; SSH_CONNECT_TIMEOUT sets the limit.";
        return ConnectFailure::new(FailureKind::Unreachable, what, next);
    }
    if let Some(print) = facts.accepted.as_deref().and_then(refusal::fingerprint_in) {
        let _ = write!(what, "; the host knows the key {print}");
    }
    refusal::quote_host(&mut what, facts.banner.iter().chain(&facts.verdict));
    what.push('.');
    ConnectFailure::new(
        FailureKind::Unreachable,
        what,
        format!(
            "The login may be waiting for a person: the agent asks to confirm a key, or the host asks something. Answer and call again; SSH_CONNECT_TIMEOUT (now {} s) allows more time. If nobody is asked, the host is slow: check its name service or PAM.",
            limit.as_secs()
        ),
    )
}

fn no_contact(env: &SshEnv, hop: &Hop, through_hop: bool, facts: &Handshake) -> ConnectFailure {
    let why = facts.reason();
    // Nothing from the far end is in the messages at this stage; these are words of the local system.
    let temporary = why.contains("Temporary failure in name resolution");
    if why.contains("ssh: Could not resolve hostname") {
        let kind = if temporary { FailureKind::Unreachable } else { FailureKind::Broken };
        return ConnectFailure::new(
            kind,
            format!("The name of {} cannot be resolved: {why}.", place(hop)),
            format!("Fix `hostname` in [hosts.{}], HostName in ssh_config, or the name service.", hop.target.alias),
        );
    }
    if through_hop {
        return ConnectFailure::new(
            FailureKind::Unreachable,
            format!("The jump host could not reach {}: {why}.", place(hop)),
            "See that the host is up, that the jump host can reach it, and that sshd there allows it (AllowTcpForwarding, PermitOpen).",
        );
    }
    if let Some(proxy) = hop.resolved.proxy_command() {
        let program: String = proxy.split_whitespace().next().unwrap_or_default().chars().take(100).collect();
        return ConnectFailure::new(
            FailureKind::Unreachable,
            format!("No connection to {} through the ProxyCommand `{program} ...` of ssh_config: {why}.", place(hop)),
            format!("Try {} by hand.", by_hand(env, hop)),
        );
    }
    let next = if hung_up(&why) {
        "The host hung up at once: look at MaxStartups, at PerSourcePenalties, and at bans (fail2ban) there."
    } else {
        "See that the host is up, that hostname and port are right, and that no firewall is in between."
    };
    ConnectFailure::new(FailureKind::Unreachable, format!("No connection to {}: {why}.", place(hop)), next)
}

/// ssh's words for a connection that the far end took and ended.
fn hung_up(why: &str) -> bool {
    why.contains("Connection closed by ") || why.contains("Connection reset by ")
}

fn no_agreement(hop: &Hop, facts: &Handshake) -> ConnectFailure {
    let why = facts.reason();
    if why.contains("Unable to negotiate ") {
        return ConnectFailure::new(
            FailureKind::Broken,
            format!("{} and this ssh have no algorithm in common: {why}.", place(hop)),
            match allowing(&why) {
                Some(lines) => {
                    format!("If it may be that old: below `Host {}` in ssh_config, {lines}.", hop.target.hostname)
                }
                None => format!("Allow one that the host offers in ssh_config, for `{}` alone.", hop.target.hostname),
            },
        );
    }
    ConnectFailure::new(
        FailureKind::Unreachable,
        format!("The handshake with {} broke off: {why}.", place(hop)),
        "Call again; if it stays so, look at MaxStartups and at the log of sshd on the host.",
    )
}

/// The lines of ssh_config that allow what a host offers, from `no matching KIND found. Their offer: A,B`.
fn allowing(why: &str) -> Option<String> {
    let (kind, rest) = why.split_once("no matching ")?.1.split_once(" found. Their offer: ")?;
    let word =
        |name: &&str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"@.-_".contains(&b));
    // The names are the host's text.
    let offered = rest.split([',', ';', ' ']).next().filter(word)?;
    Some(match kind {
        "key exchange method" => format!("`KexAlgorithms +{offered}`"),
        "cipher" => format!("`Ciphers +{offered}`"),
        "MAC" => format!("`MACs +{offered}`"),
        "host key type" if offered == "ssh-rsa" => {
            "`HostKeyAlgorithms +ssh-rsa`, and for a key of type RSA `PubkeyAcceptedAlgorithms +ssh-rsa`".to_owned()
        }
        "host key type" => format!("`HostKeyAlgorithms +{offered}`"),
        _ => return None,
    })
}

fn unknown(env: &SshEnv, hop: &Hop, through_hop: bool, facts: &Handshake) -> ConnectFailure {
    let (kind, print) = facts.host_key.clone().unwrap_or_default();
    ConnectFailure::new(
        FailureKind::UnknownHost,
        format!("No host key is pinned for {}; it shows the {kind} key {print}.", place(hop)),
        format!(
            "Get the fingerprint from the host's administrator or console (not over this connection). If it is the same, `ssh-mcp trust {}` pins the key; by hand: {}",
            sh_quote(&hop.target.alias),
            pin_command(env, hop, through_hop, &kind)
        ),
    )
}

fn changed(env: &SshEnv, hop: &Hop, through_hop: bool, facts: &Handshake, pins: &[Pinned]) -> ConnectFailure {
    let (kind, print) = facts.host_key.clone().unwrap_or_default();
    let mut expected = String::new();
    let mut removal = String::new();
    for pin in pins.iter().filter(|pin| pin.role != Role::Revoked) {
        let what = if pin.role == Role::Authority { " (authority)" } else { "" };
        let _ =
            write!(expected, "{}{} {}{what}", if expected.is_empty() { "" } else { ", " }, pin.kind, pin.fingerprint);
        let line = format!(
            "`ssh-keygen -R {} -f {}`",
            sh_quote(&hop.resolved.known_hosts_name()),
            sh_quote(&pin.file.to_string_lossy())
        );
        if !removal.contains(&line) {
            let _ = write!(removal, "{}{line}", if removal.is_empty() { "" } else { " and " });
        }
    }
    ConnectFailure::new(
        FailureKind::HostKeyChanged,
        format!("{} shows the {kind} key {print}, but pinned is {expected}. This can be an attack.", place(hop)),
        format!(
            "Stop, and ask the host's administrator. Only if they confirm {print}: `ssh-mcp trust {}` puts it in the place of the old one; by hand: remove the old key with {removal}, then pin the new one: {}",
            sh_quote(&hop.target.alias),
            pin_command(env, hop, through_hop, &kind)
        ),
    )
}

fn revoked(hop: &Hop, facts: &Handshake, pins: &[Pinned]) -> ConnectFailure {
    let (kind, print) = facts.host_key.clone().unwrap_or_default();
    let by = pins
        .iter()
        .find(|pin| pin.role == Role::Revoked && pin.fingerprint == print)
        .map(|pin| format!("{} line {}", pin.file.display(), pin.line))
        .or_else(|| hop.resolved.get("revokedhostkeys").map(str::to_owned))
        .unwrap_or_else(|| "known_hosts".to_owned());
    ConnectFailure::new(
        FailureKind::HostKeyRevoked,
        format!("{} shows the {kind} key {print}, which {by} marks as revoked. This can be an attack.", place(hop)),
        "Stop, and ask the host's administrator: the host needs a new key.",
    )
}

/// The command with which a person pins the key that a host shows.
fn pin_command(env: &SshEnv, hop: &Hop, through_hop: bool, kind: &str) -> String {
    if through_hop || hop.resolved.proxy_command().is_some() || hop.resolved.get("hostkeyalias").is_some() {
        // ssh-keyscan goes straight to the host and cannot pass jump hosts.
        let config = env.config_file.as_ref().map(|file| format!("-F {} ", sh_quote(&file.to_string_lossy())));
        let port = hop.target.port.map(|port| format!("-p {port} ")).unwrap_or_default();
        return format!(
            "`ssh {}{port}-o StrictHostKeyChecking=ask {}`, and answer `yes` only to that fingerprint.",
            config.unwrap_or_default(),
            hop.target.hostname
        );
    }
    let algorithm = match kind {
        _ if kind.starts_with("ecdsa") => "ecdsa",
        "ssh-rsa" => "rsa",
        "ssh-dss" => "dsa",
        _ => "ed25519",
    };
    let port = if hop.resolved.port == 22 { String::new() } else { format!("-p {} ", hop.resolved.port) };
    let scan = format!("ssh-keyscan {port}-t {algorithm} {}", hop.resolved.hostname);
    let file = hop.resolved.known_hosts_files().into_iter().next().unwrap_or_else(|| "~/.ssh/known_hosts".into());
    if file == std::path::Path::new("/dev/null") {
        return format!(
            "ssh_config sets UserKnownHostsFile /dev/null for `{}`, so nothing can be pinned there. Set SSH_KNOWN_HOSTS to a file, such as ~/.ssh/known_hosts; then `{scan} | ssh-keygen -lf -` must show it, and `{scan} >> FILE` pins it.",
            hop.target.hostname
        );
    }
    let folder = file.parent().filter(|folder| folder.is_absolute() && !folder.exists());
    let made = folder.map(|f| format!("mkdir -p -m 700 {} && ", sh_quote(&f.to_string_lossy()))).unwrap_or_default();
    format!("`{scan} | ssh-keygen -lf -` must show it, then `{made}{scan} >> {}`.", sh_quote(&file.to_string_lossy()))
}

#[cfg(test)]
mod tests {
    use super::allowing;

    #[test]
    fn what_a_host_offers_becomes_a_line() {
        let of = |kind: &str, offer: &str| {
            allowing(&format!(
                "Unable to negotiate with 10.0.0.1 port 22: no matching {kind} found. Their offer: {offer}"
            ))
        };
        assert_eq!(
            of("key exchange method", "diffie-hellman-group14-sha1,diffie-hellman-group1-sha1").as_deref(),
            Some("`KexAlgorithms +diffie-hellman-group14-sha1`")
        );
        assert!(of("host key type", "ssh-rsa").unwrap().contains("PubkeyAcceptedAlgorithms +ssh-rsa"));
        assert_eq!(of("cipher", "aes128-cbc; x").as_deref(), Some("`Ciphers +aes128-cbc`"));
        assert_eq!(of("MAC", "hmac-md5`id`"), None);
        assert_eq!(allowing("Connection closed"), None);
    }
}
