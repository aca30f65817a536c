//! What a refused login says: the cause, on which side it lies, and what helps.

use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use ssh_mcp::internals::ssh::connect::target::UserWord;
use ssh_mcp::internals::ssh::connect::{ConnectFailure, ControlDir, FailureKind, Login, SshEnv, Target, close_master};

use super::{env, open, target};
use crate::containers;
use crate::sshd::{Agent, Options, Sshd, fingerprint, keygen};

/// No agent of whoever runs the tests has a say.
fn without_agent(config: &Path) -> SshEnv {
    SshEnv { extra: vec![("SSH_AUTH_SOCK".into(), "".into())], ..env(config) }
}

async fn refused(env: &SshEnv, target: &Target) -> ConnectFailure {
    let dir = ControlDir::create().unwrap();
    let failure = open(env, target, &dir).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Authentication, "{failure}");
    assert!(failure.reached && !failure.kind.worth_retrying(), "{failure:?}");
    failure
}

fn says(failure: &ConnectFailure, what: &[&str], next: &[&str]) {
    for part in what {
        assert!(failure.what.contains(part), "{part}: {failure}");
    }
    for part in next {
        assert!(failure.next.contains(part), "{part}: {failure}");
    }
}

/// Every way in which a private key cannot be used, by both logins that use key files.
#[tokio::test]
async fn a_key_that_cannot_be_used_here_is_named_with_what_helps() {
    let host = Sshd::start();
    let env = without_agent(&host.ssh_config("box"));
    let (key, public, print) = (host.user_key(), host.path("user_key.pub"), fingerprint(&host.path("user_key.pub")));
    let good = std::fs::read(&key).unwrap();
    let path = key.display().to_string();
    let put = |text: &[u8], mode: u32| {
        let _ = std::fs::remove_file(&key);
        std::fs::write(&key, text).unwrap();
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    let locked = host.path("locked");
    put(&good, 0o600);
    std::fs::copy(&key, &locked).unwrap();
    let done = Command::new("ssh-keygen").args(["-q", "-p", "-P", "", "-N", "secret", "-f"]).arg(&locked).output();
    assert!(done.unwrap().status.success());
    let locked = std::fs::read(&locked).unwrap();

    let agent = target("box");
    let file = Target { login: Login::Key { path: key.clone(), passphrase_cmd: None }, ..target("box") };
    for wanted in [&agent, &file] {
        put(&good, 0o644);
        let failure = refused(&env, wanted).await;
        says(&failure, &["knows the key", &print, &path, "mode 0644"], &[&format!("chmod 600 {path}")]);

        put(&locked, 0o600);
        let failure = refused(&env, wanted).await;
        says(&failure, &["knows the key", &print, "passphrase"], &[]);
        let next = if wanted == &agent { format!("ssh-add {path}") } else { "passphrase_cmd".to_owned() };
        says(&failure, &[], &[&next]);

        put(b"not a key\n", 0o600);
        says(&refused(&env, wanted).await, &["knows the key", &path, "cannot be read as a private key"], &[&path]);
        put(b"", 0o600);
        says(&refused(&env, wanted).await, &["knows the key", &path, "cannot be read as a private key"], &[&path]);
    }
    std::fs::remove_file(&key).unwrap();
    says(&refused(&env, &agent).await, &["knows the key", "its private half", &path], &[&path]);

    // Without the public half the host has never heard of it.
    std::fs::remove_file(&public).unwrap();
    says(&refused(&env, &agent).await, &["refused the login", &format!("{path} is not there")], &[&path]);
    put(b"not a key\n", 0o600);
    says(&refused(&env, &agent).await, &["refused the login", &path, "cannot be read as a private key"], &[&path]);
    put(&locked, 0o600);
    // Its own format shows the public half without the passphrase, so the host is asked all the same.
    says(&refused(&env, &agent).await, &["knows the key", "passphrase"], &[&format!("ssh-add {path}")]);

    put(&good, 0o600);
    let dir = ControlDir::create().unwrap();
    let up = open(&env, &agent, &dir).await.unwrap().remove(0);
    close_master(&up.control_path, up.pid).await;
}

#[tokio::test]
async fn a_key_that_the_host_does_not_know_comes_with_the_command_by_alias() {
    let host = Sshd::start();
    let config = host.ssh_config("box");
    let env = without_agent(&config);
    std::fs::write(host.path("authorized_keys"), "").unwrap();
    let command = format!("ssh-copy-id -i {} -F {} box", host.path("user_key.pub").display(), config.display());
    let print = fingerprint(&host.path("user_key.pub"));
    says(&refused(&env, &target("box")).await, &["refused the login"], &["authorized_keys", &print, &command]);
}

#[tokio::test]
async fn too_many_keys_are_told_as_that() {
    let host = Sshd::start();
    let agent = Agent::start();
    for n in 0..8 {
        agent.add_new_key(&format!("k{n}"));
    }
    let config = host.path("ssh_config");
    let block = host.ssh_config_block("box", &[&format!("IdentityAgent {}", agent.socket().display())]);
    std::fs::write(&config, block.replace("IdentitiesOnly yes", "IdentitiesOnly no")).unwrap();
    let print = fingerprint(&host.path("user_key.pub"));
    let failure = refused(&env(&config), &target("box")).await;
    says(&failure, &["MaxAuthTries"], &["IdentitiesOnly yes", "`Host box`", "identity_fingerprint", &print]);
    assert!(!failure.next.contains("Call again"), "{failure}");
}

#[tokio::test]
async fn an_accepted_key_and_a_second_factor() {
    let extra = ["AuthenticationMethods publickey,password", "PasswordAuthentication yes"].map(str::to_owned).to_vec();
    let host = Sshd::with(&Options { extra, ..Options::default() });
    let env = without_agent(&host.ssh_config("box"));
    let file = Target { login: Login::Key { path: host.user_key(), passphrase_cmd: None }, ..target("box") };
    for wanted in [&target("box"), &file] {
        let failure = refused(&env, wanted).await;
        says(&failure, &["the key of", "was accepted", "password"], &["AuthenticationMethods publickey", "Match User"]);
        assert!(!failure.next.contains("authorized_keys"), "{failure}");
    }
}

#[tokio::test]
async fn a_host_that_takes_no_keys_names_what_it_takes() {
    let extra = ["PubkeyAuthentication no", "PasswordAuthentication yes"].map(str::to_owned).to_vec();
    let host = Sshd::with(&Options { extra, ..Options::default() });
    let failure = refused(&without_agent(&host.ssh_config("box")), &target("box")).await;
    says(
        &failure,
        &["methods it takes: password"],
        &["method = \"password\"", "[hosts.box.auth]", "ALLOW_PASSWORD_AUTH"],
    );
}

#[tokio::test]
async fn a_certificate_that_has_ended() {
    let extra = |host: &str| vec![format!("TrustedUserCAKeys {host}")];
    let keys = tempfile::tempdir().unwrap();
    let ca = keys.path().join("ca");
    keygen("ed25519", &ca, "");
    let host = Sshd::with(&Options { extra: extra(&format!("{}.pub", ca.display())), ..Options::default() });
    std::fs::write(host.path("authorized_keys"), "").unwrap();
    let env = without_agent(&host.ssh_config("box"));
    let sign = |times: &str| {
        let mut command = Command::new("ssh-keygen");
        command.args(["-q", "-I", "x", "-n", &host.user, "-V", times, "-s"]).arg(&ca).arg(host.path("user_key.pub"));
        assert!(command.status().unwrap().success());
    };
    sign("-2d:-1d");
    let certificate = host.path("user_key-cert.pub").display().to_string();
    says(&refused(&env, &target("box")).await, &[&certificate, "ended "], &["Renew it"]);
    sign("+1d:+2d");
    says(&refused(&env, &target("box")).await, &[&certificate, "begins "], &["Renew it"]);
    sign("-1d:+1d");
    let dir = ControlDir::create().unwrap();
    let up = open(&env, &target("box"), &dir).await.unwrap().remove(0);
    close_master(&up.control_path, up.pid).await;
}

/// An agent that lists its keys and waits for ever when it is to sign, as one does that asks a person.
fn waiting_agent(real: PathBuf, at: &Path) {
    let listener = UnixListener::bind(at).unwrap();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let (mut client, mut agent) = (client.unwrap(), UnixStream::connect(&real).unwrap());
            std::thread::spawn(move || {
                let message = |from: &mut UnixStream| {
                    let mut length = [0_u8; 4];
                    from.read_exact(&mut length).ok()?;
                    let mut body = vec![0_u8; u32::from_be_bytes(length) as usize];
                    from.read_exact(&mut body).ok()?;
                    Some([&length[..], &body].concat())
                };
                while let Some(asked) = message(&mut client) {
                    if asked[4] == 13 {
                        std::thread::sleep(Duration::from_secs(60));
                    }
                    agent.write_all(&asked).unwrap();
                    let Some(answer) = message(&mut agent) else { return };
                    let _ = client.write_all(&answer);
                }
            });
        }
    });
}

