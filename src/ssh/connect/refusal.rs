//! A login that the host, or this machine's own keys, refused: which of the two, why, and what helps.

use std::fmt::Write as _;
use std::path::Path;

use tokio_util::sync::CancellationToken;

use super::SshEnv;
use super::explain::{by_hand, place};
use super::failure::{ConnectFailure, FailureKind};
use super::handshake::Handshake;
use super::key_files::{self, Fault, FaultyKey};
use super::plan::Hop;
use super::target::Login;
use crate::model::quote::sh_quote;

/// Longest quotation of a host's words, in characters.
const QUOTED: usize = 400;

/// Explains a login for which ssh had no further way to try, or which the host cut short.
pub(super) async fn refused(env: &SshEnv, hop: &Hop, facts: &Handshake, cancel: &CancellationToken) -> ConnectFailure {
    let (mut what, next) = if !facts.partial.is_empty() {
        second_factor(hop, facts)
    } else if facts.too_many() {
        too_many(hop, facts)
    } else if let Some(told) = other_methods(hop, facts) {
        told
    } else if matches!(hop.target.login, Login::Password { .. }) {
        (
            refusal(hop, facts),
            format!("See that `user` is right and that password_cmd in {} prints the password.", table(hop)),
        )
    } else {
        by_key(env, hop, facts, cancel).await
    };
    // A banner that leads somewhere belongs to the cause; one that only warns does not.
    let leads = facts.banner.iter().filter(|line| line.contains("://"));
    quote_host(&mut what, leads.chain(&facts.verdict));
    what.push('.');
    ConnectFailure::new(FailureKind::Authentication, what, next)
}

/// The host took the key or the password and sent the account away with words of its own: a closed host
/// (`/etc/nologin`), an expired account, a rule of PAM.
pub(super) fn turned_away(hop: &Hop, facts: &Handshake) -> ConnectFailure {
    let mut what = match &facts.accepted {
        Some(_) => format!("{} accepted the key and then refused the login of {}", place(hop), who(hop)),
        None => format!("{} refused the login of {} and hung up", place(hop), who(hop)),
    };
    quote_host(&mut what, facts.verdict.iter());
    let _ = write!(what, " ({}).", facts.reason());
    ConnectFailure::new(
        FailureKind::Authentication,
        what,
        "Retrying does not help: the account has expired, logins are closed (/etc/nologin), or a PAM rule refuses this account. An administrator of the host has to change that.",
    )
}

/// Appends what the host said, on one line and cut.
pub(super) fn quote_host<'a>(what: &mut String, lines: impl Iterator<Item = &'a String>) {
    let lines: Vec<&str> = lines.map(|line| line.trim()).filter(|line| !line.is_empty()).collect();
    if !lines.is_empty() {
        let text: String = lines.join(" / ").chars().take(QUOTED).collect();
        let _ = write!(what, "; the host said: \"{text}\"");
    }
}

/// The fingerprint in `NAME KIND SHA256:... [where from]`.
pub(super) fn fingerprint_in(line: &str) -> Option<&str> {
    line.split_whitespace().rfind(|word| word.starts_with("SHA256:"))
}

fn who(hop: &Hop) -> String {
    format!("{}@{}", hop.resolved.user, hop.resolved.hostname)
}

fn table(hop: &Hop) -> String {
    format!("[hosts.{}.auth]", hop.target.alias)
}

fn refusal(hop: &Hop, facts: &Handshake) -> String {
    let takes = if facts.methods.is_empty() { "none".to_owned() } else { facts.methods.join(", ") };
    format!(
        "{} refused the login of {} with {}; methods it takes: {takes}",
        place(hop),
        who(hop),
        hop.target.login.describe()
    )
}

fn second_factor(hop: &Hop, facts: &Handshake) -> (String, String) {
    let first = if facts.partial.iter().any(|method| method == "publickey") { "key" } else { "password" };
    let wanted = if facts.methods.iter().any(|method| method == "keyboard-interactive") {
        "a code or an answer is wanted (keyboard-interactive)".to_owned()
    } else {
        format!("more is wanted: {}", facts.methods.join(", "))
    };
    (
        format!(
            "{}: the {first} of {} was accepted, and {wanted}, which this program cannot give",
            place(hop),
            who(hop)
        ),
        format!(
            "An administrator of the host can let this account in by its key alone, in sshd_config: `Match User {}` and below it `AuthenticationMethods publickey`.",
            hop.resolved.user
        ),
    )
}

fn too_many(hop: &Hop, facts: &Handshake) -> (String, String) {
    let what = format!(
        "{} hung up after {} keys that it does not know (MaxAuthTries): too many authentication failures for {}",
        place(hop),
        facts.offered.len(),
        who(hop)
    );
    // The key that ssh_config names and that was not reached.
    let wanted = facts.identities.iter().find_map(|file| {
        let mut public = file.path.as_os_str().to_owned();
        public.push(".pub");
        let line = std::fs::read_to_string(public).ok()?;
        super::public_key::PublicKey::parse(&line).map(|key| (key.fingerprint, file.path.display().to_string()))
    });
    let next = match (&hop.target.login, wanted) {
        (Login::Password { .. }, _) => "Wait a minute; the host counts failed logins.".to_owned(),
        (_, Some((print, path))) => format!(
            "Only the right key may be offered: `IdentitiesOnly yes` below `Host {}` in ssh_config, or `identity_fingerprint` in {} ({path} is \"{print}\").",
            hop.target.hostname,
            table(hop)
        ),
        (_, None) => format!(
            "Only the right key may be offered: `IdentityFile` and `IdentitiesOnly yes` below `Host {}` in ssh_config, or `identity_fingerprint` or `key` in {}.",
            hop.target.hostname,
            table(hop)
        ),
    };
    (what, next)
}

