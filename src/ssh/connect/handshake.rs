//! What the messages of a connecting `ssh` (LogLevel DEBUG1, C locale) say about how far it came.
//!
//! The words of the far end can appear in these messages, so each fact counts only at its own stage: nothing
//! that follows the acceptance of the host key can speak about the host key any more. During the login the host may
//! print what it likes (banner, PAM): whatever is not known as a line of ssh's own is kept as the host's words.

use std::path::PathBuf;

/// Longest part of the messages worth keeping, in bytes.
pub(crate) const LOG_CAP: usize = 256 * 1024;

/// Most lines that are kept of each speaker.
const MOST_LINES: usize = 40;

/// How lines begin that ssh itself prints while a login goes on. All others are the host's.
const OWN_WORDS: &[&str] = &[
    "Load key ",
    "no such identity: ",
    "Permissions ",
    "It is required that your private key ",
    "This private key will be ignored",
    "sign_and_send_pubkey: ",
    "Agent admitted failure",
    "Confirm user presence",
    "Received disconnect from ",
    "Disconnected from ",
    "Disconnecting ",
    "Connection ",
    "Authenticated ",
    "Timeout, server ",
    "Bad packet length",
    "ssh: ",
    "ssh_",
    "client_loop: ",
    "Warning: ",
    "Corrupted MAC ",
    "Read from ",
    "Write failed",
    "packet_write",
];

/// How far the connection came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) enum Stage {
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
pub(crate) struct Handshake {
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
    /// The key that the host said it knows: the rest of the last line `Server accepts key:`.
    pub accepted: Option<String>,
    /// Methods that worked and were not enough for the host.
    pub partial: Vec<String>,
    /// ssh ran out of ways to log in: the host refused each one.
    pub refused: bool,
    /// The key is in the file of RevokedHostKeys.
    pub revoked_by_file: bool,
    /// The key files that ssh looked at, before it spoke to anybody.
    pub identities: Vec<IdentityFile>,
    /// What ssh says about keys that it cannot use.
    pub key_faults: Vec<String>,
    /// Lines that are ssh's own and no debug messages, in order: its reasons. May quote remote text.
    pub said: Vec<String>,
    /// The host's words before it had judged any key or password.
    pub banner: Vec<String>,
    /// The host's words after that: what PAM says, as a rule.
    pub verdict: Vec<String>,
    /// A key was accepted, or a password asked for: what the host says from here is about this account.
    pub judged: bool,
}

/// A key file as ssh sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IdentityFile {
    /// Its path; of a certificate that of the certificate's own file.
    pub path: PathBuf,
    /// It is a certificate.
    pub certificate: bool,
    /// ssh could read a public key of it.
    pub readable: bool,
}

impl Handshake {
    /// ssh's own words about the end, as one text of at most 400 characters.
    pub(crate) fn reason(&self) -> String {
        let mut text = String::new();
        for line in &self.said {
            let line = line.trim().trim_end_matches('.');
            if !line.is_empty() && !text.contains(line) {
                if !text.is_empty() {
                    text.push_str("; ");
                }
                text.push_str(line);
            }
        }
        if text.is_empty() { "ssh gave no reason".to_owned() } else { text.chars().take(400).collect() }
    }

    /// The host hung up because more keys were offered than it takes (MaxAuthTries), in the words of its disconnect
    /// message.
    pub(crate) fn too_many(&self) -> bool {
        self.said.iter().any(|line| {
            line.starts_with("Received disconnect from ") && line.contains(": Too many authentication failures")
        })
    }
}

/// Reads the messages of one attempt.
pub(crate) fn read(log: &str) -> Handshake {
    let mut facts = Handshake::default();
    for line in log.lines() {
        let line = line.trim_end();
        let Some(message) = line.strip_prefix("debug1: ") else {
            plain(&mut facts, line);
            continue;
        };
        if facts.stage < Stage::KeyShown {
            if facts.stage == Stage::Connecting {
                facts.identities.extend(identity(message));
            }
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
        } else if let Some(rest) = message.strip_prefix("Server accepts key: ") {
            facts.accepted = Some(rest.to_owned());
            facts.judged = true;
        } else if let Some(method) = message.strip_prefix("Next authentication method: ") {
            facts.judged |= method != "publickey";
        } else if message.starts_with("No more authentication methods to try") {
            facts.refused = true;
        }
    }
    facts
}

