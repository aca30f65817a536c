//! Where to connect and how to log in, as checked words.

use crate::model::hex::hex;
use std::path::PathBuf;

use sha2::{Digest, Sha256};

use super::askpass::Prompt;
use super::failure::{ConnectFailure, FailureKind};
use crate::config::name;
use crate::config::{Auth, AuthMethod, HostConfig, Hosts, LocalCommand, Platform};

/// One host as hosts.toml names it. What is `None` is left to ssh_config.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The alias, for messages only; it is not part of the identity.
    pub alias: String,
    /// What ssh gets as its destination: a name or address, or a `Host` alias of ssh_config.
    pub hostname: HostWord,
    /// Login name.
    pub user: Option<UserWord>,
    /// TCP port.
    pub port: Option<u16>,
    /// How to log in.
    pub login: Login,
    /// What lies between.
    pub jump: Jump,
    /// Scripts can run there: a POSIX shell is expected. Not part of the identity.
    pub shell: bool,
}

/// How a connection authenticates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Login {
    /// The agent and the key files of ssh_config.
    Agent {
        /// Socket of the agent; `None` leaves it to ssh_config and `SSH_AUTH_SOCK`.
        identity_agent: Option<PathBuf>,
        /// `SHA256:...` of the only key to offer.
        fingerprint: Option<String>,
    },
    /// One key file, without any agent.
    Key {
        /// The private key.
        path: PathBuf,
        /// Local shell command that prints the passphrase.
        passphrase_cmd: Option<LocalCommand>,
    },
    /// A password, and nothing else.
    Password {
        /// Local shell command that prints the password.
        password_cmd: LocalCommand,
    },
}

impl Login {
    /// The login of a host's `auth` table. `Err` says what is missing in it.
    fn from_auth(auth: &Auth) -> Result<Self, &'static str> {
        Ok(match auth.method {
            AuthMethod::Agent => {
                if auth.identities_only && auth.identity_fingerprint.is_none() {
                    return Err("identities_only needs identity_fingerprint");
                }
                Login::Agent {
                    identity_agent: auth.identity_agent.clone(),
                    fingerprint: auth.identity_fingerprint.clone(),
                }
            }
            AuthMethod::Key => Login::Key {
                path: auth.key.clone().ok_or("method key needs key")?,
                passphrase_cmd: auth.passphrase_cmd.clone(),
            },
            AuthMethod::Password => {
                Login::Password { password_cmd: auth.password_cmd.clone().ok_or("method password needs password_cmd")? }
            }
        })
    }

    /// The method's name, as in hosts.toml.
    pub const fn method(&self) -> &'static str {
        match self {
            Login::Agent { .. } => "agent",
            Login::Key { .. } => "key",
            Login::Password { .. } => "password",
        }
    }

    /// The command whose output answers ssh's prompt, and which prompts it may answer.
    pub fn secret_command(&self) -> Option<(Prompt, &LocalCommand)> {
        match self {
            Login::Agent { .. } => None,
            Login::Key { passphrase_cmd, .. } => passphrase_cmd.as_ref().map(|line| (Prompt::Passphrase, line)),
            Login::Password { password_cmd } => Some((Prompt::Password, password_cmd)),
        }
    }

    /// The method in words, for messages.
    pub fn describe(&self) -> String {
        match self {
            Login::Agent { fingerprint: Some(print), .. } => format!("the agent key {print}"),
            Login::Agent { .. } => "the ssh agent and the key files of ssh_config".to_owned(),
            Login::Key { path, .. } => format!("the key file {}", path.display()),
            Login::Password { .. } => "a password".to_owned(),
        }
    }
}

/// The way to a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Jump {
    /// ProxyJump and ProxyCommand of ssh_config, if it has any.
    FromConfig,
    /// Through these hosts, the one nearest to us first.
    Through(Vec<Target>),
}

impl Target {
    /// A host by name with everything else left to ssh_config.
    pub fn new(alias: impl Into<String>, hostname: HostWord) -> Self {
        Target {
            alias: alias.into(),
            hostname,
            user: None,
            port: None,
            login: Login::Agent { identity_agent: None, fingerprint: None },
            jump: Jump::FromConfig,
            shell: true,
        }
    }

    /// The target that a host of hosts.toml describes, with its jump hosts.
    pub fn of(hosts: &Hosts, host: &HostConfig) -> Result<Self, ConnectFailure> {
        let mut target = Self::single(host)?;
        let hops = hosts.chain(host).into_iter().map(Self::single).collect::<Result<Vec<_>, _>>()?;
        if !hops.is_empty() {
            target.jump = Jump::Through(hops);
        }
        Ok(target)
    }

    fn single(host: &HostConfig) -> Result<Self, ConnectFailure> {
        let bad = |why: String| {
            ConnectFailure::new(
                FailureKind::Broken,
                format!("The entry of `{}` cannot be used: {why}.", host.alias),
                format!("Fix [hosts.{}] in hosts.toml.", host.alias),
            )
        };
        Ok(Target {
            alias: host.alias.clone(),
            hostname: HostWord::parse(&host.hostname).map_err(|e| bad(e.to_string()))?,
            user: host.user.as_deref().map(UserWord::parse).transpose().map_err(|e| bad(e.to_string()))?,
            port: host.port,
            login: Login::from_auth(&host.auth).map_err(|why| bad(why.to_owned()))?,
            jump: Jump::FromConfig,
            shell: host.platform == Platform::Posix,
        })
    }

