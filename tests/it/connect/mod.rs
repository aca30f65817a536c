//! Opening masters against a real sshd.

mod causes;
mod host_keys;
mod jump;
mod login;
mod names;

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use ssh_mcp::internals::model::error::ErrorName;
use ssh_mcp::internals::ssh::connect::target::HostWord;
use ssh_mcp::internals::ssh::connect::{
    ConnectFailure, ControlDir, FailureKind, MasterUp, SshEnv, Target, close_master, open_master, plan,
};

use tokio_util::sync::CancellationToken;

use crate::sshd::{Options, Sshd, free_port};

fn env(config: &Path) -> SshEnv {
    SshEnv { config_file: Some(config.to_owned()), connect_timeout: Duration::from_secs(8), ..SshEnv::default() }
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

/// Processes whose command line names `what`.
fn processes_naming(what: &Path) -> usize {
    let what = what.to_string_lossy().into_owned();
    std::fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().bytes().all(|b| b.is_ascii_digit()))
        .filter(|entry| {
            let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&line).contains(&what)
        })
        .count()
}

/// Only the lock is left in the control folder.
fn assert_empty(dir: &ControlDir) {
    let names: Vec<_> = std::fs::read_dir(dir.path()).unwrap().flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(names, ["lock"]);
}

#[tokio::test]
async fn a_master_comes_up_and_goes() {
    let host = Sshd::start();
    let env = env(&host.ssh_config("box"));
    let dir = ControlDir::create().unwrap();
    let up = open(&env, &target("box"), &dir).await.unwrap().remove(0);
    assert_eq!((up.port, up.user.as_str(), up.hostname.as_str()), (host.port, host.user.as_str(), "127.0.0.1"));
    assert!(up.server_version.as_deref().is_some_and(|v| v.starts_with("SSH-2.0-OpenSSH")), "{:?}", up.server_version);
    assert_eq!(up.host_key.clone().unwrap().1, host.host_fingerprints()[0]);
    assert_eq!(run_over(&up.control_path, "echo up"), "up\n");
    let pid = up.pid.unwrap();
    assert!(alive(pid));
    close_master(&up.control_path, up.pid).await;
    assert!(!alive(pid));
    assert_empty(&dir);
}

#[tokio::test]
async fn a_master_that_does_not_answer_is_ended() {
    let host = Sshd::start();
    let env = env(&host.ssh_config("box"));
    let dir = ControlDir::create().unwrap();
    let up = open(&env, &target("box"), &dir).await.unwrap().remove(0);
    let pid = up.pid.unwrap();
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid as i32), nix::sys::signal::Signal::SIGSTOP).unwrap();
    let started = Instant::now();
    close_master(&up.control_path, up.pid).await;
    assert!(!alive(pid));
    assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
    assert_empty(&dir);
}

#[tokio::test]
async fn the_end_of_a_master_is_seen_at_once() {
    let host = Sshd::start();
    let env = env(&host.ssh_config("box"));
    let dir = ControlDir::create().unwrap();
    let up = open(&env, &target("box"), &dir).await.unwrap().remove(0);
    assert!(!up.lease.is_over());
    host.drop_connections();
    tokio::time::timeout(Duration::from_secs(5), up.lease.ended()).await.expect("the end was not seen");
    assert!(up.lease.is_over());
}

#[tokio::test]
async fn dropping_the_folder_ends_its_masters() {
    let host = Sshd::start();
    let env = env(&host.ssh_config("box"));
    let dir = ControlDir::create().unwrap();
    let up = open(&env, &target("box"), &dir).await.unwrap().remove(0);
    let path = dir.path().to_owned();
    drop(dir);
    assert!(!path.exists());
    let end = Instant::now() + Duration::from_secs(3);
    while alive(up.pid.unwrap()) {
        assert!(Instant::now() < end, "the master lives on");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_closed_port_fails_at_once_and_a_silent_one_in_time() {
    let host = Sshd::start();
    let mut env = env(&host.ssh_config("box"));
    env.connect_timeout = Duration::from_secs(1);
    let dir = ControlDir::create().unwrap();
    let mut closed = target("box");
    closed.port = Some(free_port());
    let failure = open(&env, &closed, &dir).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Unreachable, "{failure}");
    assert!(failure.what.contains("Connection refused"), "{failure}");
    assert!(failure.kind.worth_retrying());

    let silent = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let mut mute = target("box");
    mute.port = Some(silent.local_addr().unwrap().port());
    let started = Instant::now();
    let failure = open(&env, &mute, &dir).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Unreachable, "{failure}");
    assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
    assert!(host_keys::look(&env, &mute).await.is_err());
    assert_empty(&dir);
}

