//! Walks that change a machine: units, and the way to a new release.

use std::time::Duration;

use serde_json::{Value, json};

use super::walk::{Walk, root_sh, server};
use super::{machine, shared_folder};
use crate::containers::{new_systemd_host, nothing_pruned, sample_image};
use crate::server::eventually;

/// A service whose configuration is missing, started again for ever.
const FLAPPING: &str = "[Unit]\nDescription=Flapping\nStartLimitIntervalSec=60\nStartLimitBurst=3\n\n[Service]\n\
    ExecStart=/bin/sh -c 'echo error: no configuration in /etc/flapping.conf >&2; exit 78'\nRestart=always\nRestartSec=100ms\n\n\
    [Install]\nWantedBy=multi-user.target\n";

#[test]
fn a_failing_unit_is_diagnosed_mended_and_restarted() {
    let Some(host) = machine() else { return };
    host.says(&[
        "sh",
        "-c",
        "printf '%s' \"$1\" >/etc/systemd/system/flapping.service; systemctl daemon-reload",
        "sh",
        FLAPPING,
    ]);
    root_sh(host, "usermod -aG systemd-journal agent; systemctl start flapping");
    let gave_up = || host.inside(&["systemctl", "is-failed", "flapping"]).status.success();
    assert!(eventually(Duration::from_secs(30), gave_up), "systemd gives up");
    let values = [
        ("HOST", "box"),
        ("UNIT", "flapping.service"),
        ("WORD", "error"),
        ("FILE", "/etc/systemd/system/flapping.service"),
        ("OLD", "'echo error: no configuration in /etc/flapping.conf >&2; exit 78'"),
        ("NEW", "'echo configured; exec sleep 600'"),
    ];
    let keys = "path_allowlist = [\"/etc/systemd/system\"]\ncommand_allowlist = [\"systemctl daemon-reload\"]";
    let mut walk =
        Walk::begin("ssh-systemd-diagnostics", server(host, "agent", keys, &[("ALLOW_SUDO", "true")]), &values);
    assert_eq!(walk.ok("ssh_systemctl_is_active")["state"], "failed");
    assert_eq!(walk.ok("ssh_systemctl_is_failed")["failed"], true);
    let listed = walk.ok("ssh_systemctl_list_units");
    assert!(listed["units"].as_array().unwrap().iter().any(|row| row["unit"] == "flapping.service"), "{listed}");
    let status = walk.ok("ssh_systemctl_status");
    assert_eq!((&status["exit_code"], &status["active_state"]), (&json!(3), &json!("failed")));
    let shown = walk.ok("ssh_systemctl_show");
    let property = |name: &str| shown["properties"][name].as_str().unwrap_or_default().to_owned();
    assert_eq!((property("ExecMainStatus"), property("NeedDaemonReload")), ("78".into(), "no".into()), "{shown}");
    assert!(["exit-code", "start-limit-hit"].contains(&property("Result").as_str()), "{shown}");
    assert!(property("NRestarts").parse::<u32>().unwrap() >= 2, "{shown}");
    for _ in 0..2 {
        let journal = walk.done("ssh_journalctl");
        assert!(journal["stdout"].as_str().unwrap().contains("no configuration in /etc/flapping.conf"), "{journal}");
    }
    let cat = walk.done("ssh_systemctl_cat");
    assert!(cat["stdout"].as_str().unwrap().contains("exit 78"), "{cat}");
    assert_eq!(walk.ok("ssh_systemctl_is_enabled")["state"], "disabled", "does not survive a reboot");

    // A restart without the cause removed changes nothing.
    walk.done("ssh_systemctl_reset_failed");
    walk.done("ssh_systemctl_restart");
    walk.done("ssh_systemctl_stop");
    let planned = walk.ok("ssh_sudo_edit");
    assert!(planned["diff"].as_str().unwrap().contains("+ExecStart=/bin/sh -c 'echo configured"), "{planned}");
    assert!(root_sh(host, "cat /etc/systemd/system/flapping.service").contains("exit 78"), "a dry run writes nothing");
    assert_eq!(walk.ok("ssh_sudo_edit")["success"], true);
    walk.done("ssh_sudo_exec");
    walk.done("ssh_systemctl_restart");
    assert_eq!(walk.ok("ssh_systemctl_is_active")["state"], "active");
    let journal = walk.done("ssh_journalctl");
    assert!(journal["stdout"].as_str().unwrap().contains("configured"), "{journal}");
    walk.go_to("3.");
    assert_eq!(walk.ok("ssh_systemctl_show")["properties"]["NRestarts"], "0");
    walk.end();
}

