//! Root on a host, for a call that holds a [`SudoGrant`].
//!
//! The password and what runs as root never share an input: where sudo asks for nothing the password is not sent on
//! at all; where it asks, it is given one line and the end of input, which is the one attempt of a call; and what then
//! runs as root drops every line up to a random mark before anything else reads. No ticket is made and none is taken
//! away (`sudo -k` beside a command), so calls at once and the account's own sessions do not disturb each other. The
//! login account may not signal processes of root, so the root side watches the login side and ends with it.
//!
//! On root's command line stands one short line that reads from its input (`enter.sh`): what root runs, its script and a
//! word of the caller's are in no process list. A text of which a part is missing is not run.

mod password;

use super::host::Host;
use super::job::{Body, Job, KEPT_BACK, Output, Status};
use super::script::Script;
use crate::model::error::{ErrorName, ToolError};
use crate::model::hex::random_mark;
use crate::model::quote::sh_quote;
use crate::model::scripts::ScriptFile;
use crate::model::secret::Secret;
use crate::policy::sudo::SudoGrant;
use crate::ssh::feed::{Input, Streamed};
use crate::ssh::wrapper::{ACCOUNT_PLAIN, FOUND_PATH, SETTLE, copying_line, script_line};

const LOGIN: Script = Script::new(include_str!("login.sh"));
const ROOT: Script = Script::new(include_str!("root.sh"));
const SCRIPT: Script = Script::new(include_str!("script.sh"));
const ENTER: &str = ScriptFile::of(include_str!("enter.sh")).text();

/// Exit status of [`SCRIPT`] when the script did not arrive whole, with `MARK!` on standard error.
const NOT_WHOLE: i32 = 125;

/// Takes what root.sh hands over, before the parameters of a script take its place: the state folder of the login account,
/// and where programs are and how they are spelled on this host. By these words root.sh knows a script of ours.
const ASKS: &str = "O=$1;eval \"$2\";";

/// Shortest password that is looked for in output, in characters: a shorter one would blot out ordinary text.
const SCRUB_MIN: usize = 4;

/// Root on one host for one call: the grant, and the password where one is configured.
#[derive(Debug, Clone)]
pub struct Root {
    password: Option<Secret>,
    mark: String,
    /// Files with further names may be opened.
    hard_links: bool,
}

impl Host {
    /// Prepares root for this call. Asks the password sources, which may run a local command.
    pub async fn root(&self, grant: &SudoGrant) -> Result<Root, ToolError> {
        if grant.host() != self.alias() {
            return Err(ToolError::new(
                ErrorName::InternalError,
                format!("A grant for `{}` was used on `{}`.", grant.host(), self.alias()),
                "Report this defect with the correlation id.",
            ));
        }
        let mark = random_mark::<16>()?;
        Ok(Root { password: password::find(self).await, mark, hard_links: false })
    }
}

impl Root {
    /// Opens files that have further names too. Root can read what an account could link, but not read itself.
    #[must_use]
    pub fn with_hard_links(self, allowed: bool) -> Self {
        Root { hard_links: allowed, ..self }
    }

    /// The text that the waiting shell is given, and its input: the password's line, then what the job itself reads.
    pub(super) fn wrap(&self, job: &Job) -> (String, Input) {
        let is_script = matches!(job.body, Body::UserScript(_));
        // A script is the data, and what it reads itself follows it.
        let (data, own) = match &job.body {
            Body::UserScript(body) => {
                (Some(Input::Bytes([job.lines.as_bytes(), body.as_bytes()].concat().into())), job.data.as_ref())
            }
            _ => (job.data.clone(), None),
        };
        let script_len = data.as_ref().filter(|_| own.is_some()).map(|data| data.len() + 1 + self.mark.len() as u64);
        let kind = if data.is_some() { "data" } else { "-" };
        // Ends in the mark, so that one of which a part is missing is not run.
        let text = format!("t={}\n{}#{}", sh_quote(&self.text(job, script_len)), ROOT.compact(), self.mark);
        let length = text.len().to_string();
        let params = [self.mark.as_str(), &copying_line(ENTER), &text, &length, kind].map(sh_quote).join(" ");
        let mut first = Vec::new();
        if let Some(password) = &self.password {
            first.extend_from_slice(password.expose_secret().as_bytes());
        }
        first.push(b'\n');
        let input = match data {
            None => Input::Bytes(first.into()),
            Some(Input::Bytes(data)) => {
                first.extend_from_slice(&data);
                if is_script {
                    first.extend_from_slice(format!("#{}", self.mark).as_bytes());
                }
                match own {
                    Some(Input::Text(text) | Input::Bytes(text)) => {
                        first.extend_from_slice(text);
                        Input::Text(first.into())
                    }
                    _ => Input::Bytes(first.into()),
                }
            }
            Some(Input::Text(text)) => {
                first.extend_from_slice(&text);
                Input::Text(first.into())
            }
            Some(Input::Stream(stream)) => {
                first.extend_from_slice(&stream.prefix);
                Input::Stream(Streamed { prefix: first, direct: false, ..stream })
            }
        };
        let account = if matches!(job.body, Body::Ours { .. } | Body::JobStart(_)) { "" } else { ACCOUNT_PLAIN };
        (format!("{account} set -- {params}\n{}", LOGIN.compact()), input)
    }

