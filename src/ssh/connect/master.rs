//! One master: started, seen to be up, ended.
//!
//! `ssh -f` ends its foreground process with status 0 exactly when the login is done and the control socket
//! listens; the master lives on in a session of its own. It ends by itself [`PERSIST_SECONDS`] after its last channel
//! and the end of its [`Lease`], and also when no session was ever opened, so a crash of this program leaves nothing
//! for ever.
//! Messages come through a pipe that the master lets go of when it detaches: nothing grows while it lives.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::AsyncReadExt as _;
use tokio_util::sync::CancellationToken;

use super::askpass::{Answered, Askpass, COMMAND_LIMIT, Prompt};
use super::failure::{ConnectFailure, FailureKind};
use super::handshake::{self, Handshake, Stage};
use super::mux::{self, Lease};
use super::options::{Args, PERSIST_SECONDS};
use super::plan::Hop;
use super::resolve::cannot_run;
use super::{SshEnv, explain, identity};
use crate::local_program::{self, Group, LocalFault};

/// Room for the slowest of ssh's own ends, so that its message is heard before the attempt is cut off.
const GRACE: Duration = Duration::from_millis(500);

/// How long a local control socket may take to answer.
const MUX_LIMIT: Duration = Duration::from_secs(2);

/// Bound of each step of ending a master: asked, TERM, KILL.
const END_STEP: Duration = Duration::from_millis(500);

/// How often a host that hangs up before the login is tried, within the connect timeout. Servers with penalties count
/// each.
const HUNG_UP_TRIES: u32 = 4;

/// How often a host is tried that refuses the connection at once.
const REFUSED_TRIES: u32 = 3;

/// A refusal within this time came at once. A slow failure is not paid for twice.
const AT_ONCE: Duration = Duration::from_secs(1);

/// A master that is up.
#[derive(Debug, Clone)]
pub struct MasterUp {
    /// Its control socket.
    pub control_path: PathBuf,
    /// Keeps it up while any copy of this value lives, and tells when it has ended.
    pub lease: Arc<Lease>,
    /// Its process id, as it says itself.
    pub pid: Option<u32>,
    /// From start to ready.
    pub opened_in: Duration,
    /// When it was ready.
    pub opened_at: Instant,
    /// The name or address that it is connected to.
    pub hostname: String,
    /// The port.
    pub port: u16,
    /// The login name.
    pub user: String,
    /// The line by which the server introduced itself, as `SSH-2.0-OpenSSH_9.2p1`; remote text.
    pub server_version: Option<String>,
    /// Algorithm and `SHA256:...` of the key that the host proved to hold.
    pub host_key: Option<(String, String)>,
}

/// How often a host is tried that hangs up or refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tries {
    /// Once.
    One,
    /// Some times, within the connect timeout.
    Several,
}

/// Opens a master for `hop` at the control socket `ctl`, through the master whose socket is `via`.
///
/// A host that hangs up before the login is tried three times more within the connect timeout; one that refuses at
/// once, as a daemon does that is restarting, twice more.
/// Ends within that time and one attempt more (and the time of a password command). When the returned future is dropped, or
/// `cancel` fires, the attempt is ended and nothing of it stays.
pub async fn open_master(
    env: &SshEnv,
    hop: &Hop,
    via: Option<&Path>,
    ctl: &Path,
    cancel: &CancellationToken,
) -> Result<MasterUp, ConnectFailure> {
    open(env, hop, via, ctl, Tries::Several, cancel).await
}

