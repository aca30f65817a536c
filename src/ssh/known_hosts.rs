//! Host keys: which are pinned, and what they say about the key that a host shows (`connect/live_key.rs`).
//!
//! Reading only: nothing here ever adds, changes or trusts a key. The files, their hashes and patterns are read by
//! OpenSSH's own `ssh-keygen -F`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::connect::handshake::Handshake;
use super::connect::resolve::cannot_run;
use super::connect::{ConnectFailure, Resolved, SshEnv};
use crate::local_program::{self, LocalFault};

/// How long `ssh-keygen` may search one file.
const SEARCH_LIMIT: Duration = Duration::from_secs(5);

/// Room for what it finds, in bytes.
const SEARCH_CAP: usize = 256 * 1024;

/// What the pinned keys say about the key that a host shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is pinned, or certified by a pinned authority.
    Match,
    /// Nothing is pinned for the host.
    Unknown,
    /// Something else is pinned.
    Changed,
    /// It is marked as revoked.
    Revoked,
}

impl Outcome {
    /// The outcome in one word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Outcome::Match => "match",
            Outcome::Unknown => "unknown",
            Outcome::Changed => "changed",
            Outcome::Revoked => "revoked",
        }
    }
}

/// A key that a host shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostKey {
    /// Its algorithm, as `ssh-ed25519`.
    pub kind: String,
    /// `SHA256:` and unpadded base64.
    pub fingerprint: String,
}

/// What an entry of a known_hosts file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The host's own key.
    Key,
    /// The key of an authority that certifies host keys (`@cert-authority`).
    Authority,
    /// A key that must not be accepted (`@revoked`).
    Revoked,
}

/// An entry of a known_hosts file that applies to a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pinned {
    /// What it is for.
    pub role: Role,
    /// Its algorithm as `ssh-keygen -l` writes it, as `ED25519`.
    pub kind: String,
    /// `SHA256:` and unpadded base64.
    pub fingerprint: String,
    /// The file.
    pub file: PathBuf,
    /// The line in it, from 1.
    pub line: u32,
}

/// A host's key beside the pinned ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostKeyReport {
    /// The name under which known_hosts files list the host.
    pub name: String,
    /// The entries that apply to it, files in the order in which ssh reads them.
    pub pinned: Vec<Pinned>,
    /// The key that it showed.
    pub live: Option<HostKey>,
    /// What the pinned ones say about it.
    pub outcome: Outcome,
    /// The line by which the host introduced itself, as `SSH-2.0-OpenSSH_9.2p1`; remote text.
    pub server_version: Option<String>,
}

impl HostKeyReport {
    /// Fingerprints that would be accepted: the live one first if it is among them, revoked ones left out.
    pub fn expected(&self) -> Vec<&str> {
        let mut all: Vec<&str> =
            self.pinned.iter().filter(|pin| pin.role != Role::Revoked).map(|pin| pin.fingerprint.as_str()).collect();
        if let Some(live) = &self.live {
            all.sort_by_key(|print| *print != live.fingerprint);
        }
        all.dedup();
        all
    }
}

/// The entries that apply to a host, in the order in which ssh reads its files. Files that are not there count as
/// empty, as they do for ssh.
pub(crate) async fn pinned(
    env: &SshEnv,
    resolved: &Resolved,
    cancel: &CancellationToken,
) -> Result<Vec<Pinned>, ConnectFailure> {
    let name = resolved.known_hosts_name();
    let mut all = Vec::new();
    for file in resolved.known_hosts_files() {
        if !file.is_file() {
            continue;
        }
        let mut command = env.command("ssh-keygen");
        command.args(["-E", "sha256", "-l", "-F", &name, "-f"]).arg(&file);
        let done = match local_program::run(command, None, SEARCH_LIMIT, SEARCH_CAP, cancel).await {
            Ok(done) => done,
            Err(LocalFault::Cancelled) => return Err(ConnectFailure::cancelled(&name)),
            Err(fault) => return Err(cannot_run("ssh-keygen", &fault)),
        };
        all.extend(parse_found(&done.stdout.text(), &file));
    }
    Ok(all)
}