    /// What root's own shell runs. `script_len`: the length of a script that has input of its own.
    fn text(&self, job: &Job, script_len: Option<u64>) -> String {
        let before = &job.before;
        match &job.body {
            Body::Ours { text, proof: None, params, .. } => format!("{ASKS} {}", script_line(text, params)),
            Body::Ours { text, proof: Some(proof), params, .. } => {
                let line = script_line(&format!("{SETTLE}\n{proof}\n{text}"), params);
                format!("{ASKS} hl={}; {line}", if self.hard_links { "" } else { "1" })
            }
            Body::Command(command) => match command.shell_text() {
                Some(text) => format!("{before}{}{text}", job.lines),
                // What proves a folder has taken what root.sh hands over, and keeps nothing of it.
                None if before.is_empty() => format!("{ASKS} {FOUND_PATH} {}{}", job.lines, command.to_sh_line()),
                None => format!("{before}{}{}", job.lines, command.to_sh_line()),
            },
            Body::JobStart(line) if before.is_empty() => format!("{ASKS} ssh_mcp_f=; {KEPT_BACK} {line}"),
            // What proves a folder keeps nothing of what root.sh hands over, and a job needs it.
            Body::JobStart(line) => format!(
                "O=$1;ssh_mcp_1=$1 ssh_mcp_2=$2;{before}eval \"$ssh_mcp_2\"; O=$ssh_mcp_1; unset ssh_mcp_1 ssh_mcp_2; \
                 ssh_mcp_f=; {KEPT_BACK} {line}"
            ),
            Body::Session(line) => line.clone(),
            Body::UserScript(_) => {
                let (length, copy) = script_len.map_or_else(Default::default, |n| (n.to_string(), copying_line("")));
                format!("{before}m={} n={length}\n{copy}\n{}", self.mark, SCRIPT.compact())
            }
        }
    }

    /// Takes the mark of the root side off standard error. Without it root was not entered, and what sudo said is the
    /// reason.
    pub(super) fn finish(&self, host: &Host, mut output: Output) -> Result<Output, ToolError> {
        let begin = format!("{}+", self.mark);
        let at = output.stderr.windows(begin.len()).position(|window| window == begin.as_bytes());
        self.scrub(&mut output.stdout);
        match at {
            Some(at) => {
                let taken = at + begin.len();
                output.stderr.drain(..taken);
                output.stderr_bytes = output.stderr_bytes.saturating_sub(taken as u64);
                if output.exit_code() == NOT_WHOLE && output.stderr == format!("{}!", self.mark).as_bytes() {
                    return Err(ToolError::new(
                        ErrorName::ConnectError,
                        format!("The script did not reach root on `{}` whole, so none of it was run.", host.alias()),
                        "Call again. Where it stays so, sudo on this host reads what is not for it: with NOPASSWD it reads \
                         nothing.",
                    ));
                }
                self.scrub(&mut output.stderr);
                Ok(output)
            }
            None if matches!(output.status, Status::TimedOut(_)) => {
                // sudo itself did not come to an end, so nothing of ours has begun as root.
                output.began = false;
                Ok(output)
            }
            None => {
                self.scrub(&mut output.stderr);
                Err(refused(host, &output, self.password.is_some()))
            }
        }
    }

    /// A second net: the password's text does not leave, wherever it came from.
    fn scrub(&self, bytes: &mut Vec<u8>) {
        let Some(password) = self.password.as_ref().map(Secret::expose_secret) else { return };
        if password.chars().count() < SCRUB_MIN {
            return;
        }
        let needle = password.as_bytes();
        while let Some(at) = bytes.windows(needle.len()).position(|window| window == needle) {
            bytes.splice(at..at + needle.len(), *b"[password]");
        }
    }
}

