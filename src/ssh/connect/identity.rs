//! Offering only the key that hosts.toml names.
//!
//! `-i` with IdentitiesOnly still offers every IdentityFile of ssh_config. So for one key alone ssh gets a generated
//! configuration: what `ssh -G` printed, without its identities and without what ssh would do anyway. A default that is
//! spelt out is an order: with HostKeyAlgorithms set, ssh no longer asks first for the type of key that is pinned.

use std::fmt::Write as _;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::SshEnv;
use super::failure::{ConnectFailure, FailureKind};
use super::options::{Args, config_word};
use super::plan::Hop;
use super::public_key::PublicKey;
use super::resolve::{Lines, Resolved, cannot_run, defaults, files};
use super::target::{Login, Target};
use crate::local_program::{self, LocalFault};

/// An agent may ask a person before it answers; this is how long it gets.
const AGENT_LIMIT: Duration = Duration::from_secs(5);

/// Room for the public keys of an agent, in bytes.
const AGENT_CAP: usize = 1024 * 1024;

/// Lines of `ssh -G` that do not go into a generated configuration: identities, what the command line decides, and
/// what is printed in a form that ssh does not read back or has no use for without a session.
const LEFT_OUT: &[&str] = &[
    "host",
    "match",
    "identityfile",
    "certificatefile",
    "identitiesonly",
    "pkcs11provider",
    "canonicalizehostname",
    "canonicaldomains",
    "canonicalizepermittedcnames",
    "controlmaster",
    "controlpath",
    "controlpersist",
    "localforward",
    "remoteforward",
    "dynamicforward",
    "permitremoteopen",
    "remotecommand",
    "localcommand",
    "sendenv",
    "setenv",
    "proxyjump",
    "hostname",
    "userknownhostsfile",
    "globalknownhostsfile",
    "identityagent",
    "revokedhostkeys",
];

/// What the login of one host adds to the command line. Its files live as long as it does.
#[derive(Debug, Default)]
pub(crate) struct Identity {
    /// Stands in for the user's configuration.
    pub config: Option<PathBuf>,
    /// Options in front of everything else.
    pub options: Args,
    files: Vec<PathBuf>,
}

impl Drop for Identity {
    fn drop(&mut self) {
        for file in &self.files {
            let _ = std::fs::remove_file(file);
        }
    }
}

/// Prepares the login of `hop`; files are put beside the control socket `ctl`.
pub(crate) async fn prepare(
    env: &SshEnv,
    hop: &Hop,
    ctl: &Path,
    cancel: &CancellationToken,
) -> Result<Identity, ConnectFailure> {
    let mut identity = Identity::default();
    let target = &hop.target;
    match &target.login {
        Login::Agent { identity_agent, fingerprint } => {
            if let Some(socket) = identity_agent {
                identity.options.option("IdentityAgent", config_word(&socket.to_string_lossy()));
            }
            let Some(wanted) = fingerprint else { return Ok(identity) };
            let keys = pinned_keys(env, target, &hop.resolved, wanted, cancel).await?;
            let defaults = defaults(env, target, cancel).await?;
            identity.only_keys(ctl, &hop.resolved, &defaults, &keys)?;
        }
        Login::Key { path, .. } => {
            readable(target, path)?;
            identity.options.option("IdentityAgent", "none");
            let defaults = defaults(env, target, cancel).await?;
            identity.only_file(ctl, &hop.resolved, &defaults, path)?;
        }
        Login::Password { .. } => {
            identity
                .options
                .option("IdentityAgent", "none")
                .option("PubkeyAuthentication", "no")
                .option("PasswordAuthentication", "yes")
                .option("KbdInteractiveAuthentication", "yes")
                .option("PreferredAuthentications", "password,keyboard-interactive");
        }
    }
    Ok(identity)
}

/// Looks whether the login of `hop` can be tried at all: the key file is there, the agent holds the pinned key.
pub(crate) async fn check(env: &SshEnv, hop: &Hop, cancel: &CancellationToken) -> Result<(), ConnectFailure> {
    match &hop.target.login {
        Login::Agent { fingerprint: Some(wanted), .. } => {
            pinned_keys(env, &hop.target, &hop.resolved, wanted, cancel).await.map(drop)
        }
        Login::Key { path, .. } => readable(&hop.target, path),
        Login::Agent { fingerprint: None, .. } | Login::Password { .. } => Ok(()),
    }
}

