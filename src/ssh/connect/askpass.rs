//! Answering ssh's prompt for one passphrase or password.
//!
//! ssh starts this program again as its SSH_ASKPASS helper. The helper asks the server over a private socket,
//! proving itself by a token that only this one `ssh` has in its environment; the server runs the command of
//! hosts.toml and answers once. The secret passes through pipes and sockets only, and is wiped when used.

use crate::model::hex::hex;
use crate::model::lock::LockAlways as _;
use std::io::{self, Read as _, Write as _};
use std::os::unix::net::UnixStream as StdStream;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use super::SshEnv;
use crate::local_program::{LocalFault, run_for_secret};

/// Names the socket to the helper; that it is set makes this program the helper.
pub(crate) const SOCKET_VARIABLE: &str = "SSH_MCP_ASKPASS_SOCKET";

/// Carries the token.
pub(crate) const TOKEN_VARIABLE: &str = "SSH_MCP_ASKPASS_TOKEN";

/// How long the command that prints the secret may run.
pub(crate) const COMMAND_LIMIT: Duration = Duration::from_secs(10);

/// Longest secret, in bytes: ssh reads 1023 of what its helper prints (`readpass.c`).
const MAX_SECRET: usize = 1023;

/// Longest prompt taken from ssh, in bytes.
const MAX_PROMPT: u64 = 4096;

/// How long one exchange on the socket may take, the command apart.
const EXCHANGE: Duration = Duration::from_secs(2);

/// Which prompts may be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prompt {
    /// Those for the passphrase of a key file or the PIN of a token, which ssh writes itself.
    Passphrase,
    /// Those for the login: ssh's own or the host's.
    Password,
}

impl Prompt {
    fn accepts(self, prompt: &str) -> bool {
        let local = ["Enter passphrase for ", "Enter PIN for "].iter().any(|start| prompt.starts_with(start));
        match self {
            Prompt::Passphrase => local,
            Prompt::Password => !local,
        }
    }
}

/// What became of the question.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum Answered {
    /// ssh did not ask.
    #[default]
    NotAsked,
    /// It was given the secret.
    Given,
    /// The command gave none; the reason holds nothing that it printed.
    Failed(String),
}

/// The server's side, for one connection. The socket is removed when dropped.
#[derive(Debug)]
pub(crate) struct Askpass {
    socket: PathBuf,
    token: Zeroizing<String>,
    answered: Arc<Mutex<Answered>>,
    stop: CancellationToken,
}

impl Askpass {
    /// Listens at `socket` and answers the first fitting question with what `line` prints.
    pub(crate) fn listen(env: &SshEnv, socket: &Path, prompt: Prompt, line: &str) -> io::Result<Self> {
        let mut bytes = Zeroizing::new([0_u8; 16]);
        getrandom::fill(bytes.as_mut_slice()).map_err(|e| io::Error::other(e.to_string()))?;
        let token = Zeroizing::new(hex(bytes.as_slice()));
        let _ = std::fs::remove_file(socket);
        let listener = UnixListener::bind(socket)?;
        let askpass = Askpass {
            socket: socket.to_owned(),
            token: token.clone(),
            answered: Arc::default(),
            stop: CancellationToken::new(),
        };
        let (env, line) = (env.clone(), Zeroizing::new(line.to_owned()));
        let (answered, stop) = (Arc::clone(&askpass.answered), askpass.stop.clone());
        tokio::spawn(async move {
            let serve = serve(&listener, &env, &token, prompt, &line, &answered, &stop);
            tokio::select! {
                () = serve => {}
                () = stop.cancelled() => {}
            }
        });
        Ok(askpass)
    }

    /// Lets `command` (an ssh) ask here by way of `program`, this program's own file.
    pub(crate) fn attach(&self, command: &mut tokio::process::Command, program: &Path) {
        command
            .env("SSH_ASKPASS", program)
            .env("SSH_ASKPASS_REQUIRE", "force")
            .env(SOCKET_VARIABLE, &self.socket)
            .env(TOKEN_VARIABLE, self.token.as_str());
        if std::env::var_os("DISPLAY").is_none() {
            // Clients older than OpenSSH 8.4 do not know SSH_ASKPASS_REQUIRE and look for a display instead.
            command.env("DISPLAY", ":0");
        }
    }

    /// What became of the question so far.
    pub(crate) fn answered(&self) -> Answered {
        self.answered.lock_always().clone()
    }
}

impl Drop for Askpass {
    fn drop(&mut self) {
        self.stop.cancel();
        let _ = std::fs::remove_file(&self.socket);
    }
}

async fn serve(
    listener: &UnixListener,
    env: &SshEnv,
    token: &str,
    prompt: Prompt,
    line: &str,
    answered: &Mutex<Answered>,
    stop: &CancellationToken,
) {
    let own = nix::unistd::geteuid().as_raw();
    while let Ok((mut stream, _)) = listener.accept().await {
        if !stream.peer_cred().is_ok_and(|peer| peer.uid() == own) {
            continue;
        }
        let asked = tokio::time::timeout(EXCHANGE, question(&mut stream)).await;
        let Ok(Ok((theirs, text))) = asked else { continue };
        if !same(theirs.as_bytes(), token.as_bytes()) || !prompt.accepts(&text) {
            continue;
        }
        let outcome = match secret(env, line, stop).await {
            Ok(mut secret) => {
                secret.push(b'\n');
                let sent = tokio::time::timeout(EXCHANGE, stream.write_all(&secret)).await;
                if matches!(sent, Ok(Ok(()))) {
                    Answered::Given
                } else {
                    Answered::Failed("ssh did not take the answer".to_owned())
                }
            }
            Err(why) => Answered::Failed(why),
        };
        *answered.lock_always() = outcome;
        // One question, one answer: a second prompt means that the first secret was wrong.
        return;
    }
}