/// What sudo or doas says of itself, without the lecture that it gives to accounts that are new to it.
fn own_words(said: &str) -> Option<String> {
    let is_own = |line: &&str| ["sudo:", "sudo-rs:", "doas:"].iter().any(|name| line.starts_with(name));
    let mut own: Vec<&str> = said.lines().map(str::trim).filter(is_own).collect();
    own.dedup();
    (!own.is_empty()).then(|| own.join("; "))
}

fn refused(host: &Host, output: &Output, had_password: bool) -> ToolError {
    let all = output.stderr_text();
    let lower = all.to_lowercase();
    let said = own_words(&all).unwrap_or_else(|| output.stderr_line());
    let program = if lower.contains("doas:") { "doas" } else { "sudo" };
    let (why, next) = if lower.contains("not installed: run0") {
        return ToolError::new(
            ErrorName::PlatformNotSupported,
            format!("`{}` has run0, which asks a person, and neither sudo nor doas.", host.alias()),
            "Accepted are sudo, sudo-rs and doas. Log in as root on this host, or install one of them.",
        );
    } else if lower.contains("not installed") {
        return ToolError::new(
            ErrorName::PlatformNotSupported,
            format!("`{}` has no sudo and no doas where only root puts programs.", host.alias()),
            "Accepted are sudo, sudo-rs and doas. Log in as root on this host, or install one of them.",
        );
    } else if lower.contains("doas: authentication") || lower.contains("doas: a password") {
        (
            "doas takes a password only at a terminal, which there is none",
            "The operator adds `permit nopass ACCOUNT` to doas.conf for the login account, or installs sudo.",
        )
    } else if lower.contains("doas:") {
        ("doas.conf does not allow it", "The operator adds `permit nopass ACCOUNT` to doas.conf for the login account.")
    } else if lower.contains("must have a tty") {
        (
            "its sudoers file wants a terminal (requiretty)",
            "The operator adds `Defaults:ACCOUNT !requiretty` for the login account; no terminal is allocated here.",
        )
    } else if lower.contains("not in the sudoers")
        || lower.contains("may not run")
        || lower.contains("not allowed")
        || lower.contains("i'm afraid i can't do that")
    {
        ("its sudoers file does not allow it", "The operator grants the login account sudo on this host.")
    } else if had_password && (lower.contains("sudo-rs:") || lower.contains("authentication failed, try again")) {
        (
            "sudo-rs refused the password; it was given once, and sudo-rs counts up to three attempts for that",
            "The operator corrects the password in the keyring or in SSH_SUDO_PASSWORD_CMD. Do not try again: accounts lock.",
        )
    } else if had_password {
        (
            "sudo refused the password; one attempt was made",
            "The operator corrects the password in the keyring or in SSH_SUDO_PASSWORD_CMD. Do not try again: accounts lock.",
        )
    } else {
        (
            "sudo wants a password and none is configured",
            "The operator stores one in the OS keyring (service ssh-mcp-sudo, user the host's alias), sets \
             SSH_SUDO_PASSWORD_CMD, or grants NOPASSWD.",
        )
    };
    ToolError::new(
        ErrorName::AuthenticationFailed,
        format!("Root on `{}` was refused: {why}. {program} said: {said}.", host.alias()),
        next,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_is_the_first_line_of_input_and_nowhere_else() {
        let root =
            Root { password: Some(Secret::new("hunter2-pw".to_owned())), mark: "MARK".to_owned(), hard_links: false };
        let job = Job::script(&Script::NOTHING, [""; 0]).data(b"data".as_slice());
        let (line, input) = root.wrap(&job);
        assert!(!line.contains("hunter2-pw"));
        assert!(matches!(&input, Input::Bytes(data) if **data == *b"hunter2-pw\ndata"));
    }

    #[test]
    fn a_lecture_is_not_the_reason() {
        let said = "We trust you have received the usual lecture\n\n    #1) Respect\n\nSorry, try again.\n\n\
                    sudo: no password was provided\nsudo: 1 incorrect password attempt";
        let own = "sudo: no password was provided; sudo: 1 incorrect password attempt";
        assert_eq!(own_words(said).as_deref(), Some(own));
        assert_eq!(own_words("alice is not in the sudoers file.\n"), None);
    }

    #[test]
    fn scrubbing_finds_every_place() {
        let root = Root { password: Some(Secret::new("hunter2".to_owned())), mark: String::new(), hard_links: false };
        let mut bytes = b"a hunter2 b hunter2".to_vec();
        root.scrub(&mut bytes);
        assert_eq!(bytes, b"a [password] b [password]");
    }
}