#[tokio::test]
async fn a_host_that_is_full_for_a_moment_is_tried_again() {
    let options = Options { max_startups: Some("1".to_owned()), ..Options::default() };
    let host = Sshd::with(&options);
    let env = env(&host.ssh_config("box"));
    let dir = ControlDir::create().unwrap();
    // Somebody who connects and does not log in takes the only place.
    let other = std::net::TcpStream::connect(("127.0.0.1", host.port)).unwrap();
    let leaves = async {
        let seen = async {
            // OpenSSH 9 and 10 say it in words of their own.
            let turned_away = |log: String| {
                log.contains("past MaxStartups")
                    || log.lines().any(|l| l.contains("drop connection") && l.contains("axstartups"))
            };
            while !turned_away(host.log()) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), seen).await.expect("somebody is turned away");
        drop(other);
    };
    let wanted = target("box");
    let (up, ()) = tokio::join!(open(&env, &wanted, &dir), leaves);
    for master in up.unwrap() {
        close_master(&master.control_path, master.pid).await;
    }

    // One that always hangs up is given up in time.
    let full = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let mut closing = target("box");
    closing.port = Some(full.local_addr().unwrap().port());
    std::thread::spawn(move || while full.accept().is_ok() {});
    let env = SshEnv { connect_timeout: Duration::from_secs(1), ..env };
    let failure = open(&env, &closing, &dir).await.unwrap_err();
    assert!(failure.hung_up && failure.next.contains("MaxStartups"), "{failure}");
}

#[tokio::test]
async fn a_name_that_does_not_resolve_is_not_tried_again() {
    let host = Sshd::start();
    let env = env(&host.ssh_config("box"));
    let dir = ControlDir::create().unwrap();
    let failure = open(&env, &target("no-such-host.invalid"), &dir).await.unwrap_err();
    assert_eq!(failure.kind.name(), ErrorName::ConnectError, "{failure}");
    assert!(failure.what.contains("no-such-host.invalid"), "{failure}");
}

#[tokio::test]
async fn cancelled_or_dropped_attempts_leave_nothing() {
    let host = Sshd::start();
    let env = env(&host.ssh_config("box"));
    let dir = ControlDir::create().unwrap();
    let silent = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let mut mute = target("box");
    mute.port = Some(silent.local_addr().unwrap().port());
    let cancel = CancellationToken::new();
    let hop = plan(&env, &mute, &cancel).await.unwrap().remove(0);

    let ctl = dir.fresh("a");
    let (result, ()) = tokio::join!(open_master(&env, &hop, None, &ctl, &cancel), async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        cancel.cancel();
    });
    assert_eq!(result.unwrap_err().kind, FailureKind::Cancelled);
    assert_eq!(processes_naming(&ctl), 0);

    let ctl = dir.fresh("b");
    let cancel = CancellationToken::new();
    let dropped = tokio::time::timeout(Duration::from_millis(200), open_master(&env, &hop, None, &ctl, &cancel)).await;
    assert!(dropped.is_err());
    let end = Instant::now() + Duration::from_secs(3);
    while processes_naming(&ctl) > 0 {
        assert!(Instant::now() < end, "an ssh lives on");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_empty(&dir);
}