#[tokio::test]
async fn a_login_that_waits_shows_what_the_host_said() {
    let keys = tempfile::tempdir().unwrap();
    let banner = keys.path().join("banner");
    std::fs::write(&banner, "Approve this login:\nhttps://login.example/device/42\n").unwrap();
    let host = Sshd::with(&Options { extra: vec![format!("Banner {}", banner.display())], ..Options::default() });
    let agent = Agent::start();
    let (public, print) = agent.add_new_key("asks");
    host.authorize(&public);
    let socket = keys.path().join("waits");
    waiting_agent(agent.socket(), &socket);
    let mut env = env(&host.ssh_config("box"));
    env.connect_timeout = Duration::from_secs(2);
    let login = Login::Agent { identity_agent: Some(socket), fingerprint: Some(print.clone()) };
    let dir = ControlDir::create().unwrap();
    let failure = open(&env, &Target { login, ..target("box") }, &dir).await.unwrap_err();
    says(
        &failure,
        &["the login did not end", "https://login.example/device/42", "knows the key", &print],
        &["SSH_CONNECT_TIMEOUT", "person"],
    );
}

#[tokio::test]
async fn an_agent_that_refuses_to_sign_is_named() {
    let host = Sshd::start();
    let agent = Agent::start();
    let (public, print) = agent.add_new_key("asks");
    host.authorize(&public);
    // A key that wants a confirmation, and nobody who could give one.
    let key = host.add_user_key("confirmed", "");
    let env = SshEnv {
        extra: vec![("SSH_ASKPASS".into(), "/bin/false".into()), ("DISPLAY".into(), "".into())],
        ..env(&host.ssh_config("box"))
    };
    let added = Command::new("ssh-add").env("SSH_AUTH_SOCK", agent.socket()).arg("-qc").arg(&key).status().unwrap();
    assert!(added.success());
    let wanted = fingerprint(&key.with_extension("pub"));
    let login = Login::Agent { identity_agent: Some(agent.socket()), fingerprint: Some(wanted.clone()) };
    let failure = refused(&env, &Target { login, ..target("box") }).await;
    says(&failure, &["knows the key", &wanted, "agent refused operation"], &["agent"]);
    assert!(!failure.to_string().contains(&print), "{failure}");
}