/// As [`open_master`], with the tries given.
pub(in crate::ssh) async fn open(
    env: &SshEnv,
    hop: &Hop,
    via: Option<&Path>,
    ctl: &Path,
    how_often: Tries,
    cancel: &CancellationToken,
) -> Result<MasterUp, ConnectFailure> {
    // A task of its own finishes the clean-up even when nobody waits for it any more.
    let cancel = cancel.child_token();
    let guard = cancel.clone().drop_guard();
    let (env, hop, alias) = (env.clone(), hop.clone(), hop.target.alias.clone());
    let (via, ctl) = (via.map(Path::to_owned), ctl.to_owned());
    let task = tokio::spawn(async move {
        let began = Instant::now();
        let mut tries = 0;
        let mut slow;
        let result = loop {
            let this_began = Instant::now();
            let result = attempt(&env, &hop, via.as_deref(), &ctl, &cancel).await;
            tries += 1;
            slow = this_began.elapsed() >= AT_ONCE;
            let hung_up = matches!(&result, Err(failure) if failure.hung_up);
            let pause = jitter(if hung_up { tries + 2 } else { tries });
            let most = match &result {
                _ if how_often == Tries::One => 1,
                Err(failure) if failure.hung_up => HUNG_UP_TRIES,
                Err(failure) if failure.kind.worth_retrying() && !slow => REFUSED_TRIES,
                _ => 0,
            };
            if tries >= most || began.elapsed() + pause >= env.connect_timeout {
                break result;
            }
            tokio::select! {
                () = cancel.cancelled() => break result,
                () = tokio::time::sleep(pause) => {}
            }
        };
        let result = match result {
            Err(failure) if !slow => Err(with_words_of_proxy(&env, &hop, via.as_deref(), failure, &cancel).await),
            result => result,
        };
        result.map_err(|failure| ConnectFailure { alias: hop.target.alias.clone(), ..failure })
    });
    let result = match task.await {
        Ok(result) => result,
        Err(_) => Err(ConnectFailure::cancelled(&alias)),
    };
    drop(guard.disarm());
    result
}

/// A master keeps the standard error of its ProxyCommand to itself. Where the host was not even reached through one, a
/// handshake of its own tells what the command said.
async fn with_words_of_proxy(
    env: &SshEnv,
    hop: &Hop,
    via: Option<&Path>,
    failure: ConnectFailure,
    cancel: &CancellationToken,
) -> ConnectFailure {
    let far = failure.reached || failure.server_version.is_some() || !failure.kind.worth_retrying();
    if far || via.is_none() && hop.resolved.proxy_command().is_none() {
        return failure;
    }
    match super::live_key::shake_hands(env, hop, via, cancel).await {
        Ok((facts, late)) if facts.stage == Stage::Connecting => {
            explain::explain(env, hop, via.is_some(), &facts, late, cancel).await
        }
        _ => failure,
    }
}

/// A random wait of up to 100 ms, twice that for each try more: those that were turned away together do not come back
/// together.
fn jitter(tries: u32) -> Duration {
    let mut byte = [0_u8; 1];
    let _ = getrandom::fill(&mut byte);
    let [byte] = byte;
    Duration::from_millis((100_u64 << tries.min(5)) * (64 + u64::from(byte)) / 640)
}