/// A machine before an upgrade: an old package and one on hold, leftovers of a removed one, a failed unit.
const BEFORE: &str = "set -e; exec >/dev/null 2>&1; export DEBIAN_FRONTEND=noninteractive; apt-get install -y sample=1.0; \
    apt-get remove -y logrotate; \
    echo 'deb [trusted=yes] file:/srv/foreign ./' >/etc/apt/sources.list.d/foreign.list; \
    mkdir -p /srv/foreign; cp /srv/packages/sample-data* /srv/foreign; : >/srv/foreign/Packages; \
    systemd-run --unit=broken false; :";

#[test]
fn an_upgrade_is_prepared_checked_and_finished() {
    let (Some(_), Some(image)) = (machine(), sample_image()) else { return };
    // The engine's unit would be masked for the others.
    let folder = shared_folder().unwrap().join("upgrade");
    std::fs::create_dir_all(&folder).unwrap();
    let folder = folder.display().to_string();
    let Some(host) = new_systemd_host(&[&format!("--volume={folder}:{folder}")]) else { return };
    let _kept = nothing_pruned();
    let compose_file = format!("{folder}/compose.yml");
    let stack = format!(
        "services: {{app: {{image: \"{image}\", command: \"sleep 600\", restart: always, stop_grace_period: 0s}}}}\n"
    );
    std::fs::write(&compose_file, stack).unwrap();
    root_sh(&host, BEFORE);
    root_sh(
        &host,
        &format!("usermod -aG docker agent; runuser -u agent -- docker compose --file {compose_file} up --detach 2>&1"),
    );
    let notes = tempfile::tempdir().unwrap();
    let keys = format!(
        "path_allowlist = [\"{folder}\", \"/etc/apt/sources.list.d\", \"/root\", \"/var/run\", \"/run\"]\n\
         command_allowlist = [\"apt list *\", \"dpkg --audit\", \"tmux *\"]\nalerts = {{ disk_use_percent_max = 100 }}"
    );
    let env = [("ALLOW_SUDO", "true"), ("SSH_HOST_NOTES_DIR", notes.path().to_str().unwrap())];
    let values = [
        ("HOST", "box"),
        ("TARGET", "trixie"),
        ("UNIT", "broken.service"),
        ("HELD", "sample"),
        ("SOURCE", "/etc/apt/sources.list.d/foreign.list"),
        ("LINE", "deb [trusted=yes] file:/srv/foreign ./"),
        ("NEW_LINE", "deb [trusted=yes] file:/srv/packages ./"),
        ("JOB", "catch-up"),
        ("COMPOSE_FILE", &*compose_file),
        ("OUTCOME", "done, all stacks running"),
    ];
    let mut walk = Walk::begin("ssh-os-upgrade", server(&host, "agent", &keys, &env), &values);
    walk.ok("ssh_host_notes");
    assert_eq!(walk.ok("ssh_host_info")["os_release"]["VERSION_ID"], "12");

    // Clean.
    walk.done("ssh_docker_ps");
    let failed =
        |answer: &Value| answer["units"].as_array().unwrap().iter().any(|unit| unit["unit"] == "broken.service");
    assert!(failed(&walk.ok("ssh_systemctl_list_units")));
    let listed = walk.done("ssh_exec_run")["stdout"].as_str().unwrap().to_owned();
    let leftovers: Vec<&str> = listed.lines().filter_map(|line| Some(line.split_once('/')?.0)).collect();
    assert_eq!(leftovers, ["logrotate"], "{listed}");
    walk.value("LEFTOVER", leftovers[0]);
    assert_eq!(walk.done("ssh_exec_run")["stdout"], "");
    assert_eq!(walk.done("ssh_apt_remove")["simulated"], true);
    walk.done("ssh_apt_remove");
    walk.done("ssh_systemctl_reset_failed");
    walk.go_to("2.");
    walk.skip(&["ssh_docker_ps"]);
    assert!(!failed(&walk.ok("ssh_systemctl_list_units")));
    assert!(!walk.done("ssh_exec_run")["stdout"].as_str().unwrap().contains("logrotate"));

    // Holds and sources.
    walk.go_to("3.");
    assert_eq!(walk.ok("ssh_apt_show_holds")["held"], json!([]));
    walk.done("ssh_apt_mark");
    assert!(walk.ok("ssh_sudo_edit")["diff"].as_str().unwrap().contains("+# deb [trusted=yes] file:/srv/foreign ./"));
    walk.ok("ssh_sudo_edit");
    assert!(root_sh(&host, "cat /etc/apt/sources.list.d/foreign.list").starts_with("# deb"));

    // Catch up: only what is held stays behind.
    assert_eq!(walk.done("ssh_apt_upgrade")["simulated"], true);
    walk.done("ssh_sudo_exec");
    walk.until("ssh_sudo_exec", |answer| answer["exit_code"] == 1);
    assert_eq!(walk.ok("ssh_sudo_read")["content_text"], "0\n");
    let upgradable = walk.ok("ssh_apt_list");
    let names: Vec<&str> =
        upgradable["packages"].as_array().unwrap().iter().filter_map(|package| package["name"].as_str()).collect();
    assert_eq!(names, ["sample"], "{upgradable}");
    let absent = walk.refused("ssh_sftp_stat");
    assert!(absent.contains("reboot-required"), "{absent}");

    // Stacks down, engine masked.
    walk.done("ssh_docker_compose_stop");
    walk.done("ssh_systemctl_mask");
    walk.done("ssh_systemctl_mask");
    assert_eq!(walk.done("ssh_docker_compose_ps")["services"], json!([]));
    assert_eq!(root_sh(&host, "systemctl is-enabled docker.service; :"), "masked\n");

    // The operator's step is not ours. What follows it is asked of the machine as it is.
    assert_eq!(walk.ok("ssh_host_ping")["auth_ok"], true);
    assert_eq!(walk.ok("ssh_known_hosts_verify")["matches_known_hosts"], true);
    walk.ok("ssh_host_info");
    walk.ok("ssh_host_alerts");
    assert!(!failed(&walk.ok("ssh_systemctl_list_units")));
    assert_eq!(walk.done("ssh_exec_run")["stdout"], "");
    assert_eq!(walk.ok("ssh_apt_list")["packages"], json!([]), "a container has no boot loader");

    walk.ok("ssh_sudo_edit");
    walk.done("ssh_apt_mark");
    let planned = walk.done("ssh_apt_upgrade");
    let wanted = json!({"step": "upgrade", "name": "sample", "from": "1.0", "to": "2.0"});
    assert!(planned["changes"].as_array().unwrap().contains(&wanted), "{planned}");
    walk.done("ssh_apt_upgrade");
    assert_eq!(root_sh(&host, "sample"), "sample 2.0\n");
    walk.done("ssh_systemctl_unmask");
    walk.done("ssh_systemctl_unmask");
    // The engine of this machine is outside of it, so there is no such unit to start.
    let start = walk.ok("ssh_systemctl_start");
    assert!(start["stderr"].as_str().unwrap().contains("not found"), "{start}");

    walk.done("ssh_docker_compose_start");
    assert_eq!(walk.done("ssh_docker_compose_ps")["services"][0]["State"], "running");
    walk.ok("ssh_host_notes_append");
    assert!(std::fs::read_to_string(notes.path().join("box.md")).unwrap().contains("[os-upgrade] trixie: done"));
    walk.end();
    root_sh(&host, &format!("docker compose --file {compose_file} down 2>&1"));
}
