//! Keys, agents, passphrases and passwords.

use std::path::PathBuf;

use ssh_mcp::internals::config::LocalCommand;
use ssh_mcp::internals::model::error::ErrorName;
use ssh_mcp::internals::ssh::connect::target::UserWord;
use ssh_mcp::internals::ssh::connect::{ControlDir, FailureKind, Login, Target, close_master};

use super::{assert_empty, env, open, run_over, target};
use crate::sshd::{Agent, Options, PASSWORD, Sshd, can_check_passwords, fingerprint, keygen};

fn with_login(name: &str, login: Login) -> Target {
    Target { login, ..target(name) }
}

fn key_login(path: PathBuf) -> Login {
    Login::Key { path, passphrase_cmd: None }
}

fn agent_login(agent: &Agent, fingerprint: Option<String>) -> Login {
    Login::Agent { identity_agent: Some(agent.socket()), fingerprint }
}

fn offers(host: &Sshd) -> usize {
    // sshd writes one such line for each key that a client offers.
    host.log().matches("userauth_pubkey: publickey test").count() + host.log().matches("trying public key file").count()
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
        crate::skips::skip("password logins need root with the right to mount");
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