#[tokio::test]
async fn an_attempt_cancelled_at_any_moment_leaves_no_master() {
    let host = Sshd::start();
    let env = env(&host.ssh_config("box"));
    let dir = ControlDir::create().unwrap();
    let hop = plan(&env, &target("box"), &CancellationToken::new()).await.unwrap().remove(0);
    // A handshake takes some 100 ms here: these moments lie before, inside and behind it.
    for step in 0..12_u64 {
        let (ctl, cancel) = (dir.fresh("c"), CancellationToken::new());
        let (result, ()) = tokio::join!(open_master(&env, &hop, None, &ctl, &cancel), async {
            tokio::time::sleep(Duration::from_millis(step * 25)).await;
            cancel.cancel();
        });
        match result {
            Ok(up) => close_master(&up.control_path, up.pid).await,
            Err(failure) => assert_eq!(failure.kind, FailureKind::Cancelled, "{failure}"),
        }
        assert!(!ctl.exists(), "step {step}");
    }
    let end = Instant::now() + Duration::from_secs(3);
    while processes_naming(dir.path()) > 0 {
        assert!(Instant::now() < end, "an ssh lives on");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_empty(&dir);
}

#[tokio::test]
async fn ssh_config_cannot_weaken_the_forced_options() {
    let host = Sshd::start();
    let config = host.path("ssh_config");
    let weak = [
        "StrictHostKeyChecking no",
        "UpdateHostKeys yes",
        "NoHostAuthenticationForLocalhost yes",
        "ForwardAgent yes",
        "LogLevel QUIET",
        "ControlMaster auto",
        "ControlPath none",
        "RemoteForward 127.0.0.1:1 127.0.0.1:1",
    ];
    std::fs::write(&config, host.ssh_config_block("box", &weak)).unwrap();
    std::fs::write(host.known_hosts(), "").unwrap();
    let env = env(&config);
    let dir = ControlDir::create().unwrap();
    let failure = open(&env, &target("box"), &dir).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::UnknownHost, "{failure}");
    assert_eq!(std::fs::read_to_string(host.known_hosts()).unwrap(), "");

    std::fs::write(host.known_hosts(), host.known_hosts_text()).unwrap();
    let up = open(&env, &target("box"), &dir).await.unwrap().remove(0);
    assert_eq!(run_over(&up.control_path, "echo ${SSH_AUTH_SOCK-none}"), "none\n");
    assert!(!host.log().contains("tcpip-forward"), "{}", host.log());
}

#[tokio::test]
async fn a_broken_ssh_config_is_named() {
    let host = Sshd::start();
    let config = host.path("ssh_config");
    std::fs::write(&config, "Host *\n  NoSuchOption yes\n").unwrap();
    let dir = ControlDir::create().unwrap();
    let failure = open(&env(&config), &target("box"), &dir).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Broken, "{failure}");
    assert!(failure.what.contains("bad configuration"), "{failure}");
}

#[cfg(feature = "deep")]
#[tokio::test]
async fn a_master_whose_owner_is_gone_ends_by_itself() {
    let host = Sshd::start();
    let env = env(&host.ssh_config("box"));
    let dir = ControlDir::create().unwrap();
    let up = open(&env, &target("box"), &dir).await.unwrap().remove(0);
    tokio::time::sleep(Duration::from_secs(75)).await;
    assert!(alive(up.pid.unwrap()), "held, it stays");
    let (pid, socket) = (up.pid.unwrap(), up.control_path.clone());
    // Nothing holds it any more, as after a crash.
    drop(up);
    tokio::time::sleep(Duration::from_secs(75)).await;
    assert!(!alive(pid));
    assert!(!socket.exists());
}

#[test]
fn control_folders_are_private_and_swept() {
    let runtime = tempfile::Builder::new().prefix("r").rand_bytes(3).tempdir_in("/tmp").unwrap();
    std::fs::set_permissions(runtime.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
    let dir = ControlDir::create_in(Some(runtime.path())).unwrap();
    assert!(dir.path().starts_with(runtime.path()), "{}", dir.path().display());
    assert!(dir.path().as_os_str().len() <= 45);
    assert!(dir.fresh("0123456789abcdef0123456789abcdef").as_os_str().len() <= 86);
    assert_eq!(std::fs::metadata(dir.path()).unwrap().mode() & 0o777, 0o700);

    // A folder whose owner is gone is swept, one whose owner lives is not.
    let parent = dir.path().parent().unwrap().to_owned();
    let stale = parent.join("999999-abcdef");
    std::fs::create_dir(&stale).unwrap();
    std::fs::set_permissions(&stale, std::fs::Permissions::from_mode(0o700)).unwrap();
    std::fs::write(stale.join("a-0"), "").unwrap();
    let second = ControlDir::create_in(Some(runtime.path())).unwrap();
    assert!(!stale.exists());
    assert!(dir.path().exists() && second.path().exists());
    let path = second.path().to_owned();
    drop(second);
    assert!(!path.exists());
    drop(dir);

    // A link or an open folder in the place of ours is refused.
    std::fs::remove_dir_all(&parent).unwrap();
    symlink("/tmp", &parent).unwrap();
    assert!(ControlDir::create_in(Some(runtime.path())).is_err());
    std::fs::remove_file(&parent).unwrap();
    std::fs::create_dir(&parent).unwrap();
    std::fs::set_permissions(&parent, std::fs::Permissions::from_mode(0o777)).unwrap();
    assert!(ControlDir::create_in(Some(runtime.path())).is_err());
}