fn readable(target: &Target, path: &Path) -> Result<(), ConnectFailure> {
    std::fs::File::open(path).map(drop).map_err(|e| {
        ConnectFailure::new(
            FailureKind::Authentication,
            format!("The key file {} of `{}` cannot be read: {e}.", path.display(), target.alias),
            format!("Set `key` in [hosts.{}.auth] to a private key that this server's user can read.", target.alias),
        )
    })
}

impl Identity {
    /// Only this key file, with the certificates that lie beside it or that ssh_config has for it.
    fn only_file(
        &mut self,
        ctl: &Path,
        resolved: &Resolved,
        defaults: &Lines,
        key: &Path,
    ) -> Result<(), ConnectFailure> {
        self.options.option("IdentityFile", config_word(&key.to_string_lossy()));
        let mut public = key.as_os_str().to_owned();
        public.push(".pub");
        let print =
            std::fs::read_to_string(public).ok().and_then(|line| PublicKey::parse(&line)).map(|k| k.fingerprint);
        self.only(ctl, resolved, defaults, print.as_deref())
    }

    /// Only these agent keys, by a public-key file.
    fn only_keys(
        &mut self,
        ctl: &Path,
        resolved: &Resolved,
        defaults: &Lines,
        keys: &[PublicKey],
    ) -> Result<(), ConnectFailure> {
        for (n, key) in keys.iter().enumerate() {
            let file = beside(ctl, &format!(".p{n}"));
            self.write(&file, &format!("{}\n", key.line))?;
            let name = if key.certificate { "CertificateFile" } else { "IdentityFile" };
            self.options.option(name, config_word(&file.to_string_lossy()));
        }
        self.only(ctl, resolved, defaults, keys.first().map(|key| key.fingerprint.as_str()))
    }

    fn only(
        &mut self,
        ctl: &Path,
        resolved: &Resolved,
        defaults: &Lines,
        print: Option<&str>,
    ) -> Result<(), ConnectFailure> {
        for file in resolved.all("certificatefile") {
            let path = PathBuf::from(expand_home(file));
            let certified = std::fs::read_to_string(&path).ok().and_then(|line| PublicKey::parse(&line));
            if certified.is_some_and(|one| print == Some(one.fingerprint.as_str())) {
                self.options.option("CertificateFile", config_word(&path.to_string_lossy()));
            }
        }
        self.options
            .option("IdentitiesOnly", "yes")
            .option("PubkeyAuthentication", "yes")
            .option("PreferredAuthentications", "publickey")
            .option("PasswordAuthentication", "no")
            .option("KbdInteractiveAuthentication", "no");
        let file = beside(ctl, ".c");
        self.write(&file, &generated(resolved, defaults))?;
        self.config = Some(file);
        Ok(())
    }

    fn write(&mut self, file: &Path, text: &str) -> Result<(), ConnectFailure> {
        let _ = std::fs::remove_file(file);
        self.files.push(file.to_owned());
        std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(file)
            .and_then(|mut open| open.write_all(text.as_bytes()))
            .map_err(|e| {
                ConnectFailure::new(
                    FailureKind::Broken,
                    format!("{} cannot be written: {e}.", file.display()),
                    "See that the folder of control sockets has room.",
                )
            })
    }
}

/// A configuration that says what ssh made of a destination, without its identities and without ssh's own `defaults`.
fn generated(resolved: &Resolved, defaults: &Lines) -> String {
    let mut text = String::with_capacity(1024);
    let usual = |key: &str, value: &str| defaults.iter().any(|(k, v)| k == key && v == value);
    for (key, value) in &resolved.lines {
        if LEFT_OUT.contains(&key.as_str()) || usual(key, value) {
            continue;
        }
        let default = defaults.iter().find(|(k, _)| k == key).map(|(_, v)| v.as_str());
        let changed = default.filter(|_| key == "hostkeyalgorithms").and_then(|default| list_change(default, value));
        let value = changed.as_ref().unwrap_or(value);
        if key == "user" && value.contains([' ', '\\']) {
            // ssh prints it without quotes.
            let _ = writeln!(text, "{key} \"{}\"", value.replace('\\', "\\\\"));
        } else {
            let _ = writeln!(text, "{key} {value}");
        }
    }
    let _ = writeln!(text, "hostname {}", resolved.hostname.as_str().replace('%', "%%"));
    // ssh prints these with their `~` and tokens expanded, and without quotes.
    for key in ["userknownhostsfile", "globalknownhostsfile", "revokedhostkeys"] {
        let Some(printed) = resolved.all(key).next().filter(|value| !usual(key, value)) else { continue };
        if let Some(value) = resolved.get(key) {
            let words: Vec<String> = files(value).iter().map(|file| config_word(&file.to_string_lossy())).collect();
            let _ = writeln!(text, "{key} {}", words.join(" "));
        } else {
            let _ = writeln!(text, "{key} {printed}");
        }
    }
    if let Some(agent) = resolved.all("identityagent").next() {
        let _ = writeln!(text, "identityagent {}", config_word(agent));
    }
    text
}

