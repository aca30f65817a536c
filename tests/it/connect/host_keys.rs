//! What is pinned, what a host shows, and what is said about it.

use std::process::Command;

use ssh_mcp::internals::model::error::{ErrorName, ToolError};
use ssh_mcp::internals::ssh::connect::{
    ConnectFailure, ControlDir, FailureKind, Login, SshEnv, Target, close_master, plan,
};
use ssh_mcp::internals::ssh::known_hosts::{HostKeyReport, Outcome, live_key};
use tokio_util::sync::CancellationToken;

use super::{assert_empty, env, open, run_over, target};
use crate::sshd::{Agent, Options, Sshd, fingerprint, keygen};

/// A fresh look at the host key of a target without jump hosts.
pub async fn look(env: &SshEnv, target: &Target) -> Result<HostKeyReport, ConnectFailure> {
    let cancel = CancellationToken::new();
    let hop = plan(env, target, &cancel).await?.remove(0);
    live_key(env, &hop, None, &cancel).await
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

/// Each login by each pinned type: known_hosts holds one key of a host that has three.
#[tokio::test]
async fn a_pin_of_any_type_is_enough_for_every_login() {
    let host = Sshd::with(&Options { host_key_types: vec!["rsa", "ecdsa", "ed25519"], ..Options::default() });
    let agent = Agent::start();
    let (public, print) = agent.add_new_key("friend");
    host.authorize(&public);
    let config = host.path("ssh_config");
    let dir = ControlDir::create().unwrap();
    let pins: Vec<String> = host.known_hosts_text().lines().map(|line| format!("{line}\n")).collect();
    let logins = [
        Login::Agent { identity_agent: None, fingerprint: None },
        Login::Agent { identity_agent: Some(agent.socket()), fingerprint: Some(print) },
        Login::Key { path: host.user_key(), passphrase_cmd: None },
    ];
    for more in [&[][..], &["HostKeyAlgorithms +ssh-rsa"], &["HostKeyAlgorithms -rsa-sha2-256"]] {
        std::fs::write(&config, host.ssh_config_block("box", more)).unwrap();
        let env = env(&config);
        for (pin, shown) in pins.iter().zip(host.host_fingerprints()) {
            std::fs::write(host.known_hosts(), pin).unwrap();
            for login in &logins {
                let wanted = Target { login: login.clone(), ..target("box") };
                let up = open(&env, &wanted, &dir).await.unwrap_or_else(|e| panic!("{more:?} {login:?} {pin}: {e}"));
                assert_eq!(up[0].host_key.clone().unwrap().1, shown, "{more:?} {login:?}");
                close_master(&up[0].control_path, up[0].pid).await;
            }
        }
    }

    // An order that ssh_config gives is kept: the host shows what was asked for first, and that is not pinned.
    std::fs::write(&config, host.ssh_config_block("box", &["HostKeyAlgorithms rsa-sha2-512,ssh-ed25519"])).unwrap();
    std::fs::write(host.known_hosts(), &pins[2]).unwrap();
    let wanted = Target { login: logins[2].clone(), ..target("box") };
    let failure = open(&env(&config), &wanted, &dir).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::HostKeyChanged, "{failure}");
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
