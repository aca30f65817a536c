//! What ssh itself makes of a destination: `ssh -G`, the user's configuration applied.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::SshEnv;
use super::failure::{ConnectFailure, FailureKind};
use super::options::Args;
use super::target::{HostWord, Target};
use crate::local_program::{self, LocalFault};

/// `Match exec` lines of the user's can run programs; this is how long they get.
const LIMIT: Duration = Duration::from_secs(10);

/// Room for what `ssh -G` prints (about 5 kB), in bytes.
const CAP: usize = 256 * 1024;

/// What `ssh -G` printed, as keyword (lower case) and value, in order.
pub(crate) type Lines = Vec<(String, String)>;

/// A destination as ssh sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// The name or address to connect to.
    pub hostname: HostWord,
    /// TCP port.
    pub port: u16,
    /// Login name.
    pub user: String,
    /// Every line that `ssh -G` printed.
    pub lines: Lines,
}

impl Resolved {
    /// Parses what `ssh -G` printed.
    fn parse(text: &str) -> Result<Self, String> {
        let lines = printed(text);
        let find = |key: &str| lines.iter().find(|(k, _)| k == key).map(|(_, v)| v.as_str());
        let hostname = find("hostname").ok_or("ssh -G names no hostname")?;
        let hostname = HostWord::parse(hostname.trim_matches(['[', ']'])).map_err(|bad| bad.to_string())?;
        let port = find("port").and_then(|port| port.parse().ok()).ok_or("ssh -G names no port")?;
        // A name of the user's own configuration, as `me@corp.example`: it is shown, and never an argument of ours.
        let user = find("user").filter(|user| !user.chars().any(char::is_control)).ok_or("ssh -G names no user")?;
        let user = user.to_owned();
        Ok(Resolved { hostname, port, user, lines })
    }

    /// The value of a keyword (lower case), unless it is `none`.
    pub fn get(&self, key: &str) -> Option<&str> {
        let first = self.lines.iter().find(|(k, _)| k == key).map(|(_, v)| v.as_str());
        first.filter(|value| !value.eq_ignore_ascii_case("none"))
    }

    /// All values of a keyword.
    pub fn all<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.lines.iter().filter(move |(k, _)| k == key).map(|(_, v)| v.as_str())
    }

    /// The user's own ProxyCommand. What it connects through is outside of what this program can guarantee.
    pub fn proxy_command(&self) -> Option<&str> {
        self.get("proxycommand")
    }

    /// The user's own ProxyJump, as written.
    pub fn proxy_jump(&self) -> Option<&str> {
        self.get("proxyjump")
    }

    /// The name under which known_hosts files list the host: `name` for port 22, else `[name]:port`.
    pub fn known_hosts_name(&self) -> String {
        if let Some(alias) = self.get("hostkeyalias") {
            return alias.to_owned();
        }
        let name = self.hostname.as_str().to_ascii_lowercase();
        if self.port == 22 { name } else { format!("[{name}]:{}", self.port) }
    }

    /// The known_hosts files, the user's first.
    pub fn known_hosts_files(&self) -> Vec<PathBuf> {
        ["userknownhostsfile", "globalknownhostsfile"].iter().filter_map(|key| self.get(key)).flat_map(files).collect()
    }
}

fn printed(text: &str) -> Lines {
    text.lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(key, value)| (key.to_ascii_lowercase(), value.trim_end().to_owned()))
        .collect()
}

/// File names separated by blanks. `ssh -G` does not quote, so a name with a blank shows by the file being there.
pub(super) fn files(value: &str) -> Vec<PathBuf> {
    let whole = PathBuf::from(value);
    if value.contains(' ') && whole.exists() {
        return vec![whole];
    }
    value.split_whitespace().map(PathBuf::from).collect()
}

/// Asks ssh what it makes of `target`.
pub(crate) async fn resolve(
    env: &SshEnv,
    target: &Target,
    cancel: &CancellationToken,
) -> Result<Resolved, ConnectFailure> {
    let text = ask(env, env.config_file.as_deref(), target, cancel).await?;
    Resolved::parse(&text).map_err(|why| {
        ConnectFailure::new(
            FailureKind::Broken,
            format!("The ssh configuration of `{}` cannot be used: {why}.", target.alias),
            format!("Look at HostName, Port and User in what `ssh -G {}` prints.", target.hostname),
        )
    })
}

/// Asks ssh what it would make of `target` without any configuration.
pub(super) async fn defaults(
    env: &SshEnv,
    target: &Target,
    cancel: &CancellationToken,
) -> Result<Lines, ConnectFailure> {
    ask(env, Some(Path::new("/dev/null")), target, cancel).await.map(|text| printed(&text))
}

async fn ask(
    env: &SshEnv,
    config_file: Option<&Path>,
    target: &Target,
    cancel: &CancellationToken,
) -> Result<String, ConnectFailure> {
    let mut args = Args::default();
    args.configuration(config_file).word("-G").forced(env).destination(target);
    let mut command = env.command("ssh");
    command.args(args.as_slice());
    let done = match local_program::run(command, None, LIMIT, CAP, cancel).await {
        Ok(done) => done,
        Err(LocalFault::Cancelled) => return Err(ConnectFailure::cancelled(&target.alias)),
        Err(fault) => return Err(cannot_run("ssh", &fault)),
    };
    if !done.status.success() {
        let said = done.stderr.text();
        return Err(ConnectFailure::new(
            FailureKind::Broken,
            format!("ssh cannot read its configuration for `{}`: {}.", target.alias, all_lines(&said)),
            format!("Fix the ssh configuration; `ssh -G {}` shows the same message.", target.hostname),
        ));
    }
    Ok(done.stdout.text().into_owned())
}

/// A local OpenSSH program that does not run.
pub(in crate::ssh) fn cannot_run(program: &str, fault: &LocalFault) -> ConnectFailure {
    let next = match fault {
        LocalFault::Start(e) if e.kind() == std::io::ErrorKind::NotFound => {
            "Install the OpenSSH client (Debian package openssh-client), and see that it is in the PATH of this server."
        }
        _ => "See that the OpenSSH client works on the machine of this server.",
    };
    ConnectFailure::new(FailureKind::Broken, format!("The local program `{program}` failed: {fault}."), next)
}

/// The last line of a program's message, without the program's own line end.
pub(super) fn one_line(text: &str) -> String {
    let line = text.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or("it gave no reason");
    line.trim_end_matches('.').chars().take(400).collect()
}

/// Every line of a program's message, as one line of at most 600 characters.
pub(super) fn all_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(|l| l.trim().trim_end_matches('.')).filter(|l| !l.is_empty()).collect();
    if lines.is_empty() { "it gave no reason".to_owned() } else { lines.join("; ").chars().take(600).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_ssh_prints() {
        let resolved = Resolved::parse(
            "host box\nuser me\nhostname 10.0.0.7\nport 2222\nproxyjump none\nuserknownhostsfile /a /b\n\
             globalknownhostsfile none\n",
        )
        .unwrap();
        assert_eq!(resolved.known_hosts_name(), "[10.0.0.7]:2222");
        assert_eq!(resolved.known_hosts_files(), [PathBuf::from("/a"), PathBuf::from("/b")]);
        assert_eq!(resolved.proxy_jump(), None);
        assert!(Resolved::parse("user me\nhostname a;b\nport 22\n").is_err());
    }
}
