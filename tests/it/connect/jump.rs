//! Hosts behind other hosts.

use std::process::Command;
use std::time::{Duration, Instant};

use ssh_mcp::internals::ssh::connect::{ControlDir, FailureKind, Jump, close_master, plan};
use ssh_mcp::internals::ssh::known_hosts::{Outcome, live_key};
use tokio_util::sync::CancellationToken;

use super::{alive, env, open, run_over, target};
use crate::sshd::{Sshd, free_port};

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
