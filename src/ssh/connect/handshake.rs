//! What the messages of a connecting `ssh` (LogLevel DEBUG1, C locale) say about how far it came.
//!
//! The words of the far end can appear in these messages, so each fact counts only at its own stage: nothing
//! that follows the acceptance of the host key can speak about the host key any more.

/// Longest part of the messages worth keeping, in bytes.
pub const LOG_CAP: usize = 256 * 1024;

/// How far the connection came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Stage {
    /// No bytes from the far end yet.
    #[default]
    Connecting,
    /// The far end said that it is an SSH server.
    Greeted,
    /// It showed a host key, which is not accepted (yet).
    KeyShown,
    /// The host key was accepted; the login is going on.
    LoggingIn,
    /// The login is complete.
    LoggedIn,
}

/// The facts of one attempt.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Handshake {
    /// How far it came.
    pub stage: Stage,
    /// The line by which the server introduced itself, as `SSH-2.0-OpenSSH_9.2p1`; remote text.
    pub server_version: Option<String>,
    /// Algorithm and `SHA256:...` of the host key that the server showed.
    pub host_key: Option<(String, String)>,
    /// Methods that the server would still take.
    pub methods: Vec<String>,
    /// What was offered to the server: the rest of the lines `Offering public key:`.
    pub offered: Vec<String>,
    /// The host knows the public half of a key that was offered.
    pub accepted: bool,
    /// ssh ran out of ways to log in: the host refused each one.
    pub refused: bool,
    /// The key is in the file of RevokedHostKeys.
    pub revoked_by_file: bool,
    /// What ssh says about key files that it cannot use.
    pub key_faults: Vec<String>,
    /// The last line that is not a debug message: ssh's own reason. May hold remote text.
    pub reason: Option<String>,
}

/// Reads the messages of one attempt.
pub fn read(log: &str) -> Handshake {
    let mut facts = Handshake::default();
    for line in log.lines() {
        let line = line.trim_end();
        let Some(message) = line.strip_prefix("debug1: ") else {
            plain(&mut facts, line);
            continue;
        };
        if facts.stage < Stage::KeyShown {
            if let Some(rest) = message.strip_prefix("Remote protocol version ") {
                facts.stage = Stage::Greeted;
                facts.server_version = rest
                    .split_once(", remote software version ")
                    .map(|(protocol, software)| format!("SSH-{protocol}-{}", software.trim()));
            } else if let Some(rest) = message.strip_prefix("Server host key: ") {
                facts.stage = Stage::KeyShown;
                facts.host_key = rest
                    .split_once(' ')
                    .map(|(kind, print)| (kind.to_owned(), print.split(' ').next().unwrap_or_default().to_owned()));
            }
        } else if facts.stage == Stage::KeyShown {
            // ssh asks for the authentication service only after it has accepted the key.
            if message.starts_with("SSH2_MSG_NEWKEYS sent") || message.starts_with("SSH2_MSG_SERVICE_ACCEPT") {
                facts.stage = Stage::LoggingIn;
            }
        } else if let Some(rest) = message.strip_prefix("Authentications that can continue: ") {
            facts.methods = rest.split(',').map(str::to_owned).collect();
        } else if let Some(rest) = message.strip_prefix("Offering public key: ") {
            facts.offered.push(rest.to_owned());
        } else if message.starts_with("Server accepts key: ") {
            facts.accepted = true;
        } else if message.starts_with("No more authentication methods to try") {
            facts.refused = true;
        }
    }
    facts
}

fn plain(facts: &mut Handshake, line: &str) {
    if line.is_empty() || line.starts_with('@') || line.starts_with("debug") {
        return;
    }
    if facts.stage == Stage::LoggingIn && line.starts_with("Authenticated to ") {
        facts.stage = Stage::LoggedIn;
        return;
    }
    if facts.stage == Stage::KeyShown && line.starts_with("Host key ") && line.contains(" revoked by file ") {
        facts.revoked_by_file = true;
    }
    if facts.stage == Stage::LoggingIn && line.starts_with("Load key ") {
        facts.key_faults.push(line.to_owned());
    }
    facts.reason = Some(line.to_owned());
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "debug1: Connecting to 127.0.0.1 [127.0.0.1] port 22.\r\n\
        debug1: Remote protocol version 2.0, remote software version OpenSSH_9.2p1 Debian-2\r\n\
        debug1: Server host key: ssh-ed25519 SHA256:Udv9\r\n\
        debug1: Host 'h' is known and matches the ED25519 host key.\r\n\
        debug1: SSH2_MSG_NEWKEYS sent\r\n\
        debug1: SSH2_MSG_SERVICE_ACCEPT received\r\n\
        debug1: Authentications that can continue: publickey,password\r\n\
        debug1: Offering public key: uk ED25519 SHA256:vm explicit\r\n\
        Authenticated to 127.0.0.1 ([127.0.0.1]:22) using \"publickey\".\r\n";

    #[test]
    fn reads_a_whole_handshake() {
        let facts = read(GOOD);
        assert_eq!(facts.stage, Stage::LoggedIn);
        assert_eq!(facts.server_version.as_deref(), Some("SSH-2.0-OpenSSH_9.2p1 Debian-2"));
        assert_eq!(facts.host_key, Some(("ssh-ed25519".to_owned(), "SHA256:Udv9".to_owned())));
        assert_eq!(facts.methods, ["publickey", "password"]);
        assert_eq!(facts.offered.len(), 1);
    }

    #[test]
    fn a_login_banner_cannot_speak_about_the_host_key() {
        let before = GOOD.split("Authenticated").next().unwrap();
        let log = format!(
            "{before}debug1: Server host key: ssh-rsa SHA256:other\r\n\
             @    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\r\nHost key verification failed.\r\n"
        );
        let facts = read(&log);
        assert_eq!(facts.stage, Stage::LoggingIn);
        assert_eq!(facts.host_key, Some(("ssh-ed25519".to_owned(), "SHA256:Udv9".to_owned())));
    }

    #[test]
    fn a_refused_key_stays_at_its_stage() {
        let log = "debug1: Remote protocol version 2.0, remote software version X\n\
            debug1: Server host key: ssh-ed25519 SHA256:Udv9\n\
            No ED25519 host key is known for h and you have requested strict checking.\n\
            Host key verification failed.\n";
        let facts = read(log);
        assert_eq!(facts.stage, Stage::KeyShown);
        assert_eq!(facts.reason.as_deref(), Some("Host key verification failed."));
    }
}
