//! Opening masters against a real sshd.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use ssh_mcp::config::LocalCommand;
use ssh_mcp::model::error::{ErrorName, ToolError};
use ssh_mcp::ssh::connect::target::{HostWord, UserWord};
use ssh_mcp::ssh::connect::{
    ConnectFailure, ControlDir, FailureKind, Jump, Login, MasterUp, SshEnv, Target, close_master, open_master, plan,
};
use ssh_mcp::ssh::known_hosts::{HostKeyReport, Outcome, live_key};
use tokio_util::sync::CancellationToken;

use crate::sshd::{Agent, Options, PASSWORD, Sshd, can_check_passwords, fingerprint, free_port, keygen};

fn env(config: &Path) -> SshEnv {
    SshEnv { config_file: Some(config.to_owned()), connect_timeout: Duration::from_secs(8), ..SshEnv::default() }
}

fn target(name: &str) -> Target {
    Target::new(name, HostWord::parse(name).unwrap())
}

fn with_login(name: &str, login: Login) -> Target {
    Target { login, ..target(name) }
}

fn key_login(path: PathBuf) -> Login {
    Login::Key { path, passphrase_cmd: None }
}

fn agent_login(agent: &Agent, fingerprint: Option<String>) -> Login {
    Login::Agent { identity_agent: Some(agent.socket()), fingerprint }
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

/// A fresh look at the host key of a target without jump hosts.
async fn look(env: &SshEnv, target: &Target) -> Result<HostKeyReport, ConnectFailure> {
    let cancel = CancellationToken::new();
    let hop = plan(env, target, &cancel).await?.remove(0);
    live_key(env, &hop, None, &cancel).await
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

fn offers(host: &Sshd) -> usize {
    // sshd writes one such line for each key that a client offers.
    host.log().matches("userauth_pubkey: publickey test").count() + host.log().matches("trying public key file").count()
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
    assert!(look(&env, &mute).await.is_err());
    assert_empty(&dir);
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
async fn the_four_outcomes_of_a_host_key() {
    let host = Sshd::start();
    let known = host.known_hosts();
    let print = host.host_fingerprints().remove(0);
    let env = env(&host.ssh_config("box"));
    let dir = ControlDir::create().unwrap();
    let report = look(&env, &target("box")).await.unwrap();
    assert_eq!(report.outcome, Outcome::Match);
    assert_eq!(report.expected(), [print.as_str()]);
    assert!(report.server_version.is_some_and(|v| v.starts_with("SSH-2.0-OpenSSH")));

    std::fs::write(&known, "").unwrap();
    let failure = open(&env, &target("box"), &dir).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::UnknownHost, "{failure}");
    assert!(failure.reached && failure.alias == "box" && failure.server_version.is_some(), "{failure:?}");
    assert!(failure.what.contains(&print) && failure.next.contains("ssh-keyscan"), "{failure}");
    let report = look(&env, &target("box")).await.unwrap();
    assert_eq!((report.outcome, report.live.unwrap().fingerprint), (Outcome::Unknown, print.clone()));

    let other = host.path("other_host_key");
    keygen("ed25519", &other, "");
    let other_line = std::fs::read_to_string(other.with_extension("pub")).unwrap();
    let other_print = fingerprint(&other.with_extension("pub"));
    std::fs::write(&known, format!("[127.0.0.1]:{} {other_line}", host.port)).unwrap();
    let failure = open(&env, &target("box"), &dir).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::HostKeyChanged, "{failure}");
    assert!(failure.what.contains(&print) && failure.what.contains(&other_print), "{failure}");
    assert!(failure.next.contains(&format!("ssh-keygen -R '[127.0.0.1]:{}'", host.port)), "{failure}");
    assert_eq!(ToolError::from(failure).name, ErrorName::HostKeyMismatch);
    let report = look(&env, &target("box")).await.unwrap();
    assert_eq!(report.outcome, Outcome::Changed);
    assert_eq!(report.expected(), [other_print.as_str()]);

    let revoked: String = host.known_hosts_text().lines().map(|line| format!("@revoked {line}\n")).collect();
    std::fs::write(&known, revoked).unwrap();
    let failure = open(&env, &target("box"), &dir).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::HostKeyRevoked, "{failure}");
    assert!(failure.what.contains("known_hosts line 1"), "{failure}");
    assert_eq!(look(&env, &target("box")).await.unwrap().outcome, Outcome::Revoked);
    assert_empty(&dir);
}

