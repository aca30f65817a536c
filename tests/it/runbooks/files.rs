//! Walks about files: the full disk, drift, and signatures.

use std::collections::BTreeSet;

use serde_json::json;

use super::machine;
use super::walk::{Walk, root_sh, server, use_of};

#[test]
fn a_full_disk_is_found_and_freed() {
    let Some(host) = machine() else { return };
    root_sh(
        host,
        "cd /var/log/app && mkdir -p web && for n in 1 2 3 4; do dd if=/dev/zero of=web/app.log.$n bs=1k count=3800 2>/dev/null; done; \
         echo line >web/app.log; chown -R agent /var/log/app; \
         printf '/var/log/app/web/app.log {\\n  rotate 5\\n  su agent agent\\n}\\n' >/etc/logrotate.d/app; \
         systemd-run --quiet --unit=holder sh -c 'exec 3</var/log/app/web/app.log.4; exec sleep 600'",
    );
    let keys = "path_allowlist = [\"/var/log/app\"]\ncommand_allowlist = [\"du *\", \"logrotate -f /etc/logrotate.d/app\"]\n\
                alerts = { disk_use_percent_max = 80, disk_mounts = [\"/var/log/app\"] }";
    let values =
        [("HOST", "box"), ("MOUNT", "/var/log/app"), ("DIR", "/var/log/app"), ("CONF", "/etc/logrotate.d/app")];
    let mut walk = Walk::begin("ssh-disk-cleanup", server(host, "root", keys, &[]), &values);
    let before = use_of(&walk.ok("ssh_host_disk_usage"), "/var/log/app");
    assert!(before > 90, "{before}");
    let alerts = walk.ok("ssh_host_alerts");
    assert_eq!(alerts["breaches"][0]["detail"], "mount=/var/log/app");
    let found = walk.ok("ssh_find");
    let mut rotated: Vec<&str> = found["matches"].as_array().unwrap().iter().map(|m| m.as_str().unwrap()).collect();
    rotated.sort_unstable();
    let names: Vec<String> = (1..5).map(|n| format!("/var/log/app/web/app.log.{n}")).collect();
    assert_eq!(rotated, names, "the rotated files and not the live log");
    walk.value("FILE", names[3].as_str());
    assert_eq!(walk.ok("ssh_sftp_stat")["size"], 3800 * 1024);
    let du = walk.done("ssh_exec_run");
    assert!(du["stdout"].as_str().unwrap().contains("15M\t/var/log/app/web"), "{du}");

    // A file that a process still holds gives nothing back until its service restarts.
    assert_eq!(walk.ok("ssh_delete")["success"], true);
    walk.go_to("5.");
    assert_eq!(use_of(&walk.ok("ssh_host_disk_usage"), "/var/log/app"), before);
    root_sh(host, "systemctl stop holder");
    walk.go_to("5.");
    assert!(use_of(&walk.ok("ssh_host_disk_usage"), "/var/log/app") < before);
    for name in &names[..3] {
        walk.value("FILE", name.as_str());
        walk.go_to("4.");
        assert_eq!(walk.ok("ssh_delete")["success"], true);
    }
    walk.done("ssh_exec_run");
    assert_eq!(root_sh(host, "cd /var/log/app/web && echo *"), "app.log.1\n", "the live log was rotated");
    assert!(use_of(&walk.ok("ssh_host_disk_usage"), "/var/log/app") < 10);
    assert_eq!(walk.ok("ssh_host_alerts")["breaches"], json!([]));
    walk.end();
}

#[test]
fn an_audit_finds_what_drifted() {
    let Some(host) = machine() else { return };
    root_sh(
        host,
        "mkdir -p /srv/audit/bin && echo pinned >/srv/audit/app.conf && cp /bin/true /srv/audit/bin/tool && chmod 755 /srv/audit/bin/tool",
    );
    let keys = "path_allowlist = [\"/srv/audit\"]\ncommand_allowlist = [\"find *\"]";
    let values =
        [("HOST", "box"), ("PATH", "/srv/audit/app.conf"), ("DIR", "/srv/audit/bin"), ("FILE", "/srv/audit/bin/tool")];
    let mut walk = Walk::begin("ssh-integrity-audit", server(host, "agent", keys, &[]), &values);
    let audit = |walk: &mut Walk| {
        walk.go_to("1.");
        assert_eq!(walk.ok("ssh_known_hosts_verify")["matches_known_hosts"], true);
        let digest = walk.ok("ssh_file_hash")["digest"].as_str().unwrap().to_owned();
        let privileged = [walk.ok("ssh_exec_run"), walk.ok("ssh_exec_run")];
        for found in &privileged {
            assert!(
                found["exit_code"] == 0
                    || found["stderr"].as_str().is_some_and(|said| said.contains("Permission denied")),
                "{found}"
            );
        }
        assert_eq!(walk.ok("ssh_find")["matches"], json!(["/srv/audit/bin/tool"]));
        let mode = walk.ok("ssh_sftp_stat")["mode"].as_str().unwrap().to_owned();
        let [set_uid, open] =
            privileged.map(|p| p["stdout"].as_str().unwrap().lines().map(str::to_owned).collect::<BTreeSet<_>>());
        (digest, set_uid, open, mode)
    };
    let (digest, set_uid, open, mode) = audit(&mut walk);
    assert_eq!(digest, root_sh(host, "sha256sum </srv/audit/app.conf").split(' ').next().unwrap());
    assert!(set_uid.contains("/usr/bin/sudo") && !set_uid.contains("/srv/audit/bin/tool"), "{set_uid:?}");
    assert_eq!(mode, "0755");
    root_sh(host, "echo changed >>/srv/audit/app.conf; chmod 4755 /srv/audit/bin/tool; chmod 666 /srv/audit/app.conf");
    let (digest_now, set_uid_now, open_now, mode) = audit(&mut walk);
    assert_ne!(digest_now, digest);
    assert!(set_uid_now.difference(&set_uid).eq(["/srv/audit/bin/tool"]), "{set_uid_now:?}");
    assert!(open_now.contains("/srv/audit/app.conf") && !open.contains("/srv/audit/app.conf"));
    assert_eq!(mode, "4755");
    walk.end();
}