/// The host takes no login of the kind that hosts.toml asks for.
fn other_methods(hop: &Hop, facts: &Handshake) -> Option<(String, String)> {
    let takes = |method: &str| facts.methods.iter().any(|m| m == method);
    let passwords = takes("password") || takes("keyboard-interactive");
    let table = table(hop);
    let next = match &hop.target.login {
        _ if facts.methods.is_empty() || facts.accepted.is_some() => return None,
        Login::Password { .. } if !passwords => {
            format!("The host takes no passwords. Use method agent or key in {table}.")
        }
        Login::Agent { .. } | Login::Key { .. } if !takes("publickey") && passwords => format!(
            "The host takes no keys from this account, only passwords: `method = \"password\"` with `password_cmd` in {table}, and ALLOW_PASSWORD_AUTH=true."
        ),
        Login::Agent { .. } | Login::Key { .. } if !takes("publickey") => {
            "The host takes no keys from this account; its administrator has to allow `publickey` (PubkeyAuthentication, AuthenticationMethods).".to_owned()
        }
        _ => return None,
    };
    Some((refusal(hop, facts), next))
}

async fn by_key(env: &SshEnv, hop: &Hop, facts: &Handshake, cancel: &CancellationToken) -> (String, String) {
    let named = match &hop.target.login {
        Login::Key { path, .. } => Some(path.as_path()),
        Login::Agent { .. } | Login::Password { .. } => None,
    };
    // The files of a fingerprint are made here, of public keys.
    let faults = match &hop.target.login {
        Login::Agent { fingerprint: Some(_), .. } => Vec::new(),
        _ => key_files::faults(env, facts, named, cancel).await,
    };
    if let Some(accepted) = &facts.accepted {
        return known_but_unused(hop, facts, accepted, &faults);
    }
    let stale = key_files::stale_certificates(env, facts, cancel).await;
    let mut what = refusal(hop, facts);
    if let Some(first) = stale.first() {
        let _ = write!(what, "; {}", stale.join("; "));
        return (what, format!("Renew it: {first}, and `ssh-keygen -L -f` shows its times."));
    }
    for fault in &faults {
        let _ = write!(what, "; {}", fault.words());
    }
    let next = match faults.first() {
        Some(fault) if facts.offered.is_empty() => locked_or(hop, fault),
        _ if facts.offered.is_empty() => format!(
            "No key was offered: load one with `ssh-add`, or set `key` in {}. {} should work without a prompt.",
            table(hop),
            by_hand(env, hop)
        ),
        _ => in_authorized_keys(env, hop, facts),
    };
    (what, next)
}

/// The host knows a key, and yet there was no login: the trouble is on this side.
fn known_but_unused(hop: &Hop, facts: &Handshake, accepted: &str, faults: &[FaultyKey]) -> (String, String) {
    let print = fingerprint_in(accepted).unwrap_or("that was offered");
    let of_file = faults.iter().find(|fault| accepted.starts_with(&*fault.path.to_string_lossy()));
    let from_agent = accepted.trim_end().ends_with(" agent");
    let mut what = format!("{} knows the key {print} of {}, but ", place(hop), who(hop));
    match of_file {
        Some(fault) if !from_agent => {
            what.push_str(&fault.words());
            (what, locked_or(hop, fault))
        }
        _ => {
            let why = facts.key_faults.last().map_or("did not sign", String::as_str);
            let _ = write!(what, "{} could not be used: {why}", if from_agent { "the agent's key" } else { "it" });
            let next = if from_agent {
                "See that the agent is not locked (`ssh-add -X`) and that a person confirms the key where it asks for that."
            } else {
                "See that the private key can be read and used here; `ssh-keygen -y -f FILE` says what is wrong with it."
            };
            (what, next.to_owned())
        }
    }
}

/// What helps against a fault; for a passphrase it depends on the login.
fn locked_or(hop: &Hop, fault: &FaultyKey) -> String {
    match (&fault.fault, &hop.target.login) {
        (Fault::Locked, Login::Key { passphrase_cmd: None, .. }) => format!(
            "The key has a passphrase: set `passphrase_cmd` in {}, or load it into an agent and use method agent.",
            table(hop)
        ),
        (Fault::Locked, Login::Key { .. }) => {
            "What passphrase_cmd prints does not open the key; try it by hand.".to_owned()
        }
        (Fault::Unusable(_), Login::Key { path, .. }) => format!("See that {} is a private key.", path.display()),
        _ => fault.next(),
    }
}

/// The hint for keys that the host does not know.
fn in_authorized_keys(env: &SshEnv, hop: &Hop, facts: &Handshake) -> String {
    let prints: Vec<&str> = facts.offered.iter().filter_map(|line| fingerprint_in(line)).collect();
    let mut next = format!(
        "See that `user` is right and that the key is in authorized_keys there; offered: {}.",
        prints.join(", ")
    );
    let public = facts.identities.iter().filter(|file| !file.certificate && file.readable).find_map(|file| {
        let path = format!("{}.pub", file.path.display());
        Path::new(&path).exists().then_some(path)
    });
    if let Some(public) = public {
        // ssh-copy-id takes the options of ssh.
        let ssh = by_hand(env, hop);
        let rest = ssh.trim_matches('`').strip_prefix("ssh").unwrap_or_default();
        let _ = write!(next, " Where a password works, `ssh-copy-id -i {}{rest}` adds it.", sh_quote(&public));
    }
    next
}
