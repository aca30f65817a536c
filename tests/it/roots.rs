//! Root through what is not a sudo of Todd Miller's: sudo-rs and doas from Debian's packages, and refusals that name what was
//! found.

use std::io::Write as _;

use serde_json::json;

use crate::containers::{Container, new_trixie_host};
use crate::kinds;
use crate::server::{Server, Setup};
use crate::sudo_live::{EDITED, VAULT, all_at_once, fill_vault, root_sh, vault};

/// `agent` is asked for nothing, `bob` for his password, `carl` may not.
const ACCOUNTS: [&str; 3] = ["agent", "bob", "carl"];

fn machine(password: &str, then: &str) -> Option<Container> {
    let host = new_trixie_host()?;
    root_sh(
        &host,
        &format!(
            "useradd --create-home --shell /bin/bash carl && printf 'bob:{password}\\ncarl:{password}\\n' | chpasswd && \
             echo 'bob ALL=(ALL) ALL' >/etc/sudoers.d/bob && chmod 440 /etc/sudoers.d/bob && {then}"
        ),
    );
    Some(host)
}

fn server(host: &Container, password: &str) -> (Server, tempfile::NamedTempFile) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(file, "{password}").unwrap();
    let mut setup = Setup::new();
    for account in ACCOUNTS {
        let keys = format!("command_allowlist = [\"*\"]\npath_allowlist = [\"{VAULT}\"]\n");
        let entry = format!("[hosts.{account}]\nhostname = \"{account}\"\n{keys}");
        setup = setup.raw(&host.ssh_config_block(account, account, &[]), &entry);
    }
    let command = format!("cat {}", file.path().display());
    (setup.env("ALLOW_SUDO", "true").env("SSH_SUDO_PASSWORD_CMD", &command).start(), file)
}

/// Every tool of the matrix does what it does with sudo.
fn granted(host: &Container, server: &mut Server, account: &str) {
    fill_vault(host);
    for (tool, expected, answer) in all_at_once(server, account) {
        assert!(!answer.error, "{account}, {tool}: {}", answer.text);
        for (field, value) in expected.as_object().unwrap() {
            // What is empty is left out.
            let told = answer.data.get(field).cloned().unwrap_or_else(|| json!(""));
            assert_eq!(&told, value, "{account}, {tool}, {field}");
        }
    }
    let kept = format!("written 640 1:1\nedited 640 1:1\nnew\n{}app.env\nedited\nplain\nwritten\n", EDITED.1);
    assert_eq!(vault(host), kept, "{account}");
    let left = root_sh(host, "ls -d /tmp/tmp.* 2>/dev/null; :");
    assert_eq!(left, "", "pipes that are left behind");
}

/// Every tool is refused with these words, and nothing is done.
fn refused(host: &Container, server: &mut Server, account: &str, name: &str, why: &str) {
    fill_vault(host);
    let before = vault(host);
    for (tool, _, answer) in all_at_once(server, account) {
        assert!(
            answer.error && answer.text.contains(name) && answer.text.contains(why),
            "{account}, {tool}: {}",
            answer.text
        );
    }
    assert_eq!(vault(host), before, "{account}");
}

#[test]
fn sudo_rs_serves_every_tool() {
    let password = format!("Pw-rs-{}", std::process::id());
    let Some(host) = machine(&password, "ln -sf /usr/lib/cargo/bin/sudo /usr/bin/sudo") else { return };
    let (mut right, _file) = server(&host, &password);
    granted(&host, &mut right, "agent");
    granted(&host, &mut right, "bob");
    refused(&host, &mut right, "carl", "AuthenticationFailed", "its sudoers file does not allow it");
    let info = right.ok("ssh_host_info", json!({"host": "agent"}));
    assert_eq!(info["capabilities"]["sudo"][0], "sudo-rs", "{info}");
    let (mut wrong, _file) = server(&host, "no-such-password");
    refused(&host, &mut wrong, "bob", "AuthenticationFailed", "sudo-rs refused the password");
    kinds::tell("Debian 13 with sudo-rs", &[("sudo", "works")]);
}

#[test]
fn doas_serves_every_tool_where_it_asks_for_nothing() {
    let password = format!("Pw-doas-{}", std::process::id());
    let rules =
        "rm /usr/bin/sudo && printf 'permit nopass agent\\npermit bob\\n' >/etc/doas.conf && chmod 600 /etc/doas.conf";
    let Some(host) = machine(&password, rules) else { return };
    let (mut server, _file) = server(&host, &password);
    granted(&host, &mut server, "agent");
    refused(&host, &mut server, "bob", "AuthenticationFailed", "doas takes a password only at a terminal");
    refused(&host, &mut server, "carl", "AuthenticationFailed", "doas.conf does not allow it");
    kinds::tell(
        "Debian 13 with doas",
        &[("sudo", "works with `permit nopass`; refused where doas asks for a password")],
    );
    // systemd brings run0, which stays when that goes too.
    root_sh(&host, "rm /usr/bin/doas");
    refused(&host, &mut server, "agent", "PlatformNotSupported", "run0, which asks a person");
    kinds::tell(
        "Debian 13 with run0 alone",
        &[("sudo", "refused: run0 asks a person; sudo, sudo-rs and doas are accepted")],
    );
    root_sh(&host, "rm /usr/bin/run0");
    refused(&host, &mut server, "agent", "PlatformNotSupported", "no sudo and no doas");
}