#[tokio::test]
async fn every_line_of_a_proxy_command_and_of_a_broken_configuration_is_kept() {
    let host = Sshd::start();
    let config = host.path("ssh_config");
    let dir = ControlDir::create().unwrap();
    std::fs::write(&config, host.ssh_config_block("box", &["ProxyCommand sh -c 'echo cannot reach vpn >&2; exit 1'"]))
        .unwrap();
    let failure = open(&env(&config), &target("box"), &dir).await.unwrap_err();
    says(&failure, &["cannot reach vpn"], &["box"]);

    std::fs::write(&config, "Host box\n  Hst x\n").unwrap();
    let failure = open(&env(&config), &target("box"), &dir).await.unwrap_err();
    says(&failure, &["line 2: Bad configuration option: hst"], &[]);
}

/// What PAM says when the key was good: it is the answer, and there is one knock for each.
#[tokio::test]
async fn a_closed_host_and_an_expired_account_are_told_in_the_words_of_the_host() {
    let Some(host) = containers::new_systemd_host(&[]) else { return };
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("ssh_config");
    let text = format!(
        "Host box\n  HostName 127.0.0.1\n  Port {}\n  IdentityFile {}\n  UserKnownHostsFile {}\n",
        host.port,
        host.key().display(),
        host.known_hosts().display()
    );
    std::fs::write(&config, text).unwrap();
    let env = without_agent(&config);
    let wanted = Target { user: Some(UserWord::parse("bob").unwrap()), ..target("box") };
    let sh = |line: &str| assert!(host.inside(&["sh", "-c", line]).status.success(), "{line}");
    let knocks = || {
        let log = host.inside(&["journalctl", "-u", "ssh", "--no-pager", "-q"]);
        String::from_utf8_lossy(&log.stdout).matches("Connection closed by authenticating user bob").count()
            + String::from_utf8_lossy(&log.stdout).matches("Access denied for user bob").count()
    };

    sh("echo 'down until 18:00' >/etc/nologin");
    let before = knocks();
    let failure = refused(&env, &wanted).await;
    says(&failure, &["accepted the key", "down until 18:00"], &["/etc/nologin"]);
    assert!(!failure.next.contains("Call again"), "{failure}");
    assert!(knocks() <= before + 2, "{failure}");
    sh("rm /etc/nologin && chage -E 2000-01-01 bob");
    let failure = refused(&env, &wanted).await;
    says(&failure, &["accepted the key", "Your account has expired"], &["administrator"]);
    assert!(!failure.next.contains("Call again"), "{failure}");
}