#[tokio::test]
async fn hashed_entries_authorities_and_revocation_files() {
    let host = Sshd::start();
    let known = host.known_hosts();
    let config = host.ssh_config("box");
    let env = env(&config);
    let hashed = Command::new("ssh-keygen").args(["-q", "-H", "-f"]).arg(&known).output().unwrap();
    assert!(hashed.status.success());
    assert!(std::fs::read_to_string(&known).unwrap().starts_with("|1|"));
    let report = look(&env, &target("box")).await.unwrap();
    assert_eq!((report.outcome, report.expected().len()), (Outcome::Match, 1));

    let block =
        host.ssh_config_block("box", &[&format!("RevokedHostKeys {}", host.path("host_ed25519.pub").display())]);
    std::fs::write(&config, block).unwrap();
    assert_eq!(look(&env, &target("box")).await.unwrap().outcome, Outcome::Revoked);

    // A pinned authority, and a host that shows a bare key.
    host.ssh_config("box");
    let line = std::fs::read_to_string(host.path("user_key.pub")).unwrap();
    std::fs::write(&known, format!("@cert-authority [127.0.0.1]:{} {line}", host.port)).unwrap();
    assert_eq!(look(&env, &target("box")).await.unwrap().outcome, Outcome::Changed);
}

#[tokio::test]
async fn one_of_several_key_types_is_enough() {
    let host = Sshd::with(&Options { host_key_types: vec!["rsa", "ed25519"], ..Options::default() });
    let known = host.known_hosts();
    let first = host.known_hosts_text().lines().next().unwrap().to_owned();
    std::fs::write(&known, format!("{first}\n")).unwrap();
    let env = env(&host.ssh_config("box"));
    let report = look(&env, &target("box")).await.unwrap();
    assert_eq!(report.outcome, Outcome::Match);
    assert_eq!(report.expected()[0], report.live.as_ref().unwrap().fingerprint);
}

#[tokio::test]
async fn a_fresh_look_sees_a_key_that_changed_under_a_running_master() {
    let host = Sshd::start();
    let env = env(&host.ssh_config("box"));
    let dir = ControlDir::create().unwrap();
    let up = open(&env, &target("box"), &dir).await.unwrap().remove(0);
    std::fs::write(host.known_hosts(), host.known_hosts_text().replace("[127.0.0.1]", "[127.0.0.2]")).unwrap();
    assert_eq!(run_over(&up.control_path, "echo still"), "still\n");
    assert_eq!(look(&env, &target("box")).await.unwrap().outcome, Outcome::Unknown);
    close_master(&up.control_path, up.pid).await;
}

#[tokio::test]
async fn a_named_known_hosts_file_is_the_only_one() {
    let host = Sshd::start();
    let mut env = env(&host.ssh_config("box"));
    let empty = host.path("empty known hosts");
    std::fs::write(&empty, "").unwrap();
    env.known_hosts = Some(empty.clone());
    let dir = ControlDir::create().unwrap();
    let failure = open(&env, &target("box"), &dir).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::UnknownHost, "{failure}");
    assert!(failure.next.contains("empty known hosts"), "{failure}");
    std::fs::write(&empty, host.known_hosts_text()).unwrap();
    assert!(open(&env, &target("box"), &dir).await.is_ok());
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
async fn logins_that_fail_say_who_and_how() {
    let host = Sshd::start();
    let env = env(&host.ssh_config("box"));
    let dir = ControlDir::create().unwrap();
    let mut stranger = target("box");
    stranger.user = Some(UserWord::parse("no-such-user").unwrap());
    let failure = open(&env, &stranger, &dir).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Authentication, "{failure}");
    assert!(failure.what.contains("no-such-user@127.0.0.1"), "{failure}");
    assert!(failure.what.contains("publickey"), "{failure}");
    assert!(!failure.kind.worth_retrying());

    let gone = with_login("box", key_login(host.path("no_such_key")));
    let failure = open(&env, &gone, &dir).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Authentication, "{failure}");
    assert!(failure.what.contains("no_such_key"), "{failure}");
    assert_empty(&dir);
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

