//! Names that ssh accepts and that are more than letters and digits: as one word, and never a shell's.

use ssh_mcp::internals::ssh::connect::target::UserWord;
use ssh_mcp::internals::ssh::connect::{ControlDir, FailureKind, Login, SshEnv, Target, close_master};

use super::{env, open, run_over, target};
use crate::sshd::{Options, Sshd};

#[tokio::test]
async fn login_names_reach_the_server_whole() {
    let host = Sshd::start();
    let env = env(&host.ssh_config("box"));
    let dir = ControlDir::create().unwrap();
    for name in ["me@corp", "CORP\\me", "user:target", "me@asset@gate", "dom+me", "first last", "svc$"] {
        let logins = [
            Login::Agent { identity_agent: None, fingerprint: None },
            Login::Key { path: host.user_key(), passphrase_cmd: None },
        ];
        for login in logins {
            let user = Some(UserWord::parse(name).unwrap());
            let failure = open(&env, &Target { user, login, ..target("box") }, &dir).await.unwrap_err();
            assert_eq!(failure.kind, FailureKind::Authentication, "{name}: {failure}");
            assert!(failure.what.contains(&format!("login of {name}@127.0.0.1")), "{failure}");
        }
        // sshd doubles a backslash in its log, and calls what follows a colon the style of the login.
        let told = name.split(':').next().unwrap().replace('\\', "\\\\");
        assert_eq!(host.log().matches(&format!("Invalid user {told} from")).count(), 2, "{name}: {}", host.log());
    }
}

#[tokio::test]
async fn a_name_that_a_shell_would_read_is_kept_from_commands() {
    let host = Sshd::start();
    let config = host.path("ssh_config");
    let trace = host.path("trace");
    let command = format!("ProxyCommand sh -c 'echo %r >>{}; exit 1'", trace.display());
    std::fs::write(&config, host.ssh_config_block("box", &[&command])).unwrap();
    let dir = ControlDir::create().unwrap();
    for (name, refused) in [("CORP\\me", true), ("a b", true), ("svc$", true), ("me@corp", false), ("a:b", false)] {
        let user = Some(UserWord::parse(name).unwrap());
        let failure = open(&env(&config), &Target { user, ..target("box") }, &dir).await.unwrap_err();
        let told = failure.kind == FailureKind::Broken && failure.what.contains("%r");
        assert_eq!(told, refused, "{name}: {failure}");
    }
    let seen = std::fs::read_to_string(&trace).unwrap();
    assert!(seen.lines().all(|line| line == "me@corp" || line == "a:b") && seen.contains("a:b"), "{seen}");
}

#[tokio::test]
async fn names_of_machines_go_by_the_proxy_command_of_ssh_config() {
    let host = Sshd::start();
    let config = host.path("ssh_config");
    let block = host.ssh_config_block("box", &[]);
    let way = format!(
        "Host machine/*\n  ProxyCommand ssh -F {} -W 127.0.0.1:{} box\n  HostKeyAlias [127.0.0.1]:{}\n  User {}\n  \
         IdentityFile {}\n  UserKnownHostsFile {}\n",
        config.display(),
        host.port,
        host.port,
        host.user,
        host.user_key().display(),
        host.known_hosts().display()
    );
    std::fs::write(&config, format!("{block}{way}")).unwrap();
    let dir = ControlDir::create().unwrap();
    let key = Login::Key { path: host.user_key(), passphrase_cmd: None };
    for login in [Login::Agent { identity_agent: None, fingerprint: None }, key] {
        let up = open(&env(&config), &Target { login, ..target("machine/web") }, &dir).await.unwrap().remove(0);
        assert_eq!(run_over(&up.control_path, "echo in"), "in\n");
        close_master(&up.control_path, up.pid).await;
    }
    let failure = open(&env(&config), &target("vsock/3"), &dir).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Broken, "{failure}");
    assert!(failure.what.contains("only a ProxyCommand can reach"), "{failure}");
}

/// ssh takes names of letters of any script; what they stand for is said by ssh_config here.
#[tokio::test]
async fn a_name_of_letters_beyond_ascii_is_reached() {
    let host = Sshd::start();
    let config = host.path("ssh_config");
    std::fs::write(&config, host.ssh_config_block("b\u{fc}cher.example", &[])).unwrap();
    let dir = ControlDir::create().unwrap();
    let up = open(&env(&config), &target("b\u{fc}cher.example"), &dir).await.unwrap().remove(0);
    assert_eq!(run_over(&up.control_path, "echo in"), "in\n");
    close_master(&up.control_path, up.pid).await;
}

/// What of the local side decides how ssh starts commands: hops are ours, whatever shell and options the user has.
#[tokio::test]
async fn hops_run_by_sh_and_without_passing_descriptors() {
    let (gate, host) = (Sshd::start(), Sshd::with(&Options::default()));
    let config = gate.path("ssh_config");
    let text = format!(
        "{}{}",
        gate.ssh_config_block("gate", &[]),
        host.ssh_config_block("box", &["ProxyJump gate", "ProxyUseFdpass yes"])
    );
    std::fs::write(&config, text).unwrap();
    let dir = ControlDir::create().unwrap();
    for shell in ["/usr/sbin/nologin", "/bin/false", "/no/such/shell", "/usr/bin/python3", "/bin/sh"] {
        let env = SshEnv { extra: vec![("SHELL".into(), shell.into())], ..env(&config) };
        let up = open(&env, &target("box"), &dir).await.unwrap_or_else(|e| panic!("{shell}: {e}"));
        assert_eq!(run_over(&up[1].control_path, "echo there"), "there\n", "{shell}");
        for master in up.iter().rev() {
            close_master(&master.control_path, master.pid).await;
        }
    }
}