    /// Same key, same connection: a digest of everything that decides where a connection ends and as whom.
    pub fn key(&self) -> TargetKey {
        let mut digest = Sha256::new();
        self.feed(&mut digest);
        TargetKey(hex(digest.finalize().get(..8).unwrap_or_default()))
    }

    fn feed(&self, digest: &mut Sha256) {
        let mut field = |name: &str, value: Option<&[u8]>| {
            digest.update(name.as_bytes());
            digest.update(value.map_or(u64::MAX, |v| v.len() as u64).to_be_bytes());
            digest.update(value.unwrap_or_default());
        };
        field("host", Some(self.hostname.as_str().as_bytes()));
        field("user", self.user.as_ref().map(|user| user.as_str().as_bytes()));
        field("port", self.port.map(u16::to_be_bytes).as_ref().map(<[u8; 2]>::as_slice));
        match &self.login {
            Login::Agent { identity_agent, fingerprint } => {
                field("agent", identity_agent.as_ref().map(|path| path.as_os_str().as_encoded_bytes()));
                field("fingerprint", fingerprint.as_ref().map(String::as_bytes));
            }
            Login::Key { path, passphrase_cmd } => {
                field("key", Some(path.as_os_str().as_encoded_bytes()));
                field("passphrase", passphrase_cmd.as_ref().map(|line| line.as_str().as_bytes()));
            }
            Login::Password { password_cmd } => field("password", Some(password_cmd.as_str().as_bytes())),
        }
        match &self.jump {
            Jump::FromConfig => field("config", None),
            Jump::Through(hops) => {
                field("through", Some(&(hops.len() as u64).to_be_bytes()));
                for hop in hops {
                    hop.feed(digest);
                }
            }
        }
    }
}

/// The identity of a connection for pooling, also used as a file name: 16 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TargetKey(String);

impl TargetKey {
    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a text cannot be a host or user name for ssh.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadWord {
    /// Outside the characters or lengths that are safe as an argument of ssh.
    #[error("`{0}` is not a host name: letters, digits, `.`, `_` and `-` (not first), or an IPv6 address")]
    Host(String),
    /// As above, for user names.
    #[error("`{0}` is not a login name: {rule}", rule = name::USER_RULE)]
    User(String),
}

/// A destination that ssh, its shells and its configuration can only read as a host name.
///
/// Underscores are accepted because ssh_config aliases use them. No `user@`, no URI, no blanks, no leading dash.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HostWord(String);

impl HostWord {
    /// Longest name of the DNS (RFC 1035, section 2.3.4), in bytes.
    const MAX: usize = 253;

    /// Checks a name, an IPv4 or an IPv6 address (without brackets, with an optional `%zone`).
    pub fn parse(text: &str) -> Result<Self, BadWord> {
        let bad = || BadWord::Host(text.chars().take(80).collect());
        if text.is_empty() || text.len() > Self::MAX {
            return Err(bad());
        }
        if text.contains(':') {
            let (address, zone) = text.split_once('%').map_or((text, None), |(a, z)| (a, Some(z)));
            let zone_ok = zone.is_none_or(|z| !z.is_empty() && z.bytes().all(|b| b.is_ascii_alphanumeric()));
            return match address.parse::<std::net::Ipv6Addr>() {
                Ok(_) if zone_ok => Ok(HostWord(text.to_owned())),
                _ => Err(bad()),
            };
        }
        (word_ok(text) || name::is_proxied(text)).then(|| HostWord(text.to_owned())).ok_or_else(bad)
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// True where only a ProxyCommand of ssh_config knows the way, as to `machine/web`.
    pub fn is_proxied(&self) -> bool {
        name::is_proxied(&self.0)
    }
}

impl std::fmt::Display for HostWord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A login name that is safe as an argument of ssh; in a ProxyCommand only if it is plain.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UserWord(String);

impl UserWord {
    /// Checks a login name.
    pub fn parse(text: &str) -> Result<Self, BadWord> {
        if name::is_user(text) {
            return Ok(UserWord(text.to_owned()));
        }
        Err(BadWord::User(text.chars().take(80).collect()))
    }

    /// True without any character that a shell reads as something else.
    pub fn is_plain(&self) -> bool {
        name::is_plain_user(&self.0)
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn word_ok(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with('-')
        && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_words() {
        for good in
            ["web-1", "web_1.example.com", "10.0.0.1", "::1", "fe80::1%eth0", "2001:db8::7", "machine/box", "web."]
        {
            assert!(HostWord::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "-oProxyCommand=x",
            "a b",
            "user@host",
            "ssh://h",
            "h;id",
            "$(id)",
            "a\n",
            "::1%",
            "::1%a;b",
            "h:22",
            "[::1]",
        ] {
            assert!(HostWord::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn secret_commands_tell_connections_apart() {
        let with = |line: &str| {
            let mut target = Target::new("a", HostWord::parse("h").unwrap());
            target.login = Login::Password { password_cmd: LocalCommand::new(line).unwrap() };
            target.key()
        };
        assert_ne!(with("pass a"), with("pass b"));
        assert_eq!(with("pass a"), with("pass a"));
    }

    #[test]
    fn key_is_of_the_connection_not_of_the_alias() {
        let host = |name: &str| HostWord::parse(name).unwrap();
        let a = Target::new("a", host("h"));
        let mut b = Target::new("b", host("h"));
        assert_eq!(a.key(), b.key());
        b.login = Login::Key { path: "/k".into(), passphrase_cmd: None };
        assert_ne!(a.key(), b.key());
        let mut through = Target::new("a", host("h"));
        through.jump = Jump::Through(vec![Target::new("j", host("j"))]);
        assert_ne!(a.key(), through.key());
    }
}