#[tokio::test]
async fn jump_hosts_of_ssh_config_are_masters_of_ours() {
    let (near, middle, far) = (Sshd::start(), Sshd::start(), Sshd::start());
    let config = near.path("ssh_config");
    let text = format!(
        "{}{}{}",
        far.ssh_config_block("far", &["ProxyJump near,middle"]),
        middle.ssh_config_block("middle", &[]),
        near.ssh_config_block("near", &[]),
    );
    std::fs::write(&config, text).unwrap();
    let env = env(&config);
    let dir = ControlDir::create().unwrap();
    let up = open(&env, &target("far"), &dir).await.unwrap();
    assert_eq!(up.iter().map(|m| m.port).collect::<Vec<_>>(), [near.port, middle.port, far.port]);
    let last = up.last().unwrap();
    assert_eq!(last.host_key.clone().unwrap().1, far.host_fingerprints()[0]);
    assert_eq!(run_over(&last.control_path, "echo far"), "far\n");
    // The far host was reached from the middle one, not from here.
    assert!(middle.log().contains(&format!("port {}", far.port)), "{}", middle.log());

    // Without the hop, the connection through it goes, and its ssh does not try another way.
    close_master(&up[1].control_path, up[1].pid).await;
    let end = Instant::now() + Duration::from_secs(5);
    while alive(last.pid.unwrap()) {
        assert!(Instant::now() < end, "the far master outlives its way");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    close_master(&up[0].control_path, up[0].pid).await;
}

#[tokio::test]
async fn a_jump_host_with_accept_new_and_an_unknown_key_is_refused() {
    let (near, far) = (Sshd::start(), Sshd::start());
    let config = near.path("ssh_config");
    std::fs::write(near.known_hosts(), "").unwrap();
    let text = format!(
        "{}{}",
        far.ssh_config_block("far", &["ProxyJump near"]),
        near.ssh_config_block("near", &["StrictHostKeyChecking accept-new"])
    );
    std::fs::write(&config, text).unwrap();
    let before = std::fs::read(far.known_hosts()).unwrap();
    let env = env(&config);
    let dir = ControlDir::create().unwrap();
    let failure = open(&env, &target("far"), &dir).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::UnknownHost, "{failure}");
    assert!(failure.what.contains("`near`"), "{failure}");
    assert_eq!(std::fs::read_to_string(near.known_hosts()).unwrap(), "");
    assert_eq!(std::fs::read(far.known_hosts()).unwrap(), before);

    // The same set-up with plain ssh does add the key: without that, the test above would prove nothing.
    let plain =
        Command::new("ssh").arg("-F").arg(&config).args(["-o", "BatchMode=yes", "far", "true"]).output().unwrap();
    assert!(plain.status.success(), "{}", String::from_utf8_lossy(&plain.stderr));
    assert!(!std::fs::read_to_string(near.known_hosts()).unwrap().is_empty());
}

#[tokio::test]
async fn jump_hosts_of_hosts_toml_and_what_lies_behind_them() {
    let (near, far) = (Sshd::start(), Sshd::start());
    let config = near.path("ssh_config");
    std::fs::write(&config, format!("{}{}", far.ssh_config_block("far", &[]), near.ssh_config_block("near", &[])))
        .unwrap();
    let env = env(&config);
    let dir = ControlDir::create().unwrap();
    let mut through = target("far");
    through.jump = Jump::Through(vec![target("near")]);
    let up = open(&env, &through, &dir).await.unwrap();
    assert_eq!(up.iter().map(|m| m.port).collect::<Vec<_>>(), [near.port, far.port]);

    // A key behind the jump host can be looked at as well.
    let cancel = CancellationToken::new();
    let hops = plan(&env, &through, &cancel).await.unwrap();
    let report = live_key(&env, &hops[1], Some(&up[0].control_path), &cancel).await.unwrap();
    assert_eq!((report.outcome, report.live.unwrap().fingerprint), (Outcome::Match, far.host_fingerprints().remove(0)));

    // A port that nothing listens on behind the jump host is told as that.
    through.port = Some(free_port());
    let failure = open(&env, &through, &dir).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Unreachable, "{failure}");
    assert!(failure.what.contains("jump host could not reach"), "{failure}");
}

