//! What the system's own programs need for the same, in the same run.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use openssh::Session;

/// A master of the bench's own, as a user would have one.
pub struct Master {
    config: PathBuf,
    socket: PathBuf,
    name: String,
    child: Child,
}

impl Master {
    pub fn open(config: &Path, folder: &Path, name: &str) -> Self {
        let socket = folder.join(format!("m-{name}"));
        let child = ssh(config).args(["-M", "-N", "-S"]).arg(&socket).arg(name).spawn().unwrap();
        let end = Instant::now() + Duration::from_secs(20);
        while !socket.exists() {
            assert!(Instant::now() < end, "ssh to {name} opens no master");
            std::thread::sleep(Duration::from_millis(20));
        }
        Master { config: config.to_owned(), socket, name: name.to_owned(), child }
    }

    /// `ssh HOST true` through the master.
    pub fn exec(&self) -> Duration {
        let mut command = ssh(&self.config);
        timed(command.arg("-S").arg(&self.socket).args([self.name.as_str(), "true"]))
    }

    /// One file by `sftp`.
    pub fn sftp(&self, line: &str) -> Duration {
        let mut command = self.with_master("sftp");
        command.args(["-b", "-"]).arg(&self.name).stdin(Stdio::piped());
        let began = Instant::now();
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(line.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success(), "sftp {line}");
        began.elapsed()
    }

    /// One file by `scp`; `{}` stands for the host.
    pub fn scp(&self, from: &str, to: &str) -> Duration {
        let mut command = self.with_master("scp");
        timed(command.arg("-q").args([from.replace("{}", &self.name), to.replace("{}", &self.name)]))
    }

    fn with_master(&self, program: &str) -> Command {
        let mut command = quiet(Command::new(program));
        command.arg("-F").arg(&self.config).arg("-o").arg(format!("ControlPath={}", self.socket.display()));
        command
    }

    /// A client of the multiplexing protocol on it, without a process of its own.
    pub fn attach(&self) -> Arc<Session> {
        Arc::new(Session::resume_mux(self.socket.clone().into_boxed_path(), None))
    }
}

impl Drop for Master {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `ssh HOST true` with a connection of its own.
pub fn cold(config: &Path, name: &str) -> Duration {
    timed(ssh(config).args(["-S", "none", name, "true"]))
}

/// One bare multiplexed `true`.
pub async fn bare(session: &Session) -> Duration {
    let began = Instant::now();
    let done = session.raw_command("true").stdin(openssh::Stdio::null()).output().await.unwrap();
    assert!(done.status.success());
    began.elapsed()
}

/// Bare executions a second, `at_once` of them running at any time.
pub async fn bare_rate(session: &Arc<Session>, at_once: usize, calls: usize) -> f64 {
    let began = Instant::now();
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..calls {
        if running.len() >= at_once {
            running.join_next().await;
        }
        let session = session.clone();
        running.spawn(async move { bare(&session).await });
    }
    while let Some(done) = running.join_next().await {
        done.unwrap();
    }
    calls as f64 / began.elapsed().as_secs_f64()
}

/// `cat`, as a program that answers a line by the same two pipes.
pub struct Echo {
    child: Child,
    lines: mpsc::Receiver<()>,
}

impl Echo {
    pub fn start() -> Self {
        let mut child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (told, lines) = mpsc::channel();
        // A thread reads, as the bench's client has one.
        std::thread::spawn(move || stdout.lines().take_while(Result::is_ok).all(|_| told.send(()).is_ok()));
        Echo { child, lines }
    }

    pub fn line(&mut self) -> Duration {
        let began = Instant::now();
        self.child.stdin.as_mut().unwrap().write_all(&[b"x".repeat(150).as_slice(), b"\n"].concat()).unwrap();
        self.lines.recv().unwrap();
        began.elapsed()
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

fn ssh(config: &Path) -> Command {
    let mut command = quiet(Command::new("ssh"));
    command.arg("-F").arg(config);
    command
}

fn quiet(mut command: Command) -> Command {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn timed(command: &mut Command) -> Duration {
    let began = Instant::now();
    let status = command.status().unwrap();
    let took = began.elapsed();
    assert!(status.success(), "{command:?}: {status}");
    took
}