/// `+a,b` or `-a,b` where a list only adds to the end of ssh's own, or only takes away from it. Only with a change
/// that is written so does ssh still ask first for the types of key that are pinned (`ssh_config(5)`,
/// HostKeyAlgorithms).
fn list_change(default: &str, list: &str) -> Option<String> {
    if let Some(added) = list.strip_prefix(default).and_then(|rest| rest.strip_prefix(',')) {
        return Some(format!("+{added}"));
    }
    let mut left = list.split(',').peekable();
    let gone: Vec<&str> = default.split(',').filter(|name| left.next_if_eq(name).is_none()).collect();
    (left.peek().is_none() && !gone.is_empty()).then(|| format!("-{}", gone.join(",")))
}

/// The key (and certificates on it) that the agent of `target` holds under the pinned fingerprint.
async fn pinned_keys(
    env: &SshEnv,
    target: &Target,
    resolved: &Resolved,
    wanted: &str,
    cancel: &CancellationToken,
) -> Result<Vec<PublicKey>, ConnectFailure> {
    let socket = agent_socket(env, target, resolved);
    let place = socket.as_ref().map_or("SSH_AUTH_SOCK, which is not set".into(), |s| s.display().to_string());
    let missing = |why: String| {
        ConnectFailure::new(
            FailureKind::AgentKeyMissing,
            format!("The agent at {place} does not hold the key {wanted} that is pinned for `{}`{why}.", target.alias),
            format!(
                "Add the key with `ssh-add`, or set `identity_agent` or `identity_fingerprint` in [hosts.{}.auth].",
                target.alias
            ),
        )
    };
    let Some(socket) = socket else { return Err(missing(String::new())) };
    let all = match agent_keys(env, &socket, cancel).await {
        Ok(keys) => keys,
        Err(AgentFault::Local(LocalFault::Cancelled)) => return Err(ConnectFailure::cancelled(&target.alias)),
        Err(AgentFault::Local(fault)) => return Err(cannot_run("ssh-add", &fault)),
        Err(AgentFault::NoAgent(why)) => return Err(missing(format!(": {why}"))),
    };
    let (mut found, others): (Vec<PublicKey>, Vec<PublicKey>) = all.into_iter().partition(|key| key.is(wanted));
    found.sort_by_key(|key| key.certificate);
    let Some(first) = found.first().filter(|key| !key.certificate) else {
        let have: Vec<String> = others.iter().filter(|key| !key.certificate).map(PublicKey::short).collect();
        return Err(missing(if have.is_empty() {
            "; it holds no key".to_owned()
        } else {
            format!("; it holds {}", have.join(", "))
        }));
    };
    if found.iter().any(|key| key.fingerprint != first.fingerprint) {
        return Err(ConnectFailure::new(
            FailureKind::AgentKeyMissing,
            format!(
                "Several keys of the agent at {place} begin with {wanted}, which is pinned for `{}`.",
                target.alias
            ),
            format!("Give the whole fingerprint in [hosts.{}.auth]; `ssh-add -l` shows it.", target.alias),
        ));
    }
    Ok(found)
}

/// Why an agent's keys cannot be listed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AgentFault {
    /// `ssh-add` did not run.
    #[error("ssh-add: {0}")]
    Local(LocalFault),
    /// There is no agent there, or it refused.
    #[error("{0}")]
    NoAgent(String),
}

/// The keys that the agent at `socket` holds. An agent without keys gives an empty list.
pub(crate) async fn agent_keys(
    env: &SshEnv,
    socket: &Path,
    cancel: &CancellationToken,
) -> Result<Vec<PublicKey>, AgentFault> {
    let mut command = env.command("ssh-add");
    command.arg("-L").env("SSH_AUTH_SOCK", socket);
    let done = local_program::run(command, None, AGENT_LIMIT, AGENT_CAP, cancel).await.map_err(AgentFault::Local)?;
    // ssh-add(1): 0 done, 1 the command failed (the list is empty), 2 no contact to the agent.
    match done.status.code() {
        Some(0 | 1) => Ok(done.stdout.text().lines().filter_map(PublicKey::parse).collect()),
        _ => Err(AgentFault::NoAgent(super::resolve::one_line(&done.stderr.text()))),
    }
}

