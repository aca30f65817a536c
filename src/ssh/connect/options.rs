//! The options that are forced over the user's ssh_config, in one place.

use std::ffi::OsString;
use std::path::Path;

use super::SshEnv;
use super::target::Target;

/// Seconds that a master outlives its last channel, so that a crash of this program leaves nothing for ever.
pub(crate) const PERSIST_SECONDS: u32 = 60;

/// What no ssh_config may weaken. ssh takes the first value it sees, and the command line comes first.
///
/// Beyond the settings of safety: `FingerprintHash` and `LogLevel` make the handshake's messages readable for
/// [`super::handshake`]; `VerifyHostKeyDNS` and `NoHostAuthenticationForLocalhost` would accept a host key that is
/// pinned nowhere.
const FORCED: &[(&str, &str)] = &[
    ("StrictHostKeyChecking", "yes"),
    ("UpdateHostKeys", "no"),
    ("VerifyHostKeyDNS", "no"),
    ("NoHostAuthenticationForLocalhost", "no"),
    ("ForwardAgent", "no"),
    ("ForwardX11", "no"),
    ("ForwardX11Trusted", "no"),
    ("ClearAllForwardings", "yes"),
    ("PermitLocalCommand", "no"),
    ("RequestTTY", "no"),
    ("EscapeChar", "none"),
    ("Tunnel", "no"),
    ("FingerprintHash", "SHA256"),
    ("VisualHostKey", "no"),
    ("LogLevel", "DEBUG1"),
    ("ServerAliveCountMax", "3"),
];

/// Arguments of an ssh command line, built only from literals and checked words.
#[derive(Debug, Clone, Default)]
pub(crate) struct Args(Vec<OsString>);

impl Args {
    /// Appends one literal.
    pub(crate) fn word(&mut self, word: &'static str) -> &mut Self {
        self.0.push(word.into());
        self
    }

    /// Appends `-o name=value`.
    pub(crate) fn option(&mut self, name: &'static str, value: impl AsRef<std::ffi::OsStr>) -> &mut Self {
        let mut text = OsString::from(name);
        text.push("=");
        text.push(value);
        self.0.push("-o".into());
        self.0.push(text);
        self
    }

    /// Appends a flag with a path.
    pub(crate) fn path(&mut self, flag: &'static str, path: &Path) -> &mut Self {
        self.0.push(flag.into());
        self.0.push(path.into());
        self
    }

    /// Which ssh_config applies. First on every command line.
    pub(crate) fn configuration(&mut self, file: Option<&Path>) -> &mut Self {
        match file {
            Some(file) => self.path("-F", file),
            None => self,
        }
    }

    /// The forced options.
    pub(crate) fn forced(&mut self, env: &SshEnv) -> &mut Self {
        for (name, value) in FORCED {
            self.option(name, value);
        }
        if let Some(file) = &env.known_hosts {
            // The only file of pinned keys: the machine's own list does not count beside it.
            self.option("UserKnownHostsFile", config_word(&file.to_string_lossy()));
            self.option("GlobalKnownHostsFile", "/dev/null");
        }
        // Zero switches keep-alives off; for the connection it would mean "no limit".
        self.option("ServerAliveInterval", env.keepalive.as_secs().min(i32::MAX as u64).to_string());
        self.option("ConnectTimeout", env.connect_timeout.as_secs().clamp(1, i32::MAX as u64).to_string())
    }

    /// `-l`, `-p`, `--` and the destination. Nothing may follow.
    pub(crate) fn destination(&mut self, target: &Target) -> &mut Self {
        if let Some(user) = &target.user {
            self.0.push("-l".into());
            self.0.push(user.as_str().into());
        }
        if let Some(port) = target.port {
            self.0.push("-p".into());
            self.0.push(port.to_string().into());
        }
        self.0.push("--".into());
        self.0.push(target.hostname.as_str().into());
        self
    }

    /// Appends the words of another list.
    pub(crate) fn extend(&mut self, other: &Args) -> &mut Self {
        self.0.extend_from_slice(&other.0);
        self
    }

    /// The words.
    pub(crate) fn as_slice(&self) -> &[OsString] {
        &self.0
    }
}

/// A value in ssh_config syntax: in double quotes, with `%` doubled, so that blanks and tokens stay text.
pub(crate) fn config_word(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            '%' => out.push_str("%%"),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