/// Two signers with gpg keys in the keyring of `agent`, one with a minisign key; the file signed by the first.
const SIGNED: &str = "set -e; mkdir -p /srv/signed; chown agent /srv/signed; runuser -u agent -- sh -ec '\
    cd /srv/signed; echo release 1.0 >app.tar; \
    for who in maker stranger; do gpg --batch --quiet --passphrase \"\" --quick-gen-key \"$who <$who@example.invalid>\" ed25519; \
    gpg --batch --quiet --local-user $who@example.invalid --detach-sign --output $who.sig app.tar; done; \
    minisign -G -W -p maker.pub -s maker.key >/dev/null; minisign -S -s maker.key -m app.tar >/dev/null' 2>&1";

#[test]
fn a_signature_is_good_bad_or_somebody_elses() {
    let Some(host) = machine() else { return };
    root_sh(host, SIGNED);
    let released = root_sh(host, "sha256sum </srv/signed/app.tar").split(' ').next().unwrap().to_owned();
    let maker =
        root_sh(host, "runuser -u agent -- gpg --batch --with-colons --fingerprint maker@example.invalid 2>/dev/null");
    let maker =
        maker.lines().find_map(|line| line.strip_prefix("fpr:::::::::")).unwrap().trim_end_matches(':').to_owned();
    let keys = "path_allowlist = [\"/srv/signed\"]\ncommand_allowlist = [\"gpg *\", \"minisign *\"]";
    let values = [
        ("HOST", "box"),
        ("PATH", "/srv/signed/app.tar"),
        ("SIG", "/srv/signed/maker.sig"),
        ("PUB", "/srv/signed/maker.pub"),
    ];
    let mut walk = Walk::begin("ssh-verify-signature", server(host, "agent", keys, &[]), &values);
    let signer = |answer: &serde_json::Value| {
        let valid = answer["stdout"].as_str().unwrap().lines().find(|line| line.contains("VALIDSIG"));
        let print = valid.and_then(|line| line.split_whitespace().last()).unwrap_or_default().to_owned();
        (answer["exit_code"] == 0, print)
    };
    assert_eq!(walk.ok("ssh_file_hash")["digest"], released);
    assert_eq!(signer(&walk.ok("ssh_exec_run")), (true, maker.clone()));
    assert!(walk.done("ssh_exec_run")["stdout"].as_str().unwrap().contains("Signature and comment signature verified"));
    // The third program is not in the list of this host: the runbook asks for it and stops.
    let refused = walk.refused("ssh_exec_run");
    assert!(refused.starts_with("CommandNotAllowed") && refused.contains("`gpg *`, `minisign *`"), "{refused}");

    walk.value("SIG", "/srv/signed/stranger.sig");
    walk.go_to("3.");
    let (good, by) = signer(&walk.ok("ssh_exec_run"));
    assert!(good && by.len() == 40 && by != maker, "a good signature of somebody else");
    walk.value("SIG", "/srv/signed/maker.sig");
    root_sh(host, "echo more >>/srv/signed/app.tar");
    walk.go_to("2.");
    assert_ne!(walk.ok("ssh_file_hash")["digest"], released);
    let bad = walk.ok("ssh_exec_run");
    assert!(bad["exit_code"] == 1 && bad["stderr"].as_str().unwrap().contains("BAD signature"), "{bad}");
    let bad = walk.ok("ssh_exec_run");
    assert!(
        bad["exit_code"] == 1 && bad["stderr"].as_str().unwrap().contains("Signature verification failed"),
        "{bad}"
    );
    walk.end();
}