/// The files of this machine that a login depends on: pinned keys, key files, the agent's socket and ssh_config.
pub(in crate::ssh) fn files_of(env: &SshEnv, hop: &Hop) -> Vec<PathBuf> {
    let mut all = hop.resolved.known_hosts_files();
    for key in ["identityfile", "certificatefile"] {
        all.extend(hop.resolved.all(key).map(|file| PathBuf::from(expand_home(file))));
    }
    if let Login::Key { path, .. } = &hop.target.login {
        all.push(path.clone());
    }
    all.extend(agent_socket(env, &hop.target, &hop.resolved));
    all.push(env.config_file.clone().unwrap_or_else(|| PathBuf::from(expand_home("~/.ssh/config"))));
    all
}

/// The agent that ssh would ask for `target`: hosts.toml, then IdentityAgent of ssh_config, then `SSH_AUTH_SOCK`.
pub(crate) fn agent_socket(env: &SshEnv, target: &Target, resolved: &Resolved) -> Option<PathBuf> {
    let from_environment = || {
        let given = env.extra.iter().rfind(|(name, _)| name == "SSH_AUTH_SOCK").map(|(_, value)| value.clone());
        given.or_else(|| std::env::var_os("SSH_AUTH_SOCK")).filter(|value| !value.is_empty()).map(PathBuf::from)
    };
    if let Login::Agent { identity_agent: Some(socket), .. } = &target.login {
        return Some(socket.clone());
    }
    match resolved.all("identityagent").next() {
        None | Some("SSH_AUTH_SOCK") => from_environment(),
        Some(value) if value.eq_ignore_ascii_case("none") => None,
        Some(value) => match value.strip_prefix('$') {
            Some(name) => std::env::var_os(name.trim_matches(['{', '}'])).map(PathBuf::from),
            None => Some(PathBuf::from(expand_home(value))),
        },
    }
}

/// `~/` at the beginning, as ssh reads it: the home folder of the account, whatever `HOME` says.
fn expand_home(path: &str) -> String {
    let Some(rest) = path.strip_prefix("~/") else { return path.to_owned() };
    let home = nix::unistd::User::from_uid(nix::unistd::getuid()).ok().flatten().map(|user| user.dir);
    home.map_or_else(|| path.to_owned(), |home| home.join(rest).to_string_lossy().into_owned())
}

/// A file beside the control socket.
pub(super) fn beside(ctl: &Path, suffix: &str) -> PathBuf {
    let mut name = ctl.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ssh::connect::target::HostWord;

    fn lines(text: &str) -> Lines {
        text.lines().filter_map(|l| l.split_once(' ')).map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
    }

    #[test]
    fn the_copy_says_only_what_ssh_config_says() {
        let defaults = lines(
            "hostkeyalgorithms a,b,c\nciphers x,y\nkexalgorithms k\nuserknownhostsfile /h/a b/1 /h/a b/2\n\
             globalknownhostsfile /etc/1 /etc/2\nrekeylimit 0 0",
        );
        let with = |changed: &str| {
            let mut lines = defaults.clone();
            for (key, value) in super::tests::lines(changed) {
                lines.retain(|(k, _)| *k != key);
                lines.push((key, value));
            }
            let hostname = HostWord::parse("h").unwrap();
            generated(&Resolved { hostname, port: 22, user: "u".into(), lines }, &defaults)
        };
        assert_eq!(with(""), "hostname h\n");
        assert_eq!(with("user CORP\\me"), "user \"CORP\\\\me\"\nhostname h\n");
        assert_eq!(with("ciphers y"), "ciphers y\nhostname h\n");
        assert_eq!(with("hostkeyalgorithms a,b,c,d,e"), "hostkeyalgorithms +d,e\nhostname h\n");
        assert_eq!(with("hostkeyalgorithms a,c"), "hostkeyalgorithms -b\nhostname h\n");
        assert_eq!(with("hostkeyalgorithms c,b"), "hostkeyalgorithms c,b\nhostname h\n");
        assert_eq!(with("hostkeyalgorithms c,a,b"), "hostkeyalgorithms c,a,b\nhostname h\n");
        assert_eq!(with("hostkeyalgorithms a,d"), "hostkeyalgorithms a,d\nhostname h\n");
        assert_eq!(with("globalknownhostsfile none"), "hostname h\nglobalknownhostsfile none\n");
        assert_eq!(with("userknownhostsfile /a /b"), "hostname h\nuserknownhostsfile \"/a\" \"/b\"\n");
    }
}