#[tokio::test]
async fn a_circle_of_jump_hosts_ends() {
    let host = Sshd::start();
    let config = host.path("ssh_config");
    std::fs::write(&config, "Host a\n  ProxyJump b\nHost b\n  ProxyJump a\n").unwrap();
    let dir = ControlDir::create().unwrap();
    let failure = open(&env(&config), &target("a"), &dir).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Broken, "{failure}");
    assert!(failure.what.contains("circle"), "{failure}");
}

#[tokio::test]
async fn method_key_offers_that_key_alone() {
    let host = Sshd::start();
    let agent = Agent::start();
    let (public, _) = agent.add_new_key("agent_key");
    host.authorize(&public);
    let config = host.path("ssh_config");
    // Much of what a user's configuration may hold, so that the generated one has to carry it.
    let rich = [
        &format!("IdentityAgent {}", agent.socket().display()),
        "SetEnv FOO=\"a b\"",
        "SendEnv LANG LC_*",
        "LocalForward 127.0.0.1:1 [::1]:90",
        "DynamicForward 127.0.0.1:2",
        "RemoteCommand echo hi",
        "Ciphers aes128-ctr,aes256-ctr",
        "KexAlgorithms curve25519-sha256",
        "RekeyLimit 1G 1h",
        "IPQoS lowdelay throughput",
        "HashKnownHosts yes",
        "CanonicalDomains example.com example.org",
        "CertificateFile ~/.ssh/%h-cert.pub",
    ];
    std::fs::write(&config, host.ssh_config_block("box", &rich)).unwrap();
    let env = env(&config);
    let dir = ControlDir::create().unwrap();

    let stranger = host.path("stranger key");
    keygen("ed25519", &stranger, "");
    let before = offers(&host);
    let failure = open(&env, &with_login("box", key_login(stranger.clone())), &dir).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Authentication, "{failure}");
    assert!(failure.next.contains(&fingerprint(&PathBuf::from(format!("{}.pub", stranger.display())))), "{failure}");
    let offered = offers(&host) - before;
    assert!(offered >= 1, "{}", host.log());

    host.authorize(&std::fs::read_to_string(format!("{}.pub", stranger.display())).unwrap());
    let up = open(&env, &with_login("box", key_login(stranger)), &dir).await.unwrap().remove(0);
    assert_eq!(run_over(&up.control_path, "echo in"), "in\n");
    close_master(&up.control_path, up.pid).await;
    assert_empty(&dir);
}

#[tokio::test]
async fn a_fingerprint_picks_one_agent_key() {
    let host = Sshd::start();
    let agent = Agent::start();
    let (_, stranger) = agent.add_new_key("stranger");
    let (public, friend) = agent.add_new_key("friend");
    host.authorize(&public);
    let env = env(&host.ssh_config("box"));
    let dir = ControlDir::create().unwrap();

    let up = open(&env, &with_login("box", agent_login(&agent, Some(friend.clone()))), &dir).await.unwrap().remove(0);
    close_master(&up.control_path, up.pid).await;

    // ssh_config's own key could log in; it is not offered.
    let failure = open(&env, &with_login("box", agent_login(&agent, Some(stranger.clone()))), &dir).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Authentication, "{failure}");
    assert!(failure.next.contains(&stranger) && !failure.next.contains(&friend), "{failure}");

    let absent = "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".to_owned();
    let failure = open(&env, &with_login("box", agent_login(&agent, Some(absent.clone()))), &dir).await.unwrap_err();
    assert_eq!(failure.kind.name(), ErrorName::AgentFingerprintNotFound, "{failure}");
    assert!(failure.what.contains(&absent) && failure.what.contains(&friend[..19]), "{failure}");
    assert!(!failure.what.contains(&friend), "shortened: {failure}");

    let nowhere = Login::Agent { identity_agent: Some(host.path("no_agent")), fingerprint: Some(friend) };
    let failure = open(&env, &with_login("box", nowhere), &dir).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::AgentKeyMissing, "{failure}");
    assert!(failure.what.contains("no_agent"), "{failure}");
    assert_empty(&dir);
}

