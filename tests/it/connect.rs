//! Opening masters against a real sshd.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use ssh_mcp::ssh::connect::target::HostWord;
use ssh_mcp::ssh::connect::{
    ConnectFailure, ControlDir, FailureKind, MasterUp, SshEnv, Target, close_master, open_master, plan,
};
use tokio_util::sync::CancellationToken;

use crate::sshd::Sshd;

fn env(config: &Path) -> SshEnv {
    SshEnv { config_file: Some(config.to_owned()), connect_timeout: Duration::from_secs(5), ..SshEnv::default() }
}

fn target(name: &str) -> Target {
    Target::new(name, HostWord::parse(name).unwrap())
}

/// Opens the whole way to a target, as the pool does; gives every master on it.
async fn open(env: &SshEnv, target: &Target, dir: &ControlDir) -> Result<Vec<MasterUp>, ConnectFailure> {
    let cancel = CancellationToken::new();
    let mut up: Vec<MasterUp> = Vec::new();
    for hop in plan(env, target, &cancel).await? {
        let via = up.last().map(|before| before.control_path.clone());
        let ctl = dir.fresh(hop.key.as_str());
        up.push(open_master(env, &hop, via.as_deref(), &ctl, &cancel).await?);
    }
    Ok(up)
}

/// Runs a command through a master with plain ssh.
fn run_over(ctl: &Path, command: &str) -> String {
    let done = Command::new("ssh")
        .args(["-F", "none", "-o", "ProxyCommand=false", "-S"])
        .arg(ctl)
        .args(["x", command])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8_lossy(&done.stdout).into_owned()
}

/// A zombie, waiting for an init that is slow to collect it, is not alive.
fn alive(pid: u32) -> bool {
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid as i32), None).is_ok()
        && !std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| stat.contains(") Z "))
}

#[tokio::test]
async fn a_master_comes_up_and_goes() {
    let host = Sshd::start();
    let env = env(&host.ssh_config("box"));
    let dir = ControlDir::create().unwrap();
    let up = open(&env, &target("box"), &dir).await.unwrap().remove(0);
    assert_eq!((up.port, up.user.as_str(), up.hostname.as_str()), (host.port, host.user.as_str(), "127.0.0.1"));
    assert!(up.server_version.as_deref().is_some_and(|v| v.starts_with("OpenSSH")), "{:?}", up.server_version);
    assert_eq!(up.host_key.clone().unwrap().1, host.host_fingerprints()[0]);
    assert_eq!(run_over(&up.control_path, "echo up"), "up\n");
    let pid = up.pid.unwrap();
    assert!(alive(pid));
    close_master(&up.control_path, up.pid).await;
    assert!(!alive(pid));
    assert!(!up.control_path.exists());
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "only the lock stays");
}

#[tokio::test]
async fn a_closed_port_fails_at_once_and_a_silent_one_in_time() {
    let host = Sshd::start();
    let mut env = env(&host.ssh_config("box"));
    env.connect_timeout = Duration::from_secs(1);
    let dir = ControlDir::create().unwrap();
    let mut closed = target("box");
    closed.port = Some(crate::sshd::free_port());
    let failure = open(&env, &closed, &dir).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Unreachable, "{failure}");
    assert!(failure.what.contains("Connection refused"), "{failure}");

    let silent = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let mut mute = target("box");
    mute.port = Some(silent.local_addr().unwrap().port());
    let started = Instant::now();
    let failure = open(&env, &mute, &dir).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Unreachable, "{failure}");
    assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
}
