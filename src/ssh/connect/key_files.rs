//! What is wrong with the key files of a login that was refused: looked at here, not taken from messages.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::SshEnv;
use super::handshake::Handshake;
use super::resolve::one_line;
use crate::local_program;
use crate::model::file_access;
use crate::model::quote::sh_quote;

/// How long `ssh-keygen` may look at a key file.
const LIMIT: Duration = Duration::from_secs(5);

/// Key files that ssh tries unasked; that one of them is missing means nothing.
const USUAL: &[&str] = &["id_rsa", "id_ecdsa", "id_ecdsa_sk", "id_ed25519", "id_ed25519_sk", "id_xmss", "id_dsa"];

/// Why ssh cannot use a private key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// Others have access to it: its mode.
    Open(u32),
    /// It has a passphrase.
    Locked,
    /// It is not there; the flag says whether its public half is.
    Missing(bool),
    /// Something else, in the words of `ssh-keygen`.
    Unusable(String),
}

/// A private key that ssh cannot use, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FaultyKey {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub fault: Fault,
}

impl FaultyKey {
    /// The fault in words, for the end of a sentence.
    pub(super) fn words(&self) -> String {
        let path = self.path.display();
        match &self.fault {
            Fault::Open(mode) => format!("ssh ignores {path}: it can be read by others (mode {mode:04o})"),
            Fault::Locked => format!("{path} has a passphrase and no agent holds it"),
            Fault::Missing(true) => format!("{path}.pub is there, its private half {path} is not"),
            Fault::Missing(false) => format!("the key file {path} is not there"),
            Fault::Unusable(why) => format!("{path} cannot be read as a private key ({why})"),
        }
    }

    /// What helps, as a sentence.
    pub(super) fn next(&self) -> String {
        let path = sh_quote(&self.path.to_string_lossy());
        match &self.fault {
            Fault::Open(_) => format!("`chmod 600 {path}`"),
            Fault::Locked => format!("`ssh-add {path}`"),
            Fault::Missing(_) | Fault::Unusable(_) => {
                format!("Put the private key back to {path}, or name another by IdentityFile in ssh_config.")
            }
        }
    }
}

/// The key files of the attempt that ssh cannot use, in ssh's order. `explicit` is one that hosts.toml names.
pub(super) async fn faults(
    env: &SshEnv,
    facts: &Handshake,
    explicit: Option<&Path>,
    cancel: &CancellationToken,
) -> Vec<FaultyKey> {
    let mut found = Vec::new();
    for file in facts.identities.iter().filter(|file| !file.certificate) {
        if let Some(fault) = look(env, &file.path, cancel).await {
            let unasked = fault == Fault::Missing(false) && explicit != Some(&file.path) && usual(&file.path);
            if !unasked {
                found.push(FaultyKey { path: file.path.clone(), fault });
            }
        }
    }
    found
}

fn usual(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    USUAL.contains(&name) && path.parent().is_some_and(|folder| folder.ends_with(".ssh"))
}

async fn look(env: &SshEnv, path: &Path, cancel: &CancellationToken) -> Option<Fault> {
    let mut public = path.as_os_str().to_owned();
    public.push(".pub");
    let meta = match std::fs::metadata(path) {
        Ok(meta) => meta,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            return Some(Fault::Missing(Path::new(&public).exists()));
        }
        Err(e) => return Some(Fault::Unusable(e.to_string())),
    };
    if !meta.is_file() {
        return Some(Fault::Unusable("it is not a file".to_owned()));
    }
    // As ssh has it: only a file of one's own is asked for its mode.
    let mode = meta.mode() & 0o7777;
    if meta.uid() == nix::unistd::getuid().as_raw() && file_access::is_shared(&meta) && !is_public(path) {
        return Some(Fault::Open(mode));
    }
    let mut command = env.command("ssh-keygen");
    command.args(["-y", "-P", "", "-f"]).arg(path);
    let done = local_program::run(command, None, LIMIT, 16 * 1024, cancel).await.ok()?;
    if done.status.success() || is_public(path) {
        return None;
    }
    let said = done.stderr.text().into_owned();
    if said.contains("incorrect passphrase") {
        return Some(Fault::Locked);
    }
    let line = one_line(&said);
    Some(Fault::Unusable(line.rsplit(": ").next().unwrap_or(&line).to_owned()))
}

/// A public key stands for a private one that an agent holds.
fn is_public(path: &Path) -> bool {
    std::fs::read_to_string(path).is_ok_and(|text| super::public_key::PublicKey::parse(text.trim_end()).is_some())
}

/// The certificates of the attempt that are not valid now: each with its file, and when it ended or begins.
pub(super) async fn stale_certificates(env: &SshEnv, facts: &Handshake, cancel: &CancellationToken) -> Vec<String> {
    let mut found = Vec::new();
    for file in facts.identities.iter().filter(|file| file.certificate && file.readable) {
        let mut command = env.command("ssh-keygen");
        command.env("TZ", "UTC").arg("-L").arg("-f").arg(&file.path);
        let Ok(done) = local_program::run(command, None, LIMIT, 64 * 1024, cancel).await else { continue };
        let now = jiff::tz::TimeZone::UTC.to_datetime(jiff::Timestamp::now());
        found.extend(
            stale(&done.stdout.text(), now).map(|when| format!("the certificate {} {when}", file.path.display())),
        );
    }
    found
}

/// Reads `Valid: from TIME to TIME`.
fn stale(text: &str, now: jiff::civil::DateTime) -> Option<String> {
    let line = text.lines().find_map(|line| line.trim().strip_prefix("Valid: "))?;
    let time = |word: &str| line.split_once(word).and_then(|(_, rest)| rest.split(' ').next()?.parse().ok());
    let (from, to): (Option<jiff::civil::DateTime>, Option<jiff::civil::DateTime>) = (time("from "), time(" to "));
    if let Some(to) = to.or_else(|| time("before ")).filter(|to| *to < now) {
        return Some(format!("ended {to} UTC"));
    }
    from.or_else(|| time("after ")).filter(|from| *from > now).map(|from| format!("begins {from} UTC"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_that_are_not_valid_now() {
        let now = "2026-11-29T12:00:00".parse().unwrap();
        let at = |line: &str| stale(&format!("k:\n        Valid: {line}\n        Principals: x\n"), now);
        assert_eq!(
            at("from 2026-11-27T14:17:40 to 2026-11-28T14:17:40").as_deref(),
            Some("ended 2026-11-28T14:17:40 UTC")
        );
        assert_eq!(
            at("from 2026-12-01T00:00:00 to 2027-11-28T14:17:40").as_deref(),
            Some("begins 2026-12-01T00:00:00 UTC")
        );
        assert_eq!(at("from 2026-11-01T00:00:00 to 2027-11-28T14:17:40"), None);
        assert_eq!(at("forever"), None);
        assert_eq!(at("before 2026-11-28T00:00:00").as_deref(), Some("ended 2026-11-28T00:00:00 UTC"));
        assert_eq!(at("after 2026-12-28T00:00:00").as_deref(), Some("begins 2026-12-28T00:00:00 UTC"));
    }

    #[test]
    fn usual_names_are_those_in_a_folder_of_ssh() {
        assert!(usual(Path::new("/home/a/.ssh/id_rsa")));
        assert!(!usual(Path::new("/home/a/.ssh/id_lab")));
        assert!(!usual(Path::new("/keys/id_rsa")));
    }
}