async fn attempt(
    env: &SshEnv,
    hop: &Hop,
    via: Option<&Path>,
    ctl: &Path,
    cancel: &CancellationToken,
) -> Result<MasterUp, ConnectFailure> {
    let started = Instant::now();
    let alias = &hop.target.alias;
    let _ = std::fs::remove_file(ctl);

    let identity = identity::prepare(env, hop, ctl, cancel).await?;
    let askpass = match hop.target.login.secret_command() {
        None => None,
        Some((prompt, line)) => Some(listen(env, hop, ctl, prompt, line.as_str())?),
    };

    let mut args = Args::default();
    args.configuration(identity.config.as_deref().or(env.config_file.as_deref()));
    args.word("-f").word("-N").word("-M").path("-S", ctl);
    args.option("ControlPersist", PERSIST_SECONDS.to_string());
    args.extend(&identity.options);
    if askpass.is_some() {
        args.option("BatchMode", "no").option("NumberOfPasswordPrompts", "1");
    } else {
        args.option("BatchMode", "yes");
    }
    reach(&mut args, env, hop, via);
    args.forced(env).destination(&hop.target);

    let mut command = env.command("ssh");
    command.args(args.as_slice()).stderr(Stdio::piped()).process_group(0);
    by_sh(&mut command, via);
    if let (Some(askpass), Some(program)) = (&askpass, &env.own_program) {
        askpass.attach(&mut command, program);
    }
    let mut child = command.spawn().map_err(|e| cannot_run("ssh", &LocalFault::Start(e)))?;
    let group = Group::of(&child);
    let mut log = Vec::new();
    let mut stderr = child.stderr.take();
    let for_secret = if askpass.is_some() { COMMAND_LIMIT } else { Duration::ZERO };
    let limit = env.connect_timeout + for_secret + GRACE;
    let ended = {
        let mut block = [0_u8; 8192];
        let mut open = true;
        let wait = async {
            loop {
                tokio::select! {
                    biased;
                    read = read_some(&mut stderr, &mut block), if open => match read {
                        0 => open = false,
                        n => keep(&mut log, block.get(..n).unwrap_or_default()),
                    },
                    status = child.wait() => break status,
                }
            }
        };
        tokio::select! {
            status = wait => Ended::By(status),
            () = tokio::time::sleep(limit) => Ended::Late,
            () = cancel.cancelled() => Ended::Cancelled,
        }
    };
    match ended {
        Ended::By(Ok(status)) if status.success() => {
            group.forget();
            if cancel.is_cancelled() {
                close_master(ctl, None).await;
                return Err(ConnectFailure::cancelled(alias));
            }
            let facts = handshake::read(&String::from_utf8_lossy(&log));
            let socket = ctl.to_owned();
            let held = tokio::task::spawn_blocking(move || mux::hold(&socket, MUX_LIMIT)).await;
            match held {
                Ok(Ok((pid, lease))) => Ok(up(hop, ctl, pid, lease, started.elapsed(), facts)),
                Ok(Err(e)) => Err(ConnectFailure::new(
                    FailureKind::Unreachable,
                    format!("The connection to `{alias}` came up, but its control socket does not answer: {e}."),
                    "Call again.",
                )),
                Err(_) => Err(ConnectFailure::cancelled(alias)),
            }
        }
        Ended::By(Ok(_)) => {
            group.forget();
            let facts = handshake::read(&String::from_utf8_lossy(&log));
            if let Some(Answered::Failed(why)) = askpass.as_ref().map(Askpass::answered) {
                return Err(explain::no_secret(hop, &why));
            }
            Err(explain::explain(env, hop, via.is_some(), &facts, None, cancel).await)
        }
        Ended::By(Err(e)) => Err(cannot_run("ssh", &LocalFault::Start(e))),
        Ended::Late | Ended::Cancelled => {
            drop(group);
            let _ = tokio::time::timeout(END_STEP, child.wait()).await;
            // The end can have come just as the master detached; then its socket is there.
            if ctl.exists() {
                close_master(ctl, None).await;
            }
            if matches!(ended, Ended::Cancelled) {
                return Err(ConnectFailure::cancelled(alias));
            }
            let facts = handshake::read(&String::from_utf8_lossy(&log));
            Err(explain::explain(env, hop, via.is_some(), &facts, Some(limit), cancel).await)
        }
    }
}

fn listen(env: &SshEnv, hop: &Hop, ctl: &Path, prompt: Prompt, line: &str) -> Result<Askpass, ConnectFailure> {
    if env.own_program.is_none() {
        return Err(ConnectFailure::new(
            FailureKind::Broken,
            format!(
                "`{}` needs a passphrase or password, and this program cannot find its own file to ask for it.",
                hop.target.alias
            ),
            "Start the server by its full path.",
        ));
    }
    Askpass::listen(env, &identity::beside(ctl, ".a"), prompt, line).map_err(|e| {
        ConnectFailure::new(
            FailureKind::Broken,
            format!("The socket for the passphrase or password of `{}` cannot be made: {e}.", hop.target.alias),
            "See that the folder of control sockets has room.",
        )
    })
}

/// How the host is reached: through the master at `via`, or as ssh_config says, but never by a jump of ssh's own.
pub(in crate::ssh) fn reach(args: &mut Args, env: &SshEnv, hop: &Hop, via: Option<&Path>) {
    if let Some(hop_socket) = via {
        // Given first, this also keeps ssh from following a ProxyJump of its own.
        args.option("ProxyCommand", through(hop_socket)).option("ProxyUseFdpass", "no");
    } else if hop.resolved.proxy_jump().is_some() {
        args.option("ProxyJump", "none");
    }
    if env.known_hosts.is_some() && hop.resolved.get("knownhostscommand").is_some() {
        args.option("KnownHostsCommand", "none");
    }
}

/// The line of [`through`] is for `sh`, whatever shell the user has.
pub(in crate::ssh) fn by_sh(command: &mut tokio::process::Command, via: Option<&Path>) {
    if via.is_some() {
        command.env("SHELL", "/bin/sh");
    }
}

enum Ended {
    By(std::io::Result<std::process::ExitStatus>),
    Late,
    Cancelled,
}