/// The token and the prompt: two NUL-ended texts.
async fn question(stream: &mut UnixStream) -> io::Result<(Zeroizing<String>, String)> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(512));
    let mut limited = stream.take(MAX_PROMPT);
    while bytes.split(|b| *b == 0).count() < 3 {
        if limited.read_buf(&mut *bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    let mut parts = bytes.split(|b| *b == 0).map(|part| String::from_utf8_lossy(part).into_owned());
    Ok((Zeroizing::new(parts.next().unwrap_or_default()), parts.next().unwrap_or_default()))
}

/// Runs the command of hosts.toml; its standard error is dropped unread, since it may repeat the secret.
async fn secret(env: &SshEnv, line: &str, stop: &CancellationToken) -> Result<Zeroizing<Vec<u8>>, String> {
    let mut command = env.command("sh");
    command.arg("-c").arg(line);
    let done = match run_for_secret(command, COMMAND_LIMIT, MAX_SECRET + 2, stop).await {
        Ok(done) => done,
        Err(LocalFault::Start(e)) => return Err(format!("it could not be started ({e})")),
        Err(fault) => return Err(fault.to_string()),
    };
    if !done.status.success() {
        return Err(done
            .status
            .code()
            .map_or("it was ended by a signal".to_owned(), |n| format!("its exit status was {n}")));
    }
    let mut text = Zeroizing::new(Vec::with_capacity(MAX_SECRET + 3));
    text.extend_from_slice(&done.stdout);
    if text.last() == Some(&b'\n') {
        text.pop();
        if text.last() == Some(&b'\r') {
            text.pop();
        }
    }
    if text.is_empty() {
        return Err("it printed nothing".to_owned());
    }
    if text.len() > MAX_SECRET || text.iter().any(|b| matches!(b, b'\n' | b'\r' | 0)) {
        return Err(format!("it printed more than one line, or more than {MAX_SECRET} bytes"));
    }
    Ok(text)
}

/// Compares without telling by its duration where the difference is.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |seen, (x, y)| seen | (x ^ y)) == 0
}

/// The helper's side: `Some` when this process was started by ssh to ask for a secret, and then it has done so.
///
/// To be called first thing in `main`, before anything reads arguments or settings.
pub(crate) fn client_main() -> Option<ExitCode> {
    let socket = std::env::var_os(SOCKET_VARIABLE)?;
    // ssh also uses its helper to show that a security key waits for a touch, and to confirm; no secret for that.
    if std::env::var_os("SSH_ASKPASS_PROMPT").is_some() {
        return Some(ExitCode::FAILURE);
    }
    let token = Zeroizing::new(std::env::var(TOKEN_VARIABLE).unwrap_or_default());
    let prompt = std::env::args().nth(1).unwrap_or_default();
    Some(match ask(Path::new(&socket), &token, &prompt) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    })
}

fn ask(socket: &Path, token: &str, prompt: &str) -> io::Result<()> {
    let mut stream = StdStream::connect(socket)?;
    stream.set_read_timeout(Some(COMMAND_LIMIT + EXCHANGE))?;
    stream.set_write_timeout(Some(EXCHANGE))?;
    let mut question = Zeroizing::new(Vec::with_capacity(64 + prompt.len()));
    question.extend_from_slice(token.as_bytes());
    question.push(0);
    // What is cut here is the end of an over-long prompt of a host; the beginning decides.
    question.extend(prompt.bytes().filter(|b| *b != 0).take(MAX_PROMPT as usize - 128));
    question.push(0);
    stream.write_all(&question)?;
    let mut answer = Zeroizing::new(Vec::with_capacity(MAX_SECRET + 2));
    stream.take(MAX_SECRET as u64 + 1).read_to_end(&mut answer)?;
    if answer.is_empty() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    io::stdout().lock().write_all(&answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_cannot_ask_for_a_passphrase() {
        assert!(Prompt::Passphrase.accepts("Enter passphrase for key '/k': "));
        assert!(!Prompt::Passphrase.accepts("(me@host) Password: "));
        assert!(!Prompt::Passphrase.accepts("me@host's password: "));
        assert!(Prompt::Password.accepts("me@host's password: "));
        assert!(!Prompt::Password.accepts("Enter passphrase for key '/k': "));
    }

    #[tokio::test]
    async fn commands_give_one_line_or_a_reason() {
        let (env, stop) = (SshEnv::default(), CancellationToken::new());
        let run = |line: &'static str| {
            let (env, stop) = (env.clone(), stop.clone());
            async move { secret(&env, line, &stop).await.map(|s| String::from_utf8_lossy(&s).into_owned()) }
        };
        assert_eq!(run("printf 'a b\\n'").await, Ok("a b".to_owned()));
        assert_eq!(run("printf 'a\\r\\n'").await, Ok("a".to_owned()));
        assert_eq!(run("printf 'a'").await, Ok("a".to_owned()));
        for (line, why) in [
            ("exit 3", "status was 3"),
            ("true", "nothing"),
            ("echo a; echo b", "one line"),
            ("head -c 5000 /dev/zero | tr '\\0' a", "more than 1023 bytes"),
        ] {
            let said = run(line).await.unwrap_err();
            assert!(said.contains(why), "{line}: {said}");
        }
    }
}