/// Reads `# Host NAME found: line N [CA|REVOKED]`, each followed by `NAMES KIND FINGERPRINT [COMMENT]`.
pub(crate) fn parse_found(text: &str, file: &Path) -> Vec<Pinned> {
    let mut found = Vec::new();
    let mut lines = text.lines();
    while let Some(head) = lines.next() {
        let Some((_, place)) = head.strip_prefix("# Host ").and_then(|rest| rest.rsplit_once(" found: line ")) else {
            continue;
        };
        let mut words = place.split_whitespace();
        let line = words.next().and_then(|n| n.parse().ok()).unwrap_or(0);
        let role = match words.next() {
            Some("CA") => Role::Authority,
            Some("REVOKED") => Role::Revoked,
            _ => Role::Key,
        };
        let key = lines.next().unwrap_or_default();
        let mut words = key.split_whitespace().skip(1);
        let (Some(kind), Some(print)) = (words.next(), words.find(|word| word.starts_with("SHA256:"))) else {
            continue;
        };
        found.push(Pinned { role, kind: kind.to_owned(), fingerprint: print.to_owned(), file: file.to_owned(), line });
    }
    found
}

/// What the pinned keys say about a key that `ssh` did not accept.
pub(super) fn judge_refused(pins: &[Pinned], facts: &Handshake) -> Option<Outcome> {
    let (_, live) = facts.host_key.as_ref()?;
    let same = |role| pins.iter().any(|pin| pin.role == role && pin.fingerprint == *live);
    if same(Role::Revoked) || facts.revoked_by_file {
        return Some(Outcome::Revoked);
    }
    if same(Role::Key) {
        return Some(Outcome::Match);
    }
    Some(if pins.iter().any(|pin| pin.role != Role::Revoked) { Outcome::Changed } else { Outcome::Unknown })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOUND: &str = "# Host [127.0.0.1]:22999 found: line 1 \n\
        [127.0.0.1]:22999 ED25519 SHA256:aa\n\
        # Host [127.0.0.1]:22999 found: line 3 CA\n\
        [127.0.0.1]:22999 ED25519 SHA256:ca some comment\n\
        # Host [127.0.0.1]:22999 found: line 4 REVOKED\n\
        [127.0.0.1]:22999 ED25519 SHA256:rr\n";

    fn facts(print: &str) -> Handshake {
        Handshake { host_key: Some(("ssh-ed25519".to_owned(), print.to_owned())), ..Handshake::default() }
    }

    #[test]
    fn reads_what_ssh_keygen_finds() {
        let pins = parse_found(FOUND, Path::new("/kh"));
        let seen: Vec<_> = pins.iter().map(|p| (p.role, p.fingerprint.as_str(), p.line)).collect();
        assert_eq!(
            seen,
            [(Role::Key, "SHA256:aa", 1), (Role::Authority, "SHA256:ca", 3), (Role::Revoked, "SHA256:rr", 4)]
        );
    }

    #[test]
    fn a_refused_key_is_revoked_changed_or_unknown() {
        let pins = parse_found(FOUND, Path::new("/kh"));
        assert_eq!(judge_refused(&pins, &facts("SHA256:rr")), Some(Outcome::Revoked));
        assert_eq!(judge_refused(&pins, &facts("SHA256:xx")), Some(Outcome::Changed));
        let revoked_only: Vec<Pinned> = pins.into_iter().filter(|pin| pin.role == Role::Revoked).collect();
        assert_eq!(judge_refused(&revoked_only, &facts("SHA256:xx")), Some(Outcome::Unknown));
        assert_eq!(judge_refused(&[], &facts("SHA256:xx")), Some(Outcome::Unknown));
        assert_eq!(judge_refused(&[], &Handshake::default()), None);
    }

    #[test]
    fn expected_names_the_live_key_first() {
        let pin = |print: &str| Pinned {
            role: Role::Key,
            kind: "RSA".to_owned(),
            fingerprint: print.to_owned(),
            file: PathBuf::from("/kh"),
            line: 1,
        };
        let report = HostKeyReport {
            name: "h".to_owned(),
            pinned: vec![pin("SHA256:a"), pin("SHA256:b")],
            live: Some(HostKey { kind: "ssh-rsa".to_owned(), fingerprint: "SHA256:b".to_owned() }),
            outcome: Outcome::Match,
            server_version: None,
        };
        assert_eq!(report.expected(), ["SHA256:b", "SHA256:a"]);
    }
}