fn up(hop: &Hop, ctl: &Path, pid: u32, lease: Lease, opened_in: Duration, facts: Handshake) -> MasterUp {
    MasterUp {
        control_path: ctl.to_owned(),
        lease: Arc::new(lease),
        pid: Some(pid),
        opened_in,
        opened_at: Instant::now(),
        hostname: hop.resolved.hostname.as_str().to_owned(),
        port: hop.resolved.port,
        user: hop.resolved.user.clone(),
        server_version: facts.server_version,
        host_key: facts.host_key,
    }
}

/// The ProxyCommand that runs through the master at `socket`, and through nothing else: without a live master the
/// inner `ssh` has no network to fall back to.
///
/// `sh` reads this line. The socket's path holds no character that a shell or ssh's tokens would read
/// (the control folder sees to it), and `%h` is a name that ssh has checked.
fn through(socket: &Path) -> String {
    format!(
        "ssh -F /dev/null -o ControlMaster=no -o ProxyCommand=false -o BatchMode=yes -S {} -W '[%h]:%p' hop",
        socket.display()
    )
}

async fn read_some(from: &mut Option<tokio::process::ChildStderr>, block: &mut [u8]) -> usize {
    match from {
        Some(from) => from.read(block).await.unwrap_or(0),
        None => 0,
    }
}

fn keep(log: &mut Vec<u8>, block: &[u8]) {
    let room = handshake::LOG_CAP.saturating_sub(log.len()).min(block.len());
    log.extend_from_slice(block.get(..room).unwrap_or_default());
}

/// Ends the master at `ctl`: asked over its socket, then, where `pid` is known and still is that master, by TERM and
/// KILL. Each step is bounded; the socket is gone afterwards.
pub async fn close_master(ctl: &Path, pid: Option<u32>) {
    let socket = ctl.to_owned();
    let said = tokio::task::spawn_blocking(move || {
        // Only a process that answers on our socket in our private folder is known to be our master.
        let said = mux::alive(&socket, END_STEP).ok();
        let asked = mux::terminate(&socket, END_STEP).is_ok();
        (said, asked)
    });
    let (said, asked) = said.await.unwrap_or((None, false));
    let _ = std::fs::remove_file(ctl);
    let pid = match (said, pid) {
        (Some(pid), _) => pid,
        (None, Some(pid)) if !asked && is_ssh_on(pid, ctl).await => pid,
        (None, Some(pid)) => return collect(Pid::from_raw(pid as i32)),
        _ => return,
    };
    let process = Pid::from_raw(pid as i32);
    if asked && gone_within(process, END_STEP).await {
        return;
    }
    for signal in [Signal::SIGTERM, Signal::SIGKILL] {
        if kill(process, signal) == Err(Errno::ESRCH) || gone_within(process, END_STEP).await {
            return;
        }
    }
}

/// As the first process of a container this program inherits its masters, and has to collect them. Elsewhere init does,
/// and the number of one that is gone may be another's.
fn collect(process: Pid) {
    use nix::sys::wait::{WaitPidFlag, waitpid};
    if std::process::id() == 1 {
        let _ = waitpid(process, Some(WaitPidFlag::WNOHANG));
    }
}

async fn gone_within(process: Pid, limit: Duration) -> bool {
    let end = Instant::now() + limit;
    loop {
        if !running(process) {
            collect(process);
            return true;
        }
        if Instant::now() >= end {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A process that has ended but that nobody has collected yet counts as gone: masters belong to init, and in a
/// container that may be a program that never collects.
fn running(process: Pid) -> bool {
    if kill(process, None) == Err(Errno::ESRCH) {
        return false;
    }
    // proc(5): the state follows the name, which may itself hold blanks and parentheses.
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    !stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with(['Z', 'X']))
}

/// True when the process's command line names this control socket: a number alone may have found a new owner.
async fn is_ssh_on(pid: u32, ctl: &Path) -> bool {
    use std::os::unix::ffi::OsStrExt as _;
    let socket = ctl.as_os_str().as_bytes();
    if let Ok(line) = std::fs::read(format!("/proc/{pid}/cmdline")) {
        return line.split(|b| *b == 0).any(|word| word == socket);
    }
    // No proc(5) here. The path is unique to one master and holds no blank.
    let mut command = tokio::process::Command::new("ps");
    command.args(["-ww", "-o", "command=", "-p", &pid.to_string()]).stdin(Stdio::null());
    let listed = local_program::run(command, None, END_STEP, 64 * 1024, &CancellationToken::new()).await;
    listed.is_ok_and(|done| done.stdout.kept.split(u8::is_ascii_whitespace).any(|word| word == socket))
}