#[tokio::test]
async fn a_passphrase_comes_from_its_command() {
    let host = Sshd::start();
    let key = host.add_user_key("locked", "open sesame");
    let mut env = env(&host.ssh_config("box"));
    env.own_program = Some(PathBuf::from(env!("CARGO_BIN_EXE_ssh-mcp")));
    let dir = ControlDir::create().unwrap();
    let with = |command: Option<&str>| {
        with_login("box", Login::Key { path: key.clone(), passphrase_cmd: command.and_then(LocalCommand::new) })
    };

    let up = open(&env, &with(Some("echo 'open sesame'")), &dir).await.unwrap().remove(0);
    assert_eq!(run_over(&up.control_path, "echo in"), "in\n");
    let told = std::fs::read(format!("/proc/{}/environ", up.pid.unwrap())).unwrap_or_default();
    assert!(!String::from_utf8_lossy(&told).contains("sesame"));
    close_master(&up.control_path, up.pid).await;

    let failure = open(&env, &with(None), &dir).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Authentication, "{failure}");
    assert!(failure.next.contains("passphrase_cmd"), "{failure}");

    let failure = open(&env, &with(Some("echo wrong")), &dir).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Authentication, "{failure}");
    assert!(failure.next.contains("does not open the key"), "{failure}");

    let failure = open(&env, &with(Some("echo secret words >&2; exit 7")), &dir).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Authentication, "{failure}");
    assert!(failure.what.contains("status was 7") && !failure.to_string().contains("secret"), "{failure}");
    assert_empty(&dir);
}

#[tokio::test]
async fn a_host_that_takes_no_password_is_told_so_and_gets_none() {
    let host = Sshd::start();
    let mut env = env(&host.ssh_config("box"));
    env.own_program = Some(PathBuf::from(env!("CARGO_BIN_EXE_ssh-mcp")));
    let dir = ControlDir::create().unwrap();
    let trace = host.path("asked");
    let line = format!("touch '{}'; echo secret", trace.display());
    let login = Login::Password { password_cmd: LocalCommand::new(&line).unwrap() };
    let failure = open(&env, &with_login("box", login), &dir).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Authentication, "{failure}");
    assert!(failure.next.contains("takes no passwords"), "{failure}");
    assert!(!trace.exists(), "the command ran although nobody asked");
}

#[tokio::test]
async fn a_password_comes_from_its_command_and_nothing_else_is_offered() {
    if !can_check_passwords() {
        assert!(!cfg!(feature = "deep"), "the deep run needs root with the right to mount");
        println!("password logins were NOT tested: that needs root with the right to mount");
        return;
    }
    let host = Sshd::with(&Options { password: true, ..Options::default() });
    let mut env = env(&host.ssh_config("box"));
    env.own_program = Some(PathBuf::from(env!("CARGO_BIN_EXE_ssh-mcp")));
    let dir = ControlDir::create().unwrap();
    let with = |line: &str| with_login("box", Login::Password { password_cmd: LocalCommand::new(line).unwrap() });

    let up = open(&env, &with(&format!("echo '{PASSWORD}'")), &dir).await.unwrap().remove(0);
    assert_eq!(run_over(&up.control_path, "echo in"), "in\n");
    close_master(&up.control_path, up.pid).await;
    assert_eq!(offers(&host), 0, "{}", host.log());

    let tries = host.path("tries");
    let wrong = format!("echo x >>'{}'; echo wrong", tries.display());
    let failure = open(&env, &with(&wrong), &dir).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Authentication, "{failure}");
    assert!(failure.next.contains("password_cmd") && !failure.to_string().contains("wrong"), "{failure}");
    assert_eq!(std::fs::read_to_string(&tries).unwrap(), "x\n", "asked once");
    assert_empty(&dir);
}

#[cfg(feature = "deep")]
#[tokio::test]
async fn a_master_whose_owner_is_gone_ends_by_itself() {
    let host = Sshd::start();
    let env = env(&host.ssh_config("box"));
    let dir = ControlDir::create().unwrap();
    let up = open(&env, &target("box"), &dir).await.unwrap().remove(0);
    // Nothing asks it anything any more, as after a crash.
    tokio::time::sleep(Duration::from_secs(75)).await;
    assert!(!alive(up.pid.unwrap()));
    assert!(!up.control_path.exists());
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