/// Reads `identity file PATH type N` and `certificate file PATH type N`; -1 is a file without a readable public key.
fn identity(message: &str) -> Option<IdentityFile> {
    let (certificate, rest) = match message.strip_prefix("certificate file ") {
        Some(rest) => (true, rest),
        None => (false, message.strip_prefix("identity file ")?),
    };
    let (path, kind) = rest.rsplit_once(" type ")?;
    let readable = kind.trim() != "-1";
    // ssh looks for a certificate beside each key and calls it by the name without `.pub`.
    let beside = !certificate && path.ends_with("-cert");
    let path = if beside { format!("{path}.pub") } else { path.to_owned() };
    (readable || !beside).then(|| IdentityFile {
        path: PathBuf::from(path),
        certificate: certificate || beside,
        readable,
    })
}

fn plain(facts: &mut Handshake, line: &str) {
    if line.is_empty() || line.starts_with('@') || line.starts_with("debug") {
        return;
    }
    if facts.stage == Stage::LoggingIn {
        if line.starts_with("Authenticated to ") {
            facts.stage = Stage::LoggedIn;
            return;
        }
        let partial =
            line.strip_prefix("Authenticated using \"").and_then(|l| l.strip_suffix("\" with partial success."));
        if let Some(method) = partial {
            facts.partial.push(method.to_owned());
            return;
        }
        if line.starts_with("Load key ") || line.starts_with("no such identity: ") || line.starts_with("sign_and_send_")
        {
            facts.key_faults.push(line.to_owned());
        }
        if !OWN_WORDS.iter().any(|start| line.starts_with(start)) && !line.contains(": Permission denied (") {
            let words = if facts.judged { &mut facts.verdict } else { &mut facts.banner };
            let line: String = line.chars().filter(|c| !c.is_control()).take(300).collect();
            if words.len() < MOST_LINES && !line.trim().is_empty() {
                words.push(line);
            }
            return;
        }
    }
    if facts.stage == Stage::KeyShown && line.starts_with("Host key ") && line.contains(" revoked by file ") {
        facts.revoked_by_file = true;
    }
    if facts.said.len() < MOST_LINES {
        facts.said.push(line.to_owned());
    }
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
        assert!(facts.reason().ends_with("; Host key verification failed"), "{}", facts.reason());
    }

    fn login(rest: &str) -> Handshake {
        read(&format!("{}{rest}", GOOD.split("debug1: Authentications").next().unwrap()))
    }

    #[test]
    fn who_says_what_during_a_login_is_kept_apart() {
        let facts = login(
            "By coming in you agree.\r\nVisit https://login.example/x\r\n\
             debug1: Server accepts key: /k ED25519 SHA256:vm explicit\r\n\
             Your account has expired; please contact your system administrator.\r\n\r\n\
             Connection closed by 127.0.0.1 port 22\r\n",
        );
        assert_eq!(facts.banner, ["By coming in you agree.", "Visit https://login.example/x"]);
        assert_eq!(facts.verdict, ["Your account has expired; please contact your system administrator."]);
        assert_eq!(facts.reason(), "Connection closed by 127.0.0.1 port 22");
        assert_eq!(facts.accepted.as_deref(), Some("/k ED25519 SHA256:vm explicit"));

        let facts = login(
            "Received disconnect from 127.0.0.1 port 22:2: Too many authentication failures\r\n\
             Disconnected from 127.0.0.1 port 22\r\n",
        );
        assert!(facts.too_many(), "{facts:?}");
        // The host's own text cannot pass for it.
        assert!(!login("Too many authentication failures\r\n").too_many());

        let facts = login("Authenticated using \"publickey\" with partial success.\r\n");
        assert_eq!((facts.partial, facts.stage), (vec!["publickey".to_owned()], Stage::LoggingIn));
    }

    #[test]
    fn every_line_before_the_greeting_is_a_reason() {
        let facts = read("cannot reach vpn\nConnection closed by UNKNOWN port 65535\n");
        assert_eq!(facts.reason(), "cannot reach vpn; Connection closed by UNKNOWN port 65535");
    }

    #[test]
    fn key_files_are_those_that_ssh_names_before_it_speaks() {
        let facts = read(&format!(
            "debug1: identity file /h/a b type 3\ndebug1: identity file /h/a b-cert type 7\n\
             debug1: identity file /h/x type -1\ndebug1: identity file /h/x-cert type -1\n\
             {GOOD}debug1: identity file /etc/shadow type -1\n"
        ));
        let seen: Vec<_> =
            facts.identities.iter().map(|i| (i.path.to_str().unwrap(), i.certificate, i.readable)).collect();
        assert_eq!(seen, [("/h/a b", false, true), ("/h/a b-cert.pub", true, true), ("/h/x", false, false)]);
    }
}
